import { allEnded } from '../core/all-ended.ts'
import { compare, grouped } from '../core/lists.ts'
import { placeProblem } from '../core/place-problem.ts'
import { type RegionalImage, regionalImages } from '../core/regional-copies.ts'
import { variantOf } from '../core/statement.ts'
import { namedTargets } from '../core/variants.ts'
import { compareVersions } from '../core/versions.ts'
import { MintmarkError } from '../errors.ts'
import type { Definition } from '../model/definition.ts'
import type { World } from '../ports/world.ts'
import type { Distributed } from '../targets/distributing.ts'
import type { Target } from '../targets/target.ts'
import type { Trust } from './chain.ts'
import { type ChannelPlace, channelsOf } from './channel-history.ts'
import { targetOf } from './choose-target.ts'
import { type EarlierPlaces, earlierPlaces } from './earlier-places.ts'
import { loadDefinition } from './load-definition.ts'
import { pointsTo } from './move-channel.ts'
import { locateVariant, openRecord, type Release } from './read-release.ts'
import { tellCopies, toldCopies } from './tell-copies.ts'
import { releaseTrustedBy } from './verify-release.ts'

/** A place that does not have what it should. */
export interface Behind {
  /** A region; the channel itself where its release can't be read. */
  readonly place: string
  /** What should be there. */
  readonly version: string
  readonly channels: readonly string[]
  /** What is there instead, as far as events tell; null: nothing. */
  readonly stays: string | null
  readonly why: string
  readonly hint: string
}

/** What channels' releases came to, in all places of their target. */
export interface Distribution {
  /** Images in places that have what they should, the older version first; of each, where it was built. */
  readonly images: readonly (RegionalImage & { readonly version: string })[]
  readonly done: readonly string[]
  readonly behind: readonly Behind[]
  readonly notes: readonly string[]
}

export interface DistributeQuery {
  readonly image: string
  /** As it is now. */
  readonly definition: Definition
  readonly target: Target
  /** These alone; null: every channel of the variant. */
  readonly channels: readonly string[] | null
  /** For progress. */
  readonly update: (text: string) => void
}

/** What came of nothing. */
export const nowhere: Distribution = { images: [], done: [], behind: [], notes: [] }

/** A channel goes on while it is followed; so often at once is no coincidence. */
const mostMoves = 5

const placeOf = ({ image, target }: DistributeQuery, channel: string): ChannelPlace => ({
  image,
  channel,
  variant: variantOf({ target: target.id, arch: target.arch }),
})

/** The release that a channel points to, believed; null when it points to nothing. */
async function releaseOf(world: World, place: ChannelPlace, trust: Trust): Promise<Release | null> {
  const now = await pointsTo(world, place, trust)
  if (now === null) return null
  const located = await locateVariant(world, { ...place, version: now.version })
  const release = located === null ? null : openRecord(located)
  if (release?.record === now.record) return releaseTrustedBy(world, release, trust)
  throw new MintmarkError(
    'VERIFY_FAILED',
    `${place.image}@${place.channel} points to a record of ${now.version} that is not there`,
    { hint: `./mintmark verify ${place.image}@${now.version}` },
  )
}

/** What one release came to, and the channels that went elsewhere meanwhile. */
interface Brought {
  readonly distribution: Distribution
  readonly gone: ReadonlySet<string>
}

/** Pointers that named what is no image of ours: nobody else may write them. */
async function strangeMoves(
  image: string,
  moved: Distributed['moved'],
  earlier: ReadonlyMap<string, EarlierPlaces>,
): Promise<readonly string[]> {
  const notes: string[] = []
  for (const { place, channel, pointer, from } of moved) {
    const what = await earlier
      .get(channel)
      ?.knows(place, from)
      .then(
        (known) => (known ? null : `no image of ${image} that the catalog knows`),
        (cause: unknown) => `of which nobody can say what it is: ${placeProblem(cause).why}`,
      )
    if (what != null) notes.push(`${pointer} in ${place} named ${from}, ${what}: find out who wrote it`)
  }
  return notes
}

/** Brings one release to all places, with the channels that point to it. */
async function distributeRelease(
  world: World,
  query: DistributeQuery,
  { release, channels }: { readonly release: Release; readonly channels: readonly string[] },
  trust: Trust,
): Promise<Brought> {
  const { image, definition, target, update } = query
  const { version } = release
  const gone = new Set<string>()
  // One that goes elsewhere and comes back is for the next turn.
  const stillPoints = async (channel: string): Promise<boolean> => {
    const now = await pointsTo(world, placeOf(query, channel), trust)
    if (now?.record !== release.record) gone.add(channel)
    return !gone.has(channel)
  }
  const told = await toldCopies(world, release, trust)
  const { copies, done, left, moved, notes }: Distributed = (await target.distribute?.({
    world,
    definition,
    record: release.statement.predicate,
    channels,
    stillPoints,
    told,
    update: (text) => update(`${version}: ${text}`),
  })) ?? { copies: [], done: [], moved: [], left: [], notes: [] }
  const behind: Behind[] = []
  try {
    await tellCopies(world, release, { copies, told }, trust)
  } catch (cause) {
    const place = `the events of ${image}@${version}`
    behind.push({ place, version, channels, stays: null, ...placeProblem(cause) })
  }
  const earlier = new Map(
    channels.map((channel) => [channel, earlierPlaces(world, placeOf(query, channel), trust)]),
  )
  const [first] = earlier.values()
  for (const item of left) {
    const stays = await first?.before(version, item.place).catch((cause: unknown) => {
      placeProblem(cause)
      return null
    })
    behind.push({ ...item, version, channels, stays: stays ?? null })
  }
  const strange = await strangeMoves(image, moved, earlier)
  const built = regionalImages(release.statement.predicate.artifact, [])
  const distribution = {
    images: [...built, ...copies]
      // Its image may be whole in a place that lacks something else.
      .filter(({ region }) => !left.some(({ place }) => place === region))
      .map((item) => ({ ...item, version })),
    done,
    behind,
    notes: [...notes, ...strange],
  }
  return { distribution, gone }
}

