import type { CountedApprovals } from '../core/channel-needs.ts'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'
import type { Trust } from './chain.ts'
import { type Distribution, distributeMove, nowhere } from './distribute.ts'
import { judgeToday } from './judge-today.ts'
import { moveChannel, settlePointer } from './move-channel.ts'
import { isDone, type Promotion, preparePromotion } from './promotion.ts'
import {
  approvalNeed,
  approvalsOf,
  completeness,
  type Need,
  notesOf,
  policyNeeds,
  soakNeed,
  trustNeeds,
} from './promotion-needs.ts'

export interface PromoteInput {
  /** An image (what nightly points to), or a release of it. */
  readonly ref: string
  readonly channel: string
  readonly trust: Trust
  readonly by: string
  readonly trivyDb: string | null
  readonly knownExploited: string | null
  /** Only says what would be done. */
  readonly dryRun: boolean
  readonly update: (text: string) => void
}

export interface PromotePlan {
  readonly promotion: Promotion
  readonly needs: readonly Need[]
  /** What people should know besides: earlier roll-backs, approvals that don't count. */
  readonly notes: readonly string[]
}

export interface Promoted extends PromotePlan {
  /** What it came to in all places of its targets; nothing where it did not move. */
  readonly distribution: Distribution
  readonly outcome: 'done-before' | 'would-move' | 'refused' | 'moved'
  /** Versions that the channel had before, one a variant. */
  readonly from: readonly (string | null)[]
}

/** What a release has and lacks for a channel. */
export async function planPromotion(
  world: World,
  promotion: Promotion,
  input: Omit<PromoteInput, 'ref' | 'channel' | 'dryRun'>,
): Promise<PromotePlan & { readonly approvals: readonly CountedApprovals[] }> {
  const { trust, trivyDb, knownExploited } = input
  const releases = promotion.variants.map(({ release }) => release)
  input.update("judging it by today's policy and advisories")
  const judged = await judgeToday(world, { releases, trust, trivyDb, knownExploited, neverStop: false })
  const approvals = await approvalsOf(world, promotion, input)
  return {
    promotion,
    approvals,
    needs: [
      await completeness(world, promotion),
      ...(await trustNeeds(world, promotion, trust)),
      ...policyNeeds(judged, promotion),
      await soakNeed(world, promotion, trust),
      approvalNeed(promotion, approvals),
    ],
    notes: await notesOf(world, promotion, approvals, trust),
  }
}

/**
 * Moves a channel to a release that has all that the channel needs, for each of its variants; or says what it lacks. What was done
 * before is done once.
 * @throws MintmarkError CONFLICT when the channel moved meanwhile; and as preparePromotion and judgeToday do
 */
export async function promote(world: World, input: PromoteInput): Promise<Promoted> {
  const { ref, channel, trust, by, dryRun, update } = input
  update('verifying the release')
  const promotion = await preparePromotion(world, { ref, channel, trust, bytes: true })
  const from = promotion.variants.map(({ now }) => now?.version ?? null)
  if (isDone(promotion)) {
    for (const { release } of promotion.variants) await settlePointer(world, { ...release, channel }, trust)
    const distribution = dryRun ? nowhere : await distributeMove(world, { ...promotion, update }, trust)
    return { promotion, needs: [], notes: [], outcome: 'done-before', from, distribution }
  }
  const { approvals, ...plan } = await planPromotion(world, promotion, input)
  if (plan.needs.some((need) => !need.met))
    return { ...plan, outcome: 'refused', from, distribution: nowhere }
  if (dryRun) return { ...plan, outcome: 'would-move', from, distribution: nowhere }
  let moved = false
  for (const [index, { release, now, there }] of promotion.variants.entries()) {
    if (there) continue
    const counted = approvals[index]?.counted ?? []
    const { event } = await moveChannel(
      world,
      {
        release,
        channel,
        data: {
          why: 'promoted',
          by,
          diff: promotion.digest,
          approvals: counted.map((item) => ({ by: item.data.by, event: item.event })),
          reason: null,
        },
        decide: (found) => {
          if (found?.record === release.record) return false
          if (found?.record === now?.record) return true
          throw new MintmarkError(
            'CONFLICT',
            `${channel} of ${promotion.image} was moved to ${found?.version ?? 'nothing'} while this was looked at`,
            {
              hint: `look again: ./mintmark promote ${promotion.image}@${promotion.version} ${channel} --dry-run`,
            },
          )
        },
      },
      trust,
    )
    moved ||= event !== null
  }
  const distribution = await distributeMove(world, { ...promotion, update }, trust)
  // Somebody else may have been first with the same.
  return { ...plan, outcome: moved ? 'moved' : 'done-before', from, distribution }
}
