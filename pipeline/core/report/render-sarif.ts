import type { GateDecision, GateReason } from '../../model/gate.ts'
import type { Report, ReportControl, ReportFinding } from '../../model/report.ts'
import type { Severity } from '../../model/stages.ts'
import { sha256 } from '../digest.ts'
import { advisoryUrl } from './advisory-url.ts'
import { waiverOf } from './build-report.ts'
import { shown } from './table.ts'

/** GitHub takes 25,000 results and keeps 5,000; the rest is in the other reports. */
const mostResults = 5000
/** Of a rule's descriptions, in characters. */
const mostText = 1000

type Level = 'error' | 'warning' | 'note'

interface Rule {
  readonly id: string
  readonly title: string
  readonly help: string
  readonly url: string | null
  readonly level: Level
  /** On the scale of CVSS, which GitHub sorts by; null while nobody has rated it. */
  readonly score: number | null
  readonly tags: readonly string[]
}

interface Result {
  readonly rule: Rule
  /** What tells it from others of its rule; part of the fingerprint, so no version is in it. */
  readonly subject: string
  readonly text: string
  readonly justification: string | null
}

/** The middle of the range of CVSS that GitHub shows under the same word. */
const scores: Readonly<Record<Severity, number | null>> = {
  CRITICAL: 9.5,
  HIGH: 8,
  MEDIUM: 5.5,
  LOW: 2,
  UNKNOWN: null,
}
const levels: Readonly<Record<Severity, Level>> = {
  CRITICAL: 'error',
  HIGH: 'error',
  MEDIUM: 'warning',
  LOW: 'note',
  UNKNOWN: 'warning',
}
const controlScores = { high: 8, medium: 5.5, low: 2 } as const

const cut = (text: string, most: number): string =>
  [...text].length > most ? `${[...text].slice(0, most - 1).join('')}…` : text

/** SARIF makes a link of `[text](target)`; ours are texts of others. */
const message = (text: string): string =>
  shown(text).replace(/[\\[\]]/g, (sign) => (text.includes('](') ? `\\${sign}` : sign))

function justify(gate: GateDecision, finding: ReportFinding): string | null {
  if (finding.state === 'shipped') return `emergency: ${gate.emergency?.reason ?? ''}`
  const waiver = waiverOf(gate, finding)
  return waiver === undefined
    ? null
    : `${waiver.status}: ${waiver.reason} (${waiver.owner}, until ${waiver.expires}, ${waiver.file})`
}

function findingResults({ findings, gate, scan }: Report): readonly Result[] {
  const all = findings ?? []
  const worst = new Map<string, ReportFinding>()
  for (const finding of all) if (!worst.has(finding.id)) worst.set(finding.id, finding) // they are sorted
  const rules = new Map<string, Rule>()
  for (const { id, title, severity } of worst.values()) {
    rules.set(id, {
      id,
      title: title === '' ? id : title,
      help: `${id} is in a package of the image. A rebuild takes a fix that the distribution has.`,
      url: advisoryUrl(id, scan.os.family),
      level: levels[severity],
      score: scores[severity],
      tags: ['security', 'vulnerability'],
    })
  }
  return all.flatMap((finding) => {
    const rule = rules.get(finding.id)
    if (rule === undefined) return []
    const fix = finding.fixed === null ? 'no fix yet' : `fixed in ${finding.fixed}`
    return [
      {
        rule,
        subject: finding.package,
        text: `${finding.package} ${finding.installed}: ${rule.title} (${fix})`,
        justification: justify(gate, finding),
      },
    ]
  })
}

function reasonRule({ kind, id }: GateReason, controls: readonly ReportControl[]): Rule {
  const control = kind === 'control' ? controls.find((item) => item.id === id) : undefined
  const severity = control?.severity ?? 'high'
  return {
    id: `${kind}/${id}`,
    title: control?.title ?? `${kind} ${id}`,
    help: `The gate rejects the image for its ${kind} ${id}.`,
    url: null,
    level: 'error',
    score: controlScores[severity],
    tags: ['security', kind],
  }
}

