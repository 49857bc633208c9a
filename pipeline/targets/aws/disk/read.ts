import { join } from 'node:path'
import { nameOfArtifact } from '../../../core/artifact.ts'
import { compare } from '../../../core/lists.ts'
import { MintmarkError } from '../../../errors.ts'
import type { ArtifactPlace } from '../../../model/artifact.ts'
import type { World } from '../../../ports/world.ts'
import { readDisk as readRawDisk } from '../../disk/read-disk.ts'
import type { DiskInput, DiskTree } from '../../target.ts'
import { describeAmi } from '../base/find-ami.ts'
import type { AwsCalls } from '../client.ts'
import { copySnapshots } from './copy-snapshots.ts'
import { listBlocks } from './list-blocks.ts'

interface AmiDisk {
  /** e.g. /dev/xvda */
  readonly device: string
  readonly snapshotId: string
}

/**
 * The disks of an AMI, the one that it boots from first.
 * @throws MintmarkError CHAIN_BROKEN when the AMI is not there, PROVIDER_REFUSED, PROVIDER_UNREACHABLE
 */
async function disksOf(calls: AwsCalls, imageId: string): Promise<readonly AmiDisk[]> {
  const image = await describeAmi(calls, imageId)
  if (image === null)
    throw new MintmarkError('CHAIN_BROKEN', `${imageId} is not in ${calls.region} any more`, {
      hint: 'build it again with --fresh',
    })
  const root = image.RootDeviceName ?? ''
  return (image.BlockDeviceMappings ?? [])
    .flatMap(({ DeviceName: device = '', Ebs }) =>
      Ebs?.SnapshotId === undefined ? [] : [{ device, snapshotId: Ebs.SnapshotId }],
    )
    .sort((a, b) => Number(b.device === root) - Number(a.device === root) || compare(a.device, b.device))
}

/** The disk with the system on it. Further ones may be there as long as they are empty: none that holds something is skipped. */
async function onlyDisk(calls: AwsCalls, artifact: AmiPlace): Promise<string> {
  const { imageId, snapshotIds } = artifact
  const [first] = snapshotIds
  if (first !== undefined && snapshotIds.length === 1) return first
  const disks = await disksOf(calls, imageId)
  const [root, ...others] = disks
  const seen = disks.map(({ snapshotId }) => snapshotId).sort(compare)
  if (root === undefined || seen.join() !== [...snapshotIds].sort(compare).join())
    throw new MintmarkError(
      'CHAIN_BROKEN',
      `${nameOfArtifact(artifact)} has the snapshots ${seen.join(', ')}, not ${snapshotIds.join(', ')}`,
    )
  for (const { device, snapshotId } of others) {
    const { blocks } = await listBlocks(calls, snapshotId, 0)
    if (blocks.length === 0) continue
    throw new MintmarkError(
      'TOOL_FAILED',
      `${imageId} has something on a second disk, ${device} (${snapshotId}): only images of one disk can be read, and none is skipped`,
      { hint: 'build it on one disk: what adds the other is the AMI that it is based on' },
    )
  }
  return root.snapshotId
}

type AmiPlace = Extract<ArtifactPlace, { readonly format: 'ami' }>

/** @throws MintmarkError INTERNAL for an artifact of another target */
export function amiPlace(artifact: ArtifactPlace): AmiPlace {
  if (artifact.format === 'ami') return artifact
  throw new MintmarkError('INTERNAL', `${nameOfArtifact(artifact)} is no image of AWS`)
}

export interface ReadDiskInput extends Omit<DiskInput, 'artifact'> {
  readonly artifact: AmiPlace
}

/**
 * An AMI's file systems, read from its snapshot by this machine: no instance is started, no volume made. The raw copy takes the room of
 * what is in use.
 * @throws MintmarkError as `copySnapshots` and `targets/disk`, and CHAIN_BROKEN
 */
export async function readDisk(calls: AwsCalls, input: ReadDiskInput): Promise<DiskTree> {
  const { world, artifact, into, keep, update = () => undefined } = input
  const { files } = world
  const there = calls.at(artifact.region)
  const snapshotId = await onlyDisk(there, artifact)
  if (keep !== undefined) await files.makeFolder(keep, { mode: 0o700 })
  await files.setMode(into, 0o700)
  // Snapshots are never written to: the same id is the same bytes, and what is not whole has another name.
  const raw = join(keep ?? into, `${snapshotId}.raw`)
  if (keep === undefined || (await files.info(raw))?.kind !== 'file')
    await copySnapshots(there, { world, snapshotIds: [snapshotId], to: raw, update })
  update('reading the file systems')
  const tree = await readRawDisk(world, raw, into, 'raw')
  if (keep === undefined) await files.remove(raw)
  return tree
}

export interface RawDiskOfAmi {
  readonly world: World
  readonly imageId: string
  readonly to: string
  readonly update?: (text: string) => void
}

/**
 * Every byte of an AMI's disks in one file, to be searched; the one that it boots from is first.
 * @throws MintmarkError as `copySnapshots`, and CHAIN_BROKEN when the AMI is not there
 */
export async function rawDisk(calls: AwsCalls, input: RawDiskOfAmi): Promise<void> {
  const { world, imageId, to, update = () => undefined } = input
  const disks = await disksOf(calls, imageId)
  const snapshotIds = disks.map(({ snapshotId }) => snapshotId)
  await copySnapshots(calls, { world, snapshotIds, to, update })
}
