import type { RecordPredicate } from '../model/release.ts'
import { baseRows } from './base-rows.ts'
import { localTime } from './local-time.ts'
import { vulnerabilities } from './vulnerabilities.ts'

type Row = readonly [name: string, text: string]

/** What a release was made from. */
export function sourceRows({ source, base, tools }: RecordPredicate): readonly Row[] {
  const commit =
    source.commit === null
      ? 'unknown: it was not made from a git checkout'
      : `${source.commit}${source.dirty ? ', with changes that no commit holds' : ''}`
  return [
    ...baseRows(base),
    ['commit', commit],
    ['definition', `sha256:${source.definition}`],
    ['bundle', `sha256:${source.bundle}`],
    [
      'tools',
      Object.entries(tools)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
  ]
}

/** What it was scanned with, and what that found. */
export function scanRows({ scan, gate }: RecordPredicate): readonly Row[] {
  const { database, databaseProblem, packages, trivy } = scan
  const exposed = trivy.isolated === false ? ' with the network at hand' : ''
  const scanned = `trivy ${trivy.version}${exposed}, ${packages.trivy} packages (package manager: ${packages.dpkg})`
  if (database === null) {
    return [
      ['scanned', scanned],
      ['vulnerabilities', `unknown: ${databaseProblem ?? 'no database'}`],
    ]
  }
  return [
    ['scanned', scanned],
    ['database', `sha256:${database.sha256} of ${localTime(database.updated)}, ${database.source}`],
    [
      'vulnerabilities',
      gate.vulnerability === 'unknown'
        ? `unknown: ${databaseProblem ?? 'the database has no advisories for this system'}`
        : vulnerabilities(gate),
    ],
  ]
}

function emergencyRows({ emergency }: RecordPredicate['gate']): readonly Row[] {
  if (emergency === null) return []
  return [
    ['EMERGENCY', `shipped although findings reject it, no worse than ${emergency.comparedWith}`],
    ['', `reason: ${emergency.reason}`],
    ...emergency.shipped.map((item): Row => ['', item]),
  ]
}

function exploitedText({ knownExploited }: RecordPredicate['gate']): string {
  if (knownExploited === null) return 'no list was given'
  const { source, sha256, released, count } = knownExploited
  return `list of ${localTime(released)}, ${count} entries, sha256:${sha256}, ${source}`
}

/** Controls, tests, and how the gate judged them. */
export function judgementRows({ controls, facts, gate, profile }: RecordPredicate): readonly Row[] {
  const { pass, fail, error, notapplicable, total } = controls
  const others = [
    ...(fail > 0 ? [`${fail} fail`] : []),
    ...(error > 0 ? [`${error} could not be checked`] : []),
    ...(notapplicable > 0 ? [`${notapplicable} not applicable`] : []),
  ]
  const held = facts.filter((fact) => fact.status === 'pass').length
  return [
    ['controls', [`${pass} of ${total} hold (profile ${profile})`, ...others].join(', ')],
    ['tests', `${held} of ${facts.length} pass`],
    ...facts
      .filter((fact) => fact.status !== 'pass')
      .map(
        (fact): Row => ['', `${fact.status}  ${fact.title}: expected ${fact.expected}, found ${fact.found}`],
      ),
    ['gate', `${gate.verdict} by policy ${gate.policy.name}, sha256:${gate.policy.sha256}`],
    ...emergencyRows(gate),
    ['known exploited', exploitedText(gate)],
    ['waived', gate.waived.length === 0 ? 'none' : String(gate.waived.length)],
    ...gate.waived.map(
      (item): Row => [
        '',
        `${item.vulnerability} ${item.package} ${item.installed}  ${item.status}: ${item.reason} (${item.owner}, until ${item.expires}, ${item.file})`,
      ],
    ),
    ['exceptions', gate.excepted.length === 0 ? 'none' : String(gate.excepted.length)],
    ...gate.excepted.map(
      (item): Row => ['', `${item.control}  ${item.reason} (${item.owner}, until ${item.expires})`],
    ),
  ]
}
