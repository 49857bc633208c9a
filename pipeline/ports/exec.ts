import { createWriteStream } from 'node:fs'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { $ } from 'zx/core'
import { MintmarkError } from '../errors.ts'
import { explained } from './file-errors.ts'

export interface RunOptions {
  readonly cwd?: string
  /** Added to the small environment that every child gets; nothing else of ours is passed on. */
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  readonly timeoutMs?: number
  /**
   * `tree`: the child and all that it starts die with us, even when we are killed (needs user namespaces).
   * `group`: the same for all that stays in its process group; for programs that make user namespaces of their own.
   * `child`: only the child itself does.
   */
  readonly leash?: 'tree' | 'group' | 'child'
  /** `none`: the child has no network at all, not even a loopback. Only where `cutsNetwork` says that it can be had. */
  readonly network?: 'none'
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void
  /** Both streams are appended to this file. */
  readonly logTo?: string
  /** Exit codes that are no error; `any` when the caller judges. Default: 0. */
  readonly ok?: readonly number[] | 'any'
}

export interface Finished {
  /** Exit code, or null when a signal ended it. */
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
  /** Why `logTo` is not whole; left out when it is. */
  readonly logProblem?: unknown
}

export interface Running {
  readonly pid: number
  /** Never rejects: how it ended is the caller's to judge. */
  readonly done: Promise<Finished>
  /** SIGKILL to its whole process group. */
  kill(): void
}

export interface Exec {
  /** Runs argv to its end; throws TOOL_MISSING or TOOL_FAILED, unless `ok` says otherwise. */
  run(argv: readonly string[], options?: RunOptions): Promise<Finished>
  start(argv: readonly string[], options?: RunOptions): Running
  /** Absolute path of a program on PATH (or in the sbin folders), or null. */
  which(name: string): Promise<string | null>
  readonly isRoot: boolean
  /** Whether a child can be had without a network here; some kernels and containers forbid it. */
  cutsNetwork(): Promise<boolean>
  /** Milliseconds so far in which at least one child of ours ran: the rest of a run's time is our own. */
  busyMs(): number
}

/** The variables of ours that a child may see. No credential is among them. */
// biome-ignore format: a table
const passedOn = [
  'HOME', 'USER', 'LOGNAME', 'TMPDIR', 'TERM', 'SSL_CERT_FILE', 'SSL_CERT_DIR',
  'XDG_CACHE_HOME', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'XDG_STATE_HOME', 'XDG_RUNTIME_DIR',
  'http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY',
  'GOPROXY', 'GOSUMDB', 'GONOSUMDB', 'GOPATH', 'GOMODCACHE', 'GOCACHE', 'GOTOOLCHAIN',
]

/** Debian keeps some of the tools in sbin, which an ordinary user's PATH lacks. */
function searchPath(): string {
  return [process.env['PATH'] ?? '/usr/bin:/bin', '/usr/local/sbin', '/usr/sbin', '/sbin'].join(delimiter)
}

function childEnv(extra: Readonly<Record<string, string>> | undefined): Record<string, string> {
  // Without SHLVL, bash takes a socket on its stdin for a remote login and runs the user's .bashrc first.
  const env: Record<string, string> = { PATH: searchPath(), LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', SHLVL: '1' }
  for (const name of passedOn) {
    const value = process.env[name]
    if (value !== undefined) env[name] = value
  }
  return { ...env, ...extra }
}

const isRoot = process.getuid?.() === 0

const asUser = isRoot ? [] : ['--user', '--map-current-user']
const withoutNetwork = ['unshare', ...asUser, '--net']

/**
 * Its stdin is our pipe. When that ends, for we died or want it, the whole group of the program is killed: as the owner of the user
 * namespaces that are in it we may kill what runs there as other users too. A parent-death signal would reach the program alone.
 */
const groupWatch = `exec 3<&0 </dev/null
setsid -- "$@" 3<&- &
child=$!
{ cat <&3; kill -s KILL -- "-$child"; } >/dev/null 2>&1 &
watch=$!
exec 3<&-
wait "$child" && code=0 || code=$?
kill -s KILL "$watch"
exit "$code"`

function leashed(command: readonly string[], { leash, network }: RunOptions): readonly string[] {
  const argv = network === 'none' ? [...withoutNetwork, ...command] : command
  if (leash === undefined) return argv
  if (leash === 'group') return ['sh', '-c', groupWatch, 'sh', ...argv]
  // We may be dead before the signal is asked for: then it is somebody else's child by now, and has to end itself.
  const stillOurs = 'test "$PPID" = "$0" || exit 137; exec "$@"'
  const onParentDeath = ['setpriv', '--pdeathsig', 'KILL', 'sh', '-c', stillOurs, String(process.pid)]
  if (leash === 'child') return [...onParentDeath, ...argv]
  return [...onParentDeath, 'unshare', ...asUser, '--pid', '--fork', '--kill-child', ...argv]
}

async function which(name: string): Promise<string | null> {
  for (const folder of searchPath().split(delimiter)) {
    const path = join(folder, name)
    try {
      await access(path, constants.X_OK)
      return path
    } catch (cause) {
      void cause // not in this folder: look in the next
    }
  }
  return null
}

function lineSplitter(onLine: (line: string) => void): (chunk: Buffer | string) => void {
  let rest = ''
  return (chunk) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop() ?? ''
    for (const line of parts) onLine(line)
  }
}

