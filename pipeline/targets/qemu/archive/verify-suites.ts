import { join } from 'node:path'
import { allEnded } from '../../../core/all-ended.ts'
import type { Mirror } from '../../../core/apt-sources.ts'
import { type Suite, suitesOf } from '../../../core/debian-archive.ts'
import { certificatesOf } from '../../../core/openpgp-keyring.ts'
import { checkRelease, parseGpgvStatus, parseRelease } from '../../../core/release-file.ts'
import { MintmarkError } from '../../../errors.ts'
import type { ArchiveLock, SeenSuite } from '../../../model/base.ts'
import type { World } from '../../../ports/world.ts'
import type { BaseSight } from '../../target.ts'
import { downloadFile } from '../download.ts'

const keyrings = '/usr/share/keyrings'

export interface Trust {
  readonly world: World
  readonly image: string
  readonly lock: ArchiveLock
  /** Holds the lock's keys and no others. */
  readonly keyring: string
}

/**
 * Writes a keyring with the lock's keys alone, taken from the installed package debian-archive-keyring by their
 * fingerprints, whatever its files are called.
 * @throws MintmarkError TOOL_MISSING when the package lacks every one of them
 */
export async function writeKeyring(
  world: World,
  image: string,
  lock: ArchiveLock,
  path: string,
  from = keyrings,
): Promise<void> {
  const wanted = new Set(lock.keys.map((key) => key.fingerprint))
  const found = new Map<string, Uint8Array>()
  for (const name of await world.files.list(from)) {
    if (!/^debian-archive-.*\.(gpg|pgp)$/.test(name)) continue
    for (const certificate of certificatesOf(await world.files.readBytes(join(from, name)))) {
      if (wanted.has(certificate.fingerprint)) found.set(certificate.fingerprint, certificate.bytes)
    }
  }
  if (found.size === 0) {
    throw new MintmarkError(
      'TOOL_MISSING',
      `none of the ${wanted.size} keys that images/${image}.lock.json pins is in ${from}/debian-archive-*.gpg`,
      {
        hint: 'install a newer debian-archive-keyring: 2023.3+deb12u2 of Debian 12 and 2025.1 of Debian 13 have the keys of both releases',
        details: lock.keys.map((key) => `${key.fingerprint} ${key.name}`),
      },
    )
  }
  await world.files.write(path, Buffer.concat([...found.values()]))
}

const hint =
  'check the network, or name another mirror: export MINTMARK_DEBIAN_MIRROR=http://deb.debian.org/debian'

/** A small file of an archive. @throws MintmarkError PROVIDER_UNREACHABLE */
export const download = (world: World, url: string, to: string): Promise<void> =>
  downloadFile(world, url, to, { hint, timeoutMs: 120_000 })

/** @throws MintmarkError BASE_REFUSED */
async function verify(trust: Trust, suite: Suite, path: string): Promise<SeenSuite> {
  const { world, image, lock, keyring } = trust
  const signed = `${path}.signed`
  // What gpgv writes is what the signature covers; text before or after the signed part is never looked at.
  const { stdout } = await world.exec.run(
    ['gpgv', '--status-fd', '1', '--weak-digest', 'SHA1', '--keyring', keyring, '--output', signed, path],
    {
      ok: 'any',
      timeoutMs: 60_000,
      leash: 'child',
    },
  )
  const text = (await world.files.info(signed)) === null ? '' : await world.files.readText(signed)
  return checkRelease({
    suite,
    lock,
    image,
    fields: parseRelease(text),
    signers: parseGpgvStatus(stdout),
    sha256: await world.files.sha256(path),
    now: world.clock.now(),
  })
}

/**
 * Fetches each suite's InRelease into an existing folder and checks it against the lock.
 * @throws MintmarkError PROVIDER_UNREACHABLE
 */
export async function lookAtSuites(
  trust: Trust,
  mirror: Mirror,
  folder: string,
): Promise<readonly BaseSight[]> {
  const look = async (suite: Suite): Promise<BaseSight> => {
    const path = join(folder, `${suite.name}.InRelease`)
    await download(trust.world, `${mirror[suite.archive]}/dists/${suite.name}/InRelease`, path)
    try {
      return { suite: suite.name, seen: await verify(trust, suite, path) }
    } catch (cause) {
      if (cause instanceof MintmarkError && cause.code === 'BASE_REFUSED')
        return { suite: suite.name, refused: cause }
      throw cause
    }
  }
  return allEnded(suitesOf(trust.lock.codename).map(look))
}

/** @throws MintmarkError BASE_REFUSED: the first refusal */
export function seenIn(sights: readonly BaseSight[]): readonly SeenSuite[] {
  return sights.map((sight) => {
    if ('refused' in sight) throw sight.refused
    return sight.seen
  })
}

/**
 * Checks the Release files that apt itself used (apt names them after the mirror, with the suite before `_InRelease`).
 * @throws MintmarkError BASE_REFUSED
 */
export async function verifyLists(trust: Trust, folder: string): Promise<readonly SeenSuite[]> {
  const names = await trust.world.files.list(folder)
  const seen: SeenSuite[] = []
  for (const suite of suitesOf(trust.lock.codename)) {
    const [name, ...more] = names.filter((candidate) => candidate.endsWith(`_dists_${suite.name}_InRelease`))
    if (name === undefined || more.length > 0) {
      throw new MintmarkError(
        'BASE_REFUSED',
        `the bootstrap used ${more.length === 0 ? 'no' : 'more than one'} InRelease file of ${suite.name}`,
      )
    }
    seen.push(await verify(trust, suite, join(folder, name)))
  }
  return seen
}
