import type { Image, LaunchPermission } from '@aws-sdk/client-ec2'
import { inTurns } from '../../../core/all-ended.ts'
import { principalOf } from '../../../core/aws-principals.ts'
import { sourceTag } from '../../../core/aws-publish-plan.ts'
import {
  type SeenSharedRegion,
  type SharedAmi,
  type SharedKey,
  type SharedRegion,
  unrecorded,
} from '../../../core/aws-share.ts'
import { neededActions, parseKeyPolicy } from '../../../core/key-policy.ts'
import { unique } from '../../../core/lists.ts'
import type { RegionalImage } from '../../../core/regional-copies.ts'
import type { Problem } from '../../../core/share-plan.ts'
import type { SharedImage } from '../../../core/shared-image.ts'
import { MintmarkError } from '../../../errors.ts'
import type { AmiArtifact } from '../../../model/artifact.ts'
import type { AwsCalls } from '../client.ts'

/** A release whose image AWS keeps. */
export type AmiRelease = SharedImage & { readonly ami: AmiArtifact }

/** One of them, and all of its images that its record and its events tell of. */
export interface KnownAmi {
  readonly release: AmiRelease
  readonly images: readonly RegionalImage[]
}

export interface LookInput {
  readonly image: string
  readonly account: string
  readonly known: readonly KnownAmi[]
}

/** Attributes that are read at once in one region: EC2's bucket for them refills at 20 a second. */
const atOnce = 10
/** Values of one filter. */
const mostOfAFilter = 200

/** What is there, but not in a state to be asked of. */
const gone = ['InvalidAMIID.NotFound', 'InvalidAMIID.Unavailable', 'InvalidSnapshot.NotFound']

const principalsOf = (permissions: readonly LaunchPermission[] = []): readonly string[] =>
  unique(permissions.map(principalOf))

/** Who may launch an image: read from the image itself, for lists of images leave out what is shared with organizations. */
export async function launchersOf(calls: AwsCalls, imageId: string): Promise<readonly string[]> {
  const asked = { ImageId: imageId, Attribute: 'launchPermission' } as const
  const answer = await calls.ec2.find('DescribeImageAttribute', asked, gone)
  return principalsOf(answer?.LaunchPermissions)
}

/** Who may make volumes of a snapshot, and so copy the image. */
export async function sharersOf(calls: AwsCalls, snapshotId: string): Promise<readonly string[]> {
  const asked = { SnapshotId: snapshotId, Attribute: 'createVolumePermission' } as const
  const answer = await calls.ec2.find('DescribeSnapshotAttribute', asked, gone)
  return principalsOf(answer?.CreateVolumePermissions)
}

/** Which release an image is of. Anybody with leave to set tags can say of it what they like: where it was copied from EC2 itself says. */
function releaseOf(
  { ImageId, SourceImageId, SourceImageRegion, Tags = [] }: Image,
  region: string,
  known: readonly KnownAmi[],
): Pick<SharedAmi, 'version' | 'variant' | 'told'> {
  const own = known.find(({ images }) =>
    images.some((image) => image.imageId === ImageId && image.region === region),
  )
  const source = Tags.find(({ Key }) => Key === sourceTag)?.Value
  const copied = known.find(
    ({ release: { ami, sha256 } }) =>
      sha256 === source && ami.imageId === SourceImageId && ami.region === SourceImageRegion,
  )
  const { version, variant } = (own ?? copied)?.release ?? { version: unrecorded, variant: '' }
  return { version, variant, told: own !== undefined }
}

async function imagesOf(calls: AwsCalls, image: string): Promise<readonly Image[]> {
  const found: Image[] = []
  const asked = {
    Owners: ['self'],
    // Every version and architecture of it: the one name that a release has in every region.
    Filters: [{ Name: 'name', Values: [`mintmark/${image}/*`] }],
    IncludeDeprecated: true,
    IncludeDisabled: true,
  }
  for await (const { Images = [] } of calls.ec2.pages('DescribeImages', asked)) found.push(...Images)
  return found
}

const snapshotsOf = ({ BlockDeviceMappings = [] }: Image): readonly string[] =>
  BlockDeviceMappings.flatMap(({ Ebs }) => Ebs?.SnapshotId ?? [])