/** @param signal when it aborts, every running child is killed */
export function nodeExec(signal: AbortSignal): Exec {
  let children = 0
  let busy = 0
  let busySince = 0
  const began = (): void => {
    if (children === 0) busySince = performance.now()
    children += 1
  }
  const ended = (): void => {
    children -= 1
    if (children === 0) busy += performance.now() - busySince
  }

  function start(argv: readonly string[], options: RunOptions = {}): Running {
    const log =
      options.logTo === undefined ? null : createWriteStream(options.logTo, { flags: 'a', mode: 0o600 })
    // `exec` makes the shell become the child, so that the parent-death signal is tied to us and not to a shell.
    const shell = $({
      prefix: 'exec ',
      detached: true,
      nothrow: true,
      quiet: true,
      env: childEnv(options.env),
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.input === undefined ? {} : { input: options.input }),
    })
    began()
    const child = shell`${leashed(argv, options)}`
    const lifeline = options.leash === 'group'
    // zx takes an empty text for none, and would leave the child waiting for one.
    if (!options.input && !lifeline) child.stdin.end()
    // A program that ends before it has read all is judged by its exit code.
    child.stdin.on('error', () => undefined)
    const { onLine } = options
    if (onLine !== undefined) {
      child.stdout.on(
        'data',
        lineSplitter((line) => onLine(line, 'stdout')),
      )
      child.stderr.on(
        'data',
        lineSplitter((line) => onLine(line, 'stderr')),
      )
    }
    let logProblem: unknown = null
    if (log !== null) {
      log.on('error', (cause) => {
        logProblem ??= explained(options.logTo ?? '', 'written', cause)
      })
      child.stdout.on('data', (chunk) => log.write(chunk))
      child.stderr.on('data', (chunk) => log.write(chunk))
    }
    const pid = child.pid ?? -1
    const kill = (): void => {
      try {
        if (lifeline) child.stdin.destroy()
        else if (pid > 1) process.kill(-pid, 'SIGKILL')
      } catch (cause) {
        void cause // already gone
      }
    }
    signal.addEventListener('abort', kill, { once: true })
    if (signal.aborted) kill()
    const timer = options.timeoutMs === undefined ? undefined : setTimeout(kill, options.timeoutMs)
    const finish = async (): Promise<Finished> => {
      const output = await child
      ended()
      clearTimeout(timer)
      signal.removeEventListener('abort', kill)
      log?.end()
      if (lifeline) child.stdin.destroy()
      const { exitCode: code, signal: killedBy, stdout, stderr } = output
      return { code, signal: killedBy, stdout, stderr, ...(logProblem === null ? {} : { logProblem }) }
    }
    return { pid, done: finish(), kill }
  }

  async function run(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const [program = ''] = argv
    if (!program.includes('/') && (await which(program)) === null) {
      throw new MintmarkError('TOOL_MISSING', `${program} is not on this machine`)
    }
    const finished = await start(argv, options).done
    if (signal.aborted) throw new MintmarkError('INTERRUPTED', 'stopped')
    if (finished.logProblem !== undefined) throw finished.logProblem
    const { ok = [0] } = options
    if (ok === 'any' || (finished.code !== null && ok.includes(finished.code))) return finished
    const how = finished.signal === null ? `exit code ${finished.code}` : `signal ${finished.signal}`
    const full = noSpaceLeft.test(`${finished.stderr}\n${finished.stdout}`)
    throw new MintmarkError(
      full ? 'NO_SPACE' : 'TOOL_FAILED',
      `${argv.slice(0, 3).join(' ')} ended with ${how}${full ? ': no space left' : ''}`,
      {
        details: [
          ...tail(finished.stderr, 12),
          ...(finished.stderr.trim() === '' ? tail(finished.stdout, 12) : []),
        ],
        where: { command: argv.join(' ') },
      },
    )
  }

  let cut: Promise<boolean> | null = null
  const cutsNetwork = (): Promise<boolean> => {
    cut ??= start([...withoutNetwork, 'true']).done.then(({ code }) => code === 0)
    return cut
  }

  const busyMs = (): number => busy + (children > 0 ? performance.now() - busySince : 0)

  return { run, start, which, isRoot, cutsNetwork, busyMs }
}

/** A tool that fails because a disk is full says it in the system's words. */
export const noSpaceLeft = /No space left on device|Disk quota exceeded|File too large/i

function tail(text: string, lines: number): string[] {
  return text
    .trimEnd()
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-lines)
}
