import { lastLines } from '../../core/console-lines.ts'
import { MintmarkError } from '../../errors.ts'
import type { Running } from '../../ports/exec.ts'
import type { World } from '../../ports/world.ts'

const program = 'swtpm'
const startTimeoutMs = 10_000

export interface EmulatedTpm {
  /** Folder of what it holds, of this machine alone: powered on again, the machine finds it there. */
  readonly state: string
  /** Unix socket by which QEMU talks to it. */
  readonly socket: string
}

/** argv of an emulated TPM 2.0 for one machine, which ends when that machine's QEMU lets go of it. */
function tpmArgv({ state, socket }: EmulatedTpm): readonly string[] {
  // biome-ignore format: one option a line
  return [
    program, 'socket', '--tpm2',
    '--tpmstate', `dir=${state},mode=0600`,
    '--ctrl', `type=unixio,path=${socket},mode=0600`,
    '--terminate',
  ]
}

/** @throws MintmarkError TOOL_MISSING when this machine has no emulated TPM */
async function needTpm(world: Pick<World, 'exec'>): Promise<void> {
  if ((await world.exec.which(program)) !== null) return
  throw new MintmarkError('TOOL_MISSING', `${program} is not on this machine, and machine.tpm needs it`, {
    hint: './mintmark setup --for tpm --yes',
  })
}

/**
 * Starts the TPM of a machine; resolves when its socket is there. It dies with this process.
 * @throws MintmarkError TOOL_MISSING or TOOL_FAILED
 */
export async function startTpm(
  world: Pick<World, 'exec' | 'files' | 'clock'>,
  tpm: EmulatedTpm,
): Promise<Running> {
  await needTpm(world)
  await world.files.makeFolder(tpm.state, { mode: 0o700 })
  await world.files.remove(tpm.socket)
  const running = world.exec.start(tpmArgv(tpm), { leash: 'tree' })
  let ended = false
  const done = running.done.then((finished) => {
    ended = true
    return finished
  })
  const deadline = world.clock.now().getTime() + startTimeoutMs
  while (!ended && (await world.files.info(tpm.socket)) === null) {
    if (world.clock.now().getTime() >= deadline) running.kill()
    await Promise.race([world.clock.sleep(20), done])
  }
  if (!ended) return running
  const { stderr, code } = await done
  throw new MintmarkError('TOOL_FAILED', `the emulated TPM did not start (exit code ${code})`, {
    details: lastLines(stderr, 8),
  })
}
