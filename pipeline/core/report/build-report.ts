import type { GateDecision } from '../../model/gate.ts'
import type { Control, ControlResult, ControlStatus } from '../../model/hardening.ts'
import type { RecordPredicate } from '../../model/release.ts'
import type { FindingState, Report, ReportControl, ReportFinding, ReportPackage } from '../../model/report.ts'
import type { Finding, ScanReport, TestReport } from '../../model/stages.ts'
import { compare } from '../lists.ts'
import { severityOrder } from '../severity.ts'
import { worstOf } from '../statement.ts'

/** What is the same in a run and in its record. */
type Recorded = Pick<
  RecordPredicate,
  | 'image'
  | 'version'
  | 'target'
  | 'arch'
  | 'run'
  | 'owner'
  | 'login'
  | 'source'
  | 'base'
  | 'artifact'
  | 'tools'
  | 'scan'
  | 'gate'
  | 'facts'
  | 'seconds'
>

export interface ReportInput extends Recorded {
  readonly judged: string
  readonly profiles: readonly string[]
  /** Ids that the image should have; null when that is not known. */
  readonly selected: readonly string[] | null
  /** In the build machine; null when that is not known. */
  readonly buildControls: readonly ControlResult[] | null
  readonly test: Pick<TestReport, 'boots' | 'controls' | 'notLookedAt'> | null
  readonly found: Pick<ScanReport, 'findings' | 'secrets'> | null
  /** `packages.tsv`: name, version, architecture, tab-separated. */
  readonly packages: string | null
  /** The controls as the checkout has them, for their titles. */
  readonly controls: readonly Control[]
  readonly files: Report['files']
}

const states: readonly FindingState[] = ['rejects', 'shipped', 'waived', 'open']

/** The waiver that covers this finding in this image. */
export const waiverOf = (
  gate: GateDecision,
  finding: Pick<Finding, 'id' | 'package' | 'installed'>,
): GateDecision['waived'][number] | undefined =>
  gate.waived.find(
    (waiver) =>
      waiver.vulnerability === finding.id &&
      waiver.package === finding.package &&
      waiver.installed === finding.installed,
  )

function stateOf(gate: GateDecision, finding: Finding): FindingState {
  if (waiverOf(gate, finding) !== undefined) return 'waived'
  if (gate.emergency?.shipped.includes(`${finding.id} ${finding.package}`)) return 'shipped'
  const named =
    gate.verdict === 'rejected' &&
    gate.reasons.some(({ kind, id, text }) => {
      if (kind !== 'finding' || id !== finding.id) return false
      const [packages = ''] = text.split('  ')
      // A long list of packages is cut in the text; then all of this advisory count.
      if (/ and \d+ more$/.test(packages)) return true
      return packages.split(', ').includes(`${finding.package} ${finding.installed}`)
    })
  return named ? 'rejects' : 'open'
}

function findingsOf(gate: GateDecision, findings: readonly Finding[]): ReportFinding[] {
  return findings
    .map((finding) => ({ ...finding, state: stateOf(gate, finding) }))
    .sort(
      (a, b) =>
        severityOrder.indexOf(a.severity) - severityOrder.indexOf(b.severity) ||
        states.indexOf(a.state) - states.indexOf(b.state) ||
        compare(a.id, b.id) ||
        compare(a.package, b.package) ||
        compare(a.installed, b.installed),
    )
}

/** Those that an exception covers come after those that count. */
const rank = ({ status, excepted }: ReportControl): number =>
  ({ fail: 0, error: 1, pass: 4, notapplicable: 5 })[status] +
  (excepted && (status === 'fail' || status === 'error') ? 2 : 0)

function controlsOf(input: ReportInput): ReportControl[] | null {
  const { buildControls, test, selected, gate } = input
  if (test === null && buildControls === null) return null
  const phases = [{ where: 'build', results: buildControls ?? [] }, ...(test?.controls ?? [])]
  const known = new Map(input.controls.map((control) => [control.id, control]))
  const seen = new Map<string, ReportControl['phases']>((selected ?? []).map((id) => [id, []]))
  for (const { where, results } of phases)
    for (const { control, ...result } of results)
      seen.set(control, [...(seen.get(control) ?? []), { where, ...result }])
  return [...seen]
    .map(([id, rows]): ReportControl => {
      const control = known.get(id)
      return {
        id,
        title: control?.title ?? null,
        severity: control?.severity ?? null,
        status: worstOf(new Set<ControlStatus>(rows.map(({ status }) => status))),
        excepted: gate.excepted.some((item) => item.control === id),
        phases: rows,
      }
    })
    .sort((a, b) => rank(a) - rank(b) || compare(a.id, b.id))
}

const packagesOf = (text: string): ReportPackage[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', version = '', arch = ''] = line.split('\t')
      return { name, version, arch }
    })

const sorted = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => compare(a, b)))

/** Puts together what a run, or what is stored with a record, says of an image. The same input gives the same report. */
export function buildReport(input: ReportInput): Report {
  const { test, found, packages, gate } = input
  const controls = controlsOf(input)
  return {
    schema: 1,
    image: input.image,
    version: input.version,
    target: input.target,
    arch: input.arch,
    run: input.run,
    owner: input.owner,
    login: input.login,
    profiles: [...input.profiles],
    judged: input.judged,
    source: input.source,
    base: input.base,
    artifact: input.artifact,
    tools: sorted(input.tools),
    scan: input.scan,
    gate,
    facts: [...input.facts],
    boots: test === null ? null : test.boots,
    ...(test?.notLookedAt === undefined ? {} : { notLookedAt: test.notLookedAt }),
    controls,
    findings: found === null ? null : findingsOf(gate, found.findings),
    secrets: found === null ? null : found.secrets,
    packages: packages === null ? null : packagesOf(packages),
    files: sorted(input.files),
    seconds: input.seconds,
    missing: [
      ...(found === null ? (['findings'] as const) : []),
      ...(controls === null ? (['controls'] as const) : []),
      ...(test === null ? (['boots'] as const) : []),
      ...(packages === null ? (['packages'] as const) : []),
    ],
  }
}
