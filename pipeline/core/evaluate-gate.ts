import type { ResolvedBase } from '../model/base.ts'
import type { Definition, Exception } from '../model/definition.ts'
import type { GateDecision, GateReason, Policy } from '../model/gate.ts'
import type { ControlResult } from '../model/hardening.ts'
import type { BuildResult, Fact, Finding, ScanReport, Severity, TestReport } from '../model/stages.ts'
import { bornOf, nameOfBase } from './base-facts.ts'

export interface GateInput {
  /** For the commands that mend. */
  readonly image: string
  readonly definition: Definition
  readonly policy: Policy
  readonly policyName: string
  readonly policySha256: string
  readonly base: ResolvedBase
  readonly build: BuildResult
  readonly test: TestReport
  readonly scan: ScanReport
  readonly now: Date
}

const hourMs = 3_600_000
/** Clocks of two machines may differ by this much. */
const skewHours = 1

const severityOrder: readonly Severity[] = ['CRITICAL', 'HIGH', 'UNKNOWN', 'MEDIUM', 'LOW']

/** Worst first: what makes all other facts worthless, then what an attacker would use, then what is merely old. */
const kindOrder: readonly GateReason['kind'][] = [
  'subject',
  'secret',
  'os',
  'package-count',
  'canary',
  'stale-database',
  'finding',
  'control',
  'fact',
  'exception',
  'base-age',
]

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const unique = (items: readonly string[]): readonly string[] => [...new Set(items)].sort(compare)

const listed = (items: readonly string[], most = 4): string =>
  items.length <= most
    ? items.join(', ')
    : `${items.slice(0, most).join(', ')} and ${items.length - most} more`

function grouped<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
): readonly (readonly [string, readonly T[]])[] {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return [...groups].sort(([a], [b]) => compare(a, b))
}

/** Hours since then; NaN for text that is no date. */
const ageHours = (then: string, now: Date): number => (now.getTime() - Date.parse(then)) / hourMs

interface Commands {
  readonly rebuild: string
  readonly baseUpdate: string
}

function subjectReasons({ build, test, scan }: GateInput, { rebuild }: Commands): GateReason[] {
  const expected = build.artifact.sha256
  return [
    { stage: 'test', digest: test.subject },
    { stage: 'scan', digest: scan.subject },
  ].flatMap(({ stage, digest }) =>
    digest === expected
      ? []
      : [
          {
            kind: 'subject' as const,
            id: stage,
            text: `the ${stage} stage looked at sha256:${digest}, the build made sha256:${expected}`,
            mend: `${rebuild} --fresh`,
          },
        ],
  )
}

function systemReasons({ definition, base, scan }: GateInput, commands: Commands): GateReason[] {
  const reasons: GateReason[] = []
  const wanted = `${definition.os.family} ${definition.os.release}`
  // Trivy says 13.7 for a definition's 13.
  const found = scan.os.family === '' ? 'no system' : `${scan.os.family} ${scan.os.release}`
  const isRelease = `${scan.os.release}.`.startsWith(`${definition.os.release}.`)
  if (scan.os.family !== definition.os.family || !isRelease) {
    reasons.push({
      kind: 'os',
      id: 'scan',
      text: `the scanner recognised ${found}, the definition says ${wanted}`,
      mend: `${commands.rebuild} --fresh`,
    })
  }
  if (base.distribution !== definition.os.family || base.release !== definition.os.release) {
    reasons.push({
      kind: 'os',
      id: 'base',
      text: `the base is ${base.distribution} ${base.release}, the definition says ${wanted}`,
      mend: commands.baseUpdate,
    })
  }
  const { trivy, dpkg } = scan.packages
  if (trivy !== dpkg || dpkg === 0) {
    reasons.push({
      kind: 'package-count',
      id: 'packages',
      text: `the scanner saw ${trivy} packages, dpkg has ${dpkg}`,
      mend: `${commands.rebuild} --fresh`,
    })
  }
  return reasons
}

