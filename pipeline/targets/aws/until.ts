import type { World } from '../../ports/world.ts'
import { pause } from './pause.ts'

const firstMs = 1000
const mostMs = 15_000

/**
 * Asks until there is an answer: again after a second, then ever slower, every 15 seconds at last.
 * @returns null when there is none by the deadline, in milliseconds from now
 * @throws MintmarkError INTERRUPTED, and what `ask` throws
 */
export async function until<T>(
  world: Pick<World, 'clock' | 'signal'>,
  deadlineMs: number,
  ask: () => Promise<T | null>,
): Promise<T | null> {
  const end = world.clock.now().getTime() + deadlineMs
  for (let wait = firstMs; ; wait = Math.min(wait * 1.5, mostMs)) {
    const answer = await ask()
    if (answer !== null) return answer
    const left = end - world.clock.now().getTime()
    if (left <= 0) return null
    await pause(world, Math.min(wait, left))
  }
}
