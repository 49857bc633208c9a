import * as z from 'zod'
import { RecordedArtifact } from './artifact.ts'
import { RecordedBase } from './base.ts'
import { GateDecision } from './gate.ts'
import { Arch, ControlId, ImageName, Instant, Sha256, TargetId, TeamName } from './ids.ts'
import { SigstoreMaterial } from './sigstore.ts'
import { Fact, ScanReport } from './stages.ts'

export const Version = z
  .string()
  .regex(/^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)$/, 'a version is MAJOR.MINOR.PATCH')

/** `publish`: the artifact is kept, private: in the catalog under its digest, or by its cloud. */
export const Published = z.strictObject({
  subject: Sha256,
  bytes: z.int(),
  /** Its key in the catalog; null where a cloud keeps it. */
  blob: z.string().nullable(),
})
export type Published = z.infer<typeof Published>

/** What decides whether the next version is a major, a minor or a patch. */
export const VersionFacts = z.strictObject({
  /** Family and release, e.g. debian-13. */
  os: z.string(),
  /** Whom people log in as. */
  login: z.string(),
  layout: z.string(),
  profile: z.string(),
  /** As the definition adds them to the base and takes them from it. Sorted. */
  packages: z.strictObject({ add: z.array(z.string()), remove: z.array(z.string()) }),
  /** Open TCP ports, sorted. */
  ports: z.array(z.int()),
  controls: z.array(z.string()),
  bundle: Sha256,
})
export type VersionFacts = z.infer<typeof VersionFacts>

/** `releases/<image>/<version>/reservation.json`: taken before the build, never given to another run. */
export const Reservation = z.strictObject({
  schema: z.literal(1),
  image: ImageName,
  version: Version,
  run: z.string(),
  facts: VersionFacts,
  reserved: Instant,
  /** The variants that the version has when it is whole, sorted; older reservations don't say. */
  variants: z.array(z.string()).optional(),
})
export type Reservation = z.infer<typeof Reservation>

/** `runs/<image>/<run>/<turn>.json`: the version that all jobs of the run try to take, before any has. */
export const RunChoice = z.strictObject({
  schema: z.literal(1),
  image: ImageName,
  run: z.string(),
  /** From 1; the next turn comes when another run was faster. */
  turn: z.int().min(1),
  version: Version,
})
export type RunChoice = z.infer<typeof RunChoice>

/** What a build depends on, but for the archive's packages and the clock: equal ones need no other build. */
export const Fingerprint = z.strictObject({
  base: z.strictObject({
    from: z.enum(['archive', 'image', 'parent', 'ami']),
    digest: Sha256,
    /** For people: the parent's image and version; the distribution's name and release otherwise. */
    name: z.string(),
  }),
  bundle: Sha256,
  /** Field of the definition -> digest, of those that are not in the bundle. */
  definition: z.record(z.string(), Sha256),
  /** Tool -> pinned version. */
  tools: z.record(z.string(), z.string()),
})
export type Fingerprint = z.infer<typeof Fingerprint>

/** What provenance says besides the facts of the record. */
export const Builder = z.strictObject({
  /** A URI: the workflow in CI, else our own. */
  id: z.url(),
  version: z.string(),
  /** When the version was taken, before the build. */
  started: Instant,
  /** When the image was whole. */
  finished: Instant,
})
export type Builder = z.infer<typeof Builder>

/** The predicate of a variant's statement: the facts, written once. */
export const RecordPredicate = z.strictObject({
  schema: z.literal(1),
  image: ImageName,
  version: Version,
  target: TargetId,
  arch: Arch,
  run: z.string(),
  created: Instant,
  /** The team that answers for the image. */
  owner: TeamName,
  login: z.string(),
  /** File systems of the disk; records of before there was a choice have none, and mean `simple`. */
  layout: z.string().optional(),
  profile: ControlId,
  source: z.strictObject({
    /** Null outside a git checkout. */
    commit: z.string().nullable(),
    /** True when the checkout had changes that no commit holds. */
    dirty: z.boolean(),
    definition: Sha256,
    bundle: Sha256,
  }),
  base: RecordedBase,
  artifact: RecordedArtifact,
  tools: z.record(z.string(), z.string()),
  controls: z.strictObject({
    total: z.int(),
    pass: z.int(),
    fail: z.int(),
    error: z.int(),
    notapplicable: z.int(),
  }),
  facts: z.array(Fact),
  /** What looked for vulnerabilities, and with which advisories; the findings are in the reports. */
  scan: ScanReport.pick({
    os: true,
    packages: true,
    database: true,
    databaseProblem: true,
    trivy: true,
    secondScanner: true,
  }),
  gate: GateDecision,
  /** Report name -> digest of the blob in the catalog (SBOMs, SARIF, tables, control results, scan). */
  reports: z.record(z.string(), z.strictObject({ sha256: Sha256, bytes: z.int() })),
  seconds: z.record(z.string(), z.number()),
  /** Older records have none. */
  fingerprint: Fingerprint.optional(),
  /** Who built it, and when; older records have none, and no provenance. */
  builder: Builder.optional(),
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

/** A key's id, its signature of the payload in DSSE's encoding, and what Sigstore adds where it signed. */
export const Signature = z.strictObject({
  /** sha256 of the key's SPKI DER; of a certificate's key where there is one. */
  keyid: Sha256,
  sig: z.base64(),
  sigstore: SigstoreMaterial.optional(),
})
export type Signature = z.infer<typeof Signature>

/** DSSE v1 envelope. */
export const Envelope = z.strictObject({
  payloadType: z.literal('application/vnd.in-toto+json'),
  payload: z.base64(),
  /** One: another beside it would be another text, and nobody's. */
  signatures: z.array(Signature).length(1),
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
