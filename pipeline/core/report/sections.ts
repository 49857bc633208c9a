import type { Report } from '../../model/report.ts'
import { baseRows, baseTables, chainTables, packageTable, type Row } from './base-tables.ts'
import { bootTable, controlTables, exceptionTable, factTable, notLookedAtTable } from './control-tables.ts'
import { findingNotes, findingTables, secretTable, waiverTable } from './finding-tables.ts'
import type { Table } from './table.ts'
import type { Say } from './texts.ts'

export interface Section {
  readonly id: string
  readonly title: string
  /** Said above the tables: what is missing, or what they don't show. */
  readonly notes: readonly string[]
  readonly rows: readonly Row[]
  readonly tables: readonly Table[]
}

const filled = (...tables: readonly Table[]): readonly Table[] => tables.filter(({ rows }) => rows.length > 0)

function controlNotes(say: Say, { controls }: Report): readonly string[] {
  if (controls === null) return [say('no-controls')]
  const bad = controls.some(({ status }) => status === 'fail' || status === 'error')
  return [...(bad ? [] : [say('all-hold')]), say('assessor')]
}

/** All of a report below its first screen, in the order in which people ask. */
export function sectionsOf(say: Say, report: Report): readonly Section[] {
  const { boots, gate, secrets } = report
  const chainNote =
    gate.verdict === 'passed'
      ? say('how-to-verify', { command: `./mintmark verify ${report.image}@${report.version}` })
      : say('not-recorded')
  return [
    {
      id: 'facts',
      title: say('facts'),
      notes: boots === null ? [say('no-boots')] : boots.length === 0 ? [say('no-login')] : [],
      rows: [],
      tables: filled(factTable(say, report), notLookedAtTable(say, report), bootTable(say, report)),
    },
    {
      id: 'findings',
      title: say('findings'),
      notes: findingNotes(say, report),
      rows: [],
      tables: findingTables(say, report),
    },
    {
      id: 'waivers',
      title: say('waivers'),
      notes: gate.waived.length === 0 ? [say('no-waivers')] : [],
      rows: [],
      tables: filled(waiverTable(say, report)),
    },
    {
      id: 'secrets',
      title: say('secrets'),
      notes: secrets === null ? [say('no-findings-known')] : secrets.length === 0 ? [say('no-secrets')] : [],
      rows: [],
      tables: filled(secretTable(say, report)),
    },
    {
      id: 'controls',
      title: say('controls'),
      notes: controlNotes(say, report),
      rows: [],
      tables: controlTables(say, report),
    },
    {
      id: 'exceptions',
      title: say('exceptions'),
      notes: gate.excepted.length === 0 ? [say('no-exceptions')] : [],
      rows: [],
      tables: filled(exceptionTable(say, report)),
    },
    {
      id: 'packages',
      title: say('packages'),
      notes: report.packages === null ? [say('no-packages')] : [],
      rows: [],
      tables: filled(packageTable(say, report)),
    },
    {
      id: 'base',
      title: say('base'),
      notes: [],
      rows: baseRows(say, report),
      tables: baseTables(say, report),
    },
    {
      id: 'chain',
      title: say('chain'),
      notes: [chainNote],
      rows: [],
      tables: filled(...chainTables(say, report)),
    },
  ]
}
