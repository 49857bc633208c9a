import { inTurns } from '../core/all-ended.ts'
import { didYouMean } from '../core/did-you-mean.ts'
import { digestOf } from '../core/digest.ts'
import { unique } from '../core/lists.ts'
import {
  type LastShare,
  type Problem,
  planShare,
  type ShareLine,
  type SharePlan,
  type Wanted,
} from '../core/share-plan.ts'
import { type RegionalImage, regionalImages } from '../core/regional-copies.ts'
import { variantOf } from '../core/statement.ts'
import { namedTargets } from '../core/variants.ts'
import { MintmarkError } from '../errors.ts'
import { type Channel, firstChannel } from '../model/channel.ts'
import type { Definition } from '../model/definition.ts'
import type { TargetId } from '../model/ids.ts'
import type { World } from '../ports/world.ts'
import type { StoredEvent, Trust } from './chain.ts'
import { readEvents, whyNotWrite } from './events.ts'
import { imageNames, loadDefinition } from './load-definition.ts'
import { type PointsTo, pointsTo } from './move-channel.ts'
import { locateAll, openRecord, type Release, refuseUnknownImage } from './read-release.ts'
import { readIntents } from './share-intents.ts'
import { type Survey, survey, targetOfVariant } from './share-survey.ts'
import { trustedKeys, verifyRelease } from './verify-release.ts'

export interface ShareQuery {
  readonly image: string
  /** This channel alone; null: every channel. */
  readonly channel: string | null
  /** As if this channel pointed to that version already: what a promotion would come to. */
  readonly asIf?: { readonly channel: string; readonly version: string }
  /** Called before each look. */
  readonly update: (text: string) => void
}

/** A release of the image, and what its history says of shares and copies. */
export interface KnownRelease {
  readonly release: Release
  readonly images: readonly RegionalImage[]
  readonly shares: readonly (StoredEvent & { readonly event: ShareEvent })[]
  /** Why its history can't be trusted; null when it can. */
  readonly broken: string | null
}
export type ShareEvent = Extract<StoredEvent['event'], { readonly kind: 'granted' | 'revoked' }>

export interface ShareLook {
  readonly image: string
  readonly channel: string | null
  readonly plan: SharePlan
  /** Null when there is none any more. */
  readonly definition: Definition | null
  readonly known: readonly KnownRelease[]
  readonly trust: Trust
  /** What principals should have, have, or had. */
  readonly lines: readonly ShareLine[]
  readonly intents: readonly ShareLine[]
  /** For people: nothing that hinders. */
  readonly notes: readonly string[]
  /** What the plan changes or needs besides, line by line: policies of keys. */
  readonly besides: readonly string[]
  readonly change: Survey['change']
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
  readonly definition: Definition
  readonly channels: Readonly<Record<string, Channel>>
  readonly variants: readonly string[]
} | null> {
  if (!(await imageNames(world)).includes(image)) return null
  const definition = await loadDefinition(world, image)
  const { channels, os, targets: wanted } = definition
  const variants = namedTargets({ targets: wanted }).flatMap((target) =>
    os.arch.map((arch) => variantOf({ target, arch })),
  )
  return { definition, channels, variants }
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
    const images = regionalImages(
      release.statement.predicate.artifact,
      events.map(({ event }) => event),
    )
    known.push({ release, images, shares: events.filter(isShare), broken: broken?.text ?? null })
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

type PointerQuery = Pick<ShareQuery, 'image' | 'asIf'> & {
  readonly known: readonly KnownRelease[]
  readonly trust: Trust
}

type Pointed =
  | { readonly release: NonNullable<Wanted['release']>; readonly problem: null }
  | { readonly release: null; readonly problem: Problem | null }

/** What a channel points to, or would if it were moved. @throws MintmarkError as pointsTo does */
async function pointerOf(
  world: World,
  { known, trust, image, asIf }: PointerQuery,
  channel: string,
  variant: string,
): Promise<Pick<PointsTo, 'version' | 'record'> | null> {
  const moved = known.find(({ release }) => release.version === asIf?.version && release.variant === variant)
  if (asIf?.channel === channel && moved !== undefined) return moved.release
  // By the channel's history: a pointer that somebody moved by hand gives nothing to anybody.
  return pointsTo(world, { image, channel, variant }, trust)
}

/** What a channel points to, when it may be given to anybody; neither release nor problem when it points to nothing. */
async function pointedBy(
  world: World,
  look: PointerQuery,
  channel: string,
  variant: string,
): Promise<Pointed> {
  const { image, known, trust } = look
  const refuse = (why: string, hint: string): Pointed => ({ release: null, problem: { why, hint } })
  let now: Pick<PointsTo, 'version' | 'record'> | null
  try {
    now = await pointerOf(world, look, channel, variant)
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
      const ofTarget: Readonly<Partial<Record<TargetId, readonly string[]>>> = share
      const target = targetOfVariant(variant)
      const principals = target === undefined ? [] : (ofTarget[target] ?? [])
      if (principals.length === 0) continue
      const { release, problem } = await pointedBy(world, { ...query, known, trust }, name, variant)
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
  const definition = defined?.definition ?? null
  const coming = query.asIf?.version ?? null
  const found = { definition, known, coming, trust, wanted, history, intents }
  const seen: Survey = await survey(world, query, found)
  const plan = planShare({ wanted, history, intents, sights: seen.sights, channel })
  const besides = seen.besides(plan.actions)
  return {
    image,
    channel,
    // Of all that a person sees and accepts.
    plan: { ...plan, digest: digestOf([image, channel, plan.digest, besides]) },
    definition,
    known,
    trust,
    lines: [...wanted, ...history, ...intents],
    intents,
    notes: [...notes, ...seen.notes],
    besides,
    change: seen.change,
    problems: [...problems, ...seen.problems(plan.actions)],
  }
}
