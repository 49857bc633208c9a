import { inTurns } from '../core/all-ended.ts'
import { didYouMean } from '../core/did-you-mean.ts'
import { unique } from '../core/lists.ts'
import {
  type LastShare,
  type PlaceSight,
  type Problem,
  planShare,
  type ShareLine,
  type SharePlan,
  type Wanted,
} from '../core/share-plan.ts'
import { sharedImage } from '../core/shared-image.ts'
import { variantOf } from '../core/statement.ts'
import { MintmarkError } from '../errors.ts'
import { type Channel, firstChannel } from '../model/channel.ts'
import { Arch, TargetId } from '../model/ids.ts'
import type { World } from '../ports/world.ts'
import { targets } from '../targets/registry.ts'
import type { ShareInput } from '../targets/target.ts'
import type { StoredEvent, Trust } from './chain.ts'
import { checkSignature } from './check-signature.ts'
import { readEvents, whyNotWrite } from './events.ts'
import { imageNames, loadDefinition } from './load-definition.ts'
import { type PointsTo, pointsTo } from './move-channel.ts'
import { locateAll, openRecord, type Release, refuseUnknownImage } from './read-release.ts'
import { readIntents } from './share-intents.ts'
import { trustedKeys, verifyRelease } from './verify-release.ts'

export interface ShareQuery {
  readonly image: string
  /** This channel alone; null: every channel. */
  readonly channel: string | null
  /** Called before each look. */
  readonly update: (text: string) => void
}

/** A release of the image, and what its history says of shares. */
export interface KnownRelease {
  readonly release: Release
  readonly shares: readonly (StoredEvent & { readonly event: ShareEvent })[]
  /** Why its history can't be trusted; null when it can. */
  readonly broken: string | null
}
export type ShareEvent = Extract<StoredEvent['event'], { readonly kind: 'granted' | 'revoked' }>

export interface ShareLook {
  readonly image: string
  readonly channel: string | null
  readonly plan: SharePlan
  readonly known: readonly KnownRelease[]
  readonly trust: Trust
  /** What principals should have, have, or had. */
  readonly lines: readonly ShareLine[]
  readonly intents: readonly ShareLine[]
  /** For people: nothing that hinders. */
  readonly notes: readonly string[]
  /** What could not be read, so that something may be missing from the plan. */
  readonly problems: readonly Problem[]
}

export const isShare = (item: StoredEvent): item is StoredEvent & { readonly event: ShareEvent } =>
  item.event.kind === 'granted' || item.event.kind === 'revoked'

/** What the definition says of channels; null when there is no definition any more. */
async function channelsOf(
  world: World,
  image: string,
): Promise<{
  readonly channels: Readonly<Record<string, Channel>>
  readonly variants: readonly string[]
} | null> {
  if (!(await imageNames(world)).includes(image)) return null
  const { channels, os, targets: wanted } = await loadDefinition(world, image)
  const variants = TargetId.options
    .filter((target) => wanted[target] !== undefined)
    .flatMap((target) => os.arch.map((arch) => variantOf({ target, arch })))
  return { channels, variants }
}

/** A catalog in a bucket answers slowly, and many at once. */
const readersAtOnce = 4

/** Every release of the image with its shares; what can't be read is told, and hides no other. */
async function knownReleases(
  world: World,
  image: string,
  trust: Trust,
): Promise<Pick<ShareLook, 'known' | 'problems'>> {
  const known: KnownRelease[] = []
  const problems: Problem[] = []
  const looks = await inTurns(await locateAll(world, image), readersAtOnce, async (located) => {
    const hint = `./mintmark verify ${image}@${located.version}`
    try {
      const release = openRecord(located)
      const { events, broken } = await readEvents(world, release, trust)
      return { release, events, broken, hint, why: null }
    } catch (cause) {
      if (!(cause instanceof MintmarkError)) throw cause
      const why = `the record of ${image}@${located.version}: ${cause.message}`
      return { release: null, events: [], broken: null, hint, why }
    }
  })
  for (const { release, events, broken, hint, why } of looks) {
    if (release === null) {
      problems.push({ why, hint })
      continue
    }
    known.push({ release, shares: events.filter(isShare), broken: broken?.text ?? null })
    if (broken !== null)
      problems.push({ why: `the events of ${image}@${release.version}: ${broken.text}`, hint })
  }
  return { known, problems }
}