/** What could not even be looked at. @throws what is no matter of these channels: INTERRUPTED, INTERNAL */
const notLooked = (image: string, channels: readonly string[], cause: unknown): Behind => ({
  place: channels.length === 0 ? image : channels.map((channel) => `${image}@${channel}`).join(', '),
  version: '',
  channels,
  stays: null,
  ...placeProblem(cause),
})

interface Followed {
  readonly channel: string
  readonly release: Release | null
  readonly problem: Behind | null
}

/** The release that a channel points to by now, or why nobody can tell. @throws MintmarkError INTERRUPTED, INTERNAL */
export async function follow(
  world: World,
  query: DistributeQuery,
  channel: string,
  trust: Trust,
): Promise<Followed> {
  try {
    const release = await releaseOf(world, placeOf(query, channel), trust)
    return { channel, release, problem: null }
  } catch (cause) {
    return { channel, release: null, problem: notLooked(query.image, [channel], cause) }
  }
}

const joined = (all: readonly Distribution[]): Distribution => ({
  // Releases come in no order that means anything.
  images: all.flatMap(({ images }) => images).sort((a, b) => compareVersions(a.version, b.version)),
  done: all.flatMap(({ done }) => done),
  behind: all.flatMap(({ behind }) => behind),
  notes: all.flatMap(({ notes }) => notes),
})

/** Release by release, as the channels point to them at that moment. */
async function distributeEach(
  world: World,
  query: DistributeQuery,
  channels: readonly string[],
  trust: Trust,
): Promise<readonly Distribution[]> {
  const all: Distribution[] = []
  const done = new Map<string, string>()
  let problems: readonly Behind[] = []
  for (let turn = 0; turn < channels.length + mostMoves; turn += 1) {
    // Anew for each release: bringing the one before to all places may have taken hours.
    const followed = await allEnded(channels.map((channel) => follow(world, query, channel, trust)))
    problems = followed.flatMap(({ problem }) => problem ?? [])
    const open = followed.flatMap(({ channel, release }) =>
      release === null || done.get(channel) === release.record ? [] : [{ channel, release }],
    )
    const [, group = []] = grouped(open, ({ release }) => release.record)[0] ?? []
    const [next] = group
    if (next === undefined) break
    const { release } = next
    const names = group.map(({ channel }) => channel).sort(compare)
    for (const name of names) done.set(name, release.record)
    try {
      const brought = await distributeRelease(world, query, { release, channels: names }, trust)
      all.push(brought.distribution)
      for (const name of brought.gone) done.delete(name)
    } catch (cause) {
      all.push({ ...nowhere, behind: [notLooked(query.image, names, cause)] })
    }
  }
  return [...all, { ...nowhere, behind: problems }]
}

export const channelsOfVariant = async (
  world: World,
  image: string,
  variant: string,
): Promise<readonly string[]> =>
  (await channelsOf(world, image)).filter((place) => place.variant === variant).map(({ channel }) => channel)

/**
 * Brings what channels point to to every place of their target, and lets the pointers there follow. A place that can't be reached keeps
 * the others from nothing. To be called again, it does what is left. A channel that moves meanwhile is followed.
 * @throws MintmarkError INTERRUPTED, INTERNAL
 */
export async function distributeChannels(
  world: World,
  query: DistributeQuery,
  trust: Trust,
): Promise<Distribution> {
  const { image, definition, target } = query
  if (target.distribute === undefined || !namedTargets(definition).includes(target.id)) return nowhere
  const { variant } = placeOf(query, '')
  try {
    const channels = query.channels ?? (await channelsOfVariant(world, image, variant))
    return joined(await distributeEach(world, query, channels, trust))
  } catch (cause) {
    return { ...nowhere, behind: [notLooked(image, [], cause)] }
  }
}

/**
 * The same for one channel that has just moved, for each of the variants that moved with it.
 * @throws MintmarkError INTERRUPTED
 */
export async function distributeMove(
  world: World,
  move: {
    readonly image: string
    readonly channel: string
    readonly variants: readonly { readonly release: Pick<Release, 'statement' | 'variant'> }[]
    readonly update: (text: string) => void
  },
  trust: Trust,
): Promise<Distribution> {
  const { image, channel, update } = move
  const all: Distribution[] = []
  for (const { release } of move.variants) {
    const target = targetOf(release.statement.predicate.target)
    const own = variantOf({ target: target.id, arch: target.arch })
    if (target.distribute === undefined || own !== release.variant) continue
    try {
      const definition = await loadDefinition(world, image)
      const query = { image, definition, target, channels: [channel], update }
      all.push(await distributeChannels(world, query, trust))
    } catch (cause) {
      all.push({ ...nowhere, behind: [notLooked(image, [channel], cause)] })
    }
  }
  return joined(all)
}

/** What places lack, for people: `us-east-1 stays 1.8.2: ...`. */
export const behindLines = ({ behind }: Pick<Distribution, 'behind'>): readonly string[] =>
  behind.flatMap(({ place, version, channels, stays, why, hint }) => {
    const how = stays === null ? 'stays behind' : `stays ${stays}`
    const what = version === '' ? '' : `, not ${version} (${channels.join(', ')})`
    const [first = '', ...more] = why.split('\n')
    return [`✗ ${place} ${how}${what}: ${first}`, ...more.map((text) => `    ${text}`), `    → ${hint}`]
  })
