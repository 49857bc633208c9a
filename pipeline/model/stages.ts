import * as z from 'zod'
import { Artifact } from './artifact.ts'
import { ControlResult } from './hardening.ts'
import { Instant, Sha256 } from './ids.ts'

/** All that was rendered; no version, key, mirror or time is in it. */
export const Bundle = z.strictObject({
  /** Over the sorted (path, sha256) pairs of the files. */
  digest: Sha256,
  files: z.array(z.strictObject({ path: z.string(), sha256: Sha256 })),
  /** Ids of the controls that the image gets, sorted. */
  controls: z.array(z.string()),
})
export type Bundle = z.infer<typeof Bundle>

/** How machines run: with the processor's help, emulated, or at a cloud that does not say. */
export const Accelerator = z.enum(['kvm', 'tcg', 'cloud'])
export type Accelerator = z.infer<typeof Accelerator>

export const BuildResult = z.strictObject({
  artifact: Artifact,
  accelerator: Accelerator,
  /** Seconds by what Packer did. */
  steps: z.array(z.strictObject({ name: z.string(), seconds: z.number() })),
  /** From the build machine after its reboot. */
  controls: z.array(ControlResult),
  tools: z.record(z.string(), z.string()),
  /** Names of the secrets that the build used; none of their values is in the artifact or the run folder. */
  secrets: z.array(z.string()).default([]),
})
export type BuildResult = z.infer<typeof BuildResult>

/** A named observation of the test stage. The gate judges; this only tells. */
export const Fact = z.strictObject({
  id: z.string(),
  title: z.string(),
  /** unknown: it could not be looked at; never as good as pass. */
  status: z.enum(['pass', 'fail', 'unknown']),
  expected: z.string(),
  found: z.string(),
})
export type Fact = z.infer<typeof Fact>

/** A fact that this target's instances can't show: it is neither good nor bad, and is in no list of facts. */
export const NotLookedAt = z.strictObject({ id: z.string(), title: z.string(), why: z.string() })
export type NotLookedAt = z.infer<typeof NotLookedAt>

export const TestReport = z.strictObject({
  subject: Sha256,
  facts: z.array(Fact),
  /** Left out where everything was. */
  notLookedAt: z.array(NotLookedAt).optional(),
  boots: z.array(
    z.strictObject({
      instance: z.string(),
      secondsToLogin: z.number(),
      /** Of that power-on: a new instance, after an upgrade, many days later with a full disk, or today with a full disk. */
      purpose: z.enum(['new', 'upgraded', 'later', 'full']).optional(),
    }),
  ),
  /** mintmark-check of each boot and of the offline disk. */
  controls: z.array(z.strictObject({ where: z.string(), results: z.array(ControlResult) })),
})
export type TestReport = z.infer<typeof TestReport>

export const Severity = z.enum(['UNKNOWN', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL'])
export type Severity = z.infer<typeof Severity>

export const Finding = z.strictObject({
  id: z.string(),
  package: z.string(),
  installed: z.string(),
  /** Null while the distribution has no fix. */
  fixed: z.string().nullable(),
  severity: Severity,
  title: z.string(),
  /** Who found it; Trivy alone when it is left out. */
  by: z.array(z.enum(['trivy', 'grype'])).optional(),
})
export type Finding = z.infer<typeof Finding>

export const SecretFinding = z.strictObject({
  rule: z.string(),
  path: z.string(),
  severity: Severity,
  /** Who found it; Trivy when it is left out. */
  by: z.enum(['trivy', 'mintmark']).optional(),
  /** Of the first one in the file, from 1. */
  line: z.int().optional(),
})
export type SecretFinding = z.infer<typeof SecretFinding>

/** A key in a file that is as its package delivered it: published to everyone, so no secret. */
export const PackagedSecret = z.strictObject({ rule: z.string(), path: z.string(), package: z.string() })
export type PackagedSecret = z.infer<typeof PackagedSecret>

/** The advisories that were used; null in a ScanReport means that none could be had. */
export const Database = z.strictObject({
  source: z.string(),
  sha256: Sha256,
  updated: Instant,
  nextUpdate: Instant,
  /** True when a made-up old package of this OS release was reported by this database. */
  canary: z.boolean(),
})
export type Database = z.infer<typeof Database>

export const SecondScanner = z.strictObject({
  name: z.literal('grype'),
  version: z.string(),
  sha256: Sha256,
  database: z.strictObject({ source: z.string(), sha256: Sha256, built: Instant }),
})
export type SecondScanner = z.infer<typeof SecondScanner>

export const ScanReport = z.strictObject({
  subject: Sha256,
  os: z.strictObject({ family: z.string(), release: z.string() }),
  packages: z.strictObject({ trivy: z.int(), dpkg: z.int() }),
  database: Database.nullable(),
  /** Why there is no database. */
  databaseProblem: z.string().nullable(),
  findings: z.array(Finding),
  secrets: z.array(SecretFinding),
  packagedSecrets: z.array(PackagedSecret).optional(),
  /** Report name (cyclonedx, spdx, table, json, packages) -> file in the run folder and its digest. */
  files: z.record(z.string(), z.strictObject({ path: z.string(), sha256: Sha256 })),
  trivy: z.strictObject({
    version: z.string(),
    sha256: Sha256,
    /** False: it had a network at hand, for this machine forbids network namespaces. Reports of before it was told have none. */
    isolated: z.boolean().optional(),
  }),
  /** When a second scanner was asked for: what it was, and the advisories that it used. */
  secondScanner: SecondScanner.optional(),
})
export type ScanReport = z.infer<typeof ScanReport>
