import * as z from 'zod'
import { GateDecision } from './gate.ts'
import { ImageName, Instant, Sha256 } from './ids.ts'
import { Version } from './release.ts'
import { Database, Finding, ScanReport, Severity } from './stages.ts'

/** A finding as an event names it; all of it is in the event's report. */
export const FindingRef = Finding.pick({ id: true, package: true, severity: true, fixed: true })
export type FindingRef = z.infer<typeof FindingRef>

/** What is different from the look before. */
export const LookChanges = z.strictObject({
  /** Found now, and not before. */
  new: z.array(FindingRef),
  /** Known before, and now there is a fix. */
  fixable: z.array(FindingRef),
  /** Found before, and not any more: withdrawn by the distribution. */
  gone: z.array(FindingRef),
  /** Known before, and rated otherwise now. */
  rated: z.array(z.strictObject({ ...FindingRef.shape, before: Severity })),
})
export type LookChanges = z.infer<typeof LookChanges>

/** The stored packages were looked up in another database, and judged by the policy of that day. */
const Rescan = z.strictObject({
  database: Database,
  trivy: ScanReport.shape.trivy,
  gate: GateDecision,
  findings: z.int(),
  changes: LookChanges,
  /** The whole list of findings: a blob in the catalog. */
  report: z.strictObject({ sha256: Sha256, bytes: z.int() }),
})
export type Rescan = z.infer<typeof Rescan>

const common = {
  schema: z.literal(1),
  at: Instant,
  image: ImageName,
  version: Version,
  variant: z.string(),
  /** Digest of the image. */
  subject: Sha256,
  /** Digest of the record's envelope. */
  record: Sha256,
  /** 1 for the first event of a variant. */
  sequence: z.int().positive(),
  /** Digest of the envelope of the event before; null for the first. */
  previous: Sha256.nullable(),
}

/** What happened to a release after it was recorded. */
export const ReleaseEvent = z.discriminatedUnion('kind', [
  z.strictObject({ ...common, kind: z.literal('rescanned'), data: Rescan }),
])
export type ReleaseEvent = z.infer<typeof ReleaseEvent>

/** in-toto Statement v1 with an event as its predicate. */
export const EventStatement = z.strictObject({
  _type: z.literal('https://in-toto.io/Statement/v1'),
  subject: z
    .array(z.strictObject({ name: z.string(), digest: z.strictObject({ sha256: Sha256 }) }))
    .length(1),
  predicateType: z.literal('https://mintmark.dev/event/v1'),
  predicate: ReleaseEvent,
})
export type EventStatement = z.infer<typeof EventStatement>

/** `events/head.json`: the newest event that its writer knew, so that one which is lost is missed. */
export const EventHead = z.strictObject({
  schema: z.literal(1),
  sequence: z.int().positive(),
  sha256: Sha256,
})
export type EventHead = z.infer<typeof EventHead>
