import type { GateDecision, GateReason, Policy } from '../model/gate.ts'
import type { Finding } from '../model/stages.ts'
import { ageHours, isFresh } from './days.ts'
import { canonicalJson } from './digest.ts'
import type { Commands, GateInput } from './evaluate-gate-input.ts'
import { compare, grouped, listed, unique } from './lists.ts'
import { shellQuote } from './quote.ts'
import { rated, severityOrder } from './severity.ts'
import { isAbout, type KeptWaiver, type Standing, standingOf } from './waivers.ts'

type Waived = GateDecision['waived'][number]

/** A finding that rejects, with the waivers that are about it and don't cover it. */
interface Open {
  readonly finding: Finding
  readonly exploited: boolean
  readonly idle: readonly { readonly kept: KeptWaiver; readonly standing: Standing }[]
}

function blocks(finding: Finding, exploited: boolean, policy: Policy): boolean {
  const fixable = finding.fixed !== null
  if (exploited && (policy.rejectExploited === 'any' || (policy.rejectExploited === 'fixable' && fixable)))
    return true
  return (fixable ? policy.rejectFixable : policy.rejectUnfixed).includes(finding.severity)
}

/** The waivers in one order, whatever the order of the files. */
const inOrder = (waivers: readonly KeptWaiver[]): readonly KeptWaiver[] =>
  [...waivers].sort((a, b) => compare(canonicalJson(a), canonicalJson(b)))

/** What rejects, and what a waiver holds back; sorted, each once. */
function sorted(input: GateInput): { readonly open: readonly Open[]; readonly waived: readonly Waived[] } {
  const { policy, image, now, knownExploited } = input
  const waivers = inOrder(input.waivers)
  const open: Open[] = []
  const waived = new Map<string, Waived>()
  for (const finding of input.scan.findings) {
    const exploited = knownExploited?.ids.has(finding.id) === true
    if (!blocks(finding, exploited, policy)) continue
    const about = waivers
      .filter(({ waiver }) => isAbout(waiver, finding, image))
      .map((kept) => ({ kept, standing: standingOf(kept.waiver, finding, policy, now) }))
    const covering = about.find(({ standing }) => standing === 'holds')?.kept
    if (covering === undefined) open.push({ finding, exploited, idle: about })
    else {
      const row = { ...covering.waiver, installed: finding.installed, file: covering.file }
      waived.set(canonicalJson(row), row)
    }
  }
  const byKey = [...waived.values()].sort(
    (a, b) =>
      compare(a.vulnerability, b.vulnerability) ||
      compare(a.package, b.package) ||
      compare(a.installed, b.installed) ||
      compare(canonicalJson(a), canonicalJson(b)), // two waivers can hold one package: with and without a fix
  )
  return { open, waived: byKey }
}

/** Those that reject although there may be waivers: what an emergency would have to ship. */
export const openFindings = (input: GateInput): readonly Finding[] =>
  sorted(input).open.map(({ finding }) => finding)

const word = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : shellQuote(text))

const waiveCommand = (id: string, packages: readonly string[], image: string): string =>
  `./mintmark waive ${word(id)} ${packages.map((name) => `--package ${word(name)}`).join(' ')} --image ${image} --reason "..." --until YYYY-MM-DD`

const worst = (rows: readonly Open[]): number =>
  Math.min(...rows.map(({ finding }) => severityOrder.indexOf(finding.severity)))

/** Why waivers that are about a finding don't cover it; an expired one is a reason of its own. */
function idleTexts(rows: readonly Open[], policy: Policy): readonly string[] {
  return unique(
    rows.flatMap(({ idle, finding }) =>
      idle.flatMap(({ kept: { waiver }, standing }) => {
        const until = `(${waiver.owner}, until ${waiver.expires})`
        if (standing === 'too-long')
          return [`its waiver ${until} ends more than ${policy.maxWaiverDays} days from now`]
        if (standing === 'other-status')
          return [
            waiver.status === 'under_investigation'
              ? `under investigation ${until}`
              : `a waiver of status ${waiver.status} ${until} does not cover a finding ${finding.fixed === null ? 'without' : 'with'} a fix here`,
          ]
        return []
      }),
    ),
  )
}

