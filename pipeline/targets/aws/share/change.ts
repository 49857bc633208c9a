import { allEnded, inTurns } from '../../../core/all-ended.ts'
import { type Effect, isOf } from '../../../core/aws-share-effects.ts'
import {
  isSeen,
  refusalIn,
  type SeenSharedRegion,
  type SharedRegion,
  type ShareFacts,
} from '../../../core/aws-share.ts'
import { unique } from '../../../core/lists.ts'
import { MintmarkError } from '../../../errors.ts'
import type { World } from '../../../ports/world.ts'
import type { ShareChange, ShareProgress } from '../../target.ts'
import type { AwsCalls } from '../client.ts'
import type { CallsAt } from '../connect.ts'
import { bringPolicy } from './key-policy.ts'
import { confirm, give, isOfRegion, take } from './permissions.ts'

/** Images that are changed at once in one region. */
const atOnce = 4

interface Place {
  readonly world: World
  /** Of the region. */
  readonly calls: AwsCalls
}

/** Whose effect failed in a region, and why: `principal version variant`. */
type Failed = Map<string, MintmarkError>
const nameOf = ({ principal, version, variant }: Effect): string => `${principal} ${version} ${variant}`

/** One direction of one region: keys before images when something is given, after them when it is taken. */
async function changeImages(
  place: Place,
  region: SeenSharedRegion,
  effects: readonly Effect[],
  facts: ShareFacts,
  failed: Failed,
): Promise<void> {
  await inTurns(region.amis, atOnce, async (ami) => {
    const own = effects.filter((effect) => isOf(effect, ami) && !failed.has(nameOf(effect)))
    const of = (gives: boolean): readonly string[] =>
      unique(own.filter((effect) => effect.gives === gives).map(({ principal }) => principal))
    const gets = of(true).filter((one) => refusalIn(region, ami, one, facts) === null)
    const loses = of(false)
    if (gets.length === 0 && loses.length === 0) return
    const failures = new Map([
      ...(await give(place.calls, ami, gets, facts.partition)),
      ...(await take(place.calls, ami, loses, facts.partition)),
    ])
    const done = (one: string): boolean => !failures.has(one)
    for (const [one, cause] of await confirm(place, ami, gets.filter(done), loses.filter(done)))
      failures.set(one, cause)
    for (const effect of own) {
      const cause = failures.get(effect.principal)
      if (cause !== undefined) failed.set(nameOf(effect), cause)
    }
  })
}

/** The policies of all keys of a region; a key whose policy can't be written fails who needs it. */
async function changeKeys(
  place: Place,
  region: SeenSharedRegion,
  effects: readonly Effect[],
  whose: readonly Effect[],
  facts: ShareFacts,
  failed: Failed,
): Promise<void> {
  for (const key of region.keys) {
    const needs = ({ gives, principal }: Effect): boolean =>
      !gives || facts.useOf(key, principal, region.region).lack?.mends === true
    const needing = whose.filter(needs)
    if (needing.length === 0) continue
    try {
      await bringPolicy(place, region, key, effects, facts)
    } catch (cause) {
      if (!isOfRegion(cause)) throw cause
      const using = region.amis.filter(({ volumes }) => volumes.some((volume) => volume.key === key.arn))
      for (const effect of needing)
        if (using.some((ami) => isOf(effect, ami))) failed.set(nameOf(effect), cause)
    }
  }
}

async function changeRegion(
  place: Place,
  region: SeenSharedRegion,
  effects: readonly Effect[],
  facts: ShareFacts,
): Promise<Failed> {
  const failed: Failed = new Map()
  const gives = effects.filter((effect) => effect.gives)
  const takes = effects.filter((effect) => !effect.gives)
  try {
    // Nobody sees an image before they can use its key.
    if (gives.length > 0) await changeKeys(place, region, gives, gives, facts, failed)
    await changeImages(place, region, effects, facts, failed)
    if (takes.length > 0) {
      const done = effects.filter((effect) => !failed.has(nameOf(effect)))
      await changeKeys(place, region, done, takes, facts, failed)
    }
  } catch (cause) {
    // The region went down in between: what is really done there, the next look tells.
    if (!isOfRegion(cause)) throw cause
    for (const effect of effects) if (!failed.has(nameOf(effect))) failed.set(nameOf(effect), cause)
  }
  return failed
}

/** Where the image is for them: for people, 500 characters are kept of it. */
function referenceOf(change: ShareChange, regions: readonly SeenSharedRegion[]): string {
  const { version, variant, ami } = change.release
  const where = regions.flatMap(({ region, amis }) =>
    amis.some((ami) => ami.version === version && ami.variant === variant) ? [region] : [],
  )
  const others = unique(where).filter((region) => region !== ami?.region)
  const first = `${ami?.imageId ?? change.release.sha256} in ${ami?.region ?? 'no region'}`
  return [first, ...others].join(', ').slice(0, 500)
}

const effectOf = (change: ShareChange): Effect => ({
  principal: change.principal,
  version: change.release.version,
  variant: change.release.variant,
  gives: change.kind === 'grant',
})

/**
 * Gives and takes in all regions at once. A principal's change is done when it is so in each region that could be looked at; what is
 * taken has to be gone in all of them.
 * @throws MintmarkError INTERRUPTED, INTERNAL
 */
export async function changeShares(
  { world, callsAt }: { readonly world: World; readonly callsAt: CallsAt },
  regions: readonly SharedRegion[],
  changes: readonly ShareChange[],
  facts: ShareFacts,
  progress: ShareProgress & { readonly update: (text: string) => void },
): Promise<void> {
  const seen = regions.filter(isSeen)
  const down = regions.find((region) => !isSeen(region))
  await progress.begin(changes.filter(({ kind }) => kind === 'grant'))
  // Another channel still gives it: nothing of EC2's changes.
  const effects = changes.filter((one) => one.kind === 'grant' || !one.keepsImage).map(effectOf)
  progress.update(`${effects.length} changes in ${seen.length} regions`)
  const failures = await allEnded(
    seen.map((region) =>
      changeRegion({ world, calls: callsAt(world, region.region) }, region, effects, facts),
    ),
  )
  const settled: { readonly change: ShareChange; readonly reference: string }[] = []
  for (const change of changes) {
    const name = nameOf(effectOf(change))
    const cause = failures.flatMap((failed) => failed.get(name) ?? [])[0]
    const stays =
      change.kind === 'revoke' && !change.keepsImage && down?.status === 'unreachable' ? down : null
    if (cause !== undefined) progress.failed(change, cause)
    else if (stays !== null)
      progress.failed(
        change,
        new MintmarkError(
          'PROVIDER_UNREACHABLE',
          `it is gone where it could be taken; ${stays.region} could not be looked at: ${stays.why}`,
          { hint: stays.hint },
        ),
      )
    else settled.push({ change, reference: referenceOf(change, seen) })
  }
  await progress.done(settled)
}
