import * as z from 'zod'
import { AmiId, AwsAccount, AwsRegion, SnapshotId } from './ami.ts'
import { GateDecision } from './gate.ts'
import { ChannelName, ImageName, Instant, Sha256 } from './ids.ts'
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

/** A person, or a job in a person's name, accepted what a diff shows. */
const Approved = z.strictObject({
  channel: ChannelName,
  /** Digest of the diff that they saw (of its canonical JSON), and what it was made against; null: the channel was empty. */
  diff: Sha256,
  from: Version.nullable(),
  by: z.string().min(1).max(200),
  comment: z.string().max(2000).nullable(),
  /** Digest of the plan of sharing that they saw with it; left out where it was not shown. */
  sharing: Sha256.optional(),
  /** Logins of who asked for what a reviewer of a CI run accepted; left out where nobody was asked by a run. */
  requestedBy: z.array(z.string().min(1).max(200)).min(1).optional(),
})
export type Approved = z.infer<typeof Approved>

/** The channel was moved to this release: its own history has these, and no other events. */
const Pointed = z.strictObject({
  channel: ChannelName,
  why: z.enum(['released', 'promoted', 'rolled-back']),
  from: Version.nullable(),
  /** Who moved it. */
  by: z.string().min(1).max(200),
  /** Null where nobody had to look: nightly. */
  diff: Sha256.nullable(),
  /** Who accepted it, as their events say. */
  approvals: z.array(z.strictObject({ by: z.string(), event: Sha256 })),
  reason: z.string().max(2000).nullable(),
  /** What rejects it today, and not the release before it, `CVE package`: told to who rolled back to it, and accepted. */
  accepted: z.array(z.string()).optional(),
})
export type Pointed = z.infer<typeof Pointed>

/** Somebody got, or lost, the image. */
const Shared = z.strictObject({
  channel: ChannelName,
  /** As the definition names them. */
  principal: z.string().min(1).max(300),
  /** Where it is for them: a path, or a reference with its digest. */
  reference: z.string().min(1).max(500),
  by: z.string().min(1).max(200),
})
export type Shared = z.infer<typeof Shared>

/** A release's image in another region than the one that it was built in. */
export const RegionalCopy = z.strictObject({
  account: AwsAccount,
  region: AwsRegion,
  imageId: AmiId,
  snapshotIds: z.array(SnapshotId),
  /** ARN of the key that it is encrypted with. */
  keyArn: z.string().max(300),
})
export type RegionalCopy = z.infer<typeof RegionalCopy>

/** The image is whole in that region too. */
const Copied = z.strictObject({
  ...RegionalCopy.shape,
  by: z.string().min(1).max(200),
})

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
  z.strictObject({ ...common, kind: z.literal('approved'), data: Approved }),
  z.strictObject({ ...common, kind: z.literal('pointed'), data: Pointed }),
  z.strictObject({ ...common, kind: z.literal('granted'), data: Shared }),
  z.strictObject({ ...common, kind: z.literal('revoked'), data: Shared }),
  z.strictObject({ ...common, kind: z.literal('copied'), data: Copied }),
])
export type ReleaseEvent = z.infer<typeof ReleaseEvent>
export type EventKind = ReleaseEvent['kind']
/** What is said of one kind of event. */
export type EventOf<K extends EventKind> = Extract<ReleaseEvent, { readonly kind: K }>

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
