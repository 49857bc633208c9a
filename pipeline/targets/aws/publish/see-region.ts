import type { Image, Snapshot } from '@aws-sdk/client-ec2'
import {
  ownImage,
  type Place,
  type RegionSight,
  type SeenImage,
  type SeenKey,
  type SeenSnapshot,
  type WantedImage,
} from '../../../core/aws-publish-plan.ts'
import { unique } from '../../../core/lists.ts'
import { placeProblem } from '../../../core/place-problem.ts'
import type { AwsCalls } from '../client.ts'
import { tagsOf } from '../tags.ts'
import { seeKey } from './region-key.ts'

const idsOf = ({ BlockDeviceMappings = [] }: Image): readonly string[] =>
  BlockDeviceMappings.flatMap(({ Ebs }) => (Ebs?.SnapshotId === undefined ? [] : [Ebs.SnapshotId]))

const seenSnapshot = ({ SnapshotId: id = '', Encrypted, KmsKeyId, Tags }: Snapshot): SeenSnapshot => ({
  id,
  key: Encrypted === true ? (KmsKeyId ?? '') : null,
  tags: tagsOf(Tags),
})

const fromOf = ({ SourceImageId: imageId, SourceImageRegion: region }: Image): Place | null =>
  imageId === undefined || region === undefined ? null : { imageId, region }

const seenImage = (image: Image, snapshots: readonly SeenSnapshot[]): SeenImage => ({
  imageId: image.ImageId ?? '',
  from: fromOf(image),
  state: image.State ?? 'in no state that is known',
  reason: image.StateReason?.Message ?? null,
  created: image.CreationDate ?? '',
  isPublic: image.Public === true,
  imdsV2: image.ImdsSupport === 'v2.0',
  isProtected: image.DeregistrationProtection?.startsWith('enabled') === true,
  deprecation: image.DeprecationTime ?? null,
  watermarks: (image.ImageWatermarks ?? []).flatMap(({ WatermarkKey }) => WatermarkKey ?? []),
  tags: tagsOf(image.Tags),
  snapshots: idsOf(image).flatMap((id) => snapshots.find((item) => item.id === id) ?? []),
  lost: idsOf(image).filter((id) => snapshots.every((item) => item.id !== id)),
})

/** Of the account, whatever their state, by the one name that a release has: the original's, too. */
async function imagesNamed(calls: AwsCalls, name: string): Promise<readonly Image[]> {
  const found: Image[] = []
  const asked = {
    IncludeDeprecated: true,
    IncludeDisabled: true,
    Owners: ['self'],
    Filters: [{ Name: 'name', Values: [name] }],
  }
  for await (const { Images = [] } of calls.ec2.pages('DescribeImages', asked)) found.push(...Images)
  return found
}

/** The snapshots of these ids; by filter, so that one which is gone is left out and fails not all of the answer. */
async function describeSnapshots(calls: AwsCalls, ids: readonly string[]): Promise<readonly SeenSnapshot[]> {
  const found: SeenSnapshot[] = []
  if (ids.length === 0) return found
  const asked = { OwnerIds: ['self'], Filters: [{ Name: 'snapshot-id', Values: [...ids] }] }
  for await (const { Snapshots = [] } of calls.ec2.pages('DescribeSnapshots', asked))
    found.push(...Snapshots.map(seenSnapshot))
  return found
}

/** Keys that the image is encrypted with beside the definition's: an alias goes from key to key. */
async function seeOtherKeys(
  calls: AwsCalls,
  image: SeenImage | null,
  { arn }: SeenKey,
): Promise<readonly SeenKey[]> {
  const names = unique(image?.snapshots.flatMap(({ key }) => key ?? []) ?? [])
  const others = names.filter((name) => name !== '' && name !== arn)
  return Promise.all(
    others.map((name) =>
      // Nothing is made with it: one that can't be looked at is told, and hinders nothing.
      seeKey(calls, name).catch((cause: unknown) => ({
        name,
        arn: name,
        problem: `the key ${name} can't be looked at: ${placeProblem(cause).why}`,
        deletion: null,
      })),
    ),
  )
}

/** What parameters name; null for one that there is not. */
async function seeParameters(
  calls: AwsCalls,
  names: readonly string[],
): Promise<Readonly<Record<string, string | null>>> {
  const seen: Record<string, string | null> = Object.fromEntries(names.map((name) => [name, null]))
  // As many as one call takes.
  for (let start = 0; start < names.length; start += 10) {
    const { Parameters = [] } = await calls.ssm.send('GetParameters', {
      Names: names.slice(start, start + 10),
    })
    for (const { Name = '', Value } of Parameters) seen[Name] = Value ?? null
  }
  return seen
}

/** Looks at images alone, e.g. for a copy on its way. */
export async function seeImages(calls: AwsCalls, wanted: WantedImage): Promise<readonly SeenImage[]> {
  const images = await imagesNamed(calls, wanted.name)
  const snapshots = await describeSnapshots(calls, images.flatMap(idsOf))
  return images.map((image) => seenImage(image, snapshots))
}

/**
 * What a region has of a release. One that can't be looked at is told so, and is never without the image.
 * @param key as the region is asked for it
 * @throws MintmarkError INTERRUPTED, INTERNAL
 */
export async function seeRegion(calls: AwsCalls, wanted: WantedImage, key: string): Promise<RegionSight> {
  const { region } = wanted
  try {
    const [images, seenKey, parameters] = await Promise.all([
      seeImages(calls, wanted),
      seeKey(calls, key),
      seeParameters(
        calls,
        wanted.parameters.map(({ name }) => name),
      ),
    ])
    const otherKeys = await seeOtherKeys(calls, ownImage(wanted, images), seenKey)
    return { region, status: 'seen', images, key: seenKey, otherKeys, parameters }
  } catch (cause) {
    return { region, status: 'unreachable', ...placeProblem(cause) }
  }
}
