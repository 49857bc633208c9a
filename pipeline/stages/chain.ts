import { canonicalJson, sha256 } from '../core/digest.ts'
import { bytesToSign, envelopeText, parseEnvelope } from '../core/dsse.ts'
import { eventKey, eventPayload, headKey, isEventKey, parseEvent } from '../core/events.ts'
import { parsedJson } from '../core/parsed-json.ts'
import { MintmarkError } from '../errors.ts'
import { EventHead, type EventKind, type EventOf, type ReleaseEvent } from '../model/event.ts'
import type { Entry } from '../ports/catalog.ts'
import type { World } from '../ports/world.ts'
import { checkSignature, shortDigest, type TrustedKey } from './check-signature.ts'

/** Whose signatures count: `trust`, and this machine's own key unless `onlyTrust`. */
export interface Trust {
  readonly trust: readonly TrustedKey[]
  readonly onlyTrust: boolean
}

/** A history: where its events are, and what they have to be about. */
export interface Chain {
  /** Of its keys in the catalog; ends with a slash. */
  readonly prefix: string
  /** For messages: "debian-13@1.0.0". */
  readonly title: string
  /** How `verify` is asked about it. */
  readonly hint: string
  /** Why an event can't be of this history, to follow "event 3"; null when it can. */
  readonly foreign: (event: ReleaseEvent) => string | null
}

/** What a writer says; its place in the history is added. */
export type NewEvent = {
  readonly [K in EventKind]: Omit<EventOf<K>, 'schema' | 'at' | 'sequence' | 'previous'>
}[EventKind]

export interface StoredEvent {
  readonly event: ReleaseEvent
  /** Digest of the envelope's text: the next event names it. */
  readonly sha256: string
}

export interface EventChain {
  /** Oldest first; those before the broken link. */
  readonly events: readonly StoredEvent[]
  /** The first link that is wrong, and how. */
  readonly broken: {
    readonly code: 'CHAIN_BROKEN' | 'VERIFY_FAILED'
    readonly key: string
    readonly text: string
  } | null
}

type Broken = NonNullable<EventChain['broken']>

/** Every writer that gets in between has added an event; this many at once is no coincidence. */
const attempts = 20

const bare = (key: string): string => key.split('/').at(-1) ?? key

/** Checks one stored event against its place and the event before. */
async function checkEvent(
  world: World,
  chain: Chain,
  text: string,
  before: StoredEvent | undefined,
  trust: Trust,
): Promise<StoredEvent | Omit<Broken, 'key'>> {
  const sequence = (before?.event.sequence ?? 0) + 1
  const what = `event ${sequence}`
  const forged = (why: string): Omit<Broken, 'key'> => ({ code: 'VERIFY_FAILED', text: `${what} ${why}` })
  const loose = (why: string): Omit<Broken, 'key'> => ({ code: 'CHAIN_BROKEN', text: `${what} ${why}` })
  let event: ReleaseEvent
  let signed: Awaited<ReturnType<typeof checkSignature>>
  try {
    const { envelope, payload } = parseEnvelope(text, 'it')
    event = parseEvent(payload)
    const day = event.at.slice(0, 10)
    signed = await checkSignature(world, { envelope, payload, day }, trust.trust, !trust.onlyTrust)
  } catch (cause) {
    if (!(cause instanceof MintmarkError)) throw cause
    return forged(`was changed: ${cause.message}`)
  }
  if (!signed.right) return forged(`is not signed as it has to be: ${signed.text}`)
  const foreign = chain.foreign(event)
  if (foreign !== null) return forged(foreign)
  if (event.sequence !== sequence) return loose(`says that it is event ${event.sequence}`)
  const previous = before?.sha256 ?? null
  if (event.previous !== previous) {
    const named = event.previous === null ? 'none' : shortDigest(event.previous)
    const is = previous === null ? 'there is none' : `event ${sequence - 1} is ${shortDigest(previous)}`
    return loose(`names ${named} as the event before it; ${is}`)
  }
  return { event, sha256: sha256(text) }
}