function findingReasons(open: readonly Open[], input: GateInput, commands: Commands): readonly GateReason[] {
  const { image, policy } = input
  return [...grouped(open, ({ finding }) => finding.id)]
    .sort(
      ([, a], [, b]) =>
        Number(b.some(({ exploited }) => exploited)) - Number(a.some(({ exploited }) => exploited)) ||
        worst(a) - worst(b), // stable: equal ones stay in the order of their ids
    )
    .map(([id, rows]) => {
      const packages = unique(rows.map(({ finding }) => `${finding.package} ${finding.installed}`))
      const fixes = unique(rows.flatMap(({ finding: { fixed } }) => (fixed === null ? [] : [fixed])))
      const severity = severityOrder[worst(rows)] ?? 'UNKNOWN'
      const told = [
        rated(severity),
        ...(rows.some(({ exploited }) => exploited) ? ['known exploited'] : []),
        fixes.length === 0 ? 'no fix yet' : `fixed in ${listed(fixes)}`,
        ...idleTexts(rows, policy),
      ]
      const names = unique(rows.map(({ finding }) => finding.package))
      return {
        kind: 'finding',
        id,
        text: `${listed(packages)}  ${told.join(', ')}`,
        mend:
          fixes.length === 0
            ? `${waiveCommand(id, names, image)}, or remove the package in images/${image}.yaml, or wait for the fix`
            : commands.baseUpdate,
      }
    })
}

/** A waiver that was let run out while its finding still rejects: the team has to look at it again. */
function expiredReasons(open: readonly Open[], image: string): readonly GateReason[] {
  const expired = open.flatMap(({ idle, finding }) =>
    idle.flatMap(({ kept, standing }) =>
      standing === 'expired' ? [{ kept, name: finding.package, id: finding.id }] : [],
    ),
  )
  return grouped(expired, ({ id, name }) => `${id} ${name}`).flatMap(([, rows]) => {
    const [first] = rows
    if (first === undefined) return []
    const texts = unique(
      rows.map(({ kept: { waiver, file } }) => `of ${waiver.owner} expired on ${waiver.expires} (${file})`),
    )
    const files = unique(rows.map(({ kept }) => kept.file))
    return [
      {
        kind: 'waiver' as const,
        id: first.id,
        text: `the waiver for ${first.name} ${listed(texts)}`,
        mend: `${waiveCommand(first.id, [first.name], image)}, or remove it from ${listed(files)}`,
      },
    ]
  })
}

function listReasons({ knownExploited, policy, now, image }: GateInput): readonly GateReason[] {
  if (knownExploited === null || policy.rejectExploited === 'never') return []
  const { source, released } = knownExploited.list
  if (isFresh(released, now, policy.maxExploitedListAgeDays * 24)) return []
  return [
    {
      kind: 'stale-exploited-list',
      id: 'known-exploited',
      text:
        ageHours(released, now) < 0
          ? `the known-exploited list ${source} is of ${released}, which is in the future: a clock is wrong`
          : `the known-exploited list ${source} is of ${released}, older than ${policy.maxExploitedListAgeDays} days`,
      mend: `./mintmark release ${image} --known-exploited FILE|URL, with a newer one`,
    },
  ]
}

/** Judges the findings by severity, the known-exploited list and the waivers. */
export function judgeFindings(
  input: GateInput,
  commands: Commands,
): { readonly reasons: readonly GateReason[]; readonly waived: readonly Waived[] } {
  const { open, waived } = sorted(input)
  return {
    reasons: [
      ...listReasons(input),
      ...findingReasons(open, input, commands),
      ...expiredReasons(open, input.image),
    ],
    waived,
  }
}

/** Waivers for this image that do nothing here, in words: they are told and reject nothing. */
export function idleWaivers(input: GateInput): readonly string[] {
  const { image, now, policy } = input
  // Without advisories nothing is found, and no waiver is to blame for that.
  if (input.scan.database === null) return []
  return inOrder(input.waivers).flatMap(({ waiver, file }) => {
    if (waiver.image !== undefined && waiver.image !== image) return []
    const found = input.scan.findings.filter((finding) => isAbout(waiver, finding, image))
    const name = `${waiver.vulnerability} ${waiver.package} (${file})`
    if (found.length === 0) return [`${name}: no such finding in ${image}`]
    const needed = found.some((finding) =>
      blocks(finding, input.knownExploited?.ids.has(finding.id) === true, policy),
    )
    if (needed) return []
    const expired = standingOf(waiver, { fixed: null }, policy, now) === 'expired'
    return [`${name}: ${expired ? 'expired, and ' : ''}policy ${input.policyName} does not reject it`]
  })
}