/** The last event of each release about each principal and channel. */
export function lastShares(known: readonly KnownRelease[]): readonly LastShare[] {
  return known.flatMap(({ release, shares }) => {
    const last = new Map(
      shares.map((item) => [`${item.event.data.channel} ${item.event.data.principal}`, item]),
    )
    return [...last.values()].map(({ event, sha256 }) => ({
      principal: event.data.principal,
      channel: event.data.channel,
      variant: release.variant,
      version: release.version,
      granted: event.kind === 'granted',
      at: event.at,
      event: sha256,
    }))
  })
}

type Pointed =
  | { readonly release: NonNullable<Wanted['release']>; readonly problem: null }
  | { readonly release: null; readonly problem: Problem | null }

/** What a channel points to, when it may be given to anybody; neither release nor problem when it points to nothing. */
async function pointedBy(
  world: World,
  look: { readonly known: readonly KnownRelease[]; readonly trust: Trust; readonly image: string },
  channel: string,
  variant: string,
): Promise<Pointed> {
  const { image, known, trust } = look
  const refuse = (why: string, hint: string): Pointed => ({ release: null, problem: { why, hint } })
  let now: PointsTo | null
  try {
    // By the channel's history: a pointer that somebody moved by hand gives nothing to anybody.
    now = await pointsTo(world, { image, channel, variant }, trust)
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || cause.code === 'INTERNAL') throw cause
    return refuse(cause.message, cause.hint)
  }
  if (now === null) return { release: null, problem: null }
  const { version } = now
  const name = `${image}@${version}`
  const found = known.find(({ release }) => release.version === version && release.variant === variant)
  if (found === undefined)
    return refuse(`${channel} points to ${name}, which has no record`, `./mintmark releases ${image}`)
  const { release, broken } = found
  if (release.record !== now.record)
    return refuse(
      `${channel} points to another record of ${name} than the catalog has`,
      `./mintmark verify ${name}`,
    )
  if (broken !== null)
    return refuse(`the events of ${name} can't be trusted: ${broken}`, `./mintmark verify ${name}`)
  const { ok, anchored, links } = await verifyRelease(world, release, { ...trust, blobs: false })
  if (!ok) {
    const wrong = links.filter((link) => !link.right).map((link) => `${link.name}: ${link.text}`)
    return refuse(`the record of ${name} can't be trusted (${wrong.join('; ')})`, `./mintmark verify ${name}`)
  }
  if (!anchored && channel !== firstChannel) {
    return refuse(
      `${name} is unanchored: no key of scans/policies/trust.yaml signed it`,
      `add the key that signed it to scans/policies/trust.yaml; nothing unanchored leaves ${firstChannel}`,
    )
  }
  const silent = await whyNotWrite(world, release, trust)
  if (silent !== null)
    return refuse(`the event could not be written to ${name}: ${silent}`, 'run it where releases are signed')
  return { release: { version, record: release.record }, problem: null }
}

/** @throws MintmarkError NOT_FOUND with the nearest name */
function refuseUnknownChannel(
  image: string,
  channel: string | null,
  named: readonly string[],
  history: readonly ShareLine[],
): void {
  const known = unique([...named, ...history.map((item) => item.channel)])
  if (channel === null || known.includes(channel)) return
  const meant = didYouMean(channel, known)
  throw new MintmarkError('NOT_FOUND', `${image} has no channel "${channel}"`, {
    hint: `${meant === null ? '' : `did you mean ${meant}? `}its channels: ${known.join(', ')}`,
  })
}

const targetOf = (variant: string): TargetId | undefined =>
  TargetId.options.find((target) => Arch.options.some((arch) => variantOf({ target, arch }) === variant))

