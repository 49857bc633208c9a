import { inTurns } from '../core/all-ended.ts'
import { canonicalJson, sha256 } from '../core/digest.ts'
import { bytesToSign, envelopeText, parseEnvelope } from '../core/dsse.ts'
import { eventKey, eventPayload, headKey, isEventKey, parseEvent } from '../core/events.ts'
import { parsedJson } from '../core/parsed-json.ts'
import { MintmarkError } from '../errors.ts'
import { EventHead, type EventKind, type EventOf, type ReleaseEvent } from '../model/event.ts'
import type { Entry } from '../ports/catalog.ts'
import type { World } from '../ports/world.ts'
import { checkSignature, shortDigest, type TrustedSigner } from './check-signature.ts'

/** Whose signatures count: `trust`, and this machine's own key unless `onlyTrust`. */
export interface Trust {
  readonly trust: readonly TrustedSigner[]
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
  /** True when nothing names the newest event, though writers have: nobody can say that no later one was removed. */
  readonly headMissing: boolean
}

type Broken = NonNullable<EventChain['broken']>

/** A catalog in a bucket answers slowly, and many at once. */
const readersAtOnce = 16
/** Every writer that gets in between has added an event; this many at once is no coincidence. */
const attempts = 20

const bare = (key: string): string => key.split('/').at(-1) ?? key

