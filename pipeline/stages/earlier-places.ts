import type { World } from '../ports/world.ts'
import type { Trust } from './chain.ts'
import { type ChannelPlace, readHistory } from './channel-history.ts'
import { eventsOf, readEvents } from './events.ts'
import { locateVariant, openRecord } from './read-release.ts'

/** A version that a channel pointed to, with every image of it that its record and its events tell of. */
interface EarlierVersion {
  readonly version: string
  readonly images: readonly { readonly region: string; readonly imageId: string }[]
}

/** Where the versions of a channel are, as far as signed records and events tell. */
export interface EarlierPlaces {
  /** The version that a place had before this one: the last of the channel's that was brought there; null when it had none. */
  before(version: string, region: string): Promise<string | null>
  /** Whether it is an image of one of them. */
  knows(region: string, imageId: string): Promise<boolean>
}

async function readVersion(
  world: World,
  place: ChannelPlace,
  version: string,
  trust: Trust,
): Promise<EarlierVersion | null> {
  const located = await locateVariant(world, { ...place, version })
  if (located === null) return null
  const release = openRecord(located)
  const { artifact } = release.statement.predicate
  const { events } = await readEvents(world, release, trust)
  const copies = eventsOf(events, 'copied').map(({ event }) => event.data)
  return { version, images: artifact.format === 'ami' ? [artifact, ...copies] : copies }
}

/** What a channel pointed to, the last first. */
async function versionsOf(world: World, place: ChannelPlace, trust: Trust): Promise<string[]> {
  const { moves } = await readHistory(world, place, trust)
  const first = moves[0]?.event.data.from ?? null
  const last = [...moves].reverse().map(({ event }) => event.version)
  return [...new Set([...last, ...(first === null ? [] : [first])])]
}

/**
 * Each version is read when it is asked for, and once: of a nightly channel there are many, and mostly the last one answers.
 * The questions throw MintmarkError for a record that can't be read.
 */
export function earlierPlaces(world: World, place: ChannelPlace, trust: Trust): EarlierPlaces {
  const read: EarlierVersion[] = []
  let unread: string[] | null = null
  async function find(matches: (earlier: EarlierVersion) => boolean): Promise<EarlierVersion | null> {
    const known = read.find(matches)
    if (known !== undefined) return known
    unread ??= await versionsOf(world, place, trust)
    for (let version = unread.shift(); version !== undefined; version = unread.shift()) {
      const earlier = await readVersion(world, place, version, trust)
      if (earlier === null) continue
      read.push(earlier)
      if (matches(earlier)) return earlier
    }
    return null
  }
  return {
    async before(version, region) {
      const found = await find(
        (earlier) => earlier.version !== version && earlier.images.some((one) => one.region === region),
      )
      return found?.version ?? null
    },
    async knows(region, imageId) {
      const found = await find(({ images }) =>
        images.some((one) => one.region === region && one.imageId === imageId),
      )
      return found !== null
    },
  }
}
