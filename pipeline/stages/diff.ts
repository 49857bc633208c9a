import { join } from 'node:path'
import { allEnded } from '../core/all-ended.ts'
import {
  type DiskEntry,
  diffFiles,
  type FileChange,
  listingFormat,
  parseDiskListing,
} from '../core/diff-files.ts'
import { type DiffSide, diffReleases, type ReleaseDiff } from '../core/diff-releases.ts'
import { parsePackageList } from '../core/pending-upgrades.ts'
import { MintmarkError } from '../errors.ts'
import type { RecordPredicate } from '../model/release.ts'
import { TestReport } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import { targets } from '../targets/registry.ts'
import type { Target } from '../targets/target.ts'
import { locateRelease } from './read-release.ts'
import { readReport, storedScan } from './read-reports.ts'
import { trustedRelease } from './verify-release.ts'

async function sideOf(world: World, ref: string): Promise<DiffSide> {
  const { statement } = await trustedRelease(world, await locateRelease(world, ref), null)
  const { predicate } = statement
  return {
    predicate,
    packages: parsePackageList(await readReport(world, predicate, 'packages', null)),
    scan: await storedScan(world, predicate),
    test: await readReport(world, predicate, 'test', TestReport),
  }
}

/** All paths of a disk, as the image's own owners and modes are. */
export async function listDisk(
  world: World,
  target: Pick<Target, 'readDisk'>,
  disk: string,
  folder: string,
): Promise<readonly DiskEntry[]> {
  await world.files.makeFolder(folder, { mode: 0o700 })
  try {
    const { root, asOwned = [] } = await target.readDisk(world, disk, folder)
    const find = [...asOwned, 'find', root, '-mindepth', '1']
    const listing = await world.exec.run([...find, '-printf', listingFormat])
    const sums = await world.exec.run([...find, '-type', 'f', '-exec', 'sha256sum', '--zero', '{}', '+'])
    const entries = parseDiskListing(listing.stdout, sums.stdout, root)
    if (entries.length === 0) throw new MintmarkError('TOOL_FAILED', `no file could be read from ${disk}`)
    return entries
  } finally {
    // As an ordinary user some folders of the copy can't be entered before this.
    if (!world.exec.isRoot) await world.exec.run(['chmod', '-R', 'u+rwX', folder], { ok: 'any' })
    await world.files.remove(folder)
  }
}

/** The stored image, once it is known to be what was signed. */
async function diskOf(world: World, { image, version, artifact }: RecordPredicate): Promise<string> {
  const path = world.catalog.blobPath(artifact.sha256)
  const state = await world.catalog.checkBlob(artifact.sha256)
  if (path === null || state.status === 'missing') {
    throw new MintmarkError('NOT_FOUND', `the image of ${image}@${version} is not on this machine`, {
      hint: 'leave out --files: records and reports are compared without it',
    })
  }
  if (state.status === 'corrupt')
    throw new MintmarkError('VERIFY_FAILED', `the image of ${image}@${version} has sha256:${state.found}`)
  return path
}

async function compareFiles(
  world: World,
  before: RecordPredicate,
  after: RecordPredicate,
): Promise<readonly FileChange[]> {
  if (before.artifact.sha256 === after.artifact.sha256) return []
  const disks = [await diskOf(world, before), await diskOf(world, after)]
  const scratch = await world.files.tempFolder('diff-', world.places.runs)
  try {
    const looks = [before, after].map((side, index) =>
      listDisk(world, targets[side.target], disks[index] ?? '', join(scratch, String(index))),
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
  const before = await sideOf(world, input.from)
  const after = await sideOf(world, input.to)
  if (!input.files) return diffReleases(before, after, null)
  input.update('reading both disks (about a minute)')
  return diffReleases(before, after, await compareFiles(world, before.predicate, after.predicate))
}
