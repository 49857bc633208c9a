import type { ScanReport } from '../model/stages.ts'
import { columns } from './columns.ts'

/** The report for people: what was scanned, with what, what was found. Plain text, worst first. */
export function renderFindings(
  name: string,
  scan: Pick<
    ScanReport,
    | 'subject'
    | 'os'
    | 'packages'
    | 'database'
    | 'databaseProblem'
    | 'findings'
    | 'secrets'
    | 'packagedSecrets'
    | 'trivy'
    | 'secondScanner'
  >,
): string {
  const { database, findings, secrets, secondScanner: second } = scan
  const foundBy = (cells: readonly string[]): readonly string[] => (second === undefined ? [] : cells)
  const lines = [
    `image     ${name}  sha256:${scan.subject}`,
    `system    ${scan.os.family === '' ? 'not recognised' : `${scan.os.family} ${scan.os.release}`}, ${scan.packages.dpkg} packages`,
    `scanner   trivy ${scan.trivy.version}  sha256:${scan.trivy.sha256}`,
    database === null
      ? `database  none: ${scan.databaseProblem ?? 'no reason known'}; vulnerabilities are UNKNOWN`
      : `database  ${database.source}  sha256:${database.sha256}  of ${database.updated}${database.canary ? '' : '; it knows nothing about this release'}`,
    ...(second === undefined
      ? []
      : [
          `second    ${second.name} ${second.version}  sha256:${second.sha256}`,
          `          ${second.database.source}  sha256:${second.database.sha256}  of ${second.database.built}`,
        ]),
    '',
  ]
  if (database !== null || second !== undefined) {
    const fixable = findings.filter((finding) => finding.fixed !== null).length
    lines.push(`vulnerabilities: ${findings.length}, of which ${fixable} have a fix`)
    if (findings.length > 0) {
      lines.push(
        columns([
          ['SEVERITY', 'ID', 'PACKAGE', 'INSTALLED', 'FIXED IN', ...foundBy(['FOUND BY']), 'TITLE'],
          ...findings.map((row) => [
            row.severity,
            row.id,
            row.package,
            row.installed,
            row.fixed ?? '-',
            ...foundBy([(row.by ?? ['trivy']).join(', ')]),
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
      columns([
        ['SEVERITY', 'RULE', 'FILE', 'FOUND BY'],
        ...secrets.map(({ severity, rule, by = 'trivy', path, line }) => [
          severity,
          rule,
          line === undefined ? path : `${path}:${line}`,
          by,
        ]),
      ]),
    )
  }
  const { packagedSecrets = [] } = scan
  if (packagedSecrets.length > 0) {
    lines.push(
      '',
      `keys that the distribution publishes in its packages, unchanged: ${packagedSecrets.length}`,
      columns([
        ['RULE', 'PACKAGE', 'FILE'],
        ...packagedSecrets.map(({ rule, path, package: owner }) => [rule, owner, path]),
      ]),
    )
  }
  return `${lines.join('\n')}\n`
}