function databaseReasons({ policy, scan, now }: GateInput, { rebuild }: Commands): GateReason[] {
  const { database } = scan
  if (database === null) return []
  const reasons: GateReason[] = []
  if (!database.canary) {
    reasons.push({
      kind: 'canary',
      id: 'canary',
      text: `the database ${database.source} has no advisories for this release: "nothing found" would mean nothing`,
      mend: `${rebuild} --trivy-db REFERENCE, with a database that covers it`,
    })
  }
  const age = ageHours(database.updated, now)
  if (!(age >= -skewHours && age <= policy.maxDatabaseAgeHours)) {
    reasons.push({
      kind: 'stale-database',
      id: 'database',
      text:
        age < 0
          ? `the database is of ${database.updated}, which is in the future: a clock is wrong`
          : `the database is of ${database.updated}, older than ${policy.maxDatabaseAgeHours} hours`,
      mend: `${rebuild} --trivy-db REFERENCE, with a newer one`,
    })
  }
  return reasons
}

const blocks = (finding: Finding, policy: Policy): boolean =>
  (finding.fixed === null ? policy.rejectUnfixed : policy.rejectFixable).includes(finding.severity)

const worst = (findings: readonly Finding[]): number =>
  Math.min(...findings.map(({ severity }) => severityOrder.indexOf(severity)))

function findingReasons({ policy, scan, image }: GateInput, commands: Commands): GateReason[] {
  const blocking = scan.findings.filter((finding) => blocks(finding, policy))
  return [...grouped(blocking, ({ id }) => id)]
    .sort(([, a], [, b]) => worst(a) - worst(b)) // stable: equal ones stay in the order of their ids
    .map(([id, rows]) => {
      const packages = unique(rows.map((row) => `${row.package} ${row.installed}`))
      const fixes = unique(rows.flatMap(({ fixed }) => (fixed === null ? [] : [fixed])))
      const severity = severityOrder[worst(rows)] ?? 'UNKNOWN'
      const rated = severity === 'UNKNOWN' ? 'not rated yet' : severity.toLowerCase()
      const fix = fixes.length === 0 ? 'no fix yet' : `fixed in ${listed(fixes)}`
      return {
        kind: 'finding' as const,
        id,
        text: `${listed(packages)}  ${rated}, ${fix}`,
        mend:
          fixes.length === 0
            ? `remove the package in images/${image}.yaml, or wait for the fix`
            : commands.baseUpdate,
      }
    })
}

function secretReasons({ policy, scan }: GateInput, { rebuild }: Commands): GateReason[] {
  if (!policy.rejectSecrets) return []
  return grouped(scan.secrets, ({ path }) => path).map(([path, rows]) => ({
    kind: 'secret',
    id: path,
    text: `${listed(unique(rows.map(({ rule }) => rule)))} in /${path}`,
    mend: `remove what writes /${path} (dpkg -S /${path} names its package), then ${rebuild}`,
  }))
}

/** The last moment of an exception: the end of its day, UTC. */
const holds = (exception: Exception, now: Date): boolean =>
  now.getTime() <= Date.parse(`${exception.expires}T23:59:59.999Z`)

interface Seen {
  readonly where: string
  readonly result: ControlResult
}

function controlReasons(
  input: GateInput,
  commands: Commands,
): { reasons: GateReason[]; excepted: Exception[] } {
  const { build, test, definition, now } = input
  const phases = [{ where: 'build', results: build.controls }, ...test.controls]
  const reasons: GateReason[] = []
  // No result is not a good result. The build alone may have none, for a profile may hold only in the sealed image.
  for (const { where } of phases.slice(1).filter(({ results }) => results.length === 0)) {
    reasons.push({
      kind: 'control',
      id: where,
      text: `no control was checked in phase ${where}`,
      mend: commands.rebuild,
    })
  }
  if (test.controls.length === 0) {
    reasons.push({
      kind: 'control',
      id: 'test',
      text: 'no control was checked on the booted image',
      mend: commands.rebuild,
    })
  }
  const seen = phases.flatMap(({ where, results }) => results.map((result): Seen => ({ where, result })))
  const failed = seen.filter(({ result }) => result.status === 'fail' || result.status === 'error')
  const excepted = new Set<Exception>()
  for (const [control, rows] of grouped(failed, ({ result }) => result.control)) {
    const covering = definition.hardening.exceptions.find(
      (exception) => exception.control === control && holds(exception, now),
    )
    if (covering !== undefined) {
      excepted.add(covering)
      continue
    }
    const texts = grouped(
      rows,
      ({ result }) =>
        `${result.status === 'error' ? 'could not be checked, ' : ''}expected ${result.expected}, found ${result.found}`,
    ).map(([text, same]) => `${text} (${unique(same.map(({ where }) => where)).join(', ')})`)
    reasons.push({
      kind: 'control',
      id: control,
      text: listed(unique(texts), 3),
      mend: `./mintmark explain ${control}`,
    })
  }
  return { reasons, excepted: [...excepted].sort((a, b) => compare(a.control, b.control)) }
}

