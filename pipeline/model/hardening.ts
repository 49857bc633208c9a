import * as z from 'zod'
import { ControlId } from './ids.ts'

/** The systems that controls are written for. */
export const ControlOs = z.enum([
  'debian-12',
  'debian-13',
  'ubuntu-22.04',
  'ubuntu-24.04',
  'amazon-linux-2023',
  'rhel-9',
  'rocky-9',
])
export type ControlOs = z.infer<typeof ControlOs>

/** Who installs and removes packages: apt with dpkg below it, dnf with rpm. */
export const PackageManager = z.enum(['apt', 'dnf'])
export type PackageManager = z.infer<typeof PackageManager>

/** One control of `hardening/controls/<area>.yaml`. `values` are checked against its kind's columns. */
export const Control = z.strictObject({
  id: ControlId,
  title: z.string().min(5),
  why: z.string().min(10),
  severity: z.enum(['low', 'medium', 'high']),
  class: z.enum(['build', 'first-login']),
  /** Where it can be checked: in the offline image, in a running instance, or in both. */
  holds: z.enum(['sealed', 'running', 'both']),
  os: z.array(ControlOs).min(1),
  kind: z.string(),
  /** For the kind `script`: the control whose script does this one too; its own when left out. */
  script: ControlId.optional(),
  /** One row, or several, of the kind's columns. */
  values: z.union([z.record(z.string(), z.string()), z.array(z.record(z.string(), z.string())).min(1)]),
  /** Ids of this control in benchmarks: benchmark -> requirement ids. */
  refs: z.record(z.string(), z.array(z.string())),
})
export type Control = z.infer<typeof Control>

/** `hardening/kinds/<kind>/kind.yaml`, beside its apply.sh and check.sh. */
export const Kind = z.strictObject({
  title: z.string(),
  /** Column names, in the order in which a row is handed to the scripts (tab-separated, after the control's id). */
  columns: z.array(z.string()),
  /** Fewer is later: kinds are applied in ascending order (packages before what configures them). */
  order: z.int(),
  /** Packages that its scripts, or what they configure, need in the image: as each package manager names them. */
  packages: z.partialRecord(PackageManager, z.array(z.string())).optional(),
  /** For people: what apply writes, and what check reads in a running machine and on a folder. */
  writes: z.string().optional(),
  reads: z.string().optional(),
})
export type Kind = z.infer<typeof Kind>

export const Profile = z.strictObject({
  title: z.string(),
  controls: z.array(ControlId).min(1),
})
export type Profile = z.infer<typeof Profile>

export const Benchmark = z.strictObject({
  title: z.string(),
  source: z.string(),
  requirements: z
    .array(
      z.strictObject({
        id: z.string(),
        title: z.string(),
        /** Missing: `refs` of controls must cover it. */
        status: z.enum(['manual', 'partial', 'not-applicable', 'inherently-met']).optional(),
        note: z.string().optional(),
      }),
    )
    .min(1),
})
export type Benchmark = z.infer<typeof Benchmark>

export const ControlStatus = z.enum(['pass', 'fail', 'error', 'notapplicable'])
export type ControlStatus = z.infer<typeof ControlStatus>

/** One line of `mintmark-check`. */
export const ControlResult = z.strictObject({
  control: ControlId,
  status: ControlStatus,
  expected: z.string(),
  found: z.string(),
})
export type ControlResult = z.infer<typeof ControlResult>

/** What `mintmark-check --json` prints. */
export const CheckReport = z.strictObject({
  schema: z.literal(1),
  image: z.string(),
  phase: z.enum(['sealed', 'running']),
  results: z.array(ControlResult),
})
export type CheckReport = z.infer<typeof CheckReport>
