import type { Image } from '@aws-sdk/client-ec2'
import { unique } from '../../../core/lists.ts'
import type { RegionalImage } from '../../../core/regional-copies.ts'
import type { Problem } from '../../../core/share-plan.ts'
import type { Use } from '../../../core/share-sight.ts'
import { MintmarkError } from '../../../errors.ts'
import type { Proof, ProveInput } from '../../target.ts'
import type { AwsCalls } from '../client.ts'
import { codeOf } from '../errors.ts'
import type { CallsAt } from '../connect.ts'
import { keyIn } from '../publish/region-key.ts'

const yes = (why: string): Use => ({ yes: true, why })
const no = (why: string): Use => ({ yes: false, why })

/** What says nothing of the image: the account has no place for an instance, or the type is not to be had. */
const noPlace = /^(?:MissingInput|VPCIdNotSpecified|InvalidSubnet)/
const notTold = /^(?:Unsupported|Insufficient|InstanceLimitExceeded|VcpuLimitExceeded)/

/** A refusal is an answer; whatever keeps us from asking is none. */
async function answerOf(
  ask: () => Promise<Use>,
): Promise<{ readonly use: Use | null; readonly problem: Problem | null }> {
  try {
    return { use: await ask(), problem: null }
  } catch (cause) {
    if (!(cause instanceof MintmarkError)) throw cause
    const { code, message, hint, lines } = cause
    const why = [message, ...lines].join(' ')
    const { name } = codeOf(cause.cause)
    if (noPlace.test(name))
      return { use: null, problem: { why, hint: 'say where an instance would stand: --subnet subnet-0abc…' } }
    if (code === 'PROVIDER_REFUSED' && !notTold.test(name)) return { use: no(why), problem: null }
    if (code !== 'PROVIDER_REFUSED' && code !== 'PROVIDER_UNREACHABLE') throw cause
    return { use: null, problem: { why, hint } }
  }
}

/** The image as the consumer sees it. */
async function imageOf(calls: AwsCalls, imageId: string): Promise<Image | null> {
  const found: Image[] = []
  const asked = { ImageIds: [imageId], IncludeDeprecated: true }
  for await (const { Images = [] } of calls.ec2.pages('DescribeImages', asked, [
    'InvalidAMIID.NotFound',
    'InvalidAMIID.Unavailable',
  ]))
    found.push(...Images)
  return found[0] ?? null
}

const disksOf = ({ BlockDeviceMappings = [] }: Image) => BlockDeviceMappings.flatMap(({ Ebs }) => Ebs ?? [])

/** Key -> a snapshot's ARN of it, for those that the consumer may see; null where it may not see all. */
async function keysOf(calls: AwsCalls, image: Image): Promise<readonly string[] | null> {
  const ids = disksOf(image).flatMap(({ SnapshotId }) => SnapshotId ?? [])
  // Without any EC2 would list all that are public.
  if (ids.length === 0) return null
  const keys: string[] = []
  let seen = 0
  for await (const { Snapshots = [] } of calls.ec2.pages('DescribeSnapshots', { SnapshotIds: ids }, [
    'InvalidSnapshot.NotFound',
  ])) {
    seen += Snapshots.length
    keys.push(...Snapshots.flatMap(({ KmsKeyId }) => KmsKeyId ?? []))
  }
  return seen === ids.length ? keys : null
}

/** The key as another account has to name it: by the event of the copy, or as the definition has it. */
function keyArn(
  { definition: { targets } }: ProveInput,
  image: RegionalImage,
  partition: string,
): string | null {
  const { account, region } = image
  if (image.keyArn !== null || targets.aws === undefined) return image.keyArn
  const key = keyIn(targets.aws, region)
  if (key.startsWith('arn:')) return key
  return `arn:${partition}:kms:${region}:${account}:${key.startsWith('alias/') ? key : `key/${key}`}`
}

/**
 * Whether the key does what EC2 will ask of it: a data key is encrypted with it and could be decrypted again. Both leave nothing behind, and
 * the second is a dry run, so that nobody ever has the data key.
 */
async function keyUse(calls: AwsCalls, arn: string): Promise<Use> {
  const found = await calls.kms.find('DescribeKey', { KeyId: arn }, ['NotFoundException'])
  const key = found?.KeyMetadata
  if (key === undefined) return no(`there is no key ${arn}`)
  if (key.KeyState !== 'Enabled')
    return no(`the key ${arn} is ${key.KeyState ?? 'in no state that is known'}`)
  const KeyId = key.Arn ?? arn
  const EncryptionContext = { purpose: 'mintmark share prove' }
  const { CiphertextBlob } = await calls.kms.send('GenerateDataKeyWithoutPlaintext', {
    KeyId,
    KeySpec: 'AES_256',
    EncryptionContext,
  })
  await calls.kms.find('Decrypt', { KeyId, CiphertextBlob, EncryptionContext, DryRun: true }, [
    'DryRunOperationException',
  ])
  return yes(`encrypts and decrypts with ${KeyId}`)
}

