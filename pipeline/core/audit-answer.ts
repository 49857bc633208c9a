import type { Approval, AuditAnswer, AuditLink, Look, Share, Stay } from '../model/audit.ts'
import type { EventOf, ReleaseEvent } from '../model/event.ts'
import type { ChannelPointer, RecordPredicate } from '../model/release.ts'
import type { TestReport } from '../model/stages.ts'
import { grouped, unique } from './lists.ts'
import { worstOf } from './statement.ts'

interface Stored<E> {
  readonly event: E
  /** Digest of its envelope. */
  readonly sha256: string
}

/** Where a channel has been, as far as its history holds. */
interface AuditHistory {
  readonly channel: string
  readonly moves: readonly Stored<EventOf<'pointed'>>[]
  /** What is wrong with it. */
  readonly broken: string | null
}

/** All that was read of a release and checked. */
export interface AuditInput {
  readonly variant: string
  readonly record: string
  readonly keyids: readonly string[]
  readonly predicate: RecordPredicate
  readonly anchored: boolean
  readonly links: readonly AuditLink[]
  /** True when `links` tells of the bytes of image and reports too. */
  readonly bytes: boolean
  readonly events: readonly Stored<ReleaseEvent>[]
  /** Why there may be others, or null. */
  readonly eventsBroken: string | null
  /** Of every channel of the variant. */
  readonly histories: readonly AuditHistory[]
  readonly pointers: readonly ChannelPointer[]
  /** Null when it is not stored, or not as it was recorded. */
  readonly test: Pick<TestReport, 'boots' | 'controls'> | null
  /** Ids of the controls that the image should have; null when that is not known. */
  readonly selected: readonly string[] | null
  readonly catalog: Pick<AuditAnswer['where'], 'catalog' | 'address' | 'path'>
  readonly instance: AuditAnswer['what']['instance']
}

type About = Pick<AuditInput, 'record' | 'pointers'> & { readonly version: string }

function stayFrom({ data, at }: EventOf<'pointed'>): Stay {
  return {
    channel: data.channel,
    since: at,
    until: null,
    why: data.why,
    by: data.by,
    from: data.from,
    diff: data.diff,
    approvedBy: data.approvals.map(({ by }) => by),
    reason: data.reason,
    accepted: data.accepted ?? [],
    ended: null,
  }
}

/** A time about which no event tells how it began. */
const untold = (channel: string, since: string | null): Stay => ({
  channel,
  since,
  until: null,
  why: null,
  by: null,
  from: null,
  diff: null,
  approvedBy: [],
  reason: null,
  accepted: [],
  ended: null,
})

/** The times in which a channel pointed to the release, oldest first. */
function staysIn({ channel, moves }: AuditHistory, { version, record, pointers }: About): readonly Stay[] {
  const stays: Stay[] = []
  let open: Stay | null = moves[0]?.event.data.from === version ? untold(channel, null) : null
  for (const { event } of moves) {
    const comes = event.version === version && event.record === record
    if (open !== null && !comes) {
      const { why, by, reason } = event.data
      stays.push({ ...open, until: event.at, ended: { to: event.version, why, by, reason } })
      open = null
    } else if (open === null && comes) open = stayFrom(event)
  }
  const pointer = pointers.find((item) => item.channel === channel && item.record === record)
  if (moves.length === 0 && pointer !== undefined) open = untold(channel, pointer.moved)
  return open === null ? stays : [...stays, open]
}

function approvalsOf(events: AuditInput['events']): Approval[] {
  return events.flatMap(({ event, sha256 }) => {
    if (event.kind !== 'approved') return []
    const { channel, by, diff, from, comment } = event.data
    return [{ at: event.at, channel, by, diff, from, comment, event: sha256 }]
  })
}

function looksOf(events: AuditInput['events']): Look[] {
  return events.flatMap(({ event }) => {
    if (event.kind !== 'rescanned') return []
    const { gate, findings, changes, database, trivy, report } = event.data
    return [
      {
        at: event.at,
        sequence: event.sequence,
        verdict: gate.verdict,
        policy: gate.policy,
        rejects: gate.verdict === 'rejected' ? [...unique(gate.reasons.map(({ id }) => id))] : [],
        findings,
        new: changes.new.length,
        fixable: changes.fixable.length,
        gone: changes.gone.length,
        database,
        scanner: `trivy ${trivy.version}`,
        report: report.sha256,
      },
    ]
  })
}

