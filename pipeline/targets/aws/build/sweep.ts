import type { Image } from '@aws-sdk/client-ec2'
import { MintmarkError } from '../../../errors.ts'
import type { Clock } from '../../../ports/clock.ts'
import { noImage, noSnapshot } from '../absent.ts'
import type { AwsCalls } from '../client.ts'
import { askToTerminate } from '../machines/instance-parts.ts'
import { awaitInstance } from '../machines/instance-state.ts'
import { removeGroup } from '../machines/security-group.ts'
import { pause } from '../pause.ts'
import { imageRunFilter, tagsOf } from '../tags.ts'

const terminationMs = 600_000
/** What a call made whose answer was cut off may be in no list yet. */
const againMs = 5000

export interface SweepScope {
  /** Of the region that is swept. */
  readonly calls: AwsCalls
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly image: string
  readonly run: string
  readonly keep: Keep
  readonly update: (text: string) => void
}

/** Whether an image stays, with its snapshots. */
export type Keep = (image: Marked) => boolean

const nothing: Keep = () => false

type Filters = { Name: string; Values: string[] }[]

/** Every kind of thing that a run makes. */
export type SweptKind = 'key pair' | 'volume' | 'image' | 'snapshot' | 'instance' | 'security group'

/** One thing that bears our tags. */
export interface Marked {
  readonly kind: SweptKind
  readonly id: string
  readonly tags: Readonly<Record<string, string>>
}

const marked = (
  kind: SweptKind,
  id: string | undefined,
  tags: Parameters<typeof tagsOf>[0],
): readonly Marked[] => (id === undefined ? [] : [{ kind, id, tags: tagsOf(tags) }])

/** A release is protected: it goes by a plan of its own, never as something that was left. */
const isProtected = ({ DeregistrationProtection: protection = 'disabled' }: Image): boolean =>
  protection !== 'disabled' && protection !== ''

const snapshotsOf = ({ BlockDeviceMappings: devices = [] }: Image): readonly string[] =>
  devices.flatMap(({ Ebs: ebs }) => (ebs?.SnapshotId === undefined ? [] : [ebs.SnapshotId]))

async function imagesOf({ ec2 }: AwsCalls, filters: Filters, keep: Keep) {
  const input = {
    Owners: ['self'],
    Filters: filters,
    IncludeDeprecated: true,
    IncludeDisabled: true,
    MaxResults: 500,
  }
  const left: Marked[] = []
  const held: string[] = []
  for await (const { Images: images = [] } of ec2.pages('DescribeImages', input))
    for (const image of images) {
      const found = marked('image', image.ImageId, image.Tags)
      if (isProtected(image) || found.some(keep)) held.push(...snapshotsOf(image))
      else left.push(...found)
    }
  return { left, held }
}

/**
 * All that there is with these tags in the region, in the order in which it can go, what has to be waited for last; but for the images
 * of `keep` and those that are protected, with their snapshots.
 */
export async function findMarked(
  calls: AwsCalls,
  filters: Filters,
  keep: Keep = nothing,
): Promise<readonly Marked[]> {
  const { ec2 } = calls
  const found: Marked[] = []
  const { KeyPairs: pairs = [] } = await ec2.send('DescribeKeyPairs', { Filters: filters })
  for (const { KeyName: id, Tags } of pairs) found.push(...marked('key pair', id, Tags))
  // Others are of instances, and go with them.
  const loose = [...filters, { Name: 'status', Values: ['available'] }]
  for await (const { Volumes = [] } of ec2.pages('DescribeVolumes', { Filters: loose }))
    for (const { VolumeId, Tags } of Volumes) found.push(...marked('volume', VolumeId, Tags))
  const { left, held } = await imagesOf(calls, filters, keep)
  found.push(...left)
  const own = { OwnerIds: ['self'], Filters: filters }
  for await (const { Snapshots = [] } of ec2.pages('DescribeSnapshots', own))
    for (const { SnapshotId = '', Tags } of Snapshots)
      if (!held.includes(SnapshotId)) found.push(...marked('snapshot', SnapshotId, Tags))
  const there = ['pending', 'running', 'shutting-down', 'stopping', 'stopped']
  const running = [...filters, { Name: 'instance-state-name', Values: there }]
  for await (const { Reservations = [] } of ec2.pages('DescribeInstances', { Filters: running }))
    for (const { Instances = [] } of Reservations)
      for (const { InstanceId, Tags } of Instances) found.push(...marked('instance', InstanceId, Tags))
  for await (const { SecurityGroups = [] } of ec2.pages('DescribeSecurityGroups', { Filters: filters }))
    for (const { GroupId, Tags } of SecurityGroups) found.push(...marked('security group', GroupId, Tags))
  return found
}