/** A dry run: EC2 judges all that it judges of a launch, and starts nothing. */
async function launch(calls: AwsCalls, image: Image, { definition, subnet }: ProveInput): Promise<Use> {
  const type = definition.targets.aws?.instanceType ?? 't3.small'
  await calls.ec2.find(
    'RunInstances',
    {
      ImageId: image.ImageId,
      // The definition's type is of its own architecture; a consumer's of another account is the smallest that fits.
      InstanceType: (image.Architecture === 'arm64' ? 't4g.small' : type) as 't3.small',
      MinCount: 1,
      MaxCount: 1,
      MetadataOptions: { HttpTokens: 'required', HttpEndpoint: 'enabled' },
      ...(subnet === null ? {} : { SubnetId: subnet }),
      DryRun: true,
    },
    ['DryRunOperation'],
  )
  return yes('EC2 would start it')
}

async function proveIn(calls: AwsCalls, input: ProveInput, partition: string): Promise<Proof> {
  const { region } = calls
  input.update(`looking from ${region}`)
  const nothing = { region, imageId: null, visible: null, launchable: null, key: null, copyable: null }
  let image: Image | null = null
  const told = input.images.find((one) => one.region === region)
  if (told === undefined)
    return {
      ...nothing,
      visible: no('no event of the release says that it has an image there'),
      problem: null,
    }
  const visible = await answerOf(async () => {
    image = await imageOf(calls, told.imageId)
    return image === null ? no('it is not there for this account') : yes('it is there')
  })
  const found = image as Image | null
  if (found === null) return { ...nothing, visible: visible.use, problem: visible.problem }
  const encrypted = disksOf(found).some(({ Encrypted }) => Encrypted === true)
  let keys: readonly string[] | null = null
  const copyable = await answerOf(async () => {
    keys = await keysOf(calls, found)
    return keys === null ? no('its snapshots are not for this account') : yes('its snapshots are there')
  })
  const launchable = await answerOf(() => launch(calls, found, input))
  const named = (keys as readonly string[] | null)?.[0] ?? keyArn(input, told, partition)
  const key = await answerOf(async () => {
    if (!encrypted) return yes('it is not encrypted')
    if (named === null) return no(`nobody says which key it is encrypted with`)
    return keyUse(calls, named)
  })
  const noKey = key.use?.yes === false
  return {
    region,
    imageId: found.ImageId ?? null,
    visible: visible.use,
    launchable: launchable.use,
    key: key.use,
    // What can't be decrypted can't be copied either.
    copyable: noKey && copyable.use?.yes === true ? no(key.use?.why ?? '') : copyable.use,
    problem: launchable.problem ?? key.problem ?? copyable.problem,
  }
}

/**
 * What the role of somebody who gets an image really can do with it: seen with that role's own credentials, for 15 minutes.
 * Nothing is made, in no account.
 * @throws MintmarkError PROVIDER_REFUSED when the role can't be taken, PROVIDER_UNREACHABLE
 */
export async function proveShare(input: ProveInput, callsAt: CallsAt): Promise<readonly Proof[]> {
  const { world, definition, release, images, role } = input
  const everywhere = [...images.map(({ region }) => region), ...(definition.targets.aws?.regions ?? [])]
  const regions = input.region === null ? unique(everywhere) : [input.region]
  const [first] = regions
  if (first === undefined)
    throw new MintmarkError('INTERNAL', `${release.image}@${release.version} is no image of AWS`)
  const calls = callsAt(world, first)
  const { Credentials: taken } = await calls.sts.send('AssumeRole', {
    RoleArn: role,
    RoleSessionName: 'mintmark-share-prove',
    DurationSeconds: 900,
  })
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken } = taken ?? {}
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw new MintmarkError('PROVIDER_REFUSED', `${role} gave no credentials`, {
      hint: 'aws sts assume-role shows what it says',
    })
  const theirs = calls.as({ accessKeyId, secretAccessKey, sessionToken: SessionToken ?? null })
  const [, partition = 'aws'] = role.split(':')
  const opened = regions.map((region) => theirs.at(region))
  try {
    return await Promise.all(opened.map((one) => proveIn(one, input, partition)))
  } finally {
    for (const one of opened) one.close()
  }
}
