import { didYouMean } from '../core/did-you-mean.ts'
import { type DiffSide, diffDigest, diffReleases, type ReleaseDiff } from '../core/diff-releases.ts'
import { MintmarkError } from '../errors.ts'
import { firstChannel } from '../model/channel.ts'
import type { Definition } from '../model/definition.ts'
import type { World } from '../ports/world.ts'
import type { Trust } from './chain.ts'
import { lastMove } from './channel-history.ts'
import { sideOf } from './diff.ts'
import { loadDefinition } from './load-definition.ts'
import { type PointsTo, pointsTo } from './move-channel.ts'
import { type Located, locateRelease, locateVariant, locateVersion, type Release } from './read-release.ts'
import { releaseTrustedBy, verifyRelease } from './verify-release.ts'

/** One variant on its way into a channel. */
export interface PromotedVariant {
  readonly release: Release
  /** A signer of trust.yaml vouches for the record. */
  readonly anchored: boolean
  /** What the channel points to now; null when it is empty. */
  readonly now: PointsTo | null
  /** It is there already: a promotion that was stopped half-way got so far. */
  readonly there: boolean
  readonly diff: ReleaseDiff
}

/** A version and a channel, with what is different from what the channel has. */
export interface Promotion {
  readonly image: string
  readonly version: string
  readonly channel: string
  readonly definition: Definition
  /** Sorted by their names; at least one. */
  readonly variants: readonly PromotedVariant[]
  /** Of the diff: what an approval names. */
  readonly digest: string
}

export interface PromotionInput {
  /** An image (what nightly points to), or a release of it. */
  readonly ref: string
  readonly channel: string
  readonly trust: Trust
  /** Reads the stored bytes through as well. */
  readonly bytes: boolean
}

/** @throws MintmarkError USAGE for nightly, NOT_FOUND for a channel that the definition has not */
export function refuseChannel(definition: Definition, image: string, channel: string): void {
  if (channel === firstChannel)
    throw new MintmarkError(
      'USAGE',
      `${firstChannel} takes every release by itself, nothing is promoted to it`,
      {
        hint: `./mintmark rollback ${image} ${firstChannel} --reason "..." moves it back`,
      },
    )
  const known = Object.keys(definition.channels).filter((name) => name !== firstChannel)
  if (known.includes(channel)) return
  const meant = didYouMean(channel, known)
  throw new MintmarkError('NOT_FOUND', `images/${image}.yaml has no channel "${channel}"`, {
    hint:
      meant !== null
        ? `did you mean ${meant}?`
        : known.length > 0
          ? `there are: ${known.join(', ')}`
          : `add it to images/${image}.yaml: channels: {${channel}: {needs: {approvals: 1, soak: 48h}}}`,
  })
}

async function verified(
  world: World,
  located: Located,
  { trust, bytes }: PromotionInput,
): Promise<{ readonly release: Release; readonly anchored: boolean }> {
  const { ok, anchored, links, release } = await verifyRelease(world, located, { ...trust, blobs: bytes })
  if (ok && release !== null) return { release, anchored }
  const name = `${located.image}@${located.version}`
  throw new MintmarkError('VERIFY_FAILED', `${name} ${located.variant} is not what was signed`, {
    hint: `./mintmark verify ${name}`,
    details: links.filter((link) => !link.right).map((link) => `${link.name}: ${link.text}`),
  })
}

/** What the channel had before it came to this release. */
async function versionBefore(world: World, release: Release, input: PromotionInput): Promise<string | null> {
  const place = { image: release.image, channel: input.channel, variant: release.variant }
  const { last } = await lastMove(world, place, input.trust, false)
  return last?.event.data.from ?? null
}

async function sideBefore(
  world: World,
  release: Release,
  version: string | null,
  { trust }: PromotionInput,
): Promise<DiffSide | null> {
  if (version === null) return null
  const { image, variant } = release
  const located = await locateVariant(world, { image, version, variant })
  if (located === null)
    throw new MintmarkError(
      'VERIFY_FAILED',
      `the channel points to ${image}@${version}, which has no record`,
      {
        hint: `./mintmark releases ${image} --history`,
      },
    )
  return sideOf(world, await releaseTrustedBy(world, located, trust), trust)
}

/**
 * All variants of a version, verified, with the diff from what the channel has. Nothing is judged yet.
 * @throws MintmarkError NOT_FOUND, USAGE, CONFIG_INVALID; VERIFY_FAILED or CHAIN_BROKEN for what is not as it was signed
 */
export async function preparePromotion(world: World, input: PromotionInput): Promise<Promotion> {
  const { channel, trust } = input
  const { image, version } = await locateRelease(world, input.ref)
  const definition = await loadDefinition(world, image)
  refuseChannel(definition, image, channel)
  const found = []
  for (const located of await locateVersion(world, image, version)) {
    const { release, anchored } = await verified(world, located, input)
    const now = await pointsTo(world, { image, channel, variant: release.variant }, trust)
    found.push({ release, anchored, now, there: now?.record === release.record })
  }
  const finished = found.every(({ there }) => there)
  const variants: PromotedVariant[] = []
  for (const variant of found) {
    const { release, now, there } = variant
    // Of a promotion that was stopped half-way: the diff is still the one that was approved.
    const from = there && !finished ? await versionBefore(world, release, input) : (now?.version ?? null)
    const before = await sideBefore(world, release, from, input)
    variants.push({ ...variant, diff: diffReleases(before, await sideOf(world, release, trust), null) })
  }
  return {
    image,
    version,
    channel,
    definition,
    variants,
    digest: diffDigest(variants.map(({ diff }) => diff)),
  }
}

/** Every variant is there: nothing is left to do. */
export const isDone = ({ variants }: Promotion): boolean => variants.every(({ there }) => there)