/** How the target is asked about a principal. */
export function shareInput(
  world: World,
  look: Pick<ShareLook, 'image' | 'known' | 'trust'>,
  principal: string,
  channels: readonly string[],
): ShareInput {
  return {
    world,
    principal,
    image: look.image,
    channels,
    known: look.known.map(({ release, shares }) => ({
      release: sharedImage(release.statement.predicate, release.record),
      reference:
        shares.filter(({ event }) => event.data.principal === principal).at(-1)?.event.data.reference ?? null,
    })),
    isTrusted: async (signed) =>
      (await checkSignature(world, signed, look.trust.trust, !look.trust.onlyTrust)).right,
  }
}

/** How a variant's target shares. @throws MintmarkError INTERNAL for a variant of no target */
export function sharingOf(variant: string) {
  const target = targetOf(variant)
  if (target === undefined) throw new MintmarkError('INTERNAL', `"${variant}" is of no target`)
  return targets[target].sharing
}

async function sightsOf(
  world: World,
  query: ShareQuery,
  look: {
    readonly known: readonly KnownRelease[]
    readonly trust: Trust
    readonly wanted: readonly Wanted[]
    readonly history: readonly LastShare[]
    readonly intents: readonly ShareLine[]
  },
): Promise<readonly PlaceSight[]> {
  const { image, channel, update } = query
  const lines: readonly ShareLine[] = [...look.wanted, ...look.history, ...look.intents]
  // Who lost everything is not visited for ever.
  const alive = [...look.wanted, ...look.history.filter((item) => item.granted), ...look.intents]
  const named = alive.filter((item) => channel === null || item.channel === channel)
  const sights: PlaceSight[] = []
  for (const principal of unique(named.map((item) => item.principal))) {
    const own = lines.filter((item) => item.principal === principal)
    const [first] = own
    if (first === undefined) continue
    update(`looking at ${principal}`)
    const channels = unique(own.map((item) => item.channel))
    sights.push(
      await sharingOf(first.variant).observe(
        shareInput(world, { image, known: look.known, trust: look.trust }, principal, channels),
      ),
    )
  }
  return sights
}

/**
 * What is shared, what should be, and what has to be done about it. Looks only.
 * @throws MintmarkError NOT_FOUND for an unknown image or channel, CONFIG_INVALID
 */
export async function lookAtShares(world: World, query: ShareQuery): Promise<ShareLook> {
  const { image, channel } = query
  const trust: Trust = { trust: await trustedKeys(world, null), onlyTrust: false }
  const defined = await channelsOf(world, image)
  const { known, problems: unread } = await knownReleases(world, image, trust)
  const { intents, problems: unclear } = await readIntents(world, image)
  const problems = [...unread, ...unclear]
  if (defined === null && known.length === 0 && problems.length === 0) await refuseUnknownImage(world, image)
  const history = lastShares(known)
  const named = Object.keys(defined?.channels ?? {})
  refuseUnknownChannel(image, channel, named, [...history, ...intents])
  const notes: string[] = []
  if (defined === null)
    notes.push(
      `images/${image}.yaml is gone: nobody is named any more, so all that was shared is to be taken back`,
    )
  const wanted: Wanted[] = []
  for (const [name, { share }] of Object.entries(defined?.channels ?? {})) {
    for (const variant of defined?.variants ?? []) {
      const target = targetOf(variant)
      const principals = target === undefined ? [] : share[target]
      if (principals.length === 0) continue
      const { release, problem } = await pointedBy(world, { image, known, trust }, name, variant)
      const holds = [...history.filter((item) => item.granted), ...intents].some(
        (item) => item.channel === name && item.variant === variant,
      )
      const empty = {
        why: `${name} points to no release any more; what is there stays`,
        hint: `./mintmark promote ${image} ${name}`,
      }
      if (release === null && problem === null && (channel === null || channel === name))
        notes.push(`${name} has no ${variant} release yet: nothing to share with ${principals.join(', ')}`)
      if (release === null && problem === null && !holds) continue
      for (const principal of unique(principals))
        wanted.push({
          principal,
          channel: name,
          variant,
          release,
          problem: release === null ? (problem ?? empty) : null,
        })
    }
  }
  const sights = await sightsOf(world, query, { known, trust, wanted, history, intents })
  const plan = planShare({ wanted, history, intents, sights, channel })
  const lines = [...wanted, ...history, ...intents]
  return { image, channel, plan, known, trust, lines, intents, notes, problems }
}
