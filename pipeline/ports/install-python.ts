import { join } from 'node:path'
import { MintmarkError } from '../errors.ts'
import { pythonPrograms } from '../tools/table.ts'
import { digest } from './catalog-key.ts'
import type { Exec } from './exec.ts'
import type { Files } from './files.ts'
import type { Places } from './places.ts'

export type PythonProgram = keyof typeof pythonPrograms

interface Machine {
  readonly exec: Exec
  readonly files: Files
  readonly places: Places
}

export const isPythonProgram = (name: string): name is PythonProgram => name in pythonPrograms

/** Debian's own: other interpreters on PATH come and go, and take a venv with them. */
const python = '/usr/bin/python3'

const requirementsOf = (places: Places, name: PythonProgram): string =>
  join(places.installation, 'pipeline/tools', name, 'requirements.txt')

/** `python3.13`: what Debian's link names; a release of Debian has one. */
async function interpreter(files: Files): Promise<string> {
  return (await files.info(python))?.kind === 'link' ? files.readLink(python) : python
}

/** Keyed by the pins and the interpreter, so that a changed one never meets an old environment. */
async function environment(files: Files, places: Places, name: PythonProgram): Promise<string> {
  const pins = await files.readText(requirementsOf(places, name))
  const key = digest(`${await interpreter(files)}\n${pins}`).slice(0, 12)
  return join(places.tools, 'python', `${name}-${key}`)
}

/** Absolute path of the program once it is installed; null before. */
export async function pythonProgram(
  files: Files,
  places: Places,
  name: PythonProgram,
): Promise<string | null> {
  const folder = await environment(files, places, name)
  const whole = (await files.info(join(folder, 'receipt.json'))) !== null
  return whole ? join(folder, 'bin', pythonPrograms[name]) : null
}

/** Where a team's own package index is, as pip reads it; its credentials stay in the environment. */
function pipSettings(): Readonly<Record<string, string>> {
  const found: Record<string, string> = { PIP_DISABLE_PIP_VERSION_CHECK: '1', PIP_NO_INPUT: '1' }
  for (const name of ['PIP_INDEX_URL', 'PIP_CERT']) {
    const value = process.env[name]
    if (value !== undefined) found[name] = value
  }
  return found
}

/** @throws MintmarkError TOOL_MISSING where Debian's package of the venv module is not installed, else what exec throws */
async function makeEnvironment(exec: Exec, folder: string): Promise<void> {
  try {
    await exec.run([python, '-m', 'venv', folder])
  } catch (cause) {
    const said = cause instanceof MintmarkError && cause.code === 'TOOL_FAILED' ? cause.lines : []
    if (!/ensurepip|No module named '?venv/.test(said.join('\n'))) throw cause
    throw new MintmarkError('TOOL_MISSING', `${python} has no venv module on this machine`, {
      cause,
      hint: 'apt-get install -y python3-venv',
      details: said,
    })
  }
}

/** Into a virtual environment of the cache, every file by its pinned hash. @throws MintmarkError TOOL_MISSING, TOOL_FAILED */
export async function installPythonProgram(
  { exec, files, places }: Machine,
  name: PythonProgram,
  onProgress: (text: string) => void,
): Promise<void> {
  const folder = await environment(files, places, name)
  if ((await files.info(python)) === null)
    throw new MintmarkError('TOOL_MISSING', `${python} is not on this machine`, {
      hint: 'apt-get install -y python3-venv',
    })
  // A virtual environment can't be moved: it is made in place, and the receipt says that it is whole.
  await files.remove(folder)
  await files.makeFolder(folder)
  onProgress(`installing ${name} from PyPI, by hash`)
  await makeEnvironment(exec, folder)
  await exec.run(
    [
      join(folder, 'bin/pip'),
      'install',
      '--quiet',
      '--require-hashes',
      '--no-deps',
      '--only-binary',
      ':all:',
      '--requirement',
      requirementsOf(places, name),
    ],
    { env: pipSettings() },
  )
  await files.write(join(folder, 'receipt.json'), `${JSON.stringify({ name })}\n`)
}
