import type { GateDecision, GateReason } from '../model/gate.ts'
import type { Finding, Severity } from '../model/stages.ts'
import { controlReasons, factReasonsOf } from './evaluate-gate-facts.ts'
import { judgeFindings } from './evaluate-gate-findings.ts'
import type { Commands, GateInput } from './evaluate-gate-input.ts'
import { severityOrder } from './severity.ts'

export type { GateInput } from './evaluate-gate-input.ts'

/** Worst first: what makes all other facts worthless, then what an attacker would use, then what is merely old. */
const rank: Readonly<Record<GateReason['kind'], number>> = {
  subject: 0,
  secret: 1,
  os: 2,
  'package-count': 3,
  canary: 4,
  'stale-database': 5,
  'stale-exploited-list': 6,
  finding: 7,
  waiver: 8,
  control: 9,
  fact: 10,
  exception: 11,
  'base-age': 12,
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
 * Judges the facts of one image by a policy, the definition's exceptions, the teams' waivers and the clock. Whatever is missing
 * or could not be looked at counts against the image; only the want of a database is told apart, as vulnerability `unknown`.
 */
export function evaluateGate(input: GateInput): GateDecision {
  const { image, scan } = input
  const commands: Commands = {
    rebuild: `./mintmark release ${image}`,
    baseUpdate: `./mintmark base update ${image}`,
  }
  const controls = controlReasons(input, commands)
  const findings = judgeFindings(input, commands)
  const reasons = [...factReasonsOf(input, commands), ...findings.reasons, ...controls.reasons].sort(
    (a, b) => rank[a.kind] - rank[b.kind],
  ) // stable: equal ones stay in their own order
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
    waived: [...findings.waived],
    knownExploited: input.knownExploited?.list ?? null,
    emergency: null,
  }
  return reasons.length === 0 ? { verdict: 'passed', ...common } : { verdict: 'rejected', ...common, reasons }
}
