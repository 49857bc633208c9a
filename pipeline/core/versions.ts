import { compare, gt, inc } from 'semver'
import { MintmarkError } from '../errors.ts'
import { Version, type VersionFacts } from '../model/release.ts'

/** From the least to the most that changes for those who use the image. */
export const levels = ['patch', 'minor', 'major'] as const
export type Level = (typeof levels)[number]

/** Ascending order of versions. */
export const compareVersions = (a: string, b: string): number => compare(a, b)

const without = <T>(from: readonly T[], these: readonly T[]): boolean =>
  from.some((item) => !these.includes(item))

/** How much changed for those who use the image. */
export function levelOf(previous: VersionFacts, current: VersionFacts): Level {
  const breaks =
    previous.os !== current.os ||
    previous.login !== current.login ||
    previous.layout !== current.layout ||
    previous.profile !== current.profile ||
    without(previous.packages.add, current.packages.add) ||
    without(current.packages.remove, previous.packages.remove) ||
    without(previous.ports, current.ports)
  if (breaks) return 'major'
  const changes =
    previous.bundle !== current.bundle ||
    without(current.packages.add, previous.packages.add) ||
    without(previous.packages.remove, current.packages.remove) ||
    without(current.ports, previous.ports) ||
    without(current.controls, previous.controls) ||
    without(previous.controls, current.controls)
  return changes ? 'minor' : 'patch'
}

export interface PreviousRelease {
  readonly version: string
  readonly facts: VersionFacts
}

/** @throws MintmarkError USAGE when the person asks for less than those who use the image have to be told */
function levelAbove(previous: PreviousRelease, current: VersionFacts, bump: Level | null): Level {
  const called = levelOf(previous.facts, current)
  if (bump === null || levels.indexOf(bump) >= levels.indexOf(called)) return bump ?? called
  throw new MintmarkError(
    'USAGE',
    `--bump is "${bump}", and what changed since ${previous.version} calls for a ${called} version`,
    { hint: `--bump ${called}, or leave it out; --release-version takes any version that is higher` },
  )
}

/**
 * The version of the next release: one level above the previous one, and above all that was ever reserved.
 * @param previous the latest release; null when there is none
 * @param given the version that a person asks for, or null
 * @param reserved every version that some run has taken, also those that never became a release
 * @param bump the level that a person asks for, or null for what the changes call for
 * @throws MintmarkError USAGE when `given` is no version or not above all of `reserved`, or `bump` is less than the changes call for
 */
export function nextVersion(
  previous: PreviousRelease | null,
  current: VersionFacts,
  given: string | null,
  reserved: readonly string[] = [],
  bump: Level | null = null,
): string {
  const taken = [...reserved, ...(previous === null ? [] : [previous.version])].sort(compareVersions)
  const highest = taken.at(-1) ?? null
  if (given !== null) {
    if (!Version.safeParse(given).success) {
      throw new MintmarkError('USAGE', `"${given}" is not a version: expected MAJOR.MINOR.PATCH, e.g. 1.2.0`)
    }
    if (highest !== null && !gt(given, highest)) {
      throw new MintmarkError(
        'USAGE',
        `version ${given} is not above ${highest}, the highest that was ever taken`,
        {
          hint: `give ${inc(highest, 'patch')} or higher, or leave the version out`,
        },
      )
    }
    return given
  }
  const wanted = previous === null ? '1.0.0' : inc(previous.version, levelAbove(previous, current, bump))
  if (wanted === null) throw new MintmarkError('INTERNAL', `no version follows ${previous?.version}`)
  if (highest === null || gt(wanted, highest)) return wanted
  const above = inc(highest, 'patch')
  if (above === null) throw new MintmarkError('INTERNAL', `no version follows ${highest}`)
  return above
}