/** Snapshot -> ARN of its key; null where it is not encrypted. */
async function keysOfSnapshots(
  calls: AwsCalls,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string | null>> {
  const keys = new Map<string, string | null>()
  for (let start = 0; start < ids.length; start += mostOfAFilter) {
    const Filters = [{ Name: 'snapshot-id', Values: ids.slice(start, start + mostOfAFilter) }]
    const asked = { OwnerIds: ['self'], Filters }
    for await (const { Snapshots = [] } of calls.ec2.pages('DescribeSnapshots', asked))
      for (const { SnapshotId = '', Encrypted, KmsKeyId } of Snapshots)
        keys.set(SnapshotId, Encrypted === true ? (KmsKeyId ?? '') : null)
  }
  return keys
}

function unusable(arn: string, state: string | undefined, deletion: Date | undefined): Problem | null {
  if (state === 'Enabled') return null
  const when = deletion === undefined ? '' : `, and will be deleted on ${deletion.toISOString().slice(0, 10)}`
  return {
    why: `the key ${arn} is ${state ?? 'in no state that is known'}${when}`,
    hint: `aws kms describe-key --key-id ${arn} shows it; whoever keeps it can enable it again`,
  }
}

/** Accounts to which a grant gives all that launching takes; grants for single volumes are none of these. */
async function grantedBy(calls: AwsCalls, arn: string): Promise<readonly string[]> {
  const accounts: string[] = []
  for await (const { Grants = [] } of calls.kms.pages('ListGrants', { KeyId: arn, Limit: 100 })) {
    for (const { GranteePrincipal = '', Operations = [], Constraints } of Grants) {
      const account = /^arn:[\w-]+:iam::(\d{12}):root$/.exec(GranteePrincipal)?.[1]
      const operations: readonly string[] = Operations.map((one) => `kms:${one}`)
      const enough = neededActions.every((action) => operations.includes(action))
      if (account !== undefined && enough && Constraints === undefined) accounts.push(account)
    }
  }
  return unique(accounts)
}

/** What a key lets others do. What of it can't be read is told, and is never taken for a no. */
export async function seeSharedKey(calls: AwsCalls, arn: string, account: string): Promise<SharedKey> {
  const seen = { arn, unusable: null, policy: null, unread: null, granted: [] } as const
  const told = (why: string, hint: string): SharedKey => ({ ...seen, unread: { why, hint } })
  if (arn === '')
    return told(
      'EC2 does not tell by which key it is encrypted',
      'run it again in a minute: a new snapshot is not to be seen at once',
    )
  const [, , , , owner = ''] = arn.split(':')
  const cantBe = (why: string, hint: string): SharedKey => ({ ...seen, unusable: { why, hint } })
  if (owner !== account)
    return cantBe(
      `the key ${arn} is not of the account ${account}: its policy can't be read from here`,
      'encrypt with a key of the account that owns the image',
    )
  try {
    const { KeyMetadata: key } = await calls.kms.send('DescribeKey', { KeyId: arn })
    if (key?.KeyManager === 'AWS')
      return cantBe(
        `it is encrypted with AWS's own key ${arn}, which can be shared with nobody`,
        'set targets.aws.encrypt.key to a key of yours, e.g. alias/golden, and release again',
      )
    const { Policy = '' } = await calls.kms.send('GetKeyPolicy', { KeyId: arn, PolicyName: 'default' })
    const policy = parseKeyPolicy(Policy)
    return { ...seen, unusable: unusable(arn, key?.KeyState, key?.DeletionDate), policy }
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || cause.code !== 'PROVIDER_REFUSED') throw cause
    return told(cause.message, [cause.hint, ...cause.lines].join(' '))
  }
}

/**
 * The key with its grants: only where its policy is not enough for somebody, for there is a grant for every volume. Where they may not be
 * read there are none.
 */
export async function withGrants(calls: AwsCalls, key: SharedKey): Promise<SharedKey> {
  try {
    return { ...key, granted: await grantedBy(calls, key.arn) }
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || cause.code !== 'PROVIDER_REFUSED') throw cause
    return { ...key, unread: { why: cause.message, hint: [cause.hint, ...cause.lines].join(' ') } }
  }
}

/** What a region has of these releases, and who may use it. @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE, INTERRUPTED */
export async function lookAtRegion(
  calls: AwsCalls,
  { image, account, known }: LookInput,
): Promise<SeenSharedRegion> {
  const found = await imagesOf(calls, image)
  const ids = unique(found.flatMap(snapshotsOf))
  const keys = await keysOfSnapshots(calls, ids)
  // One that is not told of may be encrypted: then nobody knows by which key.
  const keyOf = (id: string): string | null => keys.get(id) ?? (keys.has(id) ? null : '')
  const arns = unique(ids.flatMap((id) => keyOf(id) ?? []))
  const [amis, sharedKeys] = await Promise.all([
    inTurns(found, atOnce, async (item): Promise<SharedAmi> => {
      const { ImageId: imageId = '', State: state = 'in no state that is known' } = item
      const [launch, volumes] = await Promise.all([
        launchersOf(calls, imageId),
        Promise.all(
          snapshotsOf(item).map(async (snapshotId) => ({
            snapshotId,
            shared: await sharersOf(calls, snapshotId),
            key: keyOf(snapshotId),
          })),
        ),
      ])
      // One without a record is given to nobody, but who has it keeps its key.
      return { imageId, ...releaseOf(item, calls.region, known), state, launch, volumes }
    }),
    Promise.all(arns.map((arn) => seeSharedKey(calls, arn, account))),
  ])
  return { region: calls.region, status: 'seen', amis, keys: sharedKeys }
}

/** A region that can't be looked at is told so. @throws MintmarkError INTERRUPTED, INTERNAL */
export async function orUnreachable(
  region: string,
  look: () => Promise<SeenSharedRegion>,
): Promise<SharedRegion> {
  try {
    return await look()
  } catch (cause) {
    if (!(cause instanceof MintmarkError)) throw cause
    if (cause.code !== 'PROVIDER_UNREACHABLE' && cause.code !== 'PROVIDER_REFUSED') throw cause
    return {
      region,
      status: 'unreachable',
      why: cause.message,
      hint: [cause.hint, ...cause.lines].join(' '),
    }
  }
}
