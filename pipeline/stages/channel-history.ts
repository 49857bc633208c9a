import { didYouMean } from '../core/did-you-mean.ts'
import { canonicalJson } from '../core/digest.ts'
import { historyPrefix } from '../core/events.ts'
import { visible } from '../core/show-value.ts'
import { MintmarkError } from '../errors.ts'
import { firstChannel } from '../model/channel.ts'
import type { EventOf, ReleaseEvent } from '../model/event.ts'
import type { ChannelPointer } from '../model/release.ts'
import type { World } from '../ports/world.ts'
import { type Chain, type EventChain, readChain, readLast, type StoredEvent, type Trust } from './chain.ts'
import { shortDigest } from './check-signature.ts'
import { eventsOf } from './events.ts'
import { type Release, refuseUnknownImage, releasedImages } from './read-release.ts'
import type { Link } from './verify-release.ts'

/** A channel of an image, for one variant: it has a pointer, and a history of the pointer's moves. */
export interface ChannelPlace {
  readonly image: string
  readonly channel: string
  readonly variant: string
}

/** One move of a channel. */
export type ChannelMove = StoredEvent & { readonly event: EventOf<'pointed'> }

export interface ChannelHistory {
  /** Oldest first; those before the broken link. */
  readonly moves: readonly ChannelMove[]
  readonly broken: EventChain['broken']
  readonly headMissing: boolean
}

/** Why a history can't be trusted; null when it can. */
export const brokenHistory = ({ broken, headMissing }: ChannelHistory): string | null =>
  broken?.text ??
  (headMissing ? 'the head of its history is missing: nobody can say that no later move is' : null)

export const pointerKey = ({ image, channel, variant }: ChannelPlace): string =>
  `channels/${image}/${channel}/${variant}.json`

/** Where a channel has been. */
export function historyOf({ image, channel, variant }: ChannelPlace): Chain {
  const foreign = (event: ReleaseEvent): string | null => {
    if (event.kind !== 'pointed') return `is no move of a channel but ${event.kind}`
    const about = `${event.image} ${event.data.channel} ${event.variant}`
    return about === `${image} ${channel} ${variant}` ? null : `is of ${about}`
  }
  return {
    prefix: historyPrefix(image, channel, variant),
    title: `${image}@${channel}`,
    hint: `./mintmark releases ${image} --history ${channel}`,
    foreign,
  }
}

/** Every move of a channel, each link checked. It throws for none of them. */
export async function readHistory(world: World, place: ChannelPlace, trust: Trust): Promise<ChannelHistory> {
  const { events, broken, headMissing } = await readChain(world, historyOf(place), trust)
  return { moves: eventsOf(events, 'pointed'), broken, headMissing }
}

/**
 * The last move of a channel, null before there was a history.
 * @param whole checks every move, not the last one's links alone
 */
export async function lastMove(
  world: World,
  place: ChannelPlace,
  trust: Trust,
  whole: boolean,
): Promise<{ readonly last: ChannelMove | null } & Omit<ChannelHistory, 'moves'>> {
  if (whole) {
    const { moves, ...rest } = await readHistory(world, place, trust)
    return { last: moves.at(-1) ?? null, ...rest }
  }
  const { last, broken } = await readLast(world, historyOf(place), trust)
  const [move = null] = eventsOf(last === null ? [] : [last], 'pointed')
  // For the last move alone the head is no question: its next writer makes it.
  return { last: move, broken, headMissing: false }
}

/** What the channel's pointer is after this move. */
export const pointerAfter = ({ event }: ChannelMove): ChannelPointer => ({
  schema: 1,
  image: event.image,
  channel: event.data.channel,
  variant: event.variant,
  version: event.version,
  sha256: event.subject,
  record: event.record,
  moved: event.at,
})

/** The channels of an image with their variants, whether they have a pointer, a history or both; sorted. */
export async function channelsOf(world: World, image: string): Promise<readonly ChannelPlace[]> {
  const keys = [
    ...(await world.catalog.list(`channels/${image}/`)),
    ...(await world.catalog.list(`history/${image}/`)),
  ]
  const places = keys.map((key) => {
    const [, , channel = '', variant = ''] = key.split('/')
    return `${channel}/${variant.replace(/\.json$/, '')}`
  })
  return [...new Set(places)].sort().map((place) => {
    const [channel = '', variant = ''] = place.split('/')
    return { image, channel, variant }
  })
}

/** How long a move takes between its event and its pointer, at most; a look in between is repeated after it. */
const movingMs = 1000

const follows = (pointer: ChannelPointer, move: ChannelMove): boolean =>
  canonicalJson(pointer) === canonicalJson(pointerAfter(move))

/** A pointer that was read before, or in the middle of, a move which its history tells. */
async function movedMeanwhile(world: World, place: ChannelPlace, move: ChannelMove): Promise<boolean> {
  await world.clock.sleep(movingMs)
  const text = (await world.catalog.read(pointerKey(place)))?.value ?? ''
  return text === canonicalJson(pointerAfter(move))
}

const endsWith = ({ event }: ChannelMove): string =>
  `its history ends with ${event.version} (${event.data.why.replace('-', ' ')} by ${visible(event.data.by)}, ${event.at}): somebody moved it by hand, or a move was stopped half-way and the next one finishes it`

/** A channel of the release's variant with its whole history. */
export interface ReadHistory extends ChannelHistory {
  readonly place: ChannelPlace
}

/** Every channel of the variant with its whole history. */
export async function readHistories(
  world: World,
  { image, variant }: Pick<Release, 'image' | 'variant'>,
  trust: Trust,
): Promise<readonly ReadHistory[]> {
  const places = (await channelsOf(world, image)).filter((place) => place.variant === variant)
  const histories: ReadHistory[] = []
  for (const place of places) histories.push({ place, ...(await readHistory(world, place, trust)) })
  return histories
}