/** What is no finding in a package: the other reasons, secrets that the policy allows, controls that are excepted. */
function otherResults({ gate, secrets, controls }: Report): readonly Result[] {
  const all = controls ?? []
  const reasons = gate.verdict === 'rejected' ? gate.reasons.filter(({ kind }) => kind !== 'finding') : []
  const told = new Set(reasons.map(({ kind, id }) => `${kind}/${id}`))
  const result = (reason: GateReason, justification: string | null): Result => ({
    rule: reasonRule(reason, all),
    subject: '',
    text: `${reason.text}${reason.mend === '' ? '' : ` → ${reason.mend}`}`,
    justification,
  })
  return [
    ...reasons.map((reason) => result(reason, null)),
    ...(secrets ?? [])
      .filter(({ path }) => !told.has(`secret/${path}`))
      .map(({ path, rule, line }) => {
        const where = line === undefined ? path : `${path}:${line}`
        return result({ kind: 'secret', id: path, text: `${rule} in /${where}`, mend: '' }, null)
      }),
    ...gate.excepted.map(({ control, reason, owner, expires }) =>
      result(
        { kind: 'control', id: control, text: `${control} does not hold`, mend: '' },
        `${reason} (${owner}, until ${expires})`,
      ),
    ),
  ]
}

const ruleOf = (rule: Rule) => ({
  id: cut(shown(rule.id), 255),
  shortDescription: { text: cut(message(rule.title), mostText) },
  fullDescription: { text: cut(message(rule.title), mostText) },
  help: { text: cut(message(rule.help), mostText) },
  ...(rule.url === null ? {} : { helpUri: rule.url }),
  defaultConfiguration: { level: rule.level },
  properties: {
    tags: rule.tags,
    ...(rule.score === null ? {} : { 'security-severity': rule.score.toFixed(1) }),
  },
})

/**
 * The report as SARIF 2.1.0, one run, the worst first, at most 5,000 results. Each points to the image's definition, which is
 * the file to edit; its fingerprint stays the same from release to release.
 */
export function renderSarif(report: Report): string {
  const { image, scan, gate } = report
  const all = [...otherResults(report), ...findingResults(report)]
  const results = all.slice(0, mostResults)
  const rules = new Map<string, { readonly index: number; readonly rule: Rule }>()
  for (const { rule } of results) if (!rules.has(rule.id)) rules.set(rule.id, { index: rules.size, rule })
  const times = new Map<string, number>()
  const fingerprint = ({ rule, subject }: Result): string => {
    const hash = sha256(`${image}\n${rule.id}\n${subject}`).slice(0, 32)
    const time = (times.get(hash) ?? 0) + 1
    times.set(hash, time)
    return `${hash}:${time}`
  }
  const file = `images/${image}.yaml`
  const run = {
    tool: {
      driver: { name: 'mintmark', rules: [...rules.values()].map(({ rule }) => ruleOf(rule)) },
      extensions: [
        { name: 'trivy', version: scan.trivy.version },
        ...(scan.secondScanner === undefined
          ? []
          : [{ name: scan.secondScanner.name, version: scan.secondScanner.version }]),
      ],
    },
    automationDetails: { id: `mintmark/${image}/` },
    results: results.map((result) => {
      const hash = fingerprint(result)
      const { justification } = result
      return {
        ruleId: cut(shown(result.rule.id), 255),
        ruleIndex: rules.get(result.rule.id)?.index ?? -1,
        level: result.rule.level,
        message: { text: message(result.text) },
        locations: [
          {
            physicalLocation: { artifactLocation: { uri: file }, region: { startLine: 1 } },
            ...(result.subject === ''
              ? {}
              : { logicalLocations: [{ name: shown(result.subject), kind: 'package' }] }),
          },
        ],
        partialFingerprints: { primaryLocationLineHash: hash, 'mintmark/v1': hash },
        ...(justification === null
          ? {}
          : {
              suppressions: [{ kind: 'external', status: 'accepted', justification: shown(justification) }],
            }),
      }
    }),
    properties: {
      verdict: gate.verdict,
      image: `sha256:${report.artifact.sha256}`,
      version: report.version,
      vulnerability: gate.vulnerability,
      /** That are not in this file. */
      omittedResults: all.length - results.length,
    },
  }
  const sarif = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [run],
  }
  return `${JSON.stringify(sarif, null, 1)}\n`
}
