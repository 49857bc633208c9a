import { createHash } from 'node:crypto'
import { join } from 'node:path'
import * as semver from 'semver'
import { MintmarkError } from '../errors.ts'
import { goToolchain, type ToolRow, toolTable, unpackedPackages } from '../tools/table.ts'
import type { Exec } from './exec.ts'
import { fetchBytes } from './fetch.ts'
import type { Files } from './files.ts'
import type { Places } from './places.ts'
import type { Tool, ToolName } from './tools.ts'

interface Machine {
  readonly exec: Exec
  readonly files: Files
  readonly places: Places
}

type Progress = (text: string) => void

const hex = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

const moduleFolder = (places: Places, name: ToolName): string =>
  join(places.installation, 'pipeline/tools', name)

/** Keyed by version and by all that a build of it depends on, so that a changed pin never meets an old program. */
export async function toolFolder(files: Files, places: Places, name: ToolName): Promise<string> {
  const row: ToolRow = toolTable[name]
  const folder = moduleFolder(places, name)
  const key = hex(
    JSON.stringify([
      row,
      await files.readText(join(folder, 'go.mod')),
      await files.readText(join(folder, 'go.sum')),
    ]),
  )
  return join(places.tools, name, `${row.version}-${key.slice(0, 12)}`)
}

/** Downloads and compares; a wrong hash is refused, an unreachable host is null. */
export async function download(url: string, sha256: string): Promise<Uint8Array | null> {
  let bytes: Uint8Array
  try {
    bytes = await fetchBytes(url, { timeoutMs: 300_000 })
  } catch (cause) {
    void cause // not reachable from here: the caller has another way
    return null
  }
  const found = hex(bytes)
  if (found !== sha256) {
    throw new MintmarkError('TOOL_REFUSED', `${url} has sha256 ${found}, pinned is ${sha256}`, {
      hint: 'do not use this file; report it, and see pipeline/tools/table.ts for where the pinned hash is from',
    })
  }
  return bytes
}

async function fromOfficial(
  machine: Machine,
  row: ToolRow,
  work: string,
  onProgress: Progress,
): Promise<string | null> {
  const { official } = row
  if (official === null) return null
  onProgress(`downloading ${row.title} ${row.version}`)
  const bytes = await download(official.url, official.sha256)
  if (bytes === null) return null
  const archive = join(work, 'archive.tar.gz')
  await machine.files.write(archive, bytes)
  await machine.exec.run(['tar', '-xzf', archive, '-C', work, '--no-same-owner', official.member])
  return join(work, official.member)
}

