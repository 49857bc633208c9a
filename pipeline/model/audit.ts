import * as z from 'zod'
import { RecordedBase } from './base.ts'
import { GateDecision, KnownExploited } from './gate.ts'
import { ControlStatus } from './hardening.ts'
import { Arch, ChannelName, ImageName, Instant, Sha256, TargetId } from './ids.ts'
import { Builder, RecordPredicate, Version } from './release.ts'
import { Database, Fact, ScanReport, SecondScanner, TestReport } from './stages.ts'

const gate = GateDecision.options[0].shape

/** The machine that was asked about: by the name that `boot` gave it, or by a copy of its os-release. */
const Instance = z.strictObject({
  id: z.string(),
  /** Null where only the machine itself could tell. */
  started: Instant.nullable(),
  /** What says that it is of this release. */
  evidence: z.enum(['boot', 'os-release']),
})

/** Somebody accepted what a diff showed. */
const Approval = z.strictObject({
  at: Instant,
  channel: ChannelName,
  by: z.string(),
  /** Digest of the diff that they saw, and from which version it starts; null: the channel was empty. */
  diff: Sha256,
  from: Version.nullable(),
  comment: z.string().nullable(),
  /** Digest of the event that says so. */
  event: Sha256,
})
export type Approval = z.infer<typeof Approval>

/** A time in which a channel pointed to the release. */
const Stay = z.strictObject({
  channel: z.string(),
  /** Null: since before the channel had a history. */
  since: Instant.nullable(),
  /** Null: it still does. */
  until: Instant.nullable(),
  /** Null for a channel that is older than its history. */
  why: z.enum(['released', 'promoted', 'rolled-back']).nullable(),
  by: z.string().nullable(),
  /** What the channel had before. */
  from: Version.nullable(),
  /** Digest of the diff that was approved; null where nobody had to look. */
  diff: Sha256.nullable(),
  approvedBy: z.array(z.string()),
  reason: z.string().nullable(),
  /** Findings that were accepted with a roll-back to it. */
  accepted: z.array(z.string()),
  /** The move that ended it. */
  ended: z
    .strictObject({
      to: Version,
      why: z.enum(['released', 'promoted', 'rolled-back']),
      by: z.string(),
      reason: z.string().nullable(),
    })
    .nullable(),
})
export type Stay = z.infer<typeof Stay>

/** A time in which somebody had the image. */
const Share = z.strictObject({
  channel: ChannelName,
  principal: z.string(),
  reference: z.string(),
  since: Instant,
  by: z.string(),
  /** Null: they still have it. */
  until: Instant.nullable(),
  revokedBy: z.string().nullable(),
})
export type Share = z.infer<typeof Share>

/** The stored packages were looked up in advisories of a later day. */
const Look = z.strictObject({
  at: Instant,
  sequence: z.int(),
  verdict: z.enum(['passed', 'rejected']),
  policy: gate.policy,
  /** Ids of what rejects it by that day's advisories. */
  rejects: z.array(z.string()),
  findings: z.int(),
  new: z.int(),
  fixable: z.int(),
  gone: z.int(),
  database: Database,
  scanner: z.string(),
  /** Digest of the stored list of findings. */
  report: Sha256,
})
export type Look = z.infer<typeof Look>

export const AuditLink = z.strictObject({
  name: z.enum([
    'record',
    'signature',
    'place',
    'channel',
    'subject',
    'artifact',
    'report',
    'provenance',
    'event',
    'index',
  ]),
  right: z.boolean(),
  text: z.string(),
})
export type AuditLink = z.infer<typeof AuditLink>

/**
 * Everything that an auditor asks of a release, in the order in which they ask. Nothing in it depends on the moment of the look: the
 * same catalog and the same trust give the same answer.
 */
export const AuditAnswer = z.strictObject({
  schema: z.literal(1),
  /** False: a link is wrong, and nothing below is to be believed. */
  believable: z.boolean(),
  what: z.strictObject({
    image: ImageName,
    version: Version,
    variant: z.string(),
    target: TargetId,
    arch: Arch,
    owner: z.string(),
    login: z.string(),
    made: Instant,
    artifact: RecordPredicate.shape.artifact,
    /** Digest of the record's envelope. */
    record: Sha256,
    /** When it was asked about a machine. */
    instance: Instance.nullable(),
  }),
  from: z.strictObject({
    base: RecordedBase,
    commit: z.string().nullable(),
    dirty: z.boolean(),
    /** Digests. */
    definition: Sha256,
    bundle: Sha256,
    tools: z.record(z.string(), z.string()),
  }),
  by: z.strictObject({
    run: z.string(),
    /** Null for a record of before it was told. */
    builder: Builder.nullable(),
    keyids: z.array(Sha256),
    /** Who signed, in words. */
    signer: z.string(),
    /** A signer of trust.yaml or `--trust` vouches for it. */
    anchored: z.boolean(),
  }),
  approved: z.strictObject({
    approvals: z.array(Approval),
    /** Findings that were shipped although they reject. */
    emergency: gate.emergency.unwrap(),
  }),
  tested: z.strictObject({
    facts: z.array(Fact),
    /** Null when they are not stored, or not as they were recorded. */
    boots: TestReport.shape.boots.nullable(),
  }),
  scanned: z.strictObject({
    os: ScanReport.shape.os,
    packages: ScanReport.shape.packages,
    trivy: ScanReport.shape.trivy,
    secondScanner: SecondScanner.nullable(),
    database: Database.nullable(),
    databaseProblem: z.string().nullable(),
    knownExploited: KnownExploited.nullable(),
    vulnerability: z.enum(['judged', 'unknown']),
    counts: gate.counts,
    policy: gate.policy,
    /** Oldest first. */
    again: z.array(Look),
  }),
  controls: z.strictObject({
    profile: z.string(),
    ...RecordPredicate.shape.controls.shape,
    /** By their worst result; null when the results are not stored, or not as they were recorded. */
    failed: z
      .array(
        z.strictObject({
          control: z.string(),
          status: ControlStatus,
          where: z.array(z.string()),
          expected: z.string(),
          found: z.string(),
        }),
      )
      .nullable(),
    excepted: gate.excepted,
  }),
  waivers: gate.waived,
  where: z.strictObject({
    catalog: z.string(),
    /** Of the image; the path is null when the catalog is not on this machine. */
    address: z.string(),
    path: z.string().nullable(),
    now: z.array(Stay),
    before: z.array(Stay),
  }),
  users: z.strictObject({ now: z.array(Share), before: z.array(Share) }),
  verified: z.strictObject({
    links: z.array(AuditLink),
    /** Whether the bytes of image and reports were read through as well. */
    bytes: z.boolean(),
    events: z.int(),
    /** Why approvals, shares and looks may be missing from this answer; null when they can't. */
    eventsBroken: z.string().nullable(),
    histories: z.array(
      z.strictObject({ channel: z.string(), moves: z.int(), broken: z.string().nullable() }),
    ),
  }),
})
export type AuditAnswer = z.infer<typeof AuditAnswer>
