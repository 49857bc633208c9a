import type { Fact } from '../model/stages.ts'
import { pass, unknown } from './verdict.ts'

export interface BootTimes {
  /** What the machines ran on, e.g. `tcg`. */
  readonly accelerator: string
  /** From power-on to a login, of new instances. */
  readonly seconds: readonly number[]
}

/** Times of the release before this one. */
export interface EarlierBoots extends BootTimes {
  readonly version: string
}

/** So many times slower than the release before is worth a warning. */
const slower = 2

const told = (seconds: readonly number[]): string =>
  seconds.map((each) => `${Math.round(each)} s`).join(' and ')
const mean = (seconds: readonly number[]): number =>
  seconds.reduce((sum, each) => sum + each, 0) / seconds.length

const comparable = (now: BootTimes, earlier: EarlierBoots | null): earlier is EarlierBoots =>
  earlier !== null &&
  earlier.accelerator === now.accelerator &&
  earlier.seconds.length > 0 &&
  now.seconds.length > 0

/** Fact of the time from power-on to a login, and how it was in the release before. It judges nothing. */
export function bootSecondsFact(now: BootTimes, earlier: EarlierBoots | null): Fact {
  const base = { id: 'boot-seconds', title: 'time from power-on to a login', expected: 'any' }
  if (now.seconds.length === 0) return { ...base, ...unknown('nobody could log in') }
  const before = comparable(now, earlier) ? `; ${earlier.version}: ${told(earlier.seconds)}` : ''
  return { ...base, ...pass(`${told(now.seconds)} (${now.accelerator})${before}`) }
}

/** Warning about boots that became much slower; null when they did not, or there is nothing to compare with. */
export function slowerBoots(now: BootTimes, earlier: EarlierBoots | null): string | null {
  if (!comparable(now, earlier) || mean(now.seconds) <= slower * mean(earlier.seconds)) return null
  return `a new instance needs ${told(now.seconds)} to a login, at ${earlier.version} it was ${told(earlier.seconds)}`
}
