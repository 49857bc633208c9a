import { eventsPrefix } from '../core/events.ts'
import { MintmarkError } from '../errors.ts'
import type { EventKind, EventOf, ReleaseEvent } from '../model/event.ts'
import type { SignerName } from '../ports/signing.ts'
import type { World } from '../ports/world.ts'
import {
  appendAllToChain,
  appendToChain,
  type Chain,
  type EventChain,
  readChain,
  type StoredEvent,
  type Trust,
  trustedChain,
} from './chain.ts'
import { isSigner, isValidOn, shortDigest } from './check-signature.ts'
import type { Release } from './read-release.ts'

/** What happened to a release since it was recorded. */
export function chainOf(release: Release): Chain {
  const title = `${release.image}@${release.version}`
  const { sha256: subject } = release.statement.predicate.artifact
  const foreign = (event: ReleaseEvent): string | null => {
    const about = `${event.image}@${event.version} ${event.variant}`
    if (about !== `${title} ${release.variant}`) return `is of ${about}`
    if (event.record !== release.record)
      return `is about the record ${shortDigest(event.record)}, this one is ${shortDigest(release.record)}`
    if (event.subject !== subject)
      return `is about the image ${shortDigest(event.subject)}, this one is ${shortDigest(subject)}`
    return event.kind === 'pointed' ? "is of a channel's history" : null
  }
  return { prefix: eventsPrefix(release), title, hint: `./mintmark verify ${title}`, foreign }
}

/** What every event about this release says of it. */
export const aboutRelease = (
  release: Release,
): Pick<ReleaseEvent, 'image' | 'version' | 'variant' | 'subject' | 'record'> => ({
  image: release.image,
  version: release.version,
  variant: release.variant,
  subject: release.statement.predicate.artifact.sha256,
  record: release.record,
})

/** Events of one kind, oldest first. */
export const eventsOf = <K extends EventKind>(
  events: readonly StoredEvent[],
  kind: K,
): readonly (StoredEvent & { readonly event: EventOf<K> })[] =>
  events.filter((item): item is StoredEvent & { readonly event: EventOf<K> } => item.event.kind === kind)

/**
 * What happened to a release since it was recorded, with every link checked: an event that is missing, changed, out of its
 * place or signed by nobody who counts ends the chain. It throws for none of them.
 */
export const readEvents = (world: World, release: Release, trust: Trust): Promise<EventChain> =>
  readChain(world, chainOf(release), trust)

/**
 * Like `readEvents`, for who builds on them.
 * @throws MintmarkError CHAIN_BROKEN or VERIFY_FAILED with the link that is wrong
 */
export const trustedEvents = (
  world: World,
  release: Release,
  trust: Trust,
): Promise<readonly StoredEvent[]> => trustedChain(world, chainOf(release), trust)

/** Why nobody can say what happened later; null when all of it is there. */
export const brokenEvents = ({ broken, headMissing }: EventChain): string | null =>
  broken?.text ?? (headMissing ? 'the head of the events is missing: later ones may be, too' : null)

/** Who would sign here, as far as it is known: a machine that has no key yet makes none for being asked. */
async function signerHere({ keys }: World): Promise<SignerName | null> {
  if (keys.kind !== 'file') return keys.signer()
  const own = await keys.existing()
  return own === null ? null : { kind: 'key', ...own }
}

/** Why this machine's signature is not among those that everybody trusts today; null when it is. */
export async function whyUnanchored(world: World, trust: Trust): Promise<string | null> {
  const day = world.clock.now().toISOString().slice(0, 10)
  // Who can't sign may still look.
  const own = await signerHere(world).catch((cause: unknown) => {
    if (cause instanceof MintmarkError && !world.signal.aborted) return cause.message
    throw cause
  })
  if (own === null) return 'this machine has no key of its own'
  if (typeof own === 'string') return own
  if (trust.trust.some((signer) => isValidOn(signer, day) && isSigner(signer, own))) return null
  const name = own.kind === 'key' ? `this machine's key ${shortDigest(own.keyid)}` : own.subject
  return `${name} is not among those that are trusted`
}

/**
 * Why this machine may not add to the history of a release; null when it may. Its key has to count for everybody for whom the
 * record's does: else the event would make the release look forged to the others.
 */
export async function whyNotWrite(world: World, release: Release, trust: Trust): Promise<string | null> {
  const why = await whyUnanchored(world, trust)
  if (why === null || trust.onlyTrust) return why
  const own = await world.keys.existing()
  return release.envelope.signatures.some((item) => item.keyid === own?.keyid) ? null : why
}

/** A kind of event with what it says. */
export type EventData = {
  readonly [K in EventKind]: Pick<EventOf<K>, 'kind' | 'data'>
}[EventKind]

/**
 * Adds an event to a release, signed by this machine's key: written whole or not at all. Another writer that is faster takes the
 * number, and `make` is asked again with that one's event as the last.
 * @param make what happened, given the last event and all of them; null when that is nothing new
 * @returns what was written, or null
 * @throws MintmarkError CHAIN_BROKEN, VERIFY_FAILED, CONFLICT, and what `make` throws
 */
export const appendEvent = (
  world: World,
  release: Release,
  trust: Trust,
  make: (last: StoredEvent | null, events: readonly StoredEvent[]) => Promise<EventData | null>,
): Promise<StoredEvent | null> =>
  appendToChain(world, chainOf(release), trust, async (last, events) => {
    const what = await make(last, events)
    return what === null ? null : { ...aboutRelease(release), ...what }
  })

/** Adds several in their order, as `appendEvent` adds one; the history is read once for all of them. */
export const appendEvents = (
  world: World,
  release: Release,
  trust: Trust,
  make: (events: readonly StoredEvent[]) => Promise<readonly EventData[]>,
): Promise<readonly StoredEvent[]> =>
  appendAllToChain(world, chainOf(release), trust, async (_, events) =>
    (await make(events)).map((what) => ({ ...aboutRelease(release), ...what })),
  )
