import * as z from 'zod'
import { Day, ImageName, Instant, Sha256, TeamName } from './ids.ts'
import { isPlain, notPlain } from './plain-text.ts'
import { Severity } from './stages.ts'

const VulnerabilityId = z
  .string()
  .regex(/^[A-Z][A-Z0-9]*(?:-[A-Za-z0-9]+)+$/, 'the id of a vulnerability, e.g. CVE-2026-12345')

/** OpenVEX statuses. */
export const WaiverStatus = z.enum(['not_affected', 'affected', 'fixed', 'under_investigation'])
export type WaiverStatus = z.infer<typeof WaiverStatus>

const Reason = z
  .string()
  .regex(/\S[\s\S]{8,}\S/u, 'a reason of at least 10 characters')
  .max(2000)
  .meta({ description: 'Why, for an auditor.', examples: ['the module is not loaded here'] })

/** A finding that a team answers for, for a time: one entry of a file in `scans/waivers/`. */
export const Waiver = z.strictObject({
  vulnerability: VulnerabilityId.meta({
    description: 'As the scanner prints it.',
    examples: ['CVE-2026-12345'],
  }),
  /** Name of the installed package, as the scanner prints it. */
  package: z
    .string()
    .regex(/^[^\s,\p{Cc}]+$/u, 'the name of an installed package, e.g. libssl3')
    .max(200)
    .meta({ description: 'The installed package, as the scanner prints it.', examples: ['libssl3'] }),
  /** Only this image; all when it is left out. */
  image: ImageName.optional().meta({ description: 'For this image only; left out: for all.' }),
  status: WaiverStatus.meta({
    description:
      'OpenVEX: not_affected or fixed (the scanner is wrong about us), affected (the risk is accepted), under_investigation (waives nothing).',
    examples: ['affected'],
  }),
  reason: Reason.refine((reason) => isPlain(reason.replace(/[\n\t]/g, ' ')), notPlain),
  owner: TeamName.meta({ description: 'The team that answers for it.', examples: ['team-security'] }),
  /** The last day that it holds, UTC. */
  expires: Day.meta({ description: 'The last day that it holds, UTC.', examples: ['2027-03-31'] }),
})
export type Waiver = z.infer<typeof Waiver>

/** A file of `scans/waivers/`. */
export const WaiverFile = z.strictObject({
  schema: z.literal(1),
  waivers: z
    .array(Waiver)
    .meta({ description: 'Findings that a team answers for; ./mintmark waive adds one.', examples: [[]] }),
})
export type WaiverFile = z.infer<typeof WaiverFile>

/** `scans/policies/<name>.yaml` */
export const Policy = z.strictObject({
  schema: z.literal(1),
  title: z.string().min(1).meta({ description: 'What it demands, in a sentence.' }),
  /** Findings with a fix are rejected from these severities on. */
  rejectFixable: z.array(Severity).meta({
    description: 'Findings with a fix reject at these severities. UNKNOWN: nobody has rated it yet.',
    examples: [['CRITICAL', 'HIGH', 'UNKNOWN']],
  }),
  /** Findings without a fix are rejected at these severities. */
  rejectUnfixed: z.array(Severity).meta({
    description: 'Findings without a fix reject at these severities.',
    examples: [['CRITICAL', 'HIGH']],
  }),
  rejectExploited: z.enum(['fixable', 'any', 'never']).default('fixable').meta({
    description: 'Findings of any severity that are on the known-exploited list, when one is given.',
  }),
  rejectSecrets: z.boolean().meta({ description: 'A private key or token in the image rejects.' }),
  maxDatabaseAgeHours: z
    .number()
    .positive()
    .meta({
      description: 'An older vulnerability database rejects.',
      examples: [72],
    }),
  maxExploitedListAgeDays: z.number().positive().default(14).meta({
    description: 'An older known-exploited list rejects, when one is given.',
  }),
  waiveFixable: z.array(WaiverStatus).default(['not_affected', 'fixed', 'affected']).meta({
    description: 'A finding with a fix is waived by a waiver of one of these statuses.',
  }),
  waiveUnfixed: z.array(WaiverStatus).default(['not_affected', 'fixed', 'affected']).meta({
    description: 'A finding without a fix is waived by a waiver of one of these statuses.',
  }),
  maxWaiverDays: z.int().positive().default(365).meta({
    description: 'A waiver that ends later than this from today waives nothing.',
  }),
})
export type Policy = z.infer<typeof Policy>

/** The known-exploited list that a decision was made with. */
export const KnownExploited = z.strictObject({
  source: z.string(),
  sha256: Sha256,
  /** When its publisher released it. */
  released: Instant,
  count: z.int(),
})
export type KnownExploited = z.infer<typeof KnownExploited>

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
    'waiver',
    'stale-exploited-list',
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
  /** Findings that would reject without a waiver; `file` is where it is written, from the checkout. A record's reason stays readable whatever may be written today. */
  waived: z
    .array(z.strictObject({ ...Waiver.shape, reason: Reason, installed: z.string(), file: z.string() }))
    .default([]),
  /** Null when no list was given. */
  knownExploited: KnownExploited.nullable().default(null),
  /** Findings that a reasoned emergency ships although they reject: no worse than the release it is compared with. */
  emergency: z
    .strictObject({
      reason: z.string(),
      /** e.g. web-base@1.8.2 of stable */
      comparedWith: z.string(),
      /** Those that reject, `CVE package`, sorted. */
      shipped: z.array(z.string()),
    })
    .nullable()
    .default(null),
}

export const GateDecision = z.discriminatedUnion('verdict', [
  z.strictObject({ verdict: z.literal('passed'), ...common }),
  z.strictObject({
    verdict: z.literal('rejected'),
    ...common,
    reasons: z.array(GateReason).min(1),
    /** For people: what an emergency could do about it, or why it could do nothing. */
    emergencyNote: z.string().optional(),
  }),
])
export type GateDecision = z.infer<typeof GateDecision>
/** What publish takes: an image that was rejected can't be published, by type. */
export type PassedGate = Extract<GateDecision, { verdict: 'passed' }>
