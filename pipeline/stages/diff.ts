import { join } from 'node:path'
import { allEnded } from '../core/all-ended.ts'
import { nameOfArtifact } from '../core/artifact.ts'
import {
  type DiskEntry,
  diffFiles,
  type FileChange,
  listingFormat,
  parseDiskListing,
} from '../core/diff-files.ts'
import { type DiffSide, diffReleases, type ReleaseDiff } from '../core/diff-releases.ts'
import { sharedWith } from '../core/events.ts'
import { parsePackageList } from '../core/pending-upgrades.ts'
import { MintmarkError } from '../errors.ts'
import type { Artifact, ArtifactPlace } from '../model/artifact.ts'
import type { RecordPredicate } from '../model/release.ts'
import { TestReport } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'
import type { Trust } from './chain.ts'
import { targetOf } from './choose-target.ts'
import { readEvents } from './events.ts'
import { locateRelease, type Release } from './read-release.ts'
import { readReport, storedScan } from './read-reports.ts'
import { takeArtifact } from './take-image.ts'
import { releaseTrustedBy, trustedKeys } from './verify-release.ts'

/** What a verified release is compared by. @throws MintmarkError NOT_FOUND, VERIFY_FAILED */
export async function sideOf(world: World, release: Release, trust: Trust): Promise<DiffSide> {
  const { predicate } = release.statement
  const { events } = await readEvents(world, release, trust)
  return {
    predicate,
    packages: parsePackageList(await readReport(world, predicate, 'packages', null)),
    scan: await storedScan(world, predicate),
    test: await readReport(world, predicate, 'test', TestReport),
    shared: sharedWith(events.map(({ event }) => event)),
  }
}

/** All paths of a disk, as the image's own owners and modes are. */
export async function listDisk(
  world: World,
  target: Pick<Target, 'readDisk'>,
  artifact: ArtifactPlace,
  folder: string,
): Promise<readonly DiskEntry[]> {
  await world.files.makeFolder(folder, { mode: 0o700 })
  try {
    const { root, asOwned = [] } = await target.readDisk({ world, artifact, into: folder })
    const find = [...asOwned, 'find', root, '-mindepth', '1']
    const listing = await world.exec.run([...find, '-printf', listingFormat])
    const sums = await world.exec.run([...find, '-type', 'f', '-exec', 'sha256sum', '--zero', '{}', '+'])
    const entries = parseDiskListing(listing.stdout, sums.stdout, root)
    if (entries.length === 0)
      throw new MintmarkError('TOOL_FAILED', `no file could be read from ${nameOfArtifact(artifact)}`)
    return entries
  } finally {
    // As an ordinary user some folders of the copy can't be entered before this.
    if (!world.exec.isRoot) await world.exec.run(['chmod', '-R', 'u+rwX', folder], { ok: 'any' })
    await world.files.remove(folder)
  }
}

const artifactOf = (world: World, { image, version, artifact }: RecordPredicate): Promise<Artifact> =>
  takeArtifact(world, `the image of ${image}@${version}`, artifact)

async function compareFiles(
  world: World,
  before: RecordPredicate,
  after: RecordPredicate,
): Promise<readonly FileChange[]> {
  if (before.artifact.sha256 === after.artifact.sha256) return []
  const sides = [
    { target: before.target, artifact: await artifactOf(world, before) },
    { target: after.target, artifact: await artifactOf(world, after) },
  ]
  const scratch = await world.files.tempFolder('diff-', world.places.runs)
  try {
    const looks = sides.map(({ target, artifact }, index) =>
      listDisk(world, targetOf(target), artifact, join(scratch, String(index))),
    )
    const [first = [], second = []] = await allEnded(looks)
    return diffFiles(first, second)
  } finally {
    await world.files.remove(scratch)
  }
}

/**
 * Compares two releases by their records and reports; with `files` also their disks, which takes a minute.
 * @throws MintmarkError NOT_FOUND, VERIFY_FAILED
 */
export async function compareReleases(
  world: World,
  input: {
    readonly from: string
    readonly to: string
    readonly files: boolean
    readonly update: (text: string) => void
  },
): Promise<ReleaseDiff> {
  const trust: Trust = { trust: await trustedKeys(world, null), onlyTrust: false }
  const side = async (ref: string): Promise<DiffSide> =>
    sideOf(world, await releaseTrustedBy(world, await locateRelease(world, ref), trust), trust)
  const before = await side(input.from)
  const after = await side(input.to)
  if (!input.files) return diffReleases(before, after, null)
  input.update('reading both disks (about a minute)')
  return diffReleases(before, after, await compareFiles(world, before.predicate, after.predicate))
}
