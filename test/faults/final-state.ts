import {
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeKeyPairsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSnapshotAttributeCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2'
import { DescribeKeyCommand, GetKeyPolicyCommand, KMSClient, ListGrantsCommand } from '@aws-sdk/client-kms'
import { DescribeParametersCommand, GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm'
import { factory, type StandIn } from '../cloud/stand-in.ts'
import { unfinished } from '../helpers/crash.ts'
import { regions } from '../helpers/publish-cloud.ts'
import { listing, type RealCli } from '../helpers/real-cli.ts'

/** What differs from one run to the next, though nothing is wrong. */
const scrubbed = (line: string): string =>
  line.replace(/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME').replace(/"\$metadata":\{[^}]*\},?/g, '')

/** Everything that the account has in a region, a line each, in EC2's, KMS's and SSM's own words. */
async function regionLines(cloud: StandIn, region: string): Promise<readonly string[]> {
  const settings = cloud.client(factory, region)
  const ec2 = new EC2Client(settings)
  const kms = new KMSClient(settings)
  const ssm = new SSMClient(settings)
  const self = { IncludeDeprecated: true, IncludeDisabled: true, Owners: ['self'] }
  const { Images: images = [] } = await ec2.send(new DescribeImagesCommand(self))
  const { Snapshots: snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }))
  const { Reservations: launches = [] } = await ec2.send(new DescribeInstancesCommand({}))
  const { Volumes: volumes = [] } = await ec2.send(new DescribeVolumesCommand({}))
  const { KeyPairs: keyPairs = [] } = await ec2.send(new DescribeKeyPairsCommand({}))
  const { SecurityGroups: groups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({}))
  const { Parameters: described = [] } = await ssm.send(new DescribeParametersCommand({}))
  const names = described.flatMap(({ Name }) => Name ?? [])
  const { Parameters: parameters = [] } =
    names.length === 0 ? {} : await ssm.send(new GetParametersCommand({ Names: names }))
  const launchable = images.map(async ({ ImageId }) =>
    ec2.send(new DescribeImageAttributeCommand({ ImageId, Attribute: 'launchPermission' })),
  )
  const copyable = snapshots.map(async ({ SnapshotId }) =>
    ec2.send(new DescribeSnapshotAttributeCommand({ SnapshotId, Attribute: 'createVolumePermission' })),
  )
  const { KeyMetadata: key } = await kms.send(new DescribeKeyCommand({ KeyId: 'alias/golden' }))
  const whose = { KeyId: key?.KeyId ?? '' }
  const all: Readonly<Record<string, readonly unknown[]>> = {
    image: images,
    snapshot: snapshots,
    instance: launches
      .flatMap(({ Instances = [] }) => Instances)
      .filter(({ State }) => State?.Name !== 'terminated'),
    volume: volumes,
    'key pair': keyPairs,
    group: groups.filter(({ GroupName }) => GroupName !== 'default'),
    parameter: parameters.map(({ Name, Value, DataType, Version }) => ({ Name, Value, DataType, Version })),
    'may launch': await Promise.all(launchable),
    'may copy': await Promise.all(copyable),
    policy: [(await kms.send(new GetKeyPolicyCommand({ ...whose, PolicyName: 'default' }))).Policy],
    grants: (await kms.send(new ListGrantsCommand(whose))).Grants ?? [],
  }
  // Ids that the cloud made up are told by what they are of, and which of them: a second image of one name is another line.
  const told = new Map<string, string>()
  for (const { ImageId = '', Name = '' } of images) told.set(ImageId, `AMI ${Name}`)
  for (const { ImageId = '', BlockDeviceMappings = [] } of images)
    for (const { Ebs } of BlockDeviceMappings)
      if (Ebs?.SnapshotId !== undefined) told.set(Ebs.SnapshotId, `snapshot of ${told.get(ImageId)}`)
  const named = (text: string): string =>
    text.replace(/\b(?:ami|snap)-[0-9a-f]{8,17}\b/g, (id) => told.get(id) ?? 'an id of nothing here')
  return Object.entries(all).flatMap(([kind, items]) =>
    items.map((item) => scrubbed(named(`${region} ${kind} ${JSON.stringify(item)}`))),
  )
}

/** Everything that a run leaves: in the account, in the catalog, and what is half-made elsewhere. Two runs that end alike have the same lines. */
export async function finalState(cli: RealCli, cloud: StandIn): Promise<readonly string[]> {
  const there = await Promise.all(regions.map((region) => regionLines(cloud, region)))
  const files = (await listing(cli)).filter((path) => /^data\b/.test(path) || unfinished.test(path))
  return [...there.flat(), ...files].sort()
}
