import { isSamePerson } from '../core/channel-needs.ts'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'
import type { Trust } from './chain.ts'
import { appendEvent, eventsOf, whyNotWrite } from './events.ts'
import { isDone, type Promotion, preparePromotion } from './promotion.ts'
import { spentApprovals } from './promotion-needs.ts'

export interface ApproveInput {
  /** An image (what nightly points to), or a release of it. */
  readonly ref: string
  readonly channel: string
  readonly trust: Trust
  /** Digest of the diff that was seen; null only looks. */
  readonly diff: string | null
  readonly by: string
  readonly comment: string | null
  /** Digest of the plan of sharing that was seen as well; left out where none was shown. */
  readonly sharing?: string
  /** Who asked for what the reviewer of a CI run accepts. */
  readonly requestedBy?: readonly string[]
}

export interface Approved {
  readonly promotion: Promotion
  /** False: only looked at, or approved by the same person before. */
  readonly written: boolean
}

const digestForm = /^(?:sha256:)?([0-9a-f]{64})$/

/** @throws MintmarkError USAGE for what is no digest, CONFLICT when it is not the diff as it is now */
function ensureSeen({ digest, image, version, channel }: Promotion, seen: string): void {
  const [, hex] = digestForm.exec(seen) ?? []
  if (hex === digest) return
  const look = `./mintmark approve ${image}@${version} ${channel}`
  if (hex === undefined)
    throw new MintmarkError('USAGE', `--diff is "${seen}": expected the 64 hex digits of a sha256`, {
      hint: `${look} shows the diff and its digest`,
    })
  throw new MintmarkError(
    'CONFLICT',
    `the diff from ${channel} to ${image}@${version} is sha256:${digest} now, not sha256:${hex}`,
    { hint: `it is another diff, or ${channel} was moved since: look at it: ${look}` },
  )
}

/**
 * A person accepts what goes into a channel: a signed event on the release, that names the diff which they saw. The same twice writes
 * nothing.
 * @throws MintmarkError USAGE, CONFLICT, and as preparePromotion does
 */
export async function approve(world: World, input: ApproveInput): Promise<Approved> {
  const { ref, channel, trust, diff, by, comment, sharing, requestedBy } = input
  const promotion = await preparePromotion(world, { ref, channel, trust, bytes: false })
  if (diff === null) return { promotion, written: false }
  ensureSeen(promotion, diff)
  const { image, version, digest } = promotion
  // Who gets what the channel has may still be to be accepted.
  if (isDone(promotion) && sharing === undefined)
    throw new MintmarkError(
      'USAGE',
      `${channel} points to ${image}@${version} already: nothing is to be approved`,
      {
        hint: `./mintmark releases ${image} --history ${channel}`,
      },
    )
  for (const { release } of promotion.variants) {
    const why = await whyNotWrite(world, release, trust)
    if (why !== null)
      throw new MintmarkError('VERIFY_FAILED', `an approval of ${image}@${version} can't be signed: ${why}`, {
        hint: 'add the key to scans/policies/trust.yaml, or approve where the release job signs',
      })
  }
  let written = false
  for (const { release, diff: seen } of promotion.variants) {
    const event = await appendEvent(world, release, trust, async (_, events) => {
      const spent = await spentApprovals(world, release, channel, trust)
      const given = eventsOf(events, 'approved')
        .filter(({ sha256 }) => !spent.has(sha256))
        .map(({ event: { data } }) => data)
      const before = given.some(
        (item) =>
          item.channel === channel &&
          item.diff === digest &&
          isSamePerson(item.by, by) &&
          (sharing === undefined || item.sharing === sharing),
      )
      if (before) return null
      const from = seen.from?.split('@')[1] ?? null
      const also = {
        ...(sharing === undefined ? {} : { sharing }),
        ...(requestedBy === undefined ? {} : { requestedBy: [...requestedBy] }),
      }
      return { kind: 'approved', data: { channel, diff: digest, from, by, comment, ...also } }
    })
    written ||= event !== null
  }
  return { promotion, written }
}