/** What the newest writer knew. A writer that was killed before it moved the head has left it behind, never ahead. */
function checkHead(chain: Chain, head: Entry | null, events: readonly StoredEvent[]): Broken | null {
  if (head === null) return null
  const key = headKey(chain.prefix)
  const parsed = EventHead.safeParse(parsedJson(head.value))
  if (!parsed.success) return { code: 'VERIFY_FAILED', key, text: `${bare(key)} is not what was written` }
  const { sequence, sha256: digest } = parsed.data
  const named = events[sequence - 1]
  if (named === undefined)
    return {
      code: 'CHAIN_BROKEN',
      key: eventKey(chain.prefix, events.length + 1),
      text: `event ${events.length + 1} is missing, ${sequence} ${sequence === 1 ? 'was' : 'were'} written`,
    }
  if (named.sha256 === digest) return null
  return {
    code: 'CHAIN_BROKEN',
    key: eventKey(chain.prefix, sequence),
    text: `event ${sequence} is ${shortDigest(named.sha256)}, the one that was written is ${shortDigest(digest)}`,
  }
}

/**
 * What happened, with every link checked: an event that is missing, changed, out of its
 * place or signed by nobody who counts ends the chain. It throws for none of them.
 */
export async function readChain(world: World, chain: Chain, trust: Trust): Promise<EventChain> {
  // Before the list: a head that moves meanwhile would name an event that the list has not.
  const head = await world.catalog.read(headKey(chain.prefix))
  const keys = (await world.catalog.list(chain.prefix)).filter((key) => key !== headKey(chain.prefix))
  const events: StoredEvent[] = []
  for (const found of keys) {
    const key = eventKey(chain.prefix, events.length + 1)
    if (found !== key) {
      const text = isEventKey(found)
        ? `event ${events.length + 1} is missing, there is ${bare(found)}`
        : `${bare(found)} is no event`
      return { events, broken: { code: 'CHAIN_BROKEN', key: found, text } }
    }
    const entry = await world.catalog.read(key)
    const checked = await checkEvent(world, chain, entry?.value ?? '', events.at(-1), trust)
    if ('code' in checked) return { events, broken: { ...checked, key } }
    events.push(checked)
  }
  return { events, broken: checkHead(chain, head, events) }
}

/**
 * Like `readChain`, for who builds on it.
 * @throws MintmarkError CHAIN_BROKEN or VERIFY_FAILED with the link that is wrong
 */
export async function trustedChain(
  world: World,
  chain: Chain,
  trust: Trust,
): Promise<readonly StoredEvent[]> {
  const { events, broken } = await readChain(world, chain, trust)
  if (broken === null) return events
  throw new MintmarkError(broken.code, `the events of ${chain.title} can't be trusted: ${broken.text}`, {
    hint: chain.hint,
    where: { event: broken.key },
  })
}

/** Moves the head forward, never back; a head that can't be read is for `verify` to tell. */
async function moveHead(world: World, chain: Chain, to: StoredEvent): Promise<void> {
  const key = headKey(chain.prefix)
  const head: EventHead = { schema: 1, sequence: to.event.sequence, sha256: to.sha256 }
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const now = await world.catalog.read(key)
    const parsed = EventHead.safeParse(now === null ? null : parsedJson(now.value))
    if (parsed.success && parsed.data.sequence >= head.sequence) return
    if (await world.catalog.compareAndSwap(key, now?.etag ?? null, canonicalJson(head))) return
  }
}

/**
 * Adds an event, signed by this machine's key: written whole or not at all. Another writer that is faster takes the number, and
 * `make` is asked again with that one's event as the last.
 * @param make what happened, given the last event; null when that is nothing new
 * @returns what was written, or null
 * @throws MintmarkError CHAIN_BROKEN, VERIFY_FAILED, CONFLICT, and what `make` throws
 */
export async function appendToChain(
  world: World,
  chain: Chain,
  trust: Trust,
  make: (last: StoredEvent | null, events: readonly StoredEvent[]) => Promise<NewEvent | null>,
): Promise<StoredEvent | null> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const events = await trustedChain(world, chain, trust)
    const last = events.at(-1) ?? null
    const what = await make(last, events)
    if (what === null) return null
    const event: ReleaseEvent = {
      ...what,
      schema: 1,
      at: world.clock.now().toISOString(),
      sequence: (last?.event.sequence ?? 0) + 1,
      previous: last?.sha256 ?? null,
    }
    const foreign = chain.foreign(event)
    if (foreign !== null) throw new MintmarkError('INTERNAL', `an event for ${chain.title} ${foreign}`)
    const payload = eventPayload(event)
    const text = envelopeText(payload, [await world.keys.sign(bytesToSign(payload))])
    if (!(await world.catalog.createOnly(eventKey(chain.prefix, event.sequence), text))) continue
    const stored = { event, sha256: sha256(text) }
    await moveHead(world, chain, stored)
    return stored
  }
  throw new MintmarkError(
    'CONFLICT',
    `${attempts} other events of ${chain.title} were written while this one was to be`,
  )
}
