import { unique } from '../core/lists.ts'
import { lifecycleRow } from '../core/lifecycle.ts'
import { bornOfLock } from '../core/pinned-lock.ts'
import { namedTargets, variantsOf } from '../core/variants.ts'
import {
  type AgeingBase,
  baseConcerns,
  type Concern,
  type ConcernKind,
  channelConcerns,
  endingConcern,
  inOrder,
  lifecycleConcerns,
  type Subject,
  unseen,
} from '../core/watch.ts'
import { type ErrorCode, MintmarkError } from '../errors.ts'
import { firstChannel } from '../model/channel.ts'
import type { Definition } from '../model/definition.ts'
import type { GitHub } from '../ports/github.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'
import { findLock } from './base-lock.ts'
import type { Trust } from './chain.ts'
import { type ChannelPlace, channelsOf } from './channel-history.ts'
import { targetOf, variantAt } from './choose-target.ts'
import { ensureLasting } from './lasting-catalog.ts'
import { imageNames, loadDefinition } from './load-definition.ts'
import { loadWaivers } from './load-waivers.ts'
import { nightConcerns } from './nights.ts'
import { locateRelease } from './read-release.ts'
import { releaseTrustedBy, trustedKeys } from './verify-release.ts'

export interface WatchInput {
  /** Names of images; none means all that have a definition or a channel. */
  readonly images: readonly string[]
  /** The oldest release that a channel other than nightly may point to, e.g. `45d`. */
  readonly channelAge: string
  /** Whose nights count as well; null where nobody is asked. */
  readonly nights: { readonly github: GitHub; readonly workflow: string } | null
  /** Called before each look. */
  readonly update: (text: string) => void
}

/** What no other look would be better off with: told at once. */
const endsAll: readonly ErrorCode[] = ['INTERNAL', 'USAGE', 'PROVIDER_UNREACHABLE', 'NO_SPACE']

/** What can't be looked at is a concern of its own, and stops no other look. */
async function looked(
  world: World,
  kind: ConcernKind,
  subject: Subject,
  look: () => Promise<readonly Concern[]>,
): Promise<readonly Concern[]> {
  try {
    return await look()
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || endsAll.includes(cause.code) || world.signal.aborted) throw cause
    return [unseen(kind, subject, cause)]
  }
}

async function pinnedBase(
  world: World,
  { image, definition, target }: { image: string; definition: Definition; target: Target },
): Promise<readonly Concern[]> {
  const subject = { image, variant: variantAt(target) }
  const { os, base } = definition
  const lock = await findLock(world, image, target.id)
  const mend = `./mintmark base update ${image} --target ${target.id}`
  const path = `images/${image}.lock.json`
  const asked = `${os.family} ${os.release}`
  const missing = (text: string): readonly Concern[] => [
    { kind: 'base', state: 'overdue', ...subject, text, mend, link: null },
  ]
  if (lock === null) return missing(`${path} pins no base for ${target.id}`)
  const pinned = `${lock.distribution} ${lock.release}`
  if (pinned !== asked) return missing(`${path} pins ${pinned}, and ${asked} is asked for`)
  const name = lock.from === 'archive' ? `(${pinned} from the signed archive)` : lock.name
  const ageing: AgeingBase = { ...subject, name, born: bornOfLock(lock), maxAge: base.maxAge, mend }
  return baseConcerns(ageing, world.clock.now())
}

/** The release of ours that the image stands on. */
async function parentConcerns(
  world: World,
  trust: Trust,
  subject: { readonly image: string; readonly variant: string },
  base: Extract<Definition['base'], { readonly image: string }>,
): Promise<readonly Concern[]> {
  const ref = `${base.image}@${base.channel}`
  const { version, statement } = await releaseTrustedBy(
    world,
    await locateRelease(world, ref, subject.variant),
    trust,
  )
  const mend =
    base.channel === firstChannel
      ? `./mintmark release ${base.image}`
      : `./mintmark promote ${base.image} ${base.channel} --dry-run`
  const name = `${ref} (${version})`
  const born = statement.predicate.created
  return baseConcerns({ ...subject, name, born, maxAge: base.maxAge, mend }, world.clock.now())
}

async function definitionConcerns(
  world: World,
  trust: Trust,
  image: string,
  definition: Definition,
): Promise<readonly Concern[]> {
  const now = world.clock.now()
  const { os, base, hardening } = definition
  const found: Concern[] = [...lifecycleConcerns({ image, os, row: lifecycleRow(os) }, now)]
  for (const id of namedTargets(definition)) {
    const target = targetOf(id)
    const subject = { image, variant: variantAt(target) }
    const look = () =>
      'image' in base
        ? parentConcerns(world, trust, subject, base)
        : pinnedBase(world, { image, definition, target })
    found.push(...(await looked(world, 'base', subject, look)))
  }
  const file = `images/${image}.yaml`
  const exceptions = hardening.exceptions.flatMap(({ control: what, expires, owner }) =>
    endingConcern({ kind: 'exception', image, what, expires, owner, file }, now),
  )
  return [...found, ...exceptions]
}