/** First host of GOPROXY that is a URL; the public proxy when there is none. */
function goProxy(value: string): string {
  return (
    value
      .split(/[,|]/)
      .find((item) => /^https?:\/\//.test(item))
      ?.replace(/\/$/, '') ?? 'https://proxy.golang.org'
  )
}

/** A go of at least `goToolchain.least`: from PATH, else the pinned toolchain of the module proxy. */
async function goProgram(machine: Machine, work: string, onProgress: Progress): Promise<string> {
  const { exec, files, places } = machine
  const onPath = await exec.which('go')
  let proxy = 'https://proxy.golang.org'
  if (onPath !== null) {
    const [version = '', setting = ''] = (
      await exec.run([onPath, 'env', 'GOVERSION', 'GOPROXY'], { ok: 'any' })
    ).stdout.split('\n')
    if (semver.gte(semver.coerce(version) ?? '0.0.0', goToolchain.least)) return onPath
    proxy = goProxy(setting)
  }
  const folder = join(places.tools, 'go', goToolchain.version)
  const go = join(folder, 'bin/go')
  if ((await files.info(go)) !== null) return go
  onProgress(`downloading Go ${goToolchain.version} from the module proxy`)
  const bytes = await download(
    `${proxy}/golang.org/toolchain/@v/${goToolchain.version}.zip`,
    goToolchain.sha256,
  )
  if (bytes === null) {
    throw new MintmarkError(
      'TOOL_MISSING',
      'neither the official downloads nor the Go module proxy can be reached, and no Go >= 1.26 is on PATH',
      {
        hint: 'install Go >= 1.26 and set GOPROXY to a proxy that this machine reaches, or put the tools on PATH; then ./mintmark doctor',
      },
    )
  }
  const zip = join(work, 'go.zip')
  await files.write(zip, bytes)
  await exec.run(['unzip', '-q', zip, '-d', work])
  const unpacked = join(work, `golang.org/toolchain@${goToolchain.version}`)
  // A module zip holds no execute bits.
  await exec.run([
    'find',
    join(unpacked, 'bin'),
    join(unpacked, 'pkg/tool'),
    '-type',
    'f',
    '-exec',
    'chmod',
    '0755',
    '{}',
    '+',
  ])
  await files.makeFolder(join(places.tools, 'go'))
  await files.rename(unpacked, folder)
  return go
}

const goBuildFolder = (places: Places): string => join(places.tools, 'go/build')

/** Some 3 GB of sources and objects: shared by the tools of one setup, and never left in a person's own Go folders. */
function goFolders(places: Places): Readonly<Record<string, string>> {
  const folder = goBuildFolder(places)
  return { GOPATH: folder, GOMODCACHE: join(folder, 'modules'), GOCACHE: join(folder, 'objects') }
}

export const dropBuildFiles = (files: Files, places: Places): Promise<void> =>
  files.remove(goBuildFolder(places))

async function fromModuleProxy(
  machine: Machine,
  name: ToolName,
  work: string,
  onProgress: Progress,
): Promise<string> {
  const { exec, files, places } = machine
  const row: ToolRow = toolTable[name]
  const go = await goProgram(machine, work, onProgress)
  onProgress(`building ${row.title} ${row.version} (about ${row.build.minutes} min, once)`)
  // A private copy: the checkout may be read-only, and go may want to touch its files.
  const module = join(work, 'module')
  for (const file of ['go.mod', 'go.sum'])
    await files.copy(join(moduleFolder(places, name), file), join(module, file))
  const out = join(work, name)
  await exec.run(
    [
      go,
      'build',
      '-mod=readonly',
      '-trimpath',
      '-buildvcs=false',
      '-ldflags',
      row.build.ldflags,
      '-o',
      out,
      row.build.package,
    ],
    {
      cwd: module,
      env: {
        ...goFolders(places),
        GOFLAGS: '-modcacherw',
        GOTOOLCHAIN: 'local',
        CGO_ENABLED: '0',
        ...row.build.env,
      },
      leash: 'child',
      onLine: (line) => {
        if (line.startsWith('go: downloading '))
          onProgress(`fetching the modules of ${row.title} ${row.version}`)
      },
    },
  )
  return out
}

/** Into the cache, whole or not at all. */
export async function installTool(machine: Machine, name: ToolName, onProgress: Progress): Promise<Tool> {
  const { files, places } = machine
  const row: ToolRow = toolTable[name]
  const folder = await toolFolder(files, places, name)
  const work = await files.tempFolder(`.${name}-`, places.tools)
  try {
    const downloaded = await fromOfficial(machine, row, work, onProgress)
    const program = downloaded ?? (await fromModuleProxy(machine, name, work, onProgress))
    const origin = downloaded === null ? 'built from the Go module proxy (go.sum)' : 'official download'
    await files.setMode(program, 0o755)
    const sha256 = await files.sha256(program)
    await files.remove(folder)
    await files.makeFolder(folder)
    const path = join(folder, name)
    await files.rename(program, path)
    await files.write(
      join(folder, 'receipt.json'),
      `${JSON.stringify({ version: row.version, sha256, origin }, null, 2)}\n`,
    )
    return { path, version: row.version, sha256, origin }
  } finally {
    await files.remove(work)
  }
}

/** The line that a person can paste. */
export const aptCommand = (names: readonly string[], sudo: boolean): string =>
  `${sudo ? 'sudo ' : ''}apt-get install -y --no-install-recommends ${names.join(' ')}`

export async function installDebianPackages(
  exec: Exec,
  names: readonly string[],
  onProgress: Progress,
): Promise<void> {
  if (names.length === 0) return
  const paste = aptCommand(names, !exec.isRoot)
  const apt = await exec.which('apt-get')
  const sudo = exec.isRoot ? [] : ['sudo', '-n']
  const mayInstall = apt !== null && (exec.isRoot || (await sudoWorks(exec)))
  if (!mayInstall) {
    throw new MintmarkError(
      'TOOL_MISSING',
      `${names.length} Debian package${names.length === 1 ? ' is' : 's are'} missing and only root can install them: ${names.join(' ')}`,
      {
        hint: paste,
      },
    )
  }
  const run = [
    ...sudo,
    'env',
    'DEBIAN_FRONTEND=noninteractive',
    'apt-get',
    '-q',
    '-o',
    'DPkg::Lock::Timeout=120',
  ]
  onProgress('apt-get update')
  await exec.run([...run, 'update'], { ok: 'any' }) // one dead third-party list must not stop us: install says what is missing
  onProgress(`installing ${names.join(' ')}`)
  await exec.run([...run, 'install', '-y', '--no-install-recommends', ...names])
}

/** Where the program of an unpacked package is, or would be. */
export function unpackedProgram(places: Places, name: string): string {
  const program = Object.entries(unpackedPackages).find(([known]) => known === name)?.[1] ?? name
  return join(places.tools, 'debian', name, program)
}

/** A Debian package's files, verified by apt, below the cache: no script of it runs and no service starts. Needs no root. */
export async function unpackDebianPackage(
  machine: Machine,
  name: string,
  onProgress: Progress,
): Promise<void> {
  const { exec, files, places } = machine
  const work = await files.tempFolder(`.${name}-`, places.tools)
  try {
    onProgress(`fetching ${name}`)
    if (exec.isRoot) await exec.run(['apt-get', '-q', 'update'], { ok: 'any' })
    await exec.run(['apt-get', '-q', 'download', name], { cwd: work })
    const archive = (await files.list(work)).find((file) => file.endsWith('.deb'))
    if (archive === undefined)
      throw new MintmarkError('TOOL_FAILED', `apt-get download ${name} left no package`)
    await exec.run(['dpkg-deb', '-x', join(work, archive), join(work, 'files')])
    const folder = join(places.tools, 'debian', name)
    await files.remove(folder)
    await files.makeFolder(join(places.tools, 'debian'))
    await files.rename(join(work, 'files'), folder)
  } finally {
    await files.remove(work)
  }
}

async function sudoWorks(exec: Exec): Promise<boolean> {
  if ((await exec.which('sudo')) === null) return false
  return (await exec.run(['sudo', '-n', 'true'], { ok: 'any' })).code === 0
}
