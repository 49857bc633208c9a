import { MintmarkError } from '../errors.ts'
import type { ShareChange, ShareProgress, Sharing, SharingPlace } from './target.ts'

/** Does them one after the other; what comes after a failure at the same principal is not tried. */
async function changeEach(
  place: SharingPlace,
  signal: AbortSignal,
  changes: readonly ShareChange[],
  progress: ShareProgress,
): Promise<void> {
  const failed = new Set<string>()
  const carryOut = async (change: ShareChange): Promise<string> => {
    if (change.kind === 'revoke') return place.revoke(change)
    await progress.begin([change])
    return place.grant(change)
  }
  for (const change of changes) {
    if (failed.has(change.principal)) continue
    try {
      const reference = await carryOut(change)
      await progress.done([{ change, reference }])
    } catch (cause) {
      if (signal.aborted || !(cause instanceof MintmarkError) || cause.code === 'INTERNAL') throw cause
      failed.add(change.principal)
      progress.failed(change, cause)
    }
  }
}

/** Sharing with principals of which each has a place of its own, that nobody but we give anything to. */
export const eachPlace = (place: SharingPlace): Sharing => ({
  async observe({ world, update }, inputs) {
    const sights = []
    for (const input of inputs) {
      update(`looking at ${input.principal}`)
      sights.push(await place.observe(input))
    }
    return {
      sights,
      problems: () => [],
      notes: [],
      besides: () => [],
      change: (changes, progress) => changeEach(place, world.signal, changes, progress),
    }
  },
  prove: null,
})
