import { MintmarkError } from '../../errors.ts'
import type { World } from '../../ports/world.ts'

const sliceMs = 250

/**
 * Lets time pass, in milliseconds.
 * @throws MintmarkError INTERRUPTED soon after the process is asked to stop
 */
export async function pause({ clock, signal }: Pick<World, 'clock' | 'signal'>, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= sliceMs) {
    if (signal.aborted) throw new MintmarkError('INTERRUPTED', 'stopped')
    await clock.sleep(Math.min(left, sliceMs))
  }
}
