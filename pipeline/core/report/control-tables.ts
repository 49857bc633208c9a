import type { ControlStatus } from '../../model/hardening.ts'
import type { Report, ReportControl } from '../../model/report.ts'
import type { Fact } from '../../model/stages.ts'
import { type Cell, code, plain, seconds, type Table, type Tone, toned } from './table.ts'
import type { Say } from './texts.ts'

const tones: Readonly<Record<ControlStatus | Fact['status'], Tone>> = {
  pass: 'good',
  fail: 'bad',
  error: 'bad',
  unknown: 'bad',
  notapplicable: 'plain',
}

/** Phases that saw the same are told together, at most one line for each thing seen. */
function seenIn(
  say: Say,
  { phases }: ReportControl,
): { readonly where: string; readonly expected: string; readonly found: string } {
  const groups = new Map<string, { where: string[]; expected: string; found: string }>()
  for (const { where, status, expected, found } of phases) {
    const key = JSON.stringify([status, expected, found])
    const group = groups.get(key) ?? { where: [], expected, found }
    groups.set(key, { ...group, where: [...group.where, where] })
  }
  const all = [...groups.values()]
  if (all.length === 0) return { where: say('nobody-looked'), expected: '', found: say('nobody-looked') }
  const lines = (of: (group: (typeof all)[number]) => string): string => all.map(of).join('\n')
  return {
    where: lines(({ where }) => where.join(', ')),
    expected: [...new Set(all.map(({ expected }) => expected))].join('\n'),
    found: lines(({ where, found }) => (all.length === 1 ? found : `${where.join(', ')}: ${found}`)),
  }
}

function controlRow(say: Say, control: ReportControl): readonly Cell[] {
  const { where, expected, found } = seenIn(say, control)
  const bad = control.status === 'fail' || control.status === 'error'
  return [
    code(control.id),
    control.excepted && bad
      ? toned(say('status-excepted'), 'warn')
      : toned(say(`status-${control.status}`), tones[control.status]),
    plain(control.title ?? ''),
    code(expected),
    code(found),
    plain(where),
  ]
}

/** Those that do not hold, those that do, those that do not apply; what is empty is left out. */
export function controlTables(say: Say, report: Report): readonly Table[] {
  const controls = report.controls ?? []
  const head = (['control', 'status', 'title', 'expected', 'found', 'where'] as const).map((key) => say(key))
  const groups = [
    { key: 'controls-bad', of: ['fail', 'error'], open: true },
    { key: 'controls-good', of: ['pass'], open: false },
    { key: 'controls-na', of: ['notapplicable'], open: false },
  ] as const
  return groups
    .map(({ key, of, open }) => {
      const rows = controls.filter(({ status }) => of.some((item) => item === status))
      return {
        caption: say(key, { count: rows.length }),
        head,
        rows: rows.map((control) => controlRow(say, control)),
        open,
      }
    })
    .filter(({ rows }) => rows.length > 0)
}

export function exceptionTable(say: Say, { gate }: Report): Table {
  return {
    caption: say('exceptions-caption', { count: gate.excepted.length }),
    head: (['control', 'why', 'owner', 'until'] as const).map((key) => say(key)),
    rows: gate.excepted.map(({ control, reason, owner, expires }) => [
      code(control),
      plain(reason),
      plain(owner),
      plain(expires),
    ]),
    open: true,
  }
}

const badFirst = (facts: readonly Fact[]): readonly Fact[] => [
  ...facts.filter(({ status }) => status !== 'pass'),
  ...facts.filter(({ status }) => status === 'pass'),
]

export function factTable(say: Say, { facts }: Report): Table {
  return {
    caption: say('facts-caption', { count: facts.length }),
    head: (['test', 'status', 'expected', 'found'] as const).map((key) => say(key)),
    rows: badFirst(facts).map(({ title, status, expected, found }) => [
      plain(title),
      toned(say(`status-${status}`), tones[status]),
      plain(expected),
      plain(found),
    ]),
    open: true,
  }
}

/** What instances of this target can't show: neither held nor failed. */
export function notLookedAtTable(say: Say, { notLookedAt = [] }: Report): Table {
  return {
    caption: say('not-looked-at-caption', { count: notLookedAt.length }),
    head: [say('test'), say('why')],
    rows: notLookedAt.map(({ title, why }) => [plain(title), plain(why)]),
    open: true,
  }
}

export function bootTable(say: Say, { boots }: Report): Table {
  const all = boots ?? []
  return {
    caption: say('boots-caption', { count: all.length }),
    head: [say('instance'), say('until-login')],
    rows: all.map(({ instance, secondsToLogin }) => [code(instance), plain(seconds(secondsToLogin))]),
    open: true,
  }
}
