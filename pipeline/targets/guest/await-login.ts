import { MintmarkError } from '../../errors.ts'
import type { World } from '../../ports/world.ts'
import type { SshClient } from './ssh-client.ts'

/** What the server says to a key that is right when the account or its password is too old. */
const tooOld = /(?:account|password) has expired|password change required/i

/** A handshake that hangs is given up and begun anew. */
const loginTryMs = 60_000
/** After a refused login the server counts penalties against us: ask it less often. */
const refusedMs = 2000

export interface GuestLogin {
  readonly world: Pick<World, 'clock' | 'signal'>
  readonly ssh: Pick<SshClient, 'open' | 'problem'>
  /** Of the machine, for people. */
  readonly name: string
  readonly user: string
  /** It was powered on before: the account is there since its first day. */
  readonly again: boolean
  /** When it was powered on, in milliseconds; the seconds and the deadline count from then. */
  readonly poweredOn: number
  readonly deadlineMs: number
  /** How long to wait while nothing answers. */
  readonly quietMs: number
  /** First words of whatever listens where SSH should; null while it is silent. */
  greeting(): Promise<string | null>
  /** True once the machine runs no more. */
  isOver(): Promise<boolean>
  /** What its kernel said when it stopped for good; null while it runs, or where nobody can tell. */
  kernelStopped?(): Promise<string | null>
  /** Ends a pause early. */
  readonly ended: Promise<void>
  /** What there is to say of a machine that lets nobody in: the client's words, then the console's. */
  lastWords(): Promise<readonly string[]>
  readonly hint: string
}

/**
 * Seconds from power-on until a login works.
 * @throws MintmarkError TOOL_FAILED at the deadline, when the machine has ended, when its kernel has stopped (`where.kernel` is `panic`), or when its account is too old;
 * INTERRUPTED
 */
export async function awaitGuestLogin(of: GuestLogin): Promise<number> {
  const { world, ssh, user, poweredOn, deadlineMs } = of
  const deadline = poweredOn + deadlineMs
  const seconds = (): number => Math.round((world.clock.now().getTime() - poweredOn) / 100) / 10
  for (;;) {
    const said = (await of.isOver()) ? null : await of.greeting()
    const left = deadline - world.clock.now().getTime()
    if (said?.startsWith('SSH-') && (await ssh.open(Math.min(left, loginTryMs)))) return seconds()
    if (world.signal.aborted) throw new MintmarkError('INTERRUPTED', 'stopped')
    const over = await of.isOver()
    const panic = (await of.kernelStopped?.()) ?? null
    // The account is there since the first day: nothing that still has to start will change this.
    const settled = of.again ? ssh.problem().find((line) => tooOld.test(line)) : undefined
    if (over || panic !== null || settled !== undefined || world.clock.now().getTime() >= deadline) {
      const what = over
        ? `ended after ${seconds()} s without a login as ${user}`
        : panic !== null
          ? `has a kernel that stopped, ${seconds()} s after power-on: ${panic}`
          : settled !== undefined
            ? `lets ${user} in no more: ${settled.trim()}`
            : `did not answer as ${user} within ${deadlineMs / 1000} s`
      throw new MintmarkError('TOOL_FAILED', `the machine ${of.name} ${what}`, {
        details: await of.lastWords(),
        hint: of.hint,
        ...(panic === null || over ? {} : { where: { kernel: 'panic' } }),
      })
    }
    await Promise.race([world.clock.sleep(said === null ? of.quietMs : refusedMs), of.ended])
  }
}
