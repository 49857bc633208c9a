import { MintmarkError } from '../errors.ts'
import { GrypeReport } from '../model/grype.ts'
import type { Finding, Severity } from '../model/stages.ts'
import { mergeFindings } from './parse-trivy.ts'
import { parsedJson } from './parsed-json.ts'
import { severityOrder } from './severity.ts'

const severities: Readonly<Record<string, Severity>> = {
  critical: 'CRITICAL',
  high: 'HIGH',
  medium: 'MEDIUM',
  low: 'LOW',
  // Debian's "unimportant".
  negligible: 'LOW',
}

/**
 * Reads Grype's JSON report.
 * @throws MintmarkError TOOL_FAILED when it is not the report that this Grype version writes
 */
export function parseGrypeReport(text: string): readonly Finding[] {
  const parsed = GrypeReport.safeParse(parsedJson(text))
  if (!parsed.success) {
    throw new MintmarkError('TOOL_FAILED', "grype's report has an unknown shape", {
      details: parsed.error.issues.map((issue) => `${issue.path.map(String).join('.')}: ${issue.message}`),
    })
  }
  const isCve = (id: string): boolean => id.startsWith('CVE-')
  return parsed.data.matches.map(({ vulnerability, relatedVulnerabilities, artifact }) => {
    const ids = [vulnerability.id, ...relatedVulnerabilities.map(({ id }) => id)]
    return {
      id: ids.find(isCve) ?? vulnerability.id,
      package: artifact.name,
      installed: artifact.version,
      fixed: vulnerability.fix.versions[0] ?? null,
      severity: severities[vulnerability.severity.toLowerCase()] ?? 'UNKNOWN',
      title: vulnerability.description.split('\n')[0]?.slice(0, 200) ?? '',
      by: ['grype'],
    }
  })
}

/** What the second one does not know is no news about what the first one does. */
const worse = (first: Severity, second: Severity): Severity =>
  second !== 'UNKNOWN' && severityOrder.indexOf(second) < severityOrder.indexOf(first) ? second : first

/**
 * The findings of both, one for each advisory, package and version of it: the worse severity, any fix that one of them knows. The second
 * scanner adds and never removes.
 */
export function addSecondScanner(first: readonly Finding[], second: readonly Finding[]): readonly Finding[] {
  const keyOf = (finding: Finding): string => `${finding.id} ${finding.package} ${finding.installed}`
  const theirs = new Map<string, Finding>()
  for (const finding of second) {
    const known = theirs.get(keyOf(finding))
    const fixed = known?.fixed ?? finding.fixed
    const severity = known === undefined ? finding.severity : worse(finding.severity, known.severity)
    theirs.set(keyOf(finding), { ...finding, fixed, severity })
  }
  const both = first.map((finding): Finding => {
    const other = theirs.get(keyOf(finding))
    if (other === undefined) return finding
    return {
      ...finding,
      fixed: finding.fixed ?? other.fixed,
      severity: worse(finding.severity, other.severity),
      by: ['trivy', 'grype'],
    }
  })
  const known = new Set(first.map(keyOf))
  return mergeFindings(
    both,
    [...theirs.values()].filter((finding) => !known.has(keyOf(finding))),
  )
}

/** What the second scanner found, of the findings of both. */
export const ofSecondScanner = (findings: readonly Finding[]): readonly Finding[] =>
  findings
    .filter(({ by }) => by?.includes('grype') === true)
    .map((finding) => ({ ...finding, by: ['grype'] }))
