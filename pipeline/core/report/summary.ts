import type { GateReason } from '../../model/gate.ts'
import type { Report } from '../../model/report.ts'
import { size } from '../size.ts'
import type { Row } from './base-tables.ts'
import { code, plain, type Tone, utc } from './table.ts'
import type { Say } from './texts.ts'

export interface Verdict {
  readonly word: string
  readonly tone: Tone
  /** One character that says the same as the colour. */
  readonly sign: string
  readonly sentences: readonly string[]
}

/** The verdict in words. */
export function verdictOf(say: Say, { gate, judged, scan }: Report): Verdict {
  const by = { policy: gate.policy.name, judged: utc(judged) }
  const unknown =
    gate.vulnerability === 'unknown'
      ? [
          say('unknown-why', {
            why: scan.databaseProblem ?? say(scan.database === null ? 'no-reason' : 'no-advisories'),
          }),
        ]
      : []
  if (gate.verdict === 'rejected')
    return {
      word: say('rejected'),
      tone: 'bad',
      sign: '✗',
      sentences: [say('rejected-by', { ...by, count: gate.reasons.length }), ...unknown],
    }
  if (gate.emergency !== null)
    return {
      word: say('emergency'),
      tone: 'warn',
      sign: '!',
      sentences: [
        say('emergency-by', { ...by, than: gate.emergency.comparedWith }),
        `${say('emergency-reason')}: ${gate.emergency.reason}`,
        `${say('emergency-shipped')}: ${gate.emergency.shipped.join(', ')}`,
        ...unknown,
      ],
    }
  return {
    word: say(unknown.length === 0 ? 'passed' : 'passed-unknown'),
    tone: unknown.length === 0 ? 'good' : 'warn',
    sign: unknown.length === 0 ? '✓' : '!',
    sentences: [say('passed-by', by), ...unknown],
  }
}

export const reasonsOf = ({ gate }: Report): readonly GateReason[] =>
  gate.verdict === 'rejected' ? gate.reasons : []

export interface Count {
  readonly name: string
  readonly value: string
  readonly note: string
  readonly tone: Tone
}

function countFindings(say: Say, { findings, gate }: Report): Count {
  const name = say('count-findings')
  if (findings === null || gate.vulnerability === 'unknown')
    return { name, value: say('unknown'), note: '', tone: 'warn' }
  const of = (severity: string): number => findings.filter((item) => item.severity === severity).length
  const [critical, high] = [of('CRITICAL'), of('HIGH')]
  const fixable = findings.filter(({ fixed }) => fixed !== null).length
  return {
    name,
    value: String(findings.length),
    note: say('count-worst', { critical, high, fixable }),
    tone: findings.some(({ state }) => state === 'rejects')
      ? 'bad'
      : findings.some(({ state }) => state !== 'open')
        ? 'warn'
        : 'good',
  }
}

function countControls(say: Say, { controls, gate }: Report): Count {
  const name = say('count-controls')
  if (controls === null) return { name, value: say('unknown'), note: '', tone: 'warn' }
  const applicable = controls.filter(({ status }) => status !== 'notapplicable')
  const held = applicable.filter(({ status }) => status === 'pass').length
  const bad = applicable.filter(({ status }) => status !== 'pass')
  const notes = [
    ...(gate.excepted.length === 0 ? [] : [say('count-excepted', { count: gate.excepted.length })]),
    ...(applicable.length === controls.length
      ? []
      : [say('count-not-applicable', { count: controls.length - applicable.length })]),
  ]
  return {
    name,
    value: say('count-of', { held, total: applicable.length }),
    note: notes.join(', '),
    tone: bad.length === 0 ? 'good' : bad.every(({ excepted }) => excepted) ? 'warn' : 'bad',
  }
}

/** The numbers of the first screen. */
export function countsOf(say: Say, report: Report): readonly Count[] {
  const { facts, boots, secrets, scan, gate } = report
  const held = facts.filter(({ status }) => status === 'pass').length
  return [
    countFindings(say, report),
    countControls(say, report),
    {
      name: say('count-tests'),
      value: say('count-of', { held, total: facts.length }),
      note: boots === null ? '' : say('count-boots', { count: boots.length }),
      tone: held === facts.length && held > 0 ? 'good' : 'bad',
    },
    {
      name: say('count-secrets'),
      value: secrets === null ? say('unknown') : String(secrets.length),
      note: '',
      tone: secrets === null ? 'warn' : secrets.length === 0 ? 'good' : 'bad',
    },
    {
      name: say('count-packages'),
      value: String(scan.packages.trivy),
      note: say('count-dpkg', { count: scan.packages.dpkg }),
      tone: scan.packages.trivy === scan.packages.dpkg && scan.packages.dpkg > 0 ? 'plain' : 'bad',
    },
    {
      name: say('count-waived'),
      value: String(gate.waived.length),
      note: '',
      tone: gate.waived.length === 0 ? 'plain' : 'warn',
    },
  ]
}

function databaseText(say: Say, { scan }: Report): string {
  const { database, databaseProblem } = scan
  if (database === null) return `${say('unknown')}: ${databaseProblem ?? say('no-reason')}`
  const { source, updated, sha256 } = database
  return say('database-of', { source, updated: utc(updated), sha256 })
}

function exploitedText(say: Say, { gate }: Report): string {
  if (gate.knownExploited === null) return say('no-list')
  const { source, released, count, sha256 } = gate.knownExploited
  return say('exploited-of', { source, released: utc(released), count, sha256 })
}

const scannersOf = ({ trivy, secondScanner: second }: Report['scan']): readonly string[] => [
  `trivy ${trivy.version}`,
  ...(second === undefined
    ? []
    : [`${second.name} ${second.version} (${second.database.built.slice(0, 10)})`]),
]

/** What the image is, and what it was made and judged with. */
export function identityRows(say: Say, report: Report): readonly Row[] {
  const { image, version, target, arch, artifact, source, profiles, gate, scan } = report
  const commit =
    source.commit === null
      ? plain(say('no-commit'))
      : code(`${source.commit}${source.dirty ? say('dirty') : ''}`)
  return [
    [say('image'), plain(`${image} ${version}, ${target}/${arch}`)],
    [say('digest'), code(`sha256:${artifact.sha256}`)],
    [
      say('size'),
      plain(say('size-of', { bytes: size(artifact.bytes), virtual: size(artifact.virtualBytes) })),
    ],
    [say('owner'), plain(report.owner)],
    [say('login'), code(report.login)],
    [say('profile'), code(profiles.join(', '))],
    [say('run'), code(report.run)],
    [say('commit'), commit],
    [say('policy'), code(`${gate.policy.name} sha256:${gate.policy.sha256}`)],
    [say('scanner'), plain(scannersOf(scan).join(', '))],
    [say('database'), plain(databaseText(say, report))],
    [say('exploited'), plain(exploitedText(say, report))],
  ]
}
