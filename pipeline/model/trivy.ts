import * as z from 'zod'
import { Instant } from './ids.ts'
import { Severity } from './stages.ts'

/**
 * Trivy's own JSON, as far as we read it. Loose on purpose: it is another program's format, and newer versions add
 * fields; what we need is required.
 */
const TrivyPackage = z.object({
  Name: z.string(),
  Version: z.string().default(''),
  Release: z.string().default(''),
  Epoch: z.int().default(0),
  Arch: z.string().default(''),
  SrcName: z.string().default(''),
  SrcVersion: z.string().default(''),
})

const TrivyVulnerability = z.object({
  VulnerabilityID: z.string(),
  PkgName: z.string(),
  InstalledVersion: z.string().default(''),
  FixedVersion: z.string().default(''),
  Severity: Severity.catch('UNKNOWN'),
  Title: z.string().default(''),
})

const TrivySecret = z.object({ RuleID: z.string(), Severity: Severity.catch('UNKNOWN') })

export const TrivyReport = z.object({
  SchemaVersion: z.literal(2),
  ArtifactName: z.string(),
  Metadata: z
    .object({
      OS: z.object({ Family: z.string().default(''), Name: z.string().default('') }).optional(),
    })
    .default({}),
  Results: z
    .array(
      z.object({
        Target: z.string().default(''),
        Class: z.string().default(''),
        Packages: z.array(TrivyPackage).default([]),
        Vulnerabilities: z.array(TrivyVulnerability).default([]),
        Secrets: z.array(TrivySecret).default([]),
      }),
    )
    .default([]),
})
export type TrivyReport = z.infer<typeof TrivyReport>

/** `metadata.json` beside `trivy.db`. Go prints nanoseconds, which an Instant may have. */
export const TrivyMetadata = z.object({
  Version: z.literal(2),
  NextUpdate: Instant,
  UpdatedAt: Instant,
})
export type TrivyMetadata = z.infer<typeof TrivyMetadata>

/** The part of a CycloneDX document in which Trivy keeps the source package of a binary one. */
export const CycloneDx = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  components: z
    .array(
      z.looseObject({
        name: z.string(),
        version: z.string().optional(),
        purl: z.string().optional(),
        properties: z.array(z.looseObject({ name: z.string(), value: z.string().default('') })).default([]),
      }),
    )
    .default([]),
})
export type CycloneDx = z.infer<typeof CycloneDx>