interface Pointed {
  readonly version: string
  readonly created: string
}

async function pointedAt(world: World, trust: Trust, place: ChannelPlace): Promise<Pointed> {
  const { image, channel, variant } = place
  const located = await locateRelease(world, `${image}@${channel}`, variant)
  const { version, statement } = await releaseTrustedBy(world, located, trust)
  return { version, created: statement.predicate.created }
}

/**
 * Nightly is as old as its last change, and what is unchanged is rebuilt when its base is too old: a release older than that is one
 * that no night could replace. All other channels have the team's one limit.
 */
function limitOf(
  channel: string,
  definition: Definition | null,
  channelAge: string,
): { readonly most: string; readonly setting: string } {
  return channel === firstChannel && definition !== null
    ? { most: definition.base.maxAge, setting: 'base.maxAge' }
    : { most: channelAge, setting: 'watch.channelAge' }
}

async function channelsConcerns(
  world: World,
  trust: Trust,
  image: string,
  definition: Definition | null,
  channelAge: string,
): Promise<readonly Concern[]> {
  const found: Concern[] = []
  const seen = new Map<string, Pointed>()
  const places = await channelsOf(world, image)
  for (const place of places) {
    const { channel, variant } = place
    const look = async () => {
      seen.set(`${channel} ${variant}`, await pointedAt(world, trust, place))
      return []
    }
    found.push(...(await looked(world, 'channel', { image, variant }, look)))
  }
  for (const { channel, variant } of places) {
    const now = seen.get(`${channel} ${variant}`)
    if (now === undefined) continue
    const first = seen.get(`${firstChannel} ${variant}`) ?? null
    const nightly = first?.version === now.version ? null : first
    const limit = limitOf(channel, definition, channelAge)
    found.push(...channelConcerns({ image, variant, channel, ...now, ...limit, nightly }, world.clock.now()))
  }
  return found
}

/** Waivers for these images, or for all. */
async function waiverConcerns(world: World, images: readonly string[]): Promise<readonly Concern[]> {
  const waivers = await loadWaivers(world)
  return waivers
    .filter(({ waiver }) => waiver.image === undefined || images.includes(waiver.image))
    .flatMap(({ waiver, file }) => {
      const { vulnerability, package: name, expires, owner, image = null } = waiver
      const what = `${vulnerability} in ${name}`
      return endingConcern({ kind: 'waiver', image, what, expires, owner, file }, world.clock.now())
    })
}

/**
 * What needs a person, the worst first: of definitions, locks, waivers and the catalog, and of the last nights where they are asked
 * for. Nothing is built, scanned or written.
 * @throws MintmarkError NOT_FOUND for an image that there is not; CONFIG_INVALID in a job without a catalog that stays; what ends all looks
 */
export async function watch(world: World, input: WatchInput): Promise<readonly Concern[]> {
  ensureLasting(world, true)
  const defined = await imageNames(world)
  // A release that no channel points to ages for nobody.
  const pointed = (await world.catalog.list('channels/')).map((key) => key.split('/')[1] ?? '')
  const all = unique([...defined, ...pointed])
  const images = input.images.length === 0 ? all : unique(input.images)
  // By its own words for a name that there is not.
  for (const image of images) if (!all.includes(image)) await loadDefinition(world, image)
  const trust: Trust = { trust: await trustedKeys(world, null), onlyTrust: false }
  const found: Concern[] = []
  const variants = new Map<string, readonly string[]>()
  for (const image of images) {
    input.update(image)
    let definition: Definition | null = null
    if (defined.includes(image)) {
      const subject = { image, variant: null }
      const look = async () => {
        definition = await loadDefinition(world, image)
        variants.set(image, variantsOf(definition))
        return definitionConcerns(world, trust, image, definition)
      }
      found.push(...(await looked(world, 'definition', subject, look)))
    }
    found.push(...(await channelsConcerns(world, trust, image, definition, input.channelAge)))
  }
  const noImage = { image: null, variant: null }
  found.push(...(await looked(world, 'waiver', noImage, () => waiverConcerns(world, images))))
  if (input.nights !== null) {
    const { github, workflow } = input.nights
    input.update(`the last runs of ${workflow}`)
    found.push(...(await nightConcerns(world, github, { workflow, variants })))
  }
  return inOrder(found)
}