const isAbout = ({ event }: ChannelMove, { version, record }: Release): boolean =>
  event.version === version && event.record === record

/** What moves of channels say of this release's approvals has to be in its own history: there is no other proof that somebody looked. */
export function approvalLinks(
  release: Release,
  histories: readonly ReadHistory[],
  events: readonly StoredEvent[],
): readonly Link[] {
  const approvals = eventsOf(events, 'approved')
  return histories.flatMap(({ place, moves }) =>
    moves
      .filter((move) => isAbout(move, release))
      .flatMap(({ event: { sequence, data } }) =>
        data.approvals
          .filter(
            ({ by, event }) =>
              !approvals.some(
                (item) =>
                  item.sha256 === event &&
                  item.event.data.by === by &&
                  item.event.data.channel === data.channel,
              ),
          )
          .map(
            ({ by, event }): Link => ({
              name: 'event',
              right: false,
              text: `move ${sequence} of ${place.channel} names the approval ${shortDigest(event)} by ${visible(by)}, which is not among the events`,
            }),
          ),
      ),
  )
}

/** Channels whose history ends with this release, and whose pointer is gone or names another one. */
export async function strayedLinks(
  world: World,
  release: Release,
  histories: readonly ReadHistory[],
  trust: Trust,
): Promise<readonly Link[]> {
  const links: Link[] = []
  for (const { place, moves, broken, headMissing } of histories) {
    const last = moves.at(-1)
    if (last === undefined || broken !== null || headMissing || !isAbout(last, release)) continue
    const pointer = release.pointers.find((item) => item.channel === place.channel)
    // What leads here, rightly or not, has a link of its own.
    if (pointer?.version === release.version || (await movedMeanwhile(world, place, last))) continue
    const now = await lastMove(world, place, trust, false)
    if (now.last !== null && now.last.sha256 !== last.sha256) continue
    const names = pointer === undefined ? 'has no pointer' : `→ ${pointer.version}`
    links.push({ name: 'channel', right: false, text: `${place.channel} ${names}, but ${endsWith(last)}` })
  }
  return links
}

async function historyLink(
  world: World,
  release: Release,
  pointer: ChannelPointer,
  trust: Trust,
  whole: boolean,
): Promise<Link> {
  const means = `${pointer.channel} → ${pointer.version}`
  const right = (text: string): Link => ({ name: 'channel', right: true, text: `${means}${text}` })
  const wrong = (text: string): Link => ({ name: 'channel', right: false, text: `${means}, but ${text}` })
  const { last, broken, headMissing } = await lastMove(world, pointer, trust, whole)
  if (headMissing) return wrong('the head of its history is missing: nobody can say that no later move is')
  if (broken !== null) return wrong(`its history can't be trusted: ${broken.text}`)
  // Only nightly was there before there were histories, and no record of then names its builder.
  const { builder } = release.statement.predicate
  if (last === null)
    return pointer.channel === firstChannel && builder === undefined
      ? right(', older than its history')
      : wrong('it has no history: somebody moved it by hand, or removed its history')
  const { by } = last.event.data
  const why = last.event.data.why.replace('-', ' ')
  if (follows(pointer, last) || (await movedMeanwhile(world, pointer, last)))
    return right(`, ${why} by ${visible(by)}`)
  return wrong(endsWith(last))
}

/**
 * The channels that lead to a release, or should: what each pointer names has to be this record, and the last move of the channel's
 * history. Nightly alone may have been there before there were histories.
 * @param options `whole` checks every move, not the last alone
 */
export async function channelLinks(
  world: World,
  release: Release,
  { trust, whole }: { readonly trust: Trust; readonly whole: boolean },
): Promise<readonly Link[]> {
  const { artifact } = release.statement.predicate
  const links: Link[] = []
  for (const pointer of release.pointers) {
    if (pointer.version !== release.version && pointer.channel !== release.via) continue
    const same =
      pointer.version === release.version &&
      pointer.record === release.record &&
      pointer.sha256 === artifact.sha256
    links.push(
      same
        ? await historyLink(world, release, pointer, trust, whole)
        : {
            name: 'channel',
            right: false,
            text: `${pointer.channel} → ${pointer.version} names the record ${shortDigest(pointer.record)} and the image ${shortDigest(pointer.sha256)}; they are ${shortDigest(release.record)} and ${shortDigest(artifact.sha256)}`,
          },
    )
  }
  const damaged = release.damaged.map(
    (key): Link => ({ name: 'channel', right: false, text: `${key} is not the pointer of a channel` }),
  )
  return [...links, ...damaged]
}

/**
 * The variants of a channel, or of all channels of the image.
 * @throws MintmarkError NOT_FOUND with the nearest name
 */
export async function channelPlaces(
  world: World,
  image: string,
  channel: string | null,
): Promise<readonly ChannelPlace[]> {
  const all = await channelsOf(world, image)
  const places = all.filter((place) => channel === null || place.channel === channel)
  if (places.length > 0) return places
  if (!(await releasedImages(world)).includes(image)) await refuseUnknownImage(world, image)
  if (channel === null) throw new MintmarkError('NOT_FOUND', `${image} has no channel`)
  const known = [...new Set(all.map((place) => place.channel))]
  const meant = didYouMean(channel, known)
  throw new MintmarkError('NOT_FOUND', `no release of ${image} was ever in a channel "${channel}"`, {
    hint: `${meant === null ? '' : `did you mean ${meant}? `}its channels: ${known.join(', ')}`,
  })
}
