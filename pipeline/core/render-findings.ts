import type { ScanReport } from '../model/stages.ts'
import { columns } from './columns.ts'

/** The report for people: what was scanned, with what, what was found. Plain text, worst first. */
export function renderFindings(
  name: string,
  scan: Pick<
    ScanReport,
    'subject' | 'os' | 'packages' | 'database' | 'databaseProblem' | 'findings' | 'secrets' | 'trivy'
  >,
): string {
  const { database, findings, secrets } = scan
  const lines = [
    `image     ${name}  sha256:${scan.subject}`,
    `system    ${scan.os.family === '' ? 'not recognised' : `${scan.os.family} ${scan.os.release}`}, ${scan.packages.dpkg} packages`,
    `scanner   trivy ${scan.trivy.version}  sha256:${scan.trivy.sha256}`,
    database === null
      ? `database  none: ${scan.databaseProblem ?? 'no reason known'}; vulnerabilities are UNKNOWN`
      : `database  ${database.source}  sha256:${database.sha256}  of ${database.updated}${database.canary ? '' : '; it knows nothing about this release'}`,
    '',
  ]
  if (database !== null) {
    const fixable = findings.filter((finding) => finding.fixed !== null).length
    lines.push(`vulnerabilities: ${findings.length}, of which ${fixable} have a fix`)
    if (findings.length > 0) {
      lines.push(
        columns([
          ['SEVERITY', 'ID', 'PACKAGE', 'INSTALLED', 'FIXED IN', 'TITLE'],
          ...findings.map((row) => [
            row.severity,
            row.id,
            row.package,
            row.installed,
            row.fixed ?? '-',
            row.title,
          ]),
        ]),
      )
    }
    lines.push('')
  }
  lines.push(`secrets: ${secrets.length}`)
  if (secrets.length > 0) {
    lines.push(
      columns([['SEVERITY', 'RULE', 'FILE'], ...secrets.map((row) => [row.severity, row.rule, row.path])]),
    )
  }
  return `${lines.join('\n')}\n`
}
