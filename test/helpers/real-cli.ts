import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cp, mkdir, readFile, rm, symlink } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { nodeExec } from '../../pipeline/ports/exec.ts'
import { placesFrom } from '../../pipeline/ports/places.ts'
import { checkout } from './world.ts'

const exec = nodeExec(new AbortController().signal)

/** The real command line in a checkout and XDG folders of its own: tests kill it, and look at what is left. */
export interface RealCli {
  /** All of it is below this folder. */
  readonly folder: string
  readonly root: string
  readonly env: Readonly<Record<string, string>>
  /** Runs a program in `folder`, whatever its exit code. */
  readonly exec: (
    argv: readonly string[],
  ) => Promise<{ readonly stdout: string; readonly code: number | null }>
}

export interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly child: ChildProcess
  /** All that it said on stderr so far. */
  readonly said: () => string
  /** True once stderr has the pattern; false when it ended without. */
  readonly says: (pattern: RegExp) => Promise<boolean>
  /** All of stdout once it has the pattern, or once it ended. */
  readonly told: (pattern: RegExp) => Promise<string>
  readonly ended: Promise<Ended>
}

/** A checkout of its own, compiled from the sources of this one, so that neither another's edits nor an old build are tested. */
export async function realCheckout(root: string): Promise<void> {
  await mkdir(root, { recursive: true })
  for (const name of ['package.json', 'mintmark', 'pipeline', 'templates', 'hardening', 'scans', 'images'])
    await cp(join(checkout, name), join(root, name), { recursive: true })
  await cp(join(checkout, 'tsconfig.json'), join(root, 'tsconfig.json'))
  await symlink(join(checkout, 'node_modules'), join(root, 'node_modules'))
  // What does not type-check runs all the same: that is for `npm run types` to tell.
  await exec.run(
    ['node', join(checkout, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.json')],
    {
      ok: 'any',
    },
  )
}

/** XDG folders below `folder`; the tools are the machine's. */
export async function realCli(folder: string, root: string): Promise<RealCli> {
  const own = placesFrom(process.env, checkout)
  await mkdir(join(folder, 'cache/mintmark'), { recursive: true })
  await mkdir(join(folder, 'tmp'), { recursive: true })
  if (!existsSync(join(folder, 'cache/mintmark/tools')))
    await symlink(own.tools, join(folder, 'cache/mintmark/tools'))
  const env = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: process.env['HOME'] ?? homedir(),
    CI: 'true',
    XDG_DATA_HOME: join(folder, 'data'),
    XDG_STATE_HOME: join(folder, 'state'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    TMPDIR: join(folder, 'tmp'),
  }
  return { folder, root, env, exec: (argv) => exec.run(argv, { cwd: folder, ok: 'any' }) }
}

/** Starts a verb. @param before argv that it is run under, e.g. a limit or a mount namespace */
export function start(
  { root, env }: RealCli,
  args: readonly string[],
  options: { readonly before?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): Started {
  const [program = '', ...rest] = [
    ...(options.before ?? []),
    process.execPath,
    join(root, 'dist/main.js'),
    ...args,
  ]
  const child = spawn(program, rest, { env: { ...env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  let over = false
  void ended.then(
    () => {
      over = true
    },
    () => {
      over = true
    },
  )
  const until = async (there: () => boolean): Promise<void> => {
    while (!over && !there()) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const says = async (pattern: RegExp): Promise<boolean> => {
    await until(() => pattern.test(stderr))
    return pattern.test(stderr)
  }
  const told = async (pattern: RegExp): Promise<string> => {
    await until(() => pattern.test(stdout))
    return stdout
  }
  return { child, said: () => stderr, says, told, ended }
}

export const run = (
  cli: RealCli,
  args: readonly string[],
  options: Parameters<typeof start>[2] = {},
): Promise<Ended> => start(cli, args, options).ended

/** Processes that have the folder on their command line or in their environment, but for this one: pid and command. */
export function processesOf(folder: string): readonly string[] {
  const found: string[] = []
  for (const pid of readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && Number(name) !== process.pid,
  )) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
      // A zombie has neither.
      if (`${command}\0${environment}`.includes(folder)) found.push(`${pid} ${command}`)
    } catch (cause) {
      void cause // it ended meanwhile
    }
  }
  return found
}

/** What is still running `ms` after a kill; asked until nothing is, so that it costs no more than it takes. */
export async function orphansAfter(folder: string, ms: number): Promise<readonly string[]> {
  const until = performance.now() + ms
  let left = processesOf(folder)
  while (left.length > 0 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    left = processesOf(folder)
  }
  return left
}

/** What differs from one run to the next: ids of runs, and digests. */
const nameOf = (path: string): string =>
  path
    .replace(/\b\d{8}-\d{6}(?:-\d+)?\b/g, 'RUN')
    .replace(/blobs\/sha256\/[0-9a-f]{2}\/[0-9a-f]{64}$/, 'blobs/sha256/BLOB')

/** Every file below data, state, cache and tmp, and every empty folder, without what differs from run to run; each blob once. */
export async function listing({ folder }: RealCli): Promise<readonly string[]> {
  const argv = ['find', 'data', 'state', 'cache', 'tmp', '(', '-not', '-type', 'd', '-o', '-empty', ')']
  const { stdout } = await exec.run(argv, { cwd: folder, ok: 'any' })
  return stdout.trim().split('\n').map(nameOf).sort()
}

/** The stored key's text below the catalog. */
export const stored = (cli: RealCli, key: string): Promise<string> =>
  readFile(join(cli.folder, 'data/mintmark/catalog', key), 'utf8')

const kept = ['data', 'state', 'cache', 'tmp'] as const

/** A copy of all that a CLI has, to be restored in its place: what stages left names its own paths. */
export interface Snapshot {
  readonly cli: RealCli
  readonly saved: string
}

/** Hard links stay: the catalog's image and the run's are one file. */
async function copyAll(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true })
  await mkdir(to, { recursive: true })
  const there = kept.filter((name) => existsSync(join(from, name)))
  await exec.run(['cp', '-a', ...there.map((name) => join(from, name)), to])
}

export async function snapshotOf(cli: RealCli, saved: string): Promise<Snapshot> {
  await copyAll(cli.folder, saved)
  return { cli, saved }
}

export const restore = ({ cli, saved }: Snapshot): Promise<void> => copyAll(saved, cli.folder)
