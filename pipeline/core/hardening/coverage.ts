import type { Benchmark, ControlOs } from '../../model/hardening.ts'
import type { HardeningContent } from './content.ts'
import { type System, systems } from '../systems.ts'
import { unknownName } from './select-controls.ts'

export type CoverageStatus =
  | 'covered'
  | NonNullable<Benchmark['requirements'][number]['status']>
  /** Neither covered nor explained: an error of the benchmark file. */
  | 'missing'

export interface CoverageRow {
  readonly id: string
  readonly title: string
  readonly status: CoverageStatus
  /** Ids of the controls that cover it on this OS, sorted. All of them must hold. */
  readonly controls: readonly string[]
  readonly note: string
}

export interface Coverage {
  readonly benchmark: string
  readonly title: string
  readonly source: string
  readonly os: ControlOs
  /** How far the controls were tried on this OS by mintmark's own tests. */
  readonly verified: System['verified']
  readonly rows: readonly CoverageRow[]
  readonly counts: Readonly<Record<CoverageStatus, number>>
}

/**
 * Joins every requirement of a benchmark with the controls that name it. A status that the benchmark gives stands beside
 * controls too (`partial` with a control that does a part); without one, a requirement without a control is `missing`.
 * @throws MintmarkError CONFIG_INVALID for an unknown benchmark
 */
export function coverage(content: HardeningContent, name: string, os: ControlOs): Coverage {
  const benchmark = content.benchmarks.get(name)
  if (benchmark === undefined) {
    throw unknownName('benchmark', name, [...content.benchmarks.keys()], 'hardening/benchmarks/')
  }
  const ofOs = content.controls.filter((control) => control.os.includes(os))
  const rows = benchmark.requirements.map((requirement): CoverageRow => {
    const controls = ofOs
      .filter((control) => control.refs[name]?.includes(requirement.id) === true)
      .map((control) => control.id)
      .sort()
    const explained = requirement.status !== undefined && (requirement.note ?? '') !== ''
    const status = explained ? requirement.status : controls.length > 0 ? 'covered' : 'missing'
    return {
      id: requirement.id,
      title: requirement.title,
      status: status ?? 'missing',
      controls,
      note: requirement.note ?? '',
    }
  })
  const count = (status: CoverageStatus): number => rows.filter((row) => row.status === status).length
  return {
    benchmark: name,
    title: benchmark.title,
    source: benchmark.source,
    os,
    verified: systems[os].verified,
    rows,
    counts: {
      covered: count('covered'),
      manual: count('manual'),
      partial: count('partial'),
      'not-applicable': count('not-applicable'),
      'inherently-met': count('inherently-met'),
      missing: count('missing'),
    },
  }
}
