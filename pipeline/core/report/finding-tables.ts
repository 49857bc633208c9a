import type { Report, ReportFinding } from '../../model/report.ts'
import type { Severity } from '../../model/stages.ts'
import { severityOrder } from '../severity.ts'
import { advisoryUrl } from './advisory-url.ts'
import { type Cell, code, link, plain, type Table, type Tone, toned } from './table.ts'
import type { Say, TextKey } from './texts.ts'

const severityText: Readonly<Record<Severity, TextKey>> = {
  CRITICAL: 'critical',
  HIGH: 'high',
  UNKNOWN: 'unrated',
  MEDIUM: 'medium',
  LOW: 'low',
}

const stateTone: Readonly<Record<ReportFinding['state'], Tone>> = {
  rejects: 'bad',
  shipped: 'warn',
  waived: 'warn',
  open: 'plain',
}

function findingRow(say: Say, report: Report, finding: ReportFinding): readonly Cell[] {
  return [
    link(finding.id, advisoryUrl(finding.id, report.scan.os.family)),
    code(finding.package),
    code(finding.installed),
    finding.fixed === null ? plain(say('no-fix')) : code(finding.fixed),
    toned(say(`state-${finding.state}`), stateTone[finding.state]),
    plain(finding.title),
  ]
}

/** One table a severity, the worst first; what decides the verdict is open. */
export function findingTables(say: Say, report: Report): readonly Table[] {
  const findings = report.findings ?? []
  const head = (['advisory', 'package', 'installed', 'fixed-in', 'verdict', 'title'] as const).map((key) =>
    say(key),
  )
  return severityOrder
    .map((severity) => ({ severity, rows: findings.filter((item) => item.severity === severity) }))
    .filter(({ rows }) => rows.length > 0)
    .map(({ severity, rows }) => ({
      caption: say('findings-caption', { severity: say(severityText[severity]), count: rows.length }),
      head,
      rows: rows.map((finding) => findingRow(say, report, finding)),
      open: rows.some(({ state }) => state !== 'open') || severity === 'CRITICAL' || severity === 'HIGH',
    }))
}

/** Why there are no findings, or why a short list is not the whole truth; empty when there is nothing to say. */
export function findingNotes(say: Say, { findings, scan }: Report): readonly string[] {
  if (findings === null) return [say('no-findings-known')]
  const { database, databaseProblem, secondScanner } = scan
  if (database === null && secondScanner === undefined)
    return [say('no-database', { why: databaseProblem ?? say('no-reason') })]
  return [
    ...(database?.canary !== false ? [] : [say('no-canary')]),
    ...(findings.length === 0 ? [say('no-findings')] : []),
  ]
}

export function waiverTable(say: Say, { gate, scan }: Report): Table {
  return {
    caption: say('waivers-caption', { count: gate.waived.length }),
    head: (
      ['advisory', 'package', 'installed', 'why', 'waiver-status', 'owner', 'until', 'written-in'] as const
    ).map((key) => say(key)),
    rows: gate.waived.map((waiver) => [
      link(waiver.vulnerability, advisoryUrl(waiver.vulnerability, scan.os.family)),
      code(waiver.package),
      code(waiver.installed),
      plain(waiver.reason),
      code(waiver.status),
      plain(waiver.owner),
      plain(waiver.expires),
      code(waiver.file),
    ]),
    open: true,
  }
}

export function secretTable(say: Say, report: Report): Table {
  const secrets = report.secrets ?? []
  return {
    caption: say('secrets-caption', { count: secrets.length }),
    head: [say('severity'), say('rule'), say('file'), say('scanner')],
    rows: secrets.map(({ rule, path, severity, line, by = 'trivy' }) => [
      toned(say(severityText[severity]), 'bad'),
      code(rule),
      code(line === undefined ? `/${path}` : `/${path}:${line}`),
      plain(by),
    ]),
    open: true,
  }
}
