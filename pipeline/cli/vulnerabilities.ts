import type { RecordPredicate } from '../model/release.ts'

const severities = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'UNKNOWN'] as const

/** The findings in a word: `none`, `unknown`, or counts by severity with how many of them have a fix. */
export function vulnerabilities(gate: RecordPredicate['gate']): string {
  if (gate.vulnerability === 'unknown') return 'unknown'
  const parts: string[] = []
  for (const severity of severities) {
    const count = gate.counts[severity]
    if (count === undefined || count.fixable + count.unfixed === 0) continue
    const name = severity === 'UNKNOWN' ? 'unrated' : severity.toLowerCase()
    const fixable = count.fixable > 0 ? ` (${count.fixable} fixable)` : ''
    parts.push(`${count.fixable + count.unfixed} ${name}${fixable}`)
  }
  return parts.length === 0 ? 'none' : parts.join(', ')
}
