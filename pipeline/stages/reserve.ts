import { inTurns } from '../core/all-ended.ts'
import { ageHours, skewHours } from '../core/days.ts'
import { canonicalJson } from '../core/digest.ts'
import { parseYaml } from '../core/parse-yaml.ts'
import { compareVersions, type Level, nextVersion, type PreviousRelease } from '../core/versions.ts'
import { MintmarkError } from '../errors.ts'
import { Reservation, RunChoice, type VersionFacts } from '../model/release.ts'
import type { World } from '../ports/world.ts'
import { keysAtOnce } from './catalog-check.ts'

/** Losing this often in a row means that something else is wrong than another run being faster. */
const attempts = 20

export interface ReserveInput {
  readonly image: string
  readonly runId: string
  readonly facts: VersionFacts
  /** The version that a person asks for, or null. */
  readonly given: string | null
  /** The level that a person asks for; what the changes call for when it is left out. */
  readonly bump?: Level | null
  /** The variants that the version is to have. */
  readonly variants?: readonly string[]
}

/** A version that some run has taken, and what has come of it. */
export interface TakenVersion {
  readonly reservation: Reservation
  /** Variants with a record, sorted. */
  readonly there: readonly string[]
  /** Variants that it was to have and that have none, sorted; what an older reservation does not say is not missed. */
  readonly missing: readonly string[]
}

/** `qemu-x86_64.dsse.json`, and nothing that is kept in a folder beside it. */
const recordName = /^([^/.]+)\.dsse\.json$/

const reservationKey = (image: string, version: string): string =>
  `releases/${image}/${version}/reservation.json`

/**
 * Every version of an image that some run has taken, the newest first.
 * @throws MintmarkError CONFIG_INVALID for a reservation that can't be read
 */
export async function takenVersions(world: World, image: string): Promise<readonly TakenVersion[]> {
  const keys = await world.catalog.list(`releases/${image}/`)
  const reservations = keys.filter((name) => name.endsWith('/reservation.json'))
  const read = async (key: string): Promise<readonly TakenVersion[]> => {
    const entry = await world.catalog.read(key)
    if (entry === null) return []
    const reservation = parseYaml(Reservation, entry.value, { path: key })
    const prefix = `releases/${image}/${reservation.version}/`
    const there = keys.flatMap((name) => {
      const [, variant] = name.startsWith(prefix) ? (recordName.exec(name.slice(prefix.length)) ?? []) : []
      return variant === undefined ? [] : [variant]
    })
    const missing = (reservation.variants ?? []).filter((variant) => !there.includes(variant))
    return [{ reservation, there, missing }]
  }
  const taken = (await inTurns(reservations, keysAtOnce, read)).flat()
  return taken.sort((a, b) => compareVersions(b.reservation.version, a.reservation.version))
}

/** The latest release, with the facts that it was reserved for. */
const latestOf = (taken: readonly TakenVersion[]): PreviousRelease | null =>
  taken.find(({ there }) => there.length > 0)?.reservation ?? null

/** What the jobs of one run have to agree on; their bundles differ, and may their controls. */
const shared = ({ os, login, layout, profile, packages, ports }: VersionFacts): VersionFacts => ({
  os,
  login,
  layout,
  profile,
  packages,
  ports,
  controls: [],
  bundle: '',
})

const notAlso = (
  { runId, image }: ReserveInput,
  version: string,
  other: string,
  hint = 'start over with --fresh to give another version',
): MintmarkError =>
  new MintmarkError('USAGE', `run ${runId} has taken ${version} and can't become ${other}`, {
    hint,
    where: { image },
  })

/** @throws MintmarkError USAGE when the run took its version for something else */
function ensureSame(own: Reservation, input: ReserveInput): void {
  const { facts, given } = input
  if (given !== null && given !== own.version) throw notAlso(input, own.version, given)
  if (canonicalJson(shared(own.facts)) !== canonicalJson(shared(facts)))
    throw notAlso(
      input,
      own.version,
      'a version of another definition',
      'give each run an id of its own: --run ID, or the variable MINTMARK_RUN',
    )
}

/** A clock that is set back makes old waivers, bases and databases look valid: it is told, not guessed which one is wrong. */
function warnOfFuture(world: World, taken: readonly TakenVersion[]): void {
  const now = world.clock.now()
  const later = taken.find(({ reservation }) => ageHours(reservation.reserved, now) < -skewHours)
  if (later === undefined) return
  const { image, version, reserved } = later.reservation
  world.report.warn(
    `${image} ${version} was reserved at ${reserved}, and this machine's clock says ${now.toISOString()}: one of the clocks is wrong`,
  )
}

const choiceKey = ({ image, runId }: ReserveInput, turn: number): string =>
  `runs/${image}/${runId}/${String(turn).padStart(6, '0')}.json`

/**
 * The version that this run tries to take in its turn: what the first of its jobs says. Jobs may have other facts, or have read the
 * catalog before and after another run's release; without one word for all of them each could take a version of its own.
 */
async function chosenVersion(
  { catalog }: World,
  input: ReserveInput,
  turn: number,
  version: string,
): Promise<string> {
  const key = choiceKey(input, turn)
  const { image, runId: run, given } = input
  const choice: RunChoice = { schema: 1, image, run, turn, version }
  if (await catalog.createOnly(key, canonicalJson(choice))) return version
  const entry = await catalog.read(key)
  if (entry === null) throw new MintmarkError('CHAIN_BROKEN', `${key} was there, and is gone`)
  const first = parseYaml(RunChoice, entry.value, { path: key })
  if (given !== null && given !== first.version) throw notAlso(input, first.version, given)
  return first.version
}

/**
 * Takes a version for the run, before its build: create-only, so no two runs get the same. The same run asking again, be it from
 * another machine for another variant, gets the same answer; a version whose run came to nothing is never given again.
 * @throws MintmarkError USAGE when the version asked for can't be had
 */
export async function reserveVersion(world: World, input: ReserveInput): Promise<string> {
  const { image, runId, facts, given, bump = null, variants } = input
  for (let turn = 1; turn <= attempts; turn += 1) {
    const taken = await takenVersions(world, image)
    if (turn === 1) warnOfFuture(world, taken)
    const own = taken.find(({ reservation }) => reservation.run === runId)?.reservation
    if (own !== undefined) {
      ensureSame(own, input)
      return own.version
    }
    const versions = taken.map(({ reservation }) => reservation.version)
    const next = nextVersion(latestOf(taken), facts, given, versions, bump)
    const version = await chosenVersion(world, input, turn, next)
    // Chosen by a job that was killed before it took it, and a higher one is there now: nobody gets it, not even a sibling at work.
    const late = versions.some((other) => compareVersions(other, version) > 0)
    const reservation: Reservation = {
      schema: 1,
      image,
      version,
      run: late ? `${runId}, too late` : runId,
      facts,
      reserved: world.clock.now().toISOString(),
      ...(variants === undefined ? {} : { variants: [...variants] }),
    }
    const made = await world.catalog.createOnly(reservationKey(image, version), canonicalJson(reservation))
    if (made && !late) return version
  }
  throw new MintmarkError('CONFLICT', `no version of ${image} could be taken in ${attempts} attempts`, {
    where: { image },
  })
}
