import {
  type CountedApprovals,
  countApprovals,
  isSamePerson,
  needsOf,
  soakMs,
} from '../core/channel-needs.ts'
import { listed } from '../core/lists.ts'
import { visible } from '../core/show-value.ts'
import { variantsOf } from '../core/variants.ts'
import { compareVersions } from '../core/versions.ts'
import { MintmarkError } from '../errors.ts'
import { firstChannel } from '../model/channel.ts'
import { Definition } from '../model/definition.ts'
import type { World } from '../ports/world.ts'
import { requestersOf } from './actor.ts'
import type { Trust } from './chain.ts'
import { readHistory } from './channel-history.ts'
import { eventsOf, trustedEvents } from './events.ts'
import type { JudgedToday } from './judge-today.ts'
import { whyNotMove } from './move-channel.ts'
import type { Promotion } from './promotion.ts'
import type { Release } from './read-release.ts'
import { readReport } from './read-reports.ts'

/** One thing that a release needs to come into a channel. */
export interface Need {
  readonly name: 'complete' | 'anchored' | 'key' | 'policy' | 'vulnerabilities' | 'soak' | 'approvals'
  readonly met: boolean
  readonly text: string
  /** What to do when it is not met. */
  readonly mend: string | null
}

const met = (name: Need['name'], text: string): Need => ({ name, met: true, text, mend: null })
const unmet = (name: Need['name'], text: string, mend: string): Need => ({ name, met: false, text, mend })

/** That no variant is missing which the version was to have. */
export async function completeness(world: World, { variants, image, version }: Promotion): Promise<Need> {
  const there = variants.map(({ release }) => release.variant)
  const wanted = new Set<string>()
  for (const { release } of variants) {
    const made = await readReport(world, release.statement.predicate, 'definition', Definition)
    for (const variant of variantsOf(made)) wanted.add(variant)
  }
  const missing = [...wanted].filter((variant) => !there.includes(variant)).sort()
  return missing.length === 0
    ? met('complete', there.join(', '))
    : unmet(
        'complete',
        `${image}@${version} is incomplete: there is no ${missing.join(', ')}, only ${there.join(', ')}`,
        `release the missing variant with the run of the others: ./mintmark releases ${image}`,
      )
}

/** That others can trust the record, and the move as well. */
export async function trustNeeds(world: World, promotion: Promotion, trust: Trust): Promise<readonly Need[]> {
  const { image, version, channel, variants } = promotion
  const loose = variants.filter(({ anchored }) => !anchored)
  const [first] = loose
  const keyid = first?.release.envelope.signatures[0]?.keyid ?? ''
  const anchored =
    first === undefined
      ? met('anchored', 'a signer of scans/policies/trust.yaml signed the record')
      : unmet(
          'anchored',
          `only this machine vouches for ${image}@${version}: no signer of scans/policies/trust.yaml signed it`,
          `./mintmark verify --print-key, where it was signed by the key ${keyid}, prints the entry for scans/policies/trust.yaml`,
        )
  const why = await whyNotMove(world, { image, channel, variant: variants[0]?.release.variant ?? '' }, trust)
  return [
    anchored,
    why === null
      ? met('key', 'the move is signed by a signer of scans/policies/trust.yaml')
      : unmet(
          'key',
          `the move can't be signed so that others trust it: ${why}`,
          'promote where the release job signs, or add the key: ./mintmark verify --print-key prints its entry for scans/policies/trust.yaml',
        ),
  ]
}

/** What the policy says today, with an emergency's own findings held to be told: they are in the diff. */
export function policyNeeds(judged: readonly JudgedToday[], { image, version }: Promotion): readonly Need[] {
  const [first] = judged
  const by = first?.by ?? ''
  const policy = first?.gate.policy.name ?? ''
  const wrong = judged.flatMap(({ gate, release, open }) => {
    if (gate.verdict === 'passed') return []
    const shipped = release.statement.predicate.gate.emergency?.shipped ?? []
    // An emergency excuses a finding in one package, and not in the next one that turns out to have it.
    const others = open.filter((finding) => !shipped.includes(`${finding.id} ${finding.package}`))
    const rejecting = new Set(others.map(({ id }) => id))
    return gate.reasons.filter(({ kind, id }) => kind !== 'finding' || rejecting.has(id))
  })
  const emergency = judged.some(({ release }) => release.statement.predicate.gate.emergency !== null)
  const known = judged.every(({ gate }) => gate.vulnerability === 'judged')
  return [
    wrong.length === 0
      ? met(
          'policy',
          `${emergency ? 'an emergency, whose findings are in the diff; all else passes' : 'passes'} policy ${policy} today, by ${by}`,
        )
      : unmet(
          'policy',
          `policy ${policy} rejects it today: ${listed([...new Set(wrong.map(({ id }) => visible(id)))])}, by ${by}`,
          wrong[0]?.mend ?? `./mintmark rescan ${image}@${version}`,
        ),
    known
      ? met('vulnerabilities', 'known')
      : unmet(
          'vulnerabilities',
          `nobody knows the vulnerabilities of ${image}@${version}: no database has been at hand`,
          `./mintmark rescan ${image}@${version} --trivy-db FOLDER|OCI-REFERENCE`,
        ),
  ]
}