/** The times in which somebody had the image, in the order in which they got it. */
function sharesOf(events: AuditInput['events']): readonly Share[] {
  const shares: Share[] = []
  for (const { event } of events) {
    if (event.kind !== 'granted' && event.kind !== 'revoked') continue
    const { channel, principal, reference, by } = event.data
    const at = shares.findIndex(
      (item) => item.until === null && item.channel === channel && item.principal === principal,
    )
    const open = shares[at]
    if (event.kind === 'revoked') {
      if (open !== undefined) shares[at] = { ...open, until: event.at, revokedBy: by }
    } else if (open === undefined)
      shares.push({ channel, principal, reference, since: event.at, by, until: null, revokedBy: null })
    else shares[at] = { ...open, reference }
  }
  return shares
}

function failedControls({ test, selected }: AuditInput): AuditAnswer['controls']['failed'] {
  if (test === null) return null
  const results = test.controls.flatMap(({ where, results: all }) =>
    all.map((result) => ({ where, ...result })),
  )
  const bad = grouped(results, ({ control }) => control).flatMap(([control, looks]) => {
    const status = worstOf(new Set(looks.map((look) => look.status)))
    const worst = looks.filter((look) => look.status === status)
    const [first] = worst
    if (first === undefined || (status !== 'fail' && status !== 'error')) return []
    const { expected, found } = first
    return [{ control, status, where: worst.map(({ where }) => where), expected, found }]
  })
  const seen = new Set(results.map(({ control }) => control))
  // Nobody looked at it: no pass.
  const unseen = (selected ?? []).filter((control) => !seen.has(control))
  return [
    ...bad,
    ...unseen.map((control) => ({
      control,
      status: 'error' as const,
      where: [],
      expected: 'a look',
      found: 'none',
    })),
  ]
}

const isOpen = ({ until }: { readonly until: string | null }): boolean => until === null
const isOver = (item: { readonly until: string | null }): boolean => !isOpen(item)

/** What an auditor asks of a release, answered from what was read of it. */
export function auditAnswer(input: AuditInput): AuditAnswer {
  const { predicate, record, variant, links, events, histories, pointers, test } = input
  const { image, version, target, arch, owner, login, created, artifact, source, scan, gate } = predicate
  const stays = histories.flatMap((history) => staysIn(history, { version, record, pointers }))
  const shares = sharesOf(events)
  return {
    schema: 1,
    believable: links.every(({ right }) => right),
    what: {
      image,
      version,
      variant,
      target,
      arch,
      owner,
      login,
      made: created,
      artifact,
      record,
      instance: input.instance,
    },
    from: { base: predicate.base, ...source, tools: predicate.tools },
    by: {
      run: predicate.run,
      builder: predicate.builder ?? null,
      keyids: [...input.keyids],
      signer: links.find(({ name }) => name === 'signature')?.text ?? '',
      anchored: input.anchored,
    },
    approved: { approvals: approvalsOf(events), emergency: gate.emergency },
    tested: { facts: [...predicate.facts], boots: test === null ? null : [...test.boots] },
    scanned: {
      os: scan.os,
      packages: scan.packages,
      trivy: scan.trivy,
      secondScanner: scan.secondScanner ?? null,
      database: scan.database,
      databaseProblem: scan.databaseProblem,
      knownExploited: gate.knownExploited,
      vulnerability: gate.vulnerability,
      counts: gate.counts,
      policy: gate.policy,
      again: looksOf(events),
    },
    controls: {
      profile: predicate.profile,
      ...predicate.controls,
      failed: failedControls(input),
      excepted: gate.excepted,
    },
    waivers: gate.waived,
    where: { ...input.catalog, now: stays.filter(isOpen), before: stays.filter(isOver) },
    users: { now: shares.filter(isOpen), before: shares.filter(isOver) },
    verified: {
      links: [...links],
      bytes: input.bytes,
      events: events.length,
      eventsBroken: input.eventsBroken,
      histories: histories.map(({ channel, moves, broken }) => ({ channel, moves: moves.length, broken })),
    },
  }
}