type Remover = (
  calls: AwsCalls,
  id: string,
  waits: Pick<SweepScope, 'clock' | 'signal' | 'update'>,
) => Promise<unknown>

/** Each may be repeated: what is not there any more is gone. */
const removers: Readonly<Record<SweptKind, Remover>> = {
  'key pair': ({ ec2 }, id) => ec2.find('DeleteKeyPair', { KeyName: id }, ['InvalidKeyPair.NotFound']),
  instance: async (calls, id, waits) => {
    await askToTerminate({ ...waits, calls }, id)
    await awaitInstance({ ...waits, calls, id, wanted: ['terminated'], deadlineMs: terminationMs })
  },
  volume: ({ ec2 }, id) => ec2.find('DeleteVolume', { VolumeId: id }, ['InvalidVolume.NotFound']),
  image: (calls, id) => deregister(calls, id),
  snapshot: ({ ec2 }, id) =>
    // One that an image has goes with that image.
    ec2.find('DeleteSnapshot', { SnapshotId: id }, [...noSnapshot, 'InvalidSnapshot.InUse']),
  'security group': (calls, id, waits) => removeGroup(calls, waits, id),
}

/** Takes an image away, and its disks with it. @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE, also when a disk of it stays */
export async function deregister({ ec2 }: AwsCalls, imageId: string): Promise<void> {
  const asked = { ImageId: imageId, DeleteAssociatedSnapshots: true }
  const answer = await ec2.find('DeregisterImage', asked, noImage)
  // Each disk has a result of its own. One that EC2 left is asked for by itself, whose error tells why.
  for (const { SnapshotId: id, ReturnCode: code } of answer?.DeleteSnapshotResults ?? [])
    if (code !== 'success') await ec2.find('DeleteSnapshot', { SnapshotId: id }, noSnapshot)
}

/** Removes one thing that `findMarked` found. */
export const removeMarked = (
  calls: AwsCalls,
  { kind, id }: Pick<Marked, 'kind' | 'id'>,
  waits: Pick<SweepScope, 'clock' | 'signal' | 'update'>,
): Promise<unknown> => removers[kind](calls, id, waits)

/**
 * Removes all that a run made for an image in the region, but for what is to stay, and looks again until nothing more turns up. What can't
 * be removed does not keep the rest from going. May be repeated.
 * @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE: the first thing that is still there; INTERRUPTED
 */
export async function cleanup(scope: SweepScope): Promise<void> {
  const { calls, image, run, keep, update } = scope
  const tried = new Set<string>()
  let errors: MintmarkError[] = []
  const attempt = async (work: Promise<unknown>): Promise<void> => {
    try {
      await work
    } catch (cause) {
      if (!(cause instanceof MintmarkError) || cause.code === 'INTERRUPTED') throw cause
      errors.push(cause)
    }
  }
  for (;;) {
    const found = await findMarked(calls, imageRunFilter(image, run), keep)
    if (found.every(({ id }) => tried.has(id))) break
    // What turned up since may have been in the way of what could not be removed.
    errors = []
    // They cost most and take longest: all are asked to end before anything is waited for.
    for (const { kind, id } of found) if (kind === 'instance') await attempt(askToTerminate(scope, id))
    for (const item of found) {
      tried.add(item.id)
      update(`removing the ${item.kind} ${item.id}`)
      await attempt(removeMarked(calls, item, scope))
    }
    await pause(scope, againMs)
  }
  const [first] = errors
  if (first !== undefined) throw first
}

/** What was made in the region before a moment, for an image. */
export async function findOlder(
  calls: AwsCalls,
  image: string,
  before: Date,
  keep: Keep = nothing,
): Promise<readonly Marked[]> {
  const filters: Filters = [
    { Name: 'tag-key', Values: ['mintmark:run'] },
    { Name: 'tag:mintmark:image', Values: [image] },
  ]
  return (await findMarked(calls, filters, keep)).filter(({ tags }) => {
    const made = Date.parse(tags['mintmark:created'] ?? '')
    return Number.isFinite(made) && made < before.getTime()
  })
}
