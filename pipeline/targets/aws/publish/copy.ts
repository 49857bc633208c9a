import { isFailedCopy, type SeenImage, type WantedImage } from '../../../core/aws-publish-plan.ts'
import { digestOf } from '../../../core/digest.ts'
import { MintmarkError } from '../../../errors.ts'
import type { AmiArtifact } from '../../../model/artifact.ts'
import type { World } from '../../../ports/world.ts'
import { deregister } from '../build/sweep.ts'
import type { AwsCalls } from '../client.ts'
import { until } from '../until.ts'
import { seeImages } from './see-region.ts'

/** Copies of snapshots that may be on their way to a region at once, in an account (EBS: "Quotas"; it can't be raised). */
const mostCopies = 20

/** A new image is not found by every server of EC2 at once. Milliseconds. */
export const unseenMs = 90_000

export interface CopyInput {
  readonly world: Pick<World, 'clock' | 'signal'>
  /** Of the region that the copy is for. */
  readonly calls: AwsCalls
  readonly artifact: AmiArtifact
  readonly wanted: WantedImage
  /** ARN of the key that the copy is encrypted with. */
  readonly key: string
  readonly run: string
  /** Copies that failed or that nobody finds any more: their tokens would give them again. */
  readonly gone: readonly string[]
  /** Milliseconds from now on, for all that is waited for. */
  readonly deadlineMs: number
}

async function copiesOnTheirWay(calls: AwsCalls): Promise<number> {
  let count = 0
  const asked = { OwnerIds: ['self'], Filters: [{ Name: 'status', Values: ['pending'] }] }
  // What is no copy has the id of its volume.
  for await (const { Snapshots = [] } of calls.ec2.pages('DescribeSnapshots', asked))
    count += Snapshots.filter(
      ({ TransferType, VolumeId }) => TransferType !== undefined || VolumeId === 'vol-ffffffff',
    ).length
  return count
}

const tooLate = (region: string, what: string): MintmarkError =>
  new MintmarkError('PROVIDER_UNREACHABLE', `${what} in ${region} in time`, {
    hint: 'nothing is lost: the next run takes it up',
    where: { region },
  })

const requestOf = ({ artifact, wanted, key }: CopyInput) => {
  const tags = Object.entries(wanted.tags).map(([Key, Value]) => ({ Key, Value }))
  return {
    SourceImageId: artifact.imageId,
    SourceRegion: artifact.region,
    Name: wanted.name,
    Description: `${wanted.tags['mintmark:image']} ${wanted.tags['mintmark:version']}`,
    Encrypted: true,
    KmsKeyId: key,
    CopyImageTags: true,
    TagSpecifications: [
      { ResourceType: 'image', Tags: tags },
      { ResourceType: 'snapshot', Tags: tags },
    ] as { ResourceType: 'image' | 'snapshot'; Tags: typeof tags }[],
  }
}

/** Starts a copy once there is room for it. The same request has the same token: what was cut off gives the same copy. */
async function start(input: CopyInput): Promise<string> {
  const { world, calls, artifact, run, gone, deadlineMs } = input
  const request = requestOf(input)
  const token = digestOf({ run, purpose: 'copy', region: calls.region, request, gone }).slice(0, 64)
  const snapshots = artifact.snapshotIds.length
  const made = await until(world, deadlineMs, async () => {
    if ((await copiesOnTheirWay(calls)) + snapshots > mostCopies) return null
    // Somebody else of the account may have been faster.
    const copy = await calls.ec2.find('CopyImage', { ...request, ClientToken: token }, [
      'ResourceLimitExceeded',
    ])
    return copy?.ImageId ?? null
  })
  if (made === null) throw tooLate(calls.region, `other copies of this account leave no room for one`)
  return made
}

/** Waits until EC2 finds the copy, and it is not pending any more; null when it is not found. */
async function ended(input: CopyInput, imageId: string): Promise<SeenImage | null> {
  const { world, calls, wanted, deadlineMs } = input
  const began = world.clock.now().getTime()
  const seen = await until(world, deadlineMs, async () => {
    const image = (await seeImages(calls, wanted)).find((item) => item.imageId === imageId)
    if (image === undefined) return world.clock.now().getTime() - began > unseenMs ? 'unseen' : null
    return image.state === 'pending' ? null : image
  })
  if (seen === null) throw tooLate(calls.region, `${imageId} did not become available`)
  return seen === 'unseen' ? null : seen
}

/**
 * Brings a copy to its end: one that is on its way, or a new one. A copy that failed is left for whoever looks next.
 * @param pending the id of the copy that is on its way; null: there is none
 * @returns its id; not found when nobody finds it, and it is to be made once more; else it is not pending any more
 * @throws MintmarkError PROVIDER_UNREACHABLE at the deadline, PROVIDER_REFUSED, INTERRUPTED
 */
export async function copyImage(
  input: CopyInput,
  pending: string | null,
): Promise<{ readonly imageId: string; readonly found: boolean }> {
  const imageId = pending ?? (await start(input))
  return { imageId, found: (await ended(input, imageId)) !== null }
}

/**
 * Takes a copy that failed away, with its snapshots. It is looked at once more: only what failed goes.
 * @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE
 */
export async function discardCopy(calls: AwsCalls, wanted: WantedImage, imageId: string): Promise<void> {
  const image = (await seeImages(calls, wanted)).find((item) => item.imageId === imageId)
  if (image === undefined || !isFailedCopy(wanted, image)) return
  await deregister(calls, imageId)
}
