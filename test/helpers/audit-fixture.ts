import { type AuditInput, auditAnswer } from '../../pipeline/core/audit-answer.ts'
import { sha256 } from '../../pipeline/core/digest.ts'
import { type AuditAnswer, AuditAnswer as AuditSchema } from '../../pipeline/model/audit.ts'
import type { EventOf, ReleaseEvent } from '../../pipeline/model/event.ts'
import { RecordPredicate } from '../../pipeline/model/release.ts'
import { rescanned } from './events.ts'
import { hostileTexts } from './hostile.ts'
import { breakouts, passedGate, reportInput } from './report-fixture.ts'

const record = sha256('record')

type Said = { readonly [K in ReleaseEvent['kind']]: Pick<EventOf<K>, 'kind' | 'data'> }[ReleaseEvent['kind']]

/** An event about the release of the fixture, or another version. */
export function told<S extends Said>(sequence: number, hour: number, said: S, version = '1.4.2') {
  const event = {
    schema: 1 as const,
    at: `2026-11-22T${String(hour).padStart(2, '0')}:00:00.000Z`,
    image: 'debian-13',
    version,
    variant: 'qemu-x86_64',
    subject: sha256(version),
    record: version === '1.4.2' ? record : sha256(version),
    sequence,
    previous: null,
    ...said,
  }
  return { event, sha256: sha256(JSON.stringify(event)) }
}

type Moved = EventOf<'pointed'>['data']

export const moved = (
  sequence: number,
  hour: number,
  version: string,
  data: Partial<Moved> & Pick<Moved, 'from'>,
) =>
  told(
    sequence,
    hour,
    {
      kind: 'pointed',
      data: {
        channel: 'stable',
        why: 'promoted',
        by: 'alice',
        diff: null,
        approvals: [],
        reason: null,
        ...data,
      },
    } as const,
    version,
  )

export const shared = (
  sequence: number,
  hour: number,
  kind: 'granted' | 'revoked',
  more: Partial<EventOf<'granted'>['data']> = {},
) =>
  told(sequence, hour, {
    kind,
    data: {
      channel: 'stable',
      principal: 'folder:/srv/golden',
      reference: '/srv/golden/a',
      by: 'dora',
      ...more,
    },
  } as const)

/** What is read of a release of which nothing is told but its record. */
export function auditInput(change: Partial<AuditInput> = {}): AuditInput {
  const { judged, profiles, selected, buildControls, test, found, packages, controls, files, ...recorded } =
    reportInput({ gate: passedGate })
  const predicate = RecordPredicate.parse({
    schema: 1,
    created: '2026-11-22T03:00:00.000Z',
    profile: 'cis-l2-server',
    controls: { total: 4, pass: 1, fail: 2, error: 0, notapplicable: 1 },
    reports: {},
    ...recorded,
  })
  return {
    variant: 'qemu-x86_64',
    record,
    keyids: [sha256('key')],
    predicate,
    anchored: true,
    links: [{ name: 'signature', right: true, text: 'by the release job' }],
    bytes: false,
    events: [],
    eventsBroken: null,
    histories: [],
    pointers: [],
    test,
    selected,
    catalog: { catalog: '/srv/catalog', address: '/srv/catalog/x', path: '/srv/catalog/x' },
    instance: null,
    ...change,
  }
}

/** An answer with everything in it, whose texts were written to do harm. */
export function worstAudit(): AuditAnswer {
  const texts = [...breakouts, ...hostileTexts(40)].map((text) => text.slice(0, 190))
  const wide = 'w'.repeat(180)
  const events = texts.flatMap((text, index) => [
    told(4 * index + 1, 4, {
      kind: 'approved',
      data: { channel: 'stable', diff: record, from: null, by: text, comment: `${text} ${wide}` },
    } as const),
    shared(4 * index + 2, 5, 'granted', { principal: `${index} ${text}`, reference: wide, by: text }),
    ...(index % 2 === 0
      ? [shared(4 * index + 3, 6, 'revoked', { principal: `${index} ${text}`, by: text })]
      : []),
    told(4 * index + 4, 7, rescanned(index)),
  ])
  const moves = texts.flatMap((text, index) => [
    moved(2 * index + 1, 8, '1.4.2', {
      from: '1.4.1',
      by: text,
      diff: record,
      reason: wide,
      approvals: [{ by: text, event: record }],
      accepted: [text],
    }),
    moved(2 * index + 2, 9, '1.4.3', { from: '1.4.2', by: text, reason: text, why: 'rolled-back' }),
  ])
  const links = texts.map((text) => ({ name: 'event', right: false, text: `${text} ${wide}` }) as const)
  return AuditSchema.parse(
    auditAnswer(
      auditInput({
        events,
        histories: [{ channel: 'stable', moves, broken: null }],
        links,
        anchored: false,
        instance: { id: texts[0] ?? '', started: null, evidence: 'os-release' },
      }),
    ),
  )
}
