import type { FindingRef, LookChanges } from '../model/event.ts'
import type { GateDecision, GateReason } from '../model/gate.ts'
import { columns } from './columns.ts'
import { rejectionLines } from './render-rejection.ts'
import { rated, severityOrder } from './severity.ts'
import { visible } from './show-value.ts'

/** More than this many of a kind are for the list in the report. */
const mostShown = 10

const worstFirst = <T extends FindingRef>(findings: readonly T[]): readonly T[] =>
  [...findings].sort((a, b) => severityOrder.indexOf(a.severity) - severityOrder.indexOf(b.severity))

function rowsOf<T extends FindingRef>(
  word: string,
  findings: readonly T[],
  tell: (finding: T) => string,
): readonly (readonly string[])[] {
  const sorted = worstFirst(findings)
  const rows = sorted
    .slice(0, mostShown)
    .map((finding) => [word, visible(finding.id), visible(finding.package), tell(finding)])
  const more = sorted.length - rows.length
  return more > 0 ? [...rows, [word, `${more} more`, '', '']] : rows
}

const fixOf = ({ fixed }: FindingRef): string =>
  fixed === null ? 'no fix yet' : `fixed in ${visible(fixed)}`

/** What changed since the look before, the worst of each kind first; none when nothing did. */
export function changeLines(changes: LookChanges): readonly string[] {
  const rows = [
    ...rowsOf('new', changes.new, (item) => `${rated(item.severity)}, ${fixOf(item)}`),
    ...rowsOf('fixable', changes.fixable, (item) => `${rated(item.severity)}, now ${fixOf(item)}`),
    ...rowsOf(
      'rated',
      changes.rated,
      (item) => `${rated(item.severity)}, was ${rated(item.before)}; ${fixOf(item)}`,
    ),
    ...rowsOf('gone', changes.gone, (item) => rated(item.severity)),
  ]
  return rows.length === 0 ? [] : columns(rows).split('\n')
}

const ofTheLook: readonly GateReason['kind'][] = ['canary', 'stale-database', 'stale-exploited-list']

/** One word for what changed: `3 new, 1 with a fix now`; empty when nothing did. */
export function changesInShort(changes: LookChanges): string {
  const parts = [
    [changes.new.length, 'new'],
    [changes.fixable.length, 'with a fix now'],
    [changes.rated.length, 'rated anew'],
    [changes.gone.length, 'gone'],
  ] as const
  return parts
    .filter(([many]) => many > 0)
    .map(([many, word]) => `${many} ${word}`)
    .join(', ')
}

/** What the policy says today, and what to do when it says no. */
export function verdictLines(
  image: string,
  gate: GateDecision,
): { readonly line: string; readonly reasons: readonly string[] } {
  if (gate.verdict === 'passed') return { line: `still passes policy ${gate.policy.name}`, reasons: [] }
  const many = gate.reasons.length
  // What is wrong with the advisories is mended by another look, not by another image.
  const reasons = gate.reasons.map((reason) =>
    ofTheLook.includes(reason.kind)
      ? { ...reason, mend: reason.mend.replace(/^\.\/mintmark release/, './mintmark rescan') }
      : reason,
  )
  const onlyTheLook = reasons.every(({ kind }) => ofTheLook.includes(kind))
  return {
    line: `would be rejected by policy ${gate.policy.name}: ${many} reason${many === 1 ? '' : 's'}`,
    reasons: [
      ...rejectionLines({ ...gate, reasons }, 'see --json'),
      ...(onlyTheLook ? [] : [`→ ./mintmark release ${image} makes one of today's packages`]),
    ],
  }
}
