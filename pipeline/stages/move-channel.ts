import { canonicalJson } from '../core/digest.ts'
import { parsePointer } from '../core/statement.ts'
import { MintmarkError } from '../errors.ts'
import { firstChannel } from '../model/channel.ts'
import type { EventOf } from '../model/event.ts'
import type { ChannelPointer } from '../model/release.ts'
import type { World } from '../ports/world.ts'
import { appendToChain, type EventChain, readChain, type StoredEvent, type Trust } from './chain.ts'
import { type ChannelPlace, historyOf, lastMove, pointerAfter, pointerKey } from './channel-history.ts'
import { aboutRelease, eventsOf, whyUnanchored } from './events.ts'
import type { Release } from './read-release.ts'

/** Every writer that gets in between has moved the channel; this many at once is no coincidence. */
const attempts = 20

/** What a channel points to, by its history; by its pointer while it has none. */
export type PointsTo = Pick<ChannelPointer, 'version' | 'record' | 'sha256'>

export interface ChannelChange {
  /** Where the channel goes. */
  readonly release: Release
  readonly channel: string
  /** What the event says besides. */
  readonly data: Omit<EventOf<'pointed'>['data'], 'channel' | 'from'>
  /** Asked with what the channel points to at the moment of the move: false lets it stay. May throw. */
  readonly decide: (now: PointsTo | null) => boolean
}

export interface Moved {
  /** What was written; null when the channel stayed. */
  readonly event: StoredEvent | null
  /** Where the channel was before; null when it was empty. */
  readonly from: string | null
  /** Where it points now. */
  readonly version: string
}

const untrusted = (
  place: ChannelPlace,
  broken: NonNullable<EventChain['broken']>,
  hint?: string,
): MintmarkError => {
  const { title, hint: look } = historyOf(place)
  return new MintmarkError(broken.code, `the history of ${title} can't be trusted: ${broken.text}`, {
    hint: hint ?? look,
    where: { event: broken.key },
  })
}

async function pointerOf(world: World, place: ChannelPlace): Promise<ChannelPointer | null> {
  const key = pointerKey(place)
  const entry = await world.catalog.read(key)
  return entry === null ? null : parsePointer(entry.value, key)
}

/** Nightly was moved before there were histories; a pointer of any other channel that has none is nobody's. */
const pointerBeforeHistories = async (world: World, place: ChannelPlace): Promise<ChannelPointer | null> =>
  place.channel === firstChannel ? pointerOf(world, place) : null

/**
 * What a channel points to now.
 * @throws MintmarkError CHAIN_BROKEN or VERIFY_FAILED when its last move can't be trusted, or its pointer can't be read
 */
export async function pointsTo(world: World, place: ChannelPlace, trust: Trust): Promise<PointsTo | null> {
  const { last, broken } = await lastMove(world, place, trust, false)
  if (broken !== null) throw untrusted(place, broken)
  return last === null ? pointerBeforeHistories(world, place) : pointerAfter(last)
}

/**
 * Brings the pointer to where the history ends: also what a writer that was killed, or somebody by hand, has left elsewhere.
 * @throws MintmarkError CONFLICT
 */
export async function settlePointer(world: World, place: ChannelPlace, trust: Trust): Promise<void> {
  const key = pointerKey(place)
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    // Before the history: a pointer that moves meanwhile is not written over.
    const now = await world.catalog.read(key)
    const { last } = await lastMove(world, place, trust, false)
    if (last === null) return
    const wanted = canonicalJson(pointerAfter(last))
    if (now?.value === wanted) return
    if (await world.catalog.compareAndSwap(key, now?.etag ?? null, wanted)) return
  }
  throw new MintmarkError('CONFLICT', `${key} moved ${attempts} times while it was to be moved`)
}

/**
 * Why this machine may not move a channel; null when it may. Its key has to count for everybody for whom the history does so far:
 * else the move would make the whole of it look forged to the others. For a channel other than nightly it has to count for everybody.
 */
export async function whyNotMove(world: World, place: ChannelPlace, trust: Trust): Promise<string | null> {
  const why = await whyUnanchored(world, trust)
  if (why === null || place.channel !== firstChannel) return why
  const { events, broken } = await readChain(world, historyOf(place), { ...trust, onlyTrust: true })
  return events.length > 0 && broken === null ? why : null
}

/**
 * Refuses early what a move at the end would be refused for.
 * @throws MintmarkError CHAIN_BROKEN or VERIFY_FAILED
 */
export async function ensureMovable(world: World, place: ChannelPlace, trust: Trust): Promise<void> {
  const hint =
    'add the key to scans/policies/trust.yaml, or use a catalog of your own: MINTMARK_CATALOG=FOLDER'
  const { title } = historyOf(place)
  const { broken } = await lastMove(world, place, trust, false)
  if (broken !== null) throw untrusted(place, broken, hint)
  const why = await whyNotMove(world, place, trust)
  if (why !== null) throw new MintmarkError('VERIFY_FAILED', `${title} can't be moved: ${why}`, { hint })
}

/**
 * Moves a channel: the signed event first, the pointer after it. Of two movers at once one is first, and the other is asked again with
 * where the channel is then. What a killed mover left undone is done before anything else is told.
 * @throws MintmarkError CHAIN_BROKEN, VERIFY_FAILED, CONFLICT, and what `decide` throws
 */
export async function moveChannel(world: World, change: ChannelChange, trust: Trust): Promise<Moved> {
  const { release, channel, data, decide } = change
  const place: ChannelPlace = { image: release.image, channel, variant: release.variant }
  await ensureMovable(world, place, trust)
  let before: PointsTo | null = null
  const event = await appendToChain(world, historyOf(place), trust, async (last) => {
    const [move] = eventsOf(last === null ? [] : [last], 'pointed')
    before = move === undefined ? await pointerBeforeHistories(world, place) : pointerAfter(move)
    if (!decide(before)) return null
    return {
      ...aboutRelease(release),
      kind: 'pointed',
      data: { ...data, channel, from: before?.version ?? null },
    }
  })
  await settlePointer(world, place, trust)
  const from = (before as PointsTo | null)?.version ?? null
  return { event, from, version: event === null ? (from ?? release.version) : release.version }
}
