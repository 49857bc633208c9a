import * as z from 'zod'
import { ResolvedBase } from './base.ts'
import { GateDecision } from './gate.ts'
import { Arch, ImageName, Instant, Sha256, TargetId } from './ids.ts'
import { Fact } from './stages.ts'

export const Version = z
  .string()
  .regex(/^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)$/, 'a version is MAJOR.MINOR.PATCH')

/** `publish`: the artifact is in the catalog, private, under its digest. */
export const Published = z.strictObject({ subject: Sha256, bytes: z.int(), blob: z.string() })
export type Published = z.infer<typeof Published>

/** The predicate of a variant's statement: the facts, written once. */
export const RecordPredicate = z.strictObject({
  schema: z.literal(1),
  image: ImageName,
  version: Version,
  target: TargetId,
  arch: Arch,
  run: z.string(),
  created: Instant,
  source: z.strictObject({
    /** Null outside a git checkout. */
    commit: z.string().nullable(),
    /** True when the checkout had changes that no commit holds. */
    dirty: z.boolean(),
    definition: Sha256,
    bundle: Sha256,
  }),
  base: ResolvedBase.omit({ disk: true }).extend({ diskSha256: Sha256 }),
  artifact: z.strictObject({
    sha256: Sha256,
    bytes: z.int(),
    virtualBytes: z.int(),
    format: z.literal('qcow2'),
  }),
  tools: z.record(z.string(), z.string()),
  controls: z.strictObject({
    total: z.int(),
    pass: z.int(),
    fail: z.int(),
    error: z.int(),
    notapplicable: z.int(),
  }),
  facts: z.array(Fact),
  gate: GateDecision,
  /** Report name -> digest of the blob in the catalog (SBOMs, SARIF, tables, control results, scan). */
  reports: z.record(z.string(), z.strictObject({ sha256: Sha256, bytes: z.int() })),
  seconds: z.record(z.string(), z.number()),
})
export type RecordPredicate = z.infer<typeof RecordPredicate>

/** in-toto Statement v1 with our predicate. */
export const Statement = z.strictObject({
  _type: z.literal('https://in-toto.io/Statement/v1'),
  subject: z
    .array(z.strictObject({ name: z.string(), digest: z.strictObject({ sha256: Sha256 }) }))
    .length(1),
  predicateType: z.literal('https://mintmark.dev/record/v1'),
  predicate: RecordPredicate,
})
export type Statement = z.infer<typeof Statement>

/** DSSE v1 envelope. */
export const Envelope = z.strictObject({
  payloadType: z.literal('application/vnd.in-toto+json'),
  payload: z.base64(),
  signatures: z.array(z.strictObject({ keyid: Sha256, sig: z.base64() })).min(1),
})
export type Envelope = z.infer<typeof Envelope>

/** `record`: where the signed statement is and what moved. */
export const Recorded = z.strictObject({
  record: Sha256,
  version: Version,
  channel: z.literal('nightly'),
  keyid: Sha256,
})
export type Recorded = z.infer<typeof Recorded>

/** A channel's pointer, per variant; moved by compare-and-swap. */
export const ChannelPointer = z.strictObject({
  schema: z.literal(1),
  image: ImageName,
  channel: z.string(),
  variant: z.string(),
  version: Version,
  sha256: Sha256,
  record: Sha256,
  moved: Instant,
})
export type ChannelPointer = z.infer<typeof ChannelPointer>