/** Checks one stored event against its place and the event before. */
async function checkEvent(
  world: World,
  chain: Chain,
  text: string,
  before: EventHead | null,
  trust: Trust,
): Promise<StoredEvent | Omit<Broken, 'key'>> {
  const sequence = (before?.sequence ?? 0) + 1
  const what = `event ${sequence}`
  const forged = (why: string): Omit<Broken, 'key'> => ({ code: 'VERIFY_FAILED', text: `${what} ${why}` })
  const loose = (why: string): Omit<Broken, 'key'> => ({ code: 'CHAIN_BROKEN', text: `${what} ${why}` })
  let event: ReleaseEvent
  let opened: ReturnType<typeof parseEnvelope>
  try {
    opened = parseEnvelope(text, 'it')
    event = parseEvent(opened.payload)
  } catch (cause) {
    if (!(cause instanceof MintmarkError)) throw cause
    return forged(`was changed: ${cause.message}`)
  }
  // What is wrong with the keys of this machine is no fault of the event: it is thrown.
  const day = event.at.slice(0, 10)
  const signed = await checkSignature(world, { ...opened, day }, trust.trust, !trust.onlyTrust)
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

const headOf = (last: StoredEvent | undefined): EventHead | null =>
  last === undefined ? null : { schema: 1, sequence: last.event.sequence, sha256: last.sha256 }

/** What the newest writer knew. A writer that was killed before it moved the head has left it behind, never ahead. */
function checkHead(
  chain: Chain,
  head: Entry | null,
  /** Of the events in their order; null for one that was not read. */
  digests: readonly (string | null)[],
): Broken | null {
  if (head === null) return null
  const key = headKey(chain.prefix)
  const parsed = EventHead.safeParse(parsedJson(head.value))
  if (!parsed.success) return { code: 'VERIFY_FAILED', key, text: `${bare(key)} is not what was written` }
  const { sequence, sha256: digest } = parsed.data
  const named = digests[sequence - 1]
  if (named === undefined)
    return {
      code: 'CHAIN_BROKEN',
      key: eventKey(chain.prefix, digests.length + 1),
      text: `event ${digests.length + 1} is missing, ${sequence} ${sequence === 1 ? 'was' : 'were'} written`,
    }
  if (named === null || named === digest) return null
  return {
    code: 'CHAIN_BROKEN',
    key: eventKey(chain.prefix, sequence),
    text: `event ${sequence} is ${shortDigest(named)}, the one that was written is ${shortDigest(digest)}`,
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
  const texts = await inTurns(
    keys,
    readersAtOnce,
    async (key) => (await world.catalog.read(key))?.value ?? '',
  )
  const events: StoredEvent[] = []
  for (const [at, found] of keys.entries()) {
    const key = eventKey(chain.prefix, events.length + 1)
    if (found !== key) {
      const text = isEventKey(found)
        ? `event ${events.length + 1} is missing, there is ${bare(found)}`
        : `${bare(found)} is no event`
      return { events, broken: { code: 'CHAIN_BROKEN', key: found, text }, headMissing: false }
    }
    const checked = await checkEvent(world, chain, texts[at] ?? '', headOf(events.at(-1)), trust)
    if ('code' in checked) return { events, broken: { ...checked, key }, headMissing: false }
    events.push(checked)
  }
  const digests = events.map((item) => item.sha256)
  // One event alone may have been written by somebody who was killed before the head.
  return { events, broken: checkHead(chain, head, digests), headMissing: head === null && events.length > 1 }
}

/**
 * The newest event alone, with its links to the head and to the event before: for who can't wait for years of them. What is wrong
 * further back is for `readChain` to find. It throws for none of them.
 */
export async function readLast(
  world: World,
  chain: Chain,
  trust: Trust,
): Promise<{ readonly last: StoredEvent | null; readonly broken: EventChain['broken'] }> {
  const { catalog } = world
  const head = await catalog.read(headKey(chain.prefix))
  const keys = (await catalog.list(chain.prefix)).filter((key) => key !== headKey(chain.prefix))
  const count = keys.length
  const key = eventKey(chain.prefix, count)
  if (keys.at(-1) !== key) {
    // None at all, or a hole, which the whole of it tells best.
    const { events, broken } = await readChain(world, chain, trust)
    return { last: broken === null ? (events.at(-1) ?? null) : null, broken }
  }
  const before =
    count === 1 ? null : sha256((await catalog.read(eventKey(chain.prefix, count - 1)))?.value ?? '')
  const link: EventHead | null = before === null ? null : { schema: 1, sequence: count - 1, sha256: before }
  const checked = await checkEvent(world, chain, (await catalog.read(key))?.value ?? '', link, trust)
  if ('code' in checked) return { last: null, broken: { ...checked, key } }
  const digests = [
    ...Array.from({ length: Math.max(0, count - 2) }, () => null),
    ...(before === null ? [] : [before]),
  ]
  const broken = checkHead(chain, head, [...digests, checked.sha256])
  return { last: broken === null ? checked : null, broken }
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

/** Signs an event and writes it as the next one; null when another writer has taken its number. */
async function writeNext(
  world: World,
  chain: Chain,
  trust: Trust,
  last: StoredEvent | null,
  what: NewEvent,
): Promise<StoredEvent | null> {
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
  const checked = await checkEvent(world, chain, text, headOf(last ?? undefined), trust)
  if ('code' in checked) {
    throw new MintmarkError(
      'VERIFY_FAILED',
      `nobody would trust what was to be written for ${chain.title}: ${checked.text}`,
      {
        hint: 'who signs here has to be in scans/policies/trust.yaml: ./mintmark verify --print-key prints the entry',
      },
    )
  }
  const written = await world.catalog.createOnly(eventKey(chain.prefix, event.sequence), text)
  return written ? { event, sha256: sha256(text) } : null
}

/**
 * Adds events in their order, each signed by this machine's key and written whole or not at all; the history is read once for all of
 * them. Another writer that is faster takes the number, and `make` is asked again with that one's event as the last.
 * @param make what happened, given the last event and all of them; nothing when that is nothing new
 * @returns what was written
 * @throws MintmarkError CHAIN_BROKEN, VERIFY_FAILED, CONFLICT, and what `make` throws
 */
export async function appendAllToChain(
  world: World,
  chain: Chain,
  trust: Trust,
  make: (last: StoredEvent | null, events: readonly StoredEvent[]) => Promise<readonly NewEvent[]>,
): Promise<readonly StoredEvent[]> {
  const all: StoredEvent[] = []
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const events = await trustedChain(world, chain, trust)
    let last = events.at(-1) ?? null
    const wanted = await make(last, events)
    let written = 0
    let headed = false
    for (const what of wanted) {
      // A second event without a head, also of a writer that was killed, would look as if later ones had been removed.
      if (last !== null && !headed) {
        await moveHead(world, chain, last)
        headed = true
      }
      const stored = await writeNext(world, chain, trust, last, what)
      if (stored === null) break
      last = stored
      written += 1
      all.push(stored)
    }
    if (last !== null) await moveHead(world, chain, last)
    if (written === wanted.length) return all
  }
  throw new MintmarkError(
    'CONFLICT',
    `${attempts} other events of ${chain.title} were written while this one was to be`,
  )
}

/**
 * Adds one event, as `appendAllToChain` adds them.
 * @returns what was written, or null
 * @throws MintmarkError CHAIN_BROKEN, VERIFY_FAILED, CONFLICT, and what `make` throws
 */
export async function appendToChain(
  world: World,
  chain: Chain,
  trust: Trust,
  make: (last: StoredEvent | null, events: readonly StoredEvent[]) => Promise<NewEvent | null>,
): Promise<StoredEvent | null> {
  const [stored] = await appendAllToChain(world, chain, trust, async (last, events) => {
    const what = await make(last, events)
    return what === null ? [] : [what]
  })
  return stored ?? null
}
