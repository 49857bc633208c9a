import { join } from 'node:path'
import type { Finished, Running } from '../../ports/exec.ts'
import type { World } from '../../ports/world.ts'
import type { Login } from '../instance.ts'

/** In the folder for temporary files, whose path is short. */
export const socketsPrefix = 'mm-'

export interface SshInput {
  /** This machine's own address when it is left out: a forwarded port leads to the guest. */
  readonly host?: string
  readonly port: number
  readonly login: Login
  /** Where the host keys that were seen are kept. */
  readonly folder: string
  /** The name that they are kept by, where a guest's address changes and its keys do not. */
  readonly hostKeyAlias?: string
  /** `accept-new`: a key of a guest that has none yet is taken and kept; `yes`: only those that are kept. Any when left out. */
  readonly hostKeys?: 'accept-new' | 'yes'
  /** Path of the socket that later connections share; short. */
  readonly controlSocket: string
}

export interface SshClient {
  /** argv without a command; the first connection is shared while it is open. */
  argv(): readonly string[]
  /** Opens the shared connection; false when the login did not work (yet), or not within `timeoutMs`. */
  open(timeoutMs: number): Promise<boolean>
  run(command: string, options?: { readonly timeoutMs?: number; readonly input?: string }): Promise<Finished>
  /** What the client said at the last login that did not work. */
  problem(): readonly string[]
  close(): void
}

/** The file of the host keys that were seen. */
export const knownHosts = (folder: string): string => join(folder, 'known_hosts')

/** Options of an OpenSSH client that asks nobody anything and reads no configuration or agent of the person's. */
export function sshOptions(input: Omit<SshInput, 'controlSocket'>): readonly string[] {
  // biome-ignore format: one option a line
  return [
    '-F', 'none',
    '-p', String(input.port),
    '-i', input.login.privateKey,
    '-o', 'IdentitiesOnly=yes',
    '-o', 'IdentityAgent=none',
    '-o', 'BatchMode=yes',
    '-o', 'ConnectTimeout=15',
    '-o', 'ServerAliveInterval=15',
    // A new machine's host key can't be known, and on its first boot it may be made twice.
    '-o', `StrictHostKeyChecking=${input.hostKeys ?? 'no'}`,
    '-o', `UserKnownHostsFile="${knownHosts(input.folder)}"`,
    ...(input.hostKeyAlias === undefined ? [] : ['-o', `HostKeyAlias=${input.hostKeyAlias}`]),
    '-o', 'GlobalKnownHostsFile=none',
    '-o', 'LogLevel=ERROR',
  ]
}

/**
 * One shared connection to a guest: a handshake costs an emulated guest about a second. The guest's address and what is asked of its host
 * keys are read anew for each connection.
 */
export function sshClient(world: Pick<World, 'exec' | 'files' | 'clock'>, input: SshInput): SshClient {
  const to = (): string => `${input.login.user}@${input.host ?? '127.0.0.1'}`
  const argv = (): readonly string[] => [
    'ssh',
    ...sshOptions(input),
    ...['-o', 'ControlMaster=no', '-o', `ControlPath=${input.controlSocket}`],
    to(),
  ]
  let master: Running | null = null
  let problem: readonly string[] = []

  async function open(timeoutMs: number): Promise<boolean> {
    const until = world.clock.now().getTime() + timeoutMs
    // One that an earlier attempt left behind would pass for a login.
    await world.files.remove(input.controlSocket)
    let refused = false
    const attempt = world.exec.start(
      // What the server says of an account is a banner, which is shown at this level only.
      [
        'ssh',
        '-o',
        'LogLevel=INFO',
        ...sshOptions(input),
        '-M',
        '-S',
        input.controlSocket,
        '-N',
        '-o',
        'ControlPersist=no',
        to(),
      ],
      { leash: 'child' },
    )
    master = attempt
    const done = attempt.done.then(({ stderr }) => {
      refused = true
      const said = stderr
        .split(/\r?\n/)
        .filter((line) => !/^(?:\s*|Warning: Permanently added .*)$/.test(line))
      if (said.length > 0) problem = said
    })
    // The client makes its socket when the login has worked.
    const opened = async (): Promise<boolean> => (await world.files.info(input.controlSocket)) !== null
    let session: readonly string[] | null = null
    while (!refused && !(await opened()) && world.clock.now().getTime() < until) {
      await Promise.race([world.clock.sleep(50), done])
    }
    if (!refused && (await opened())) {
      const first = await run('true', { timeoutMs: 30_000 })
      if (first.code === 0) return true
      // The key was taken and the session refused, as for a password that is too old.
      session = `${first.stdout}\n${first.stderr}`.split('\n').filter((line) => line.trim() !== '')
    }
    attempt.kill()
    await done // which tells of the banner, and of less than the session
    if (session !== null) problem = session
    return false
  }

  const run: SshClient['run'] = (command, options = {}) =>
    world.exec.run([...argv(), command], {
      ok: 'any',
      timeoutMs: options.timeoutMs ?? 120_000,
      ...(options.input === undefined ? {} : { input: options.input }),
    })

  return { argv, open, run, problem: () => problem, close: () => master?.kill() }
}
