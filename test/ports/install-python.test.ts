import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { installPythonProgram, pythonProgram } from '../../pipeline/ports/install-python.ts'
import { placesFrom } from '../../pipeline/ports/places.ts'
import { pythonPrograms } from '../../pipeline/tools/table.ts'
import { refusal } from '../helpers/refusal.ts'
import { textOf } from '../helpers/sources.ts'
import { checkout, testWorld } from '../helpers/world.ts'

const python = suite('install-python')

python('every package is pinned by version and hash', () => {
  for (const name of Object.keys(pythonPrograms)) {
    const lines = textOf(`pipeline/tools/${name}/requirements.txt`).replaceAll('\\\n', '').trim().split('\n')
    const packages = lines.filter((line) => !line.startsWith('#'))
    assert.ok(packages.length > 0)
    assert.equal(
      packages.filter(
        (line) => !/^[a-z0-9._-]+==[0-9][0-9a-z.]*(?: +--hash=sha256:[0-9a-f]{64})+$/.test(line),
      ),
      [],
    )
    assert.ok(packages.some((line) => line.startsWith(`${name}==`)))
  }
})

python('setup installed it for this run; half an installation is none', async () => {
  const { world, folder, close } = await testWorld()
  try {
    const path = (await pythonProgram(world.files, world.places, 'moto')) ?? ''
    assert.is((await world.files.info(path))?.kind, 'file', `./mintmark setup --for test --yes: ${path}`)
    const rows = await world.tools.debianPackages('test')
    assert.is(rows.find((row) => row.name === 'moto')?.path, path)
    assert.not.ok((await world.tools.debianPackages('release')).some((row) => row.name === 'moto'))
    const places = placesFrom({ XDG_CACHE_HOME: folder }, checkout)
    const half = join(places.tools, 'python', path.split('/').at(-3) ?? '')
    await world.files.write(join(half, 'bin/moto_server'), '#!/bin/sh\n')
    assert.is(await pythonProgram(nodeFiles, places, 'moto'), null)
    await world.files.write(join(half, 'receipt.json'), '{}')
    assert.is(await pythonProgram(nodeFiles, places, 'moto'), join(half, 'bin/moto_server'))
  } finally {
    await close()
  }
})

python("without Debian's venv module it is said which package to install", async () => {
  const { world, folder, close } = await testWorld()
  try {
    const places = placesFrom({ XDG_CACHE_HOME: folder }, checkout)
    // As Debian's python3 says it without python3-venv.
    const said =
      'The virtual environment was not created successfully because ensurepip is not available.  On Debian/Ubuntu systems, you need to install the python3-venv'
    for (const [text, code] of [
      [said, 'TOOL_MISSING'],
      ['Error: something else', 'TOOL_FAILED'],
    ] as const) {
      const exec = {
        ...world.exec,
        run: () => world.exec.run(['sh', '-c', 'echo "$1"; exit 1', 'sh', text]),
      }
      const error = await refusal(
        installPythonProgram({ exec, files: nodeFiles, places }, 'moto', () => undefined),
      )
      assert.is(error.code, code)
      if (code === 'TOOL_MISSING') assert.match(error.hint, 'apt-get install -y python3-venv')
    }
  } finally {
    await close()
  }
})

python('another interpreter gets an environment of its own', async () => {
  const { world, close } = await testWorld()
  try {
    const other = {
      ...nodeFiles,
      readLink: async () => 'python3.99',
      info: async (path: string) =>
        path.endsWith('receipt.json') ? world.files.info(checkout) : world.files.info(path),
    }
    const paths = [nodeFiles, other].map((files) => pythonProgram(files, world.places, 'moto'))
    const [ours, theirs] = await Promise.all(paths)
    assert.is.not(ours, theirs)
  } finally {
    await close()
  }
})

python.run()