/** @throws MintmarkError CHAIN_BROKEN or VERIFY_FAILED when the history of nightly can't be trusted */
export async function soakNeed(world: World, promotion: Promotion, trust: Trust): Promise<Need> {
  const { image, channel, variants, definition } = promotion
  const { soak } = needsOf(definition, channel)
  const instants: string[] = []
  for (const { release } of variants) {
    const place = { image, channel: firstChannel, variant: release.variant }
    const { moves, broken } = await readHistory(world, place, trust)
    if (broken !== null)
      throw new MintmarkError(
        broken.code,
        `the history of ${image}@${firstChannel} can't be trusted: ${broken.text}`,
      )
    const first = moves.find(({ event }) => event.record === release.record && event.data.why === 'released')
    instants.push(first?.event.at ?? release.statement.predicate.created)
  }
  const since = instants.sort().at(-1) ?? ''
  const now = world.clock.now().getTime()
  const over = new Date(Date.parse(since) + soakMs(soak))
  if (now >= over.getTime() && now >= Date.parse(since))
    return met('soak', `${soak} are over: in ${firstChannel} since ${since}`)
  const text =
    now < Date.parse(since)
      ? `in ${firstChannel} since ${since}, which is later than the clock of this machine`
      : `${soak} in ${firstChannel} are not over: there since ${since}`
  return unmet('soak', text, `promote it after ${over.toISOString()}`)
}

/**
 * Digests of the approvals by which a release came into a channel before: what was approved once, and went back since, has to be looked
 * at anew.
 */
export async function spentApprovals(
  world: World,
  { image, variant }: Pick<Release, 'image' | 'variant'>,
  channel: string,
  trust: Trust,
): Promise<ReadonlySet<string>> {
  const { moves } = await readHistory(world, { image, channel, variant }, trust)
  return new Set(moves.flatMap(({ event }) => event.data.approvals.map((approval) => approval.event)))
}

/** The approvals of each variant, in the variants' order. */
export async function approvalsOf(
  world: World,
  { channel, digest, variants }: Promotion,
  { trust, by }: { readonly trust: Trust; readonly by: string },
): Promise<readonly CountedApprovals[]> {
  const counted: CountedApprovals[] = []
  for (const { release, there } of variants) {
    const events = eventsOf(await trustedEvents(world, release, trust), 'approved')
    const given = events.map(({ event, sha256 }) => ({ data: event.data, event: sha256 }))
    // A promotion that was stopped half-way is finished by the approvals that it began with.
    const spent = there ? new Set<string>() : await spentApprovals(world, release, channel, trust)
    const promoters = [by, ...requestersOf(world)]
    counted.push(countApprovals(given, { channel, diff: digest, promoters, spent }))
  }
  return counted
}

/** Who approved every variant counts. */
export function approvalNeed(promotion: Promotion, approvals: readonly CountedApprovals[]): Need {
  const { image, version, channel, definition } = promotion
  const wanted = needsOf(definition, channel).approvals
  const [first, ...others] = approvals
  // Who approved each of the variants.
  const names = (first?.counted ?? [])
    .map(({ data }) => data.by)
    .filter((name) => others.every(({ counted }) => counted.some(({ data }) => isSamePerson(data.by, name))))
  const who = names.length === 0 ? 'nobody' : names.map(visible).join(', ')
  const text = `${names.length} of ${wanted}: ${who}`
  return names.length >= wanted
    ? met('approvals', wanted === 0 ? 'none needed' : text)
    : unmet(
        'approvals',
        `${text} approved this diff`,
        `somebody else looks and approves: ./mintmark approve ${image}@${version} ${channel}`,
      )
}

/** What people should know besides: earlier roll-backs, approvals that don't count. */
export async function notesOf(
  world: World,
  { image, version, channel, variants }: Promotion,
  approvals: readonly CountedApprovals[],
  trust: Trust,
): Promise<readonly string[]> {
  const notes = approvals.flatMap(({ idle }) =>
    idle.map(({ by, why }) => `the approval of ${visible(by)} does not count: ${visible(by)} ${why}`),
  )
  for (const { now } of variants)
    if (now !== null && compareVersions(now.version, version) > 0)
      notes.push(
        `${version} is older than ${now.version}, which ${channel} has: rollback is the usual way back`,
      )
  for (const { release } of variants)
    for (const name of [channel, firstChannel]) {
      const { moves } = await readHistory(world, { image, channel: name, variant: release.variant }, trust)
      for (const { event } of moves)
        if (event.data.why === 'rolled-back' && event.data.from === version)
          notes.push(
            `${name} was rolled back from ${version} on ${event.at} by ${visible(event.data.by)}: ${visible(event.data.reason ?? 'no reason given')}`,
          )
    }
  return [...new Set(notes)]
}
