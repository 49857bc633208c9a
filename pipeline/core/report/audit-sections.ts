import type { AuditAnswer, Stay } from '../../model/audit.ts'
import type { Section } from './sections.ts'
import { type Cell, code, plain, type Table, toned, utc } from './table.ts'
import type { Say } from './texts.ts'

const table = (caption: string, head: Table['head'], rows: Table['rows']): readonly Table[] =>
  rows.length === 0 ? [] : [{ caption, head, rows, open: true }]

function approvalTable(say: Say, { approvals }: AuditAnswer['approved']): readonly Table[] {
  return table(
    say('approvals'),
    [say('when'), say('channel'), say('by-whom'), say('diff-seen'), say('from-version'), say('comment')],
    approvals.map(({ at, channel, by, diff, from, comment }) => [
      plain(utc(at)),
      plain(channel),
      plain(by),
      code(`sha256:${diff}`),
      plain(from ?? say('nothing')),
      plain(comment ?? ''),
    ]),
  )
}

const hows = {
  released: 'why-released',
  promoted: 'why-promoted',
  'rolled-back': 'why-rolled-back',
} as const

function howCell(say: Say, { why, by, from, approvedBy, diff, reason, accepted }: Stay): Cell {
  if (why === null || by === null) return toned(say('no-event-tells'), 'warn')
  return plain(
    [
      say(hows[why], { by, from: from ?? say('nothing') }),
      ...(approvedBy.length === 0 ? [] : [say('approved-by', { by: approvedBy.join(', ') })]),
      ...(diff === null ? [] : [say('by-diff', { diff })]),
      ...(reason === null ? [] : [say('reason-was', { reason })]),
      ...(accepted.length === 0 ? [] : [say('accepted-were', { findings: accepted.join(', ') })]),
    ].join('\n'),
  )
}

function endCell(say: Say, { ended }: Stay): Cell {
  if (ended === null) return plain('')
  const told = say('then-version', { version: ended.to, by: ended.by })
  return plain(ended.reason === null ? told : `${told}\n${say('reason-was', { reason: ended.reason })}`)
}

function stayTable(say: Say, { now, before }: AuditAnswer['where']): readonly Table[] {
  return table(
    say('channels'),
    [say('channel'), say('since'), say('until-when'), say('how'), say('how-ended')],
    [...now, ...before].map((stay) => [
      plain(stay.channel),
      plain(stay.since === null ? say('before-history') : utc(stay.since)),
      stay.until === null ? toned(say('still'), 'good') : plain(utc(stay.until)),
      howCell(say, stay),
      endCell(say, stay),
    ]),
  )
}

function shareTable(say: Say, { now, before }: AuditAnswer['users']): readonly Table[] {
  return table(
    say('shares'),
    [say('principal'), say('channel'), say('reference'), say('since'), say('until-when')],
    [...now, ...before].map(({ principal, channel, reference, since, by, until, revokedBy }) => [
      code(principal),
      plain(channel),
      code(reference),
      plain(`${utc(since)}, ${by}`),
      until === null ? toned(say('still'), 'good') : plain(`${utc(until)}, ${revokedBy}`),
    ]),
  )
}

function lookTable(say: Say, { again }: AuditAnswer['scanned']): readonly Table[] {
  return table(
    say('looks'),
    [say('when'), say('verdict'), say('findings'), say('new-findings'), say('database')],
    again.map(({ at, verdict, policy, rejects, findings, new: added, database, scanner }) => [
      plain(utc(at)),
      verdict === 'passed'
        ? toned(say('look-passes', { policy: policy.name }), 'good')
        : toned(say('look-rejects', { policy: policy.name, ids: rejects.join(', ') }), 'bad'),
      plain(findings),
      plain(added),
      code(`${scanner}, sha256:${database.sha256}, ${utc(database.updated)}`),
    ]),
  )
}

/** What happened to a release after its report was written. */
function sinceSection(say: Say, answer: AuditAnswer): Section {
  const { approved, users, scanned, verified } = answer
  const none = (text: string): readonly string[] => (verified.eventsBroken === null ? [text] : [])
  return {
    id: 'since',
    title: say('since-release'),
    notes: [
      ...(verified.eventsBroken === null ? [] : [say('events-broken', { why: verified.eventsBroken })]),
      ...(approved.approvals.length === 0 ? none(say('no-approvals')) : []),
      ...(users.now.length + users.before.length === 0 ? none(say('no-shares')) : []),
      ...(scanned.again.length === 0 ? none(say('no-looks')) : []),
    ],
    rows: [],
    tables: [
      ...approvalTable(say, approved),
      ...stayTable(say, answer.where),
      ...shareTable(say, users),
      ...lookTable(say, scanned),
    ],
  }
}

/** Every link that was checked when the page was made. */
function verifiedSection(say: Say, { believable, by, what, verified }: AuditAnswer): Section {
  const name = `${what.image}@${what.version}`
  return {
    id: 'verified',
    title: say('verified'),
    notes: [
      ...(believable ? [] : [say('not-believable')]),
      ...(by.anchored ? [] : [say('unanchored')]),
      ...(verified.bytes ? [] : [say('bytes-not-read', { command: `./mintmark verify ${name}` })]),
    ],
    rows: [],
    tables: table(
      say('links'),
      [say('what'), say('result'), say('detail')],
      [
        ...verified.links.map(({ name: link, right, text }) => [
          code(link),
          right ? toned(`✓ ${say('right')}`, 'good') : toned(`✗ ${say('wrong')}`, 'bad'),
          plain(text),
        ]),
        ...verified.histories
          .filter(({ broken }) => broken === null)
          .map(({ channel, moves }) => [
            code('history'),
            moves === 0 ? toned(say('older-than-history'), 'warn') : toned(`✓ ${say('right')}`, 'good'),
            plain(say('moves-of', { channel, moves })),
          ]),
      ],
    ),
  }
}

/** What only a later look can say of a release; the report that its run wrote can't know it. */
export const auditSections = (say: Say, answer: AuditAnswer): readonly Section[] => [
  sinceSection(say, answer),
  verifiedSection(say, answer),
]
