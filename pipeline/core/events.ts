import { MintmarkError } from '../errors.ts'
import { EventStatement, type FindingRef, type LookChanges, type ReleaseEvent } from '../model/event.ts'
import type { GateDecision } from '../model/gate.ts'
import type { Finding } from '../model/stages.ts'
import { canonicalJson, digestOf } from './digest.ts'
import { parseSigned } from './statement.ts'

interface Place {
  readonly image: string
  readonly version: string
  readonly variant: string
}

/** Where the events of a release's variant are. */
export const eventsPrefix = ({ image, version, variant }: Place): string =>
  `releases/${image}/${version}/${variant}/events/`

/** Where the moves of a channel are. */
export const historyPrefix = (image: string, channel: string, variant: string): string =>
  `history/${image}/${channel}/${variant}/`

export const eventKey = (prefix: string, sequence: number): string =>
  `${prefix}${String(sequence).padStart(6, '0')}.dsse.json`

export const isEventKey = (key: string): boolean => /\/\d{6}\.dsse\.json$/.test(key)

export const headKey = (prefix: string): string => `${prefix}head.json`

/** The bytes that an event's envelope carries. */
export function eventPayload(event: ReleaseEvent): Uint8Array {
  const statement: EventStatement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [
      { name: `${event.image}@${event.version} ${event.variant}`, digest: { sha256: event.subject } },
    ],
    predicateType: 'https://mintmark.dev/event/v1',
    predicate: event,
  }
  return Buffer.from(canonicalJson(statement))
}

/**
 * The event in an envelope's payload.
 * @throws MintmarkError VERIFY_FAILED when it is none, or not in canonical form
 */
export function parseEvent(payload: Uint8Array): ReleaseEvent {
  const what = 'the payload is no event of mintmark'
  const { subject, predicate } = parseSigned(payload, EventStatement, what)
  if (subject[0]?.digest.sha256 !== predicate.subject)
    throw new MintmarkError('VERIFY_FAILED', `${what}: it is about two images at once`)
  return predicate
}

const keyOf = (finding: Finding): string => `${finding.id} ${finding.package} ${finding.installed}`

const refOf = ({ id, package: name, severity, fixed }: Finding): FindingRef => ({
  id,
  package: name,
  severity,
  fixed,
})

/** What a look at the same packages found that the one before did not, in the order of the lists. */
export function compareLooks(before: readonly Finding[], after: readonly Finding[]): LookChanges {
  const then = new Map(before.map((finding) => [keyOf(finding), finding]))
  const now = new Set(after.map(keyOf))
  const known = after.flatMap((finding) => {
    const old = then.get(keyOf(finding))
    return old === undefined ? [] : [{ old, finding }]
  })
  return {
    new: after.filter((finding) => !then.has(keyOf(finding))).map(refOf),
    fixable: known
      .filter(({ old, finding }) => old.fixed === null && finding.fixed !== null)
      .map(({ finding }) => refOf(finding)),
    gone: before.filter((finding) => !now.has(keyOf(finding))).map(refOf),
    rated: known
      .filter(({ old, finding }) => old.severity !== finding.severity)
      .map(({ old, finding }) => ({ ...refOf(finding), before: old.severity })),
  }
}

/** Equal for two judgements that say the same of an image by the same policy: then there is nothing to tell. */
export function verdictDigest(gate: GateDecision): string {
  const reasons = gate.verdict === 'passed' ? [] : gate.reasons.map(({ kind, id }) => `${kind} ${id}`)
  const waived = gate.waived.map((item) => `${item.vulnerability} ${item.package}`)
  const excepted = gate.excepted.map((item) => item.control)
  return digestOf({ policy: gate.policy, verdict: gate.verdict, reasons, waived, excepted })
}

/** Who has the image, by what was granted and revoked since: `stable folder:/srv/golden`, sorted. */
export function sharedWith(events: readonly ReleaseEvent[]): readonly string[] {
  const shared = new Set<string>()
  for (const event of events) {
    if (event.kind === 'granted') shared.add(`${event.data.channel} ${event.data.principal}`)
    if (event.kind === 'revoked') shared.delete(`${event.data.channel} ${event.data.principal}`)
  }
  return [...shared].sort()
}
