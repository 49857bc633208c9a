import { regionalImages } from '../core/regional-copies.ts'
import { MintmarkError } from '../errors.ts'
import type { RegionalCopy } from '../model/event.ts'
import type { World } from '../ports/world.ts'
import type { DistributeInput } from '../targets/distributing.ts'
import { actorOf } from './actor.ts'
import type { StoredEvent, Trust } from './chain.ts'
import { appendEvents, trustedEvents, whyNotWrite } from './events.ts'
import type { Release } from './read-release.ts'

type Told = DistributeInput['told']

const isTold = (told: Told, copy: RegionalCopy): boolean =>
  told.some(({ region, imageId }) => region === copy.region && imageId === copy.imageId)

const toldBy = ({ statement }: Release, events: readonly StoredEvent[]): Told =>
  regionalImages(
    statement.predicate.artifact,
    events.map(({ event }) => event),
  )

/** Where a release is by its signed events, one image a place. @throws MintmarkError CHAIN_BROKEN, VERIFY_FAILED */
export const toldCopies = async (world: World, release: Release, trust: Trust): Promise<Told> =>
  toldBy(release, await trustedEvents(world, release, trust))

/**
 * Tells the release's history of each copy that it does not know yet.
 * @param told as it was read before
 * @throws MintmarkError VERIFY_FAILED where nobody would believe it, CHAIN_BROKEN, CONFLICT
 */
export async function tellCopies(
  world: World,
  release: Release,
  { copies, told }: { readonly copies: readonly RegionalCopy[]; readonly told: Told },
  trust: Trust,
): Promise<void> {
  if (copies.every((copy) => isTold(told, copy))) return
  const why = await whyNotWrite(world, release, trust)
  if (why !== null)
    throw new MintmarkError('VERIFY_FAILED', `it can't be told where the copies are: ${why}`, {
      hint: 'run the same command where releases are signed',
    })
  const by = await actorOf(world, null)
  await appendEvents(world, release, trust, async (events) => {
    const known = toldBy(release, events)
    return copies
      .filter((copy) => !isTold(known, copy))
      .map((copy) => ({ kind: 'copied', data: { ...copy, snapshotIds: [...copy.snapshotIds], by } }))
  })
}
