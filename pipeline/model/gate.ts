import * as z from 'zod'
import { Sha256 } from './ids.ts'
import { Severity } from './stages.ts'

/** `scans/policies/<name>.yaml` */
export const Policy = z.strictObject({
  schema: z.literal(1),
  title: z.string(),
  /** Findings with a fix are rejected from these severities on. */
  rejectFixable: z.array(Severity),
  /** Findings without a fix are rejected at these severities. */
  rejectUnfixed: z.array(Severity),
  rejectSecrets: z.boolean(),
  maxDatabaseAgeHours: z.number().positive(),
})
export type Policy = z.infer<typeof Policy>

export const GateReason = z.strictObject({
  kind: z.enum([
    'finding',
    'secret',
    'control',
    'fact',
    'os',
    'package-count',
    'canary',
    'stale-database',
    'exception',
    'base-age',
    'subject',
  ]),
  /** What it is about: a CVE, a control, a fact. */
  id: z.string(),
  text: z.string(),
  /** A command that mends it. */
  mend: z.string(),
})
export type GateReason = z.infer<typeof GateReason>

const common = {
  subject: Sha256,
  policy: z.strictObject({ name: z.string(), sha256: Sha256 }),
  /** `unknown` without a database: good for the channel nightly only. */
  vulnerability: z.enum(['judged', 'unknown']),
  /** Findings by severity, with and without a fix. */
  counts: z.record(z.string(), z.strictObject({ fixable: z.int(), unfixed: z.int() })),
  /** Failed controls that an exception of the definition covers. */
  excepted: z.array(
    z.strictObject({ control: z.string(), reason: z.string(), owner: z.string(), expires: z.string() }),
  ),
}

export const GateDecision = z.discriminatedUnion('verdict', [
  z.strictObject({ verdict: z.literal('passed'), ...common }),
  z.strictObject({ verdict: z.literal('rejected'), ...common, reasons: z.array(GateReason).min(1) }),
])
export type GateDecision = z.infer<typeof GateDecision>
/** What publish takes: an image that was rejected can't be published, by type. */
export type PassedGate = Extract<GateDecision, { verdict: 'passed' }>
