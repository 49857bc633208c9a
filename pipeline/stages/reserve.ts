import { canonicalJson } from '../core/digest.ts'
import { parseYaml } from '../core/parse-yaml.ts'
import { compareVersions, nextVersion, type PreviousRelease } from '../core/versions.ts'
import { MintmarkError } from '../errors.ts'
import { Reservation, type VersionFacts } from '../model/release.ts'
import type { World } from '../ports/world.ts'

/** Losing this often in a row means that something else is wrong than another run being faster. */
const attempts = 20

export interface ReserveInput {
  readonly image: string
  readonly runId: string
  readonly facts: VersionFacts
  /** The version that a person asks for, or null. */
  readonly given: string | null
}

const reservationKey = (image: string, version: string): string =>
  `releases/${image}/${version}/reservation.json`

/** All reservations of the image, and which of their versions have a record. */
async function readReservations(
  world: World,
  image: string,
): Promise<{ readonly all: readonly Reservation[]; readonly recorded: ReadonlySet<string> }> {
  const keys = await world.catalog.list(`releases/${image}/`)
  const recorded = new Set(
    keys.filter((key) => key.endsWith('.dsse.json')).map((key) => key.split('/')[2] ?? ''),
  )
  const all: Reservation[] = []
  for (const key of keys.filter((name) => name.endsWith('/reservation.json'))) {
    const entry = await world.catalog.read(key)
    if (entry !== null) all.push(parseYaml(Reservation, entry.value, { path: key }))
  }
  return { all, recorded }
}

/** The latest release, with the facts that it was reserved for. */
function latestOf(
  reservations: readonly Reservation[],
  recorded: ReadonlySet<string>,
): PreviousRelease | null {
  const released = reservations.filter((item) => recorded.has(item.version))
  return released.sort((a, b) => compareVersions(a.version, b.version)).at(-1) ?? null
}

/**
 * Takes a version for the run, before its build: create-only, so no two runs get the same. The same run asking again
 * gets the same answer, and a version whose run came to nothing is never given again.
 * @throws MintmarkError USAGE when the version asked for can't be had
 */
export async function reserveVersion(world: World, input: ReserveInput): Promise<string> {
  const { image, runId, facts, given } = input
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const { all, recorded } = await readReservations(world, image)
    const own = all.find((item) => item.run === runId)
    if (own !== undefined) {
      if (given === null || given === own.version) return own.version
      throw new MintmarkError('USAGE', `run ${runId} has taken ${own.version} and can't become ${given}`, {
        hint: 'start over with --fresh to give another version',
        where: { image },
      })
    }
    const taken = all.map((item) => item.version)
    const version = nextVersion(latestOf(all, recorded), facts, given, taken)
    const reservation: Reservation = {
      schema: 1,
      image,
      version,
      run: runId,
      facts,
      reserved: world.clock.now().toISOString(),
    }
    if (await world.catalog.createOnly(reservationKey(image, version), canonicalJson(reservation))) {
      return version
    }
  }
  throw new MintmarkError('CONFLICT', `no version of ${image} could be taken in ${attempts} attempts`, {
    where: { image },
  })
}
