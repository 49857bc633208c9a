import * as z from 'zod'
import { ControlResult, ControlStatus } from './hardening.ts'
import { Instant, Sha256 } from './ids.ts'
import { RecordPredicate } from './release.ts'
import { Finding, SecretFinding, TestReport } from './stages.ts'

/** A control over all the places where it was looked at. */
export const ReportControl = z.strictObject({
  id: z.string(),
  /** Null where the checkout has no control of this id any more. */
  title: z.string().nullable(),
  severity: z.enum(['low', 'medium', 'high']).nullable(),
  /** The worst over its phases; `error` also when nobody looked. */
  status: ControlStatus,
  /** True when an exception of the definition covers its failure. */
  excepted: z.boolean(),
  /** Where: build, a boot, or the sealed disk. */
  phases: z.array(z.strictObject({ where: z.string(), ...ControlResult.omit({ control: true }).shape })),
})
export type ReportControl = z.infer<typeof ReportControl>

/** `rejects`: a reason of the verdict names it. `shipped`: it would reject, but for an emergency. */
export const FindingState = z.enum(['rejects', 'shipped', 'waived', 'open'])
export type FindingState = z.infer<typeof FindingState>

export const ReportFinding = z.strictObject({ ...Finding.shape, state: FindingState })
export type ReportFinding = z.infer<typeof ReportFinding>

export const ReportPackage = z.strictObject({ name: z.string(), version: z.string(), arch: z.string() })
export type ReportPackage = z.infer<typeof ReportPackage>

/**
 * `report.json`: all that a run or a record says of an image, after the verdict. HTML, Markdown and SARIF are made of it alone.
 * Null means that it is not known; `missing` then says why.
 */
export const Report = z.strictObject({
  schema: z.literal(1),
  ...RecordPredicate.pick({
    image: true,
    version: true,
    target: true,
    arch: true,
    run: true,
    owner: true,
    login: true,
    source: true,
    base: true,
    artifact: true,
    tools: true,
    scan: true,
    gate: true,
    facts: true,
    seconds: true,
  }).shape,
  profiles: z.array(z.string()),
  /** When the gate judged; of an old record, when it was made. */
  judged: Instant,
  boots: TestReport.shape.boots.nullable(),
  notLookedAt: TestReport.shape.notLookedAt,
  /** Those that did not hold first. */
  controls: z.array(ReportControl).nullable(),
  /** Worst first. */
  findings: z.array(ReportFinding).nullable(),
  secrets: z.array(SecretFinding).nullable(),
  packages: z.array(ReportPackage).nullable(),
  /** Other reports of the same scan: name -> sha256. */
  files: z.record(z.string(), Sha256),
  missing: z.array(z.enum(['findings', 'controls', 'boots', 'packages'])),
})
export type Report = z.infer<typeof Report>
