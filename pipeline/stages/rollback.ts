import { worseThan } from '../core/emergency.ts'
import { rejectionLines } from '../core/render-rejection.ts'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'
import { type Distribution, distributeMove } from './distribute.ts'
import { judgeToday } from './judge-today.ts'
import { moveChannel, settlePointer } from './move-channel.ts'
import { locateVariant } from './read-release.ts'
import { type Candidate, candidatesOf, type WayBack } from './rollback-target.ts'
import { verifyRelease } from './verify-release.ts'

export interface RollbackInput extends WayBack {
  readonly trivyDb: string | null
  readonly knownExploited: string | null
  /** What rejects the older release today, and not the newer, is known and accepted. */
  readonly acceptFindings: boolean
  readonly update: (text: string) => void
}

export interface RolledBack {
  readonly image: string
  readonly channel: string
  readonly version: string
  /** What the channel had; null for a variant that it never had. */
  readonly from: string | null
  readonly variants: readonly string[]
  /** It was there already: a roll-back that was stopped and is run again, or nothing to do. */
  readonly already: boolean
  /** What rejects it today and not the release before: accepted. */
  readonly worse: readonly string[]
  /** What else its policy says today; it stops nothing. */
  readonly notes: readonly string[]
  /** What it came to in all places of its targets. */
  readonly distribution: Distribution
}

interface Told {
  readonly worse: readonly string[]
  readonly notes: readonly string[]
}

/** What today's advisories say of the older release. Only what the newer one does not have is worth a question at night. */
async function lookToday(
  world: World,
  candidates: readonly Candidate[],
  input: RollbackInput,
): Promise<Told> {
  const { trust, trivyDb, knownExploited } = input
  const worse = new Set<string>()
  const notes = new Set<string>()
  for (const { place, now, release } of candidates) {
    const located = await locateVariant(world, { ...place, version: now.version })
    const current =
      located === null ? null : (await verifyRelease(world, located, { ...trust, blobs: false })).release
    const releases = current === null ? [release] : [release, current]
    const judgement = { trust, trivyDb, knownExploited, neverStop: true }
    const judged = await judgeToday(world, { releases, ...judgement })
      // A current release that can't be read may be why somebody rolls back.
      .catch(() => judgeToday(world, { releases: [release], ...judgement }))
      .catch((cause: unknown) => {
        if (!(cause instanceof MintmarkError) || world.signal.aborted) throw cause
        notes.add(`${release.version} could not be judged today: ${cause.message}`)
        return []
      })
    const [older, newer] = judged
    if (older === undefined) continue
    const findings = newer?.findings ?? []
    for (const item of worseThan(older.open, { name: now.version, findings })) worse.add(item)
    notes.add(`judged by ${older.by}`)
    if (older.gate.verdict === 'rejected')
      for (const line of rejectionLines(older.gate, 'see --json')) notes.add(line)
  }
  return { worse: [...worse].sort(), notes: [...notes] }
}

/**
 * Moves a channel back to a release that it had, for each of its variants: no approval, no soak, a reason.
 * @throws MintmarkError NOT_FOUND, USAGE; VERIFY_FAILED, CHAIN_BROKEN; PROMOTION_REFUSED when the older release has findings that the
 * current one has not, and nobody has accepted them
 */
export async function rollback(world: World, input: RollbackInput): Promise<RolledBack> {
  const { image, channel, reason, by, trust, acceptFindings, update } = input
  update('verifying the release to go back to')
  const candidates = await candidatesOf(world, input)
  const [first] = candidates
  if (first === undefined) throw new MintmarkError('NOT_FOUND', `${image}@${channel} points to nothing`)
  const { version } = first.release
  const result = {
    image,
    channel,
    version,
    from: first.now.version,
    variants: candidates.map((item) => item.place.variant),
  }
  const left = candidates.filter(({ now, release }) => now.record !== release.record)
  for (const { place } of candidates) await settlePointer(world, place, trust)
  const reach = (): Promise<Distribution> =>
    distributeMove(world, { image, channel, variants: candidates, update }, trust)
  if (left.length === 0)
    return { ...result, already: true, worse: [], notes: [], distribution: await reach() }
  update("looking it up in today's advisories")
  const { worse, notes } = await lookToday(world, left, input)
  if (worse.length > 0 && !acceptFindings)
    throw new MintmarkError(
      'PROMOTION_REFUSED',
      `${image}@${version} has ${worse.length} finding${worse.length === 1 ? '' : 's'} that reject it today, and ${first.now.version} has not`,
      {
        hint: 'the same command with --accept-findings rolls back all the same, and records them',
        details: [...worse, ...notes],
      },
    )
  let moved = false
  for (const { now, release } of left) {
    const { event } = await moveChannel(
      world,
      {
        release,
        channel,
        data: {
          why: 'rolled-back',
          by,
          diff: null,
          approvals: [],
          reason,
          ...(worse.length === 0 ? {} : { accepted: [...worse] }),
        },
        decide: (found) => {
          if (found?.record === release.record) return false
          if (found?.record === now.record) return true
          throw new MintmarkError(
            'CONFLICT',
            `${channel} of ${image} was moved to ${found?.version ?? 'nothing'} while this was looked at`,
            { hint: `./mintmark releases ${image} --history ${channel}` },
          )
        },
      },
      trust,
    )
    moved ||= event !== null
  }
  // Somebody else was first with the same.
  return { ...result, already: !moved, worse, notes, distribution: await reach() }
}
