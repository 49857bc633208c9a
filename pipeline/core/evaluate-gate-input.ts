import type { ResolvedBase } from '../model/base.ts'
import type { Definition } from '../model/definition.ts'
import type { Policy } from '../model/gate.ts'
import type { BuildResult, ScanReport, TestReport } from '../model/stages.ts'
import type { ExploitedList } from './known-exploited.ts'
import type { KeptWaiver } from './waivers.ts'

export interface GateInput {
  /** For the commands that mend. */
  readonly image: string
  readonly definition: Definition
  readonly policy: Policy
  readonly policyName: string
  readonly policySha256: string
  readonly base: ResolvedBase
  readonly build: BuildResult
  readonly test: TestReport
  readonly scan: ScanReport
  /** All that there are, also those of other images. */
  readonly waivers: readonly KeptWaiver[]
  /** Null when no known-exploited list was given. */
  readonly knownExploited: ExploitedList | null
  readonly now: Date
}

/** What mends most of what can be wrong. */
export interface Commands {
  readonly rebuild: string
  readonly baseUpdate: string
}

const hourMs = 3_600_000
/** Clocks of two machines may differ by this much. */
const skewHours = 1

/** By code units: the same order on every machine. */
export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
/** Each once, sorted. */
export const unique = (items: readonly string[]): readonly string[] => [...new Set(items)].sort(compare)

/** The first of many in words. */
export const listed = (items: readonly string[], most = 4): string =>
  items.length <= most
    ? items.join(', ')
    : `${items.slice(0, most).join(', ')} and ${items.length - most} more`

/** Items by their key, sorted by it. */
export function grouped<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
): readonly (readonly [string, readonly T[]])[] {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return [...groups].sort(([a], [b]) => compare(a, b))
}

/** Hours since then; NaN for text that is no date. */
export const ageHours = (then: string, now: Date): number => (now.getTime() - Date.parse(then)) / hourMs

/** Neither older than this many hours nor of a future that no clock's error explains. */
export const isFresh = (then: string, now: Date, mostHours: number): boolean => {
  const age = ageHours(then, now)
  return age >= -skewHours && age <= mostHours
}