function exceptionReasons({ definition, image, now }: GateInput): GateReason[] {
  const expired = definition.hardening.exceptions.filter((exception) => !holds(exception, now))
  return grouped(expired, ({ control }) => control).map(([control, rows]) => ({
    kind: 'exception',
    id: control,
    text: `the exception of ${listed(unique(rows.map(({ owner }) => owner)))} expired on ${listed(unique(rows.map(({ expires }) => expires)))}`,
    mend: `renew or remove it in images/${image}.yaml`,
  }))
}

function factReasons({ test }: GateInput, { rebuild }: Commands): GateReason[] {
  if (test.facts.length === 0) {
    return [
      { kind: 'fact', id: 'test', text: 'the test stage told nothing about the booted image', mend: rebuild },
    ]
  }
  const bad = test.facts.filter(({ status }) => status !== 'pass')
  const say = (fact: Fact): string =>
    fact.status === 'unknown'
      ? `${fact.title}: could not be looked at (${fact.found})`
      : `${fact.title}: expected ${fact.expected}, found ${fact.found}`
  return grouped(bad, ({ id }) => id).map(([id, rows]) => ({
    kind: 'fact',
    id,
    text: listed(unique(rows.map(say)), 3),
    mend: `see test.json and the console logs in the run folder, then ${rebuild}`,
  }))
}

function baseReasons({ base, definition, now }: GateInput, commands: Commands): GateReason[] {
  const days = Number.parseInt(definition.base.maxAge, 10)
  const born = bornOf(base)
  const age = ageHours(born, now)
  if (age >= -skewHours && age <= days * 24) return []
  const what = base.from === 'archive' ? 'the base' : `the base ${nameOfBase(base)}`
  const text =
    age < 0
      ? `${what} is of ${born}, which is in the future: a clock is wrong`
      : `${what} is of ${born}, older than ${definition.base.maxAge}`
  const mend = base.from === 'parent' ? `./mintmark release ${base.image}` : commands.baseUpdate
  return [{ kind: 'base-age', id: 'base', text, mend }]
}

function countBySeverity(findings: readonly Finding[]): GateDecision['counts'] {
  const of = (severity: Severity, fixable: boolean): number =>
    findings.filter((row) => row.severity === severity && (row.fixed !== null) === fixable).length
  return Object.fromEntries(
    severityOrder.map((severity) => [
      severity,
      { fixable: of(severity, true), unfixed: of(severity, false) },
    ]),
  )
}

/**
 * Judges the facts of one image by a policy, the definition's exceptions and the clock. Whatever is missing or could not be
 * looked at counts against the image; only the want of a database is told apart, as vulnerability `unknown`.
 */
export function evaluateGate(input: GateInput): GateDecision {
  const { image, scan } = input
  const commands: Commands = {
    rebuild: `./mintmark release ${image}`,
    baseUpdate: `./mintmark base update ${image}`,
  }
  const controls = controlReasons(input, commands)
  const reasons = [
    ...subjectReasons(input, commands),
    ...systemReasons(input, commands),
    ...databaseReasons(input, commands),
    ...findingReasons(input, commands),
    ...secretReasons(input, commands),
    ...controls.reasons,
    ...factReasons(input, commands),
    ...exceptionReasons(input),
    ...baseReasons(input, commands),
  ].sort((a, b) => kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind))
  const common = {
    subject: input.build.artifact.sha256,
    policy: { name: input.policyName, sha256: input.policySha256 },
    vulnerability: scan.database?.canary === true ? ('judged' as const) : ('unknown' as const),
    counts: countBySeverity(scan.findings),
    excepted: controls.excepted.map(({ control, reason, owner, expires }) => ({
      control,
      reason,
      owner,
      expires,
    })),
  }
  return reasons.length === 0 ? { verdict: 'passed', ...common } : { verdict: 'rejected', ...common, reasons }
}
