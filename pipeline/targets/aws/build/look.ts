import type { Image, Snapshot } from '@aws-sdk/client-ec2'
import type { SeenAmi, SeenSnapshot } from '../../../core/made-ami.ts'
import { noImage, noSnapshot } from '../absent.ts'
import type { AwsCalls } from '../client.ts'
import { tagsOf } from '../tags.ts'

async function imageOf({ ec2 }: AwsCalls, imageId: string): Promise<Image | null> {
  const input = { ImageIds: [imageId], IncludeDeprecated: true, IncludeDisabled: true }
  for await (const { Images = [] } of ec2.pages('DescribeImages', input, noImage))
    for (const image of Images) if (image.ImageId === imageId) return image
  return null
}

/** The root's first. */
function snapshotIdsOf({
  BlockDeviceMappings: devices = [],
  RootDeviceName: root,
}: Image): readonly string[] {
  const isRoot = (name: string | undefined): number => (name === root ? 0 : 1)
  return [...devices]
    .sort((a, b) => isRoot(a.DeviceName) - isRoot(b.DeviceName))
    .flatMap(({ Ebs: ebs }) => (ebs?.SnapshotId === undefined ? [] : [ebs.SnapshotId]))
}

const seenSnapshot = (id: string, snapshot: Snapshot | undefined): SeenSnapshot => ({
  id,
  state: snapshot?.State ?? 'gone',
  encrypted: snapshot?.Encrypted === true,
  key: snapshot?.KmsKeyId ?? null,
  gib: snapshot?.VolumeSize ?? 0,
  bytes: snapshot?.FullSnapshotSizeInBytes ?? null,
  tags: tagsOf(snapshot?.Tags),
})

async function snapshotsOf(
  { ec2 }: AwsCalls,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Snapshot>> {
  const found = new Map<string, Snapshot>()
  if (ids.length === 0) return found
  // By filter: one that is gone is left out of the answer, and fails not all of it.
  const input = { OwnerIds: ['self'], Filters: [{ Name: 'snapshot-id', Values: [...ids] }] }
  for await (const { Snapshots = [] } of ec2.pages('DescribeSnapshots', input))
    for (const snapshot of Snapshots) found.set(snapshot.SnapshotId ?? '', snapshot)
  return found
}

/** Everybody who may launch the image; asked by itself, for lists leave out what organizations have. Null: it is not known. */
async function launchersOf({ ec2 }: AwsCalls, imageId: string): Promise<readonly string[] | null> {
  const asked = { ImageId: imageId, Attribute: 'launchPermission' } as const
  const answer = await ec2.find('DescribeImageAttribute', asked, noImage)
  if (answer === null) return null
  return (answer.LaunchPermissions ?? []).map(
    ({ Group, UserId, OrganizationArn, OrganizationalUnitArn }) =>
      `${imageId}: ${Group ?? UserId ?? OrganizationArn ?? OrganizationalUnitArn ?? 'somebody'}`,
  )
}

/** Everybody who may read the disk. Null: it is not known. */
async function readersOf({ ec2 }: AwsCalls, id: string): Promise<readonly string[] | null> {
  const asked = { SnapshotId: id, Attribute: 'createVolumePermission' } as const
  const answer = await ec2.find('DescribeSnapshotAttribute', asked, noSnapshot)
  if (answer === null) return null
  return (answer.CreateVolumePermissions ?? []).map(
    ({ Group, UserId }) => `${id}: ${Group ?? UserId ?? 'somebody'}`,
  )
}

/**
 * An image of this account with its disks and with whom it is shared. Null when it is not there, or when a server of EC2 does not know it yet: who
 * has it is never taken for nobody. A disk of which that can't be told counts as gone.
 * @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE, INTERRUPTED: it could not be looked at
 */
export async function lookAtImage(calls: AwsCalls, imageId: string): Promise<SeenAmi | null> {
  const image = await imageOf(calls, imageId)
  const launchers = image === null ? null : await launchersOf(calls, imageId)
  if (image === null || launchers === null) return null
  const ids = snapshotIdsOf(image)
  const described = await snapshotsOf(calls, ids)
  const sharedWith = [...launchers]
  const snapshots: SeenSnapshot[] = []
  for (const id of ids) {
    const readers = await readersOf(calls, id)
    snapshots.push(seenSnapshot(id, readers === null ? undefined : described.get(id)))
    sharedWith.push(...(readers ?? []))
  }
  return {
    imageId,
    region: calls.region,
    owner: image.OwnerId ?? '',
    name: image.Name ?? '',
    state: image.State === 'failed' ? `failed: ${image.StateReason?.Message ?? ''}` : (image.State ?? ''),
    architecture: image.Architecture ?? '',
    imds: image.ImdsSupport ?? null,
    tags: tagsOf(image.Tags),
    sharedWith,
    snapshots,
  }
}
