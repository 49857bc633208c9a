import type { Reviewer } from '../core/reviews.ts'
import { showValue } from '../core/show-value.ts'
import { isPending } from '../core/share-plan.ts'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'
import { approve } from './approve.ts'
import type { Trust } from './chain.ts'
import { readHistory } from './channel-history.ts'
import { eventsOf, trustedEvents } from './events.ts'
import { type PromotePlan, planPromotion } from './promote.ts'
import { isDone, type Promotion, preparePromotion } from './promotion.ts'
import { reviewersOf, reviewsSoFar } from './reviews.ts'
import { lookAtShares, type ShareLook } from './share-plan.ts'

export interface LookInput {
  /** An image (what nightly points to), or a release of it. */
  readonly ref: string
  readonly channel: string
  readonly trust: Trust
  /** Who asks for the promotion. */
  readonly by: string
  readonly trivyDb: string | null
  readonly knownExploited: string | null
  readonly update: (text: string) => void
}

/** All that a reviewer is to see before it is done. */
export interface PromotionLook extends PromotePlan {
  /** Who would get and lose the image if the channel were moved. */
  readonly share: ShareLook
  /** The run's reviews so far, which are of something else. */
  readonly reviews: string
}

/** What the channel's sharing would be with that release. */
const sharingOf = (
  world: World,
  { image, version, channel }: Promotion,
  update: (text: string) => void,
): Promise<ShareLook> =>
  lookAtShares(world, {
    image,
    channel,
    asIf: { channel, version },
    update: (text) => update(`share: ${text}`),
  })

/**
 * What would come into a channel, what it lacks, and who would get it. Looks only.
 * @throws MintmarkError USAGE without a job that can be reviewed; as preparePromotion, judgeToday and lookAtShares do
 */
export async function lookAtPromotion(world: World, input: LookInput): Promise<PromotionLook> {
  const { ref, channel, trust, update } = input
  // Before the long looks: whoever reviews meanwhile has not seen them.
  const reviews = await reviewsSoFar(world)
  update('verifying the release')
  const promotion = await preparePromotion(world, { ref, channel, trust, bytes: false })
  const { needs, notes } = await planPromotion(world, promotion, input)
  const share = await sharingOf(world, promotion, update)
  return { promotion, needs, notes, reviews, share }
}

export interface ReviewedInput extends Pick<LookInput, 'ref' | 'channel' | 'trust' | 'update'> {
  /** Digests of the diff and of the plan of sharing that the reviewer saw, as the look said them. */
  readonly diff: string
  readonly sharing: string
  /** The environment that a reviewer let the job into. */
  readonly environment: string
  /** The run's reviews before the look, as it said them. */
  readonly reviews: string
}

export interface ApprovedByReview {
  readonly promotion: Promotion
  /** Who accepted it; empty when the channel is there already, and who gets it is settled too. */
  readonly reviewers: readonly Reviewer[]
  readonly written: boolean
}

/** Whether a reviewer accepted that sharing of what the channel has, for every variant, and since it was there before the last time. */
async function sharingAccepted(
  world: World,
  { image, channel, variants }: Promotion,
  sharing: string,
  trust: Trust,
): Promise<boolean> {
  for (const { release } of variants) {
    const { moves } = await readHistory(world, { image, channel, variant: release.variant }, trust)
    const earlier = moves.slice(0, -1).flatMap(({ event }) => event.data.approvals.map((item) => item.event))
    const given = eventsOf(await trustedEvents(world, release, trust), 'approved')
    const accepted = given.some(
      ({ event: { data }, sha256 }) =>
        data.channel === channel && data.sharing === sharing && !earlier.includes(sha256),
    )
    if (!accepted) return false
  }
  return true
}

/**
 * Turns what a reviewer of the CI run did into signed approvals of exactly what they were shown: the diff by its digest, the sharing by
 * its. A promotion that was done before needs none, when there is nothing to share or that sharing was accepted with it.
 * @throws MintmarkError CONFLICT when either is not what it was, PROMOTION_REFUSED when nobody may be counted; as approve does
 */
export async function approveAsReviewed(world: World, input: ReviewedInput): Promise<ApprovedByReview> {
  const { ref, channel, trust, diff, sharing, update } = input
  const promotion = await preparePromotion(world, { ref, channel, trust, bytes: false })
  const { plan } = await sharingOf(world, promotion, update)
  const settled = async (): Promise<boolean> =>
    !plan.actions.some(isPending) ||
    (plan.digest === sharing && (await sharingAccepted(world, promotion, sharing, trust)))
  if (isDone(promotion) && (await settled())) return { promotion, reviewers: [], written: false }
  const { environment, reviews: before } = input
  const { reviewers, requesters: requestedBy } = await reviewersOf(world, { environment, before })
  if (plan.digest !== sharing)
    throw new MintmarkError(
      'CONFLICT',
      `who would get ${channel} of ${promotion.image} is plan ${plan.digest} now, and the reviewer saw ${showValue(sharing)}`,
      { hint: 'run all jobs of the workflow again, so that somebody sees what it is now' },
    )
  let written = false
  for (const { by, comment } of reviewers) {
    const approved = await approve(world, { ref, channel, trust, diff, by, comment, sharing, requestedBy })
    written ||= approved.written
  }
  return { promotion, reviewers, written }
}
