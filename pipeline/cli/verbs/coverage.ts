import type { Coverage, CoverageRow } from '../../core/hardening/coverage.ts'
import { coverage } from '../../core/hardening/coverage.ts'
import { neverBooted, systems as facts } from '../../core/systems.ts'
import { errorTable } from '../../errors.ts'
import { ControlOs } from '../../model/hardening.ts'
import { loadHardening } from '../../stages/load-hardening.ts'
import type { RunVerb } from '../verb.ts'

const systems = ControlOs.options

function line(row: CoverageRow, idWidth: number): string {
  const what = row.status === 'missing' ? 'MISSING' : row.status
  const how = [row.controls.join(', '), row.note].filter((part) => part !== '').join(' · ')
  return `${row.id.padEnd(idWidth)}  ${what.padEnd(14)}  ${row.title}\n${' '.repeat(idWidth + 18)}${how || 'no control names it and nothing explains it'}`
}

const summary = ({ os, rows, counts }: Coverage): string =>
  `${os}: ${rows.length} requirements, ${Object.entries(counts)
    .map(([status, count]) => `${count} ${status}`)
    .join(', ')}`

/**
 * `coverage [benchmark]`: every requirement of a benchmark and what covers or explains it, for each OS.
 * Exit code 3 when a requirement is neither covered nor explained.
 */
export const run: RunVerb = async ({ world, args }) => {
  const content = await loadHardening(world)
  const all = systems.map((os) => coverage(content, args[0] ?? 'baseline', os))
  const [first] = all
  // Most rows are the same on all systems: say them once, and apart only what differs.
  const width = Math.max(...(first?.rows.map((row) => row.id.length) ?? [0]))
  const differing = all
    .slice(1)
    .flatMap((other) =>
      other.rows
        .filter((row, index) => JSON.stringify(row) !== JSON.stringify(first?.rows[index]))
        .map((row) => `${other.os}: ${line(row, width)}`),
    )
  const unbooted = systems.flatMap((os) => neverBooted(facts[os]) ?? [])
  const text = [
    `${first?.title ?? ''}\n${first?.source ?? ''}\n`,
    ...(first?.rows.map((row) => line(row, width)) ?? []),
    ...(differing.length > 0 ? ['', ...differing] : []),
    '',
    ...all.map(summary),
    ...unbooted.map((note) => `note: ${note}`),
  ].join('\n')
  world.report.result(text, all)
  return all.some((item) => item.counts.missing > 0) ? errorTable.CONFIG_INVALID.exit : undefined
}
