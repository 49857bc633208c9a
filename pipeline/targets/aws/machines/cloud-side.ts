import { join } from 'node:path'
import { cloudFacts, metadataQuestions } from '../../../core/cloud-facts.ts'
import { MintmarkError } from '../../../errors.ts'
import type { World } from '../../../ports/world.ts'
import type { CloudSide } from '../../instance.ts'
import type { AwsCalls } from '../client.ts'
import { type InstanceSight, lookAtInstance } from './instance-state.ts'

export interface CloudInput {
  readonly world: Pick<World, 'files' | 'places'>
  readonly calls: AwsCalls
  readonly instanceId: string
  /** As it was launched. */
  readonly account: string
  readonly imageId: string
  /** As EC2 names it. */
  readonly architecture: string
  /** As the definition names it. */
  readonly key: string
}

async function rootVolumeOf(calls: AwsCalls, { instance }: InstanceSight) {
  const root = (instance.BlockDeviceMappings ?? []).find(
    ({ DeviceName: name }) => name === instance.RootDeviceName,
  )
  const id = root?.Ebs?.VolumeId
  if (id === undefined) return null
  for await (const { Volumes: volumes = [] } of calls.ec2.pages('DescribeVolumes', { VolumeIds: [id] }))
    for (const { Encrypted: encrypted = false, KmsKeyId: key = null } of volumes) return { encrypted, key }
  return null
}

async function arnOfKey(calls: AwsCalls, key: string): Promise<string> {
  const { KeyMetadata: metadata } = await calls.kms.send('DescribeKey', { KeyId: key })
  if (metadata?.Arn !== undefined) return metadata.Arn
  throw new MintmarkError('PROVIDER_REFUSED', `kms:DescribeKey in ${calls.region} has no ARN for ${key}`, {
    hint: 'check targets.aws.encrypt.key in the definition',
  })
}

/** The certificate that somebody took from AWS's own page and put into the checkout; null without one. */
async function certificateOf(
  { files, places }: Pick<World, 'files' | 'places'>,
  region: string,
): Promise<string | null> {
  const path = join(places.root, 'scans', 'aws-identity', `${region}.pem`)
  return (await files.info(path)) === null ? null : files.readText(path)
}

/** What EC2, EBS and KMS say of an instance, against what it is told by its metadata service. */
export const cloudSideOf = (input: CloudInput): CloudSide => ({
  questions: metadataQuestions,
  async facts(answers) {
    const { world, calls, instanceId, key } = input
    const sight = await lookAtInstance(calls, instanceId)
    const seen = {
      account: input.account,
      region: calls.region,
      imageId: input.imageId,
      instanceId,
      architecture: input.architecture,
      httpTokens: sight?.instance.MetadataOptions?.HttpTokens ?? 'unknown',
      rootVolume: sight === null ? null : await rootVolumeOf(calls, sight),
      key: await arnOfKey(calls, key),
      certificate: await certificateOf(world, calls.region),
    }
    return cloudFacts(seen, answers)
  },
})
