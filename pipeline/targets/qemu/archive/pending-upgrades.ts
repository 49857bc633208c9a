import { join } from 'node:path'
import { allEnded } from '../../../core/all-ended.ts'
import { publicKeyring } from '../../../core/apt-keyring.ts'
import { firstLock, suitesOf } from '../../../core/debian-archive.ts'
import { hashesOfRelease } from '../../../core/packages-file.ts'
import {
  findPendingUpgrades,
  type PendingUpgrade,
  type UpgradeSource,
} from '../../../core/pending-upgrades.ts'
import { parseGpgvStatus, parseRelease, parseReleaseDate } from '../../../core/release-file.ts'
import { parseRepoMirrors } from '../../../core/repo-mirrors.ts'
import { MintmarkError } from '../../../errors.ts'
import type { Repo } from '../../../model/definition.ts'
import type { World } from '../../../ports/world.ts'
import type { UpgradesInput } from '../../target.ts'
import { findMirror } from './find-mirror.ts'
import { withScratch } from './scratch.ts'
import { suiteIndex } from './suite-packages.ts'
import { download, lookAtSuites, seenIn, type Trust, writeKeyring } from './verify-suites.ts'

async function distributionSources(input: UpgradesInput, scratch: string): Promise<readonly UpgradeSource[]> {
  const { world, image, definition } = input
  const { family, release } = definition.os
  if (family !== 'debian')
    throw new MintmarkError('NOT_FOUND', `the archive of ${family} ${release} can't be looked at yet`)
  const lock = input.lock?.from === 'archive' ? input.lock : firstLock(release, world.clock.now())
  const trust: Trust = { world, image, lock, keyring: join(scratch, 'debian.gpg') }
  await writeKeyring(world, image, lock, trust.keyring)
  const mirror = await findMirror(world)
  seenIn(await lookAtSuites(trust, mirror, scratch))
  return allEnded(
    suitesOf(lock.codename).map(async ({ name, archive, suffix }): Promise<UpgradeSource> => {
      const signed = await world.files.readText(join(scratch, `${name}.InRelease.signed`))
      const hashes = hashesOfRelease(signed)
      const from = { world, url: mirror[archive], suite: name, component: 'main', hashes, scratch }
      return { name, security: suffix === '-security', index: await suiteIndex(from) }
    }),
  )
}

/** The text of a repository's Release file that its key has signed. @throws MintmarkError BASE_REFUSED */
async function verifyRepo(world: World, repo: Repo, path: string, keyring: string): Promise<string> {
  const refuse = (what: string): MintmarkError =>
    new MintmarkError('BASE_REFUSED', `the repository ${repo.name} is refused: ${what}`, {
      hint: `check ${repo.url} and images/${repo.key}`,
    })
  const signed = `${path}.signed`
  const argv = ['gpgv', '--status-fd', '1', '--weak-digest', 'SHA1', '--keyring', keyring]
  const { stdout } = await world.exec.run([...argv, '--output', signed, path], {
    ok: 'any',
    timeoutMs: 60_000,
    leash: 'child',
  })
  const { good, bad } = parseGpgvStatus(stdout)
  if (bad.length > 0) throw refuse(`a signature does not fit its content (${bad.join('; ')})`)
  if (good.length === 0) throw refuse(`images/${repo.key} has not signed it`)
  const text = await world.files.readText(signed)
  const { validUntil } = parseRelease(text)
  const until = validUntil === null ? null : parseReleaseDate(validUntil)
  if (validUntil !== null && (until === null || until < world.clock.now().getTime()))
    throw refuse(`it was valid until ${validUntil}`)
  return text
}

async function repoSources(
  { world }: UpgradesInput,
  repo: Repo,
  scratch: string,
): Promise<readonly UpgradeSource[]> {
  const found = publicKeyring(await world.files.readBytes(join(world.places.root, 'images', repo.key)))
  if (typeof found === 'string') throw new MintmarkError('CONFIG_INVALID', `images/${repo.key} ${found}`)
  const keyring = join(scratch, `repo-${repo.name}.gpg`)
  await world.files.write(keyring, found.keyring)
  const { suite } = repo
  if (suite === undefined)
    throw new MintmarkError(
      'NOT_FOUND',
      `the repository ${repo.name} has no suite, and dnf's can't be looked at`,
    )
  const path = join(scratch, `repo-${repo.name}.InRelease`)
  const mirrors = parseRepoMirrors(world.env['MINTMARK_REPO_MIRRORS'])
  const url = (mirrors.get(repo.name) ?? repo.url).replace(/\/+$/, '')
  await download(world, `${url}/dists/${suite}/InRelease`, path)
  const hashes = hashesOfRelease(await verifyRepo(world, repo, path, keyring))
  return allEnded(
    repo.components.map(async (component): Promise<UpgradeSource> => {
      const from = { world, url, suite, component, hashes, scratch }
      return { name: `repository ${repo.name}`, security: false, index: await suiteIndex(from) }
    }),
  )
}

/**
 * Compares installed packages with what the distribution's suites and the definition's repositories have now.
 * @throws MintmarkError PROVIDER_UNREACHABLE, BASE_REFUSED, TOOL_MISSING, ...: it could not be looked at
 */
export async function pendingUpgrades(input: UpgradesInput): Promise<readonly PendingUpgrade[]> {
  const { world, definition } = input
  return withScratch(world, 'look', async (scratch) => {
    const looks = [
      distributionSources(input, scratch),
      ...definition.content.repos.map((repo) => repoSources(input, repo, scratch)),
    ]
    const sources = (await allEnded(looks)).flat()
    return findPendingUpgrades(input.installed, sources)
  })
}
