import {
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  EC2Client,
  type Image,
} from '@aws-sdk/client-ec2'
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm'
import type { Test } from 'uvu'
import { digestOfAmi } from '../../pipeline/core/artifact.ts'
import type { AmiArtifact } from '../../pipeline/model/artifact.ts'
import { AwsTarget } from '../../pipeline/model/aws-target.ts'
import type { Clock } from '../../pipeline/ports/clock.ts'
import { type AwsCalls, awsCalls } from '../../pipeline/targets/aws/client.ts'
import { distributeAmi } from '../../pipeline/targets/aws/publish/distribute.ts'
import type { ReleaseFacts } from '../../pipeline/targets/aws/publish/wanted.ts'
import type { Distributed } from '../../pipeline/targets/distributing.ts'
import { factory, type StandIn, startStandIn } from '../cloud/stand-in.ts'
import { type TestWorld, testWorld } from './world.ts'

export const buildRegion = 'us-east-1'
export const regions = [buildRegion, 'eu-west-1', 'us-west-2'] as const

export const aws = (more: Partial<AwsTarget> = {}): AwsTarget => ({
  ...AwsTarget.parse({
    account: factory,
    build: { region: buildRegion },
    regions: [...regions],
    encrypt: { key: 'alias/golden' },
  }),
  ...more,
})

/** Time that passes at once, here and in the cloud. */
export function movingClock(cloud: StandIn): Clock {
  let ahead = 0
  let untold = 0
  return {
    now: () => new Date(Date.now() + ahead),
    sleep: async (ms) => {
      ahead += ms
      untold += ms
      if (untold < 1000) return
      const seconds = untold / 1000
      untold = 0
      await cloud.change({ advanceSeconds: seconds })
    },
  }
}

/** A key `alias/golden` in each of the regions; its ARNs. */
export async function goldenKeys(cloud: StandIn): Promise<Readonly<Record<string, string>>> {
  const arns: Record<string, string> = {}
  for (const region of regions) {
    const kms = new KMSClient(cloud.client(factory, region))
    const { KeyMetadata: { KeyId, Arn = '' } = {} } = await kms.send(new CreateKeyCommand({}))
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/golden', TargetKeyId: KeyId }))
    arns[region] = Arn
  }
  return arns
}

let seeded = 0

export interface SeededRelease {
  readonly facts: ReleaseFacts
  readonly artifact: AmiArtifact
}

/** What a build has left in the account: private, encrypted, with the tags of its run. Each call makes another image. */
export async function builtAmi(
  cloud: StandIn,
  kmsKey: string,
  version = '1.0.0',
  named: string | null = null,
): Promise<SeededRelease> {
  seeded += 1
  const image = named ?? `debian-13.${seeded}`
  const hex = `${seeded}`.padStart(17, '0')
  const ids = { imageId: `ami-${hex}`, snapshotIds: [`snap-${hex}`] }
  const tags = {
    'mintmark:image': image,
    'mintmark:version': version,
    'mintmark:run': 'r-1',
    'mintmark:created': '2026-11-22T03:00:00.000Z',
  }
  const name = `mintmark/${image}/${version}/x86_64`
  await cloud.seed({
    images: [
      {
        name,
        owner: factory,
        id: ids.imageId,
        snapshotId: ids.snapshotIds[0] ?? '',
        public: false,
        copyable: false,
        kmsKey,
        tags: { ...tags, corporate: 'yes' },
      },
    ],
  })
  const place = { account: factory, region: buildRegion, ...ids }
  return {
    facts: {
      image,
      version,
      arch: 'x86_64',
      run: 'r-1',
      owner: 'team-platform',
      created: '2026-11-22T03:00:00.000Z',
    },
    artifact: {
      format: 'ami',
      ...place,
      architecture: 'x86_64',
      bytes: 1,
      virtualBytes: 8 * 2 ** 30,
      sha256: digestOfAmi(place),
    },
  }
}

export const callsTo = (
  { endpoint }: StandIn,
  more: Partial<Parameters<typeof awsCalls>[0]> = {},
): AwsCalls =>
  awsCalls({
    region: buildRegion,
    endpoint,
    signal: new AbortController().signal,
    attempts: 3,
    ...more,
  })

/** What a region has of a release, as its owner sees it. */
export async function found(cloud: StandIn, region: string, { facts }: SeededRelease, channel = 'nightly') {
  const settings = cloud.client(factory, region)
  const ec2 = new EC2Client(settings)
  const name = `mintmark/${facts.image}/${facts.version}/x86_64`
  const { Images: images = [] } = await ec2.send(
    new DescribeImagesCommand({ Owners: ['self'], Filters: [{ Name: 'name', Values: [name] }] }),
  )
  const ids = images.flatMap(({ BlockDeviceMappings = [] }) =>
    BlockDeviceMappings.flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []),
  )
  const { Snapshots: snapshots = [] } =
    ids.length === 0 ? {} : await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: ids }))
  const path = `/mintmark/${facts.image}/x86_64`
  const { Parameters: parameters = [] } = await new SSMClient(settings).send(
    new GetParametersCommand({ Names: [`${path}/${channel}`, `${path}/${facts.version}`] }),
  )
  const [image] = images
  return {
    images,
    image: image as Image,
    snapshots,
    channel: parameters.find(({ Name }) => Name === `${path}/${channel}`)?.Value ?? null,
    version: parameters.find(({ Name }) => Name === `${path}/${facts.version}`)?.Value ?? null,
    tags: Object.fromEntries((image?.Tags ?? []).map(({ Key = '', Value }) => [Key, Value])),
    permissions:
      image === undefined
        ? []
        : ((
            await ec2.send(
              new DescribeImageAttributeCommand({ ImageId: image.ImageId, Attribute: 'launchPermission' }),
            )
          ).LaunchPermissions ?? []),
  }
}

export interface PublishCloud {
  box: TestWorld
  cloud: StandIn
  entered: ReturnType<StandIn['enter']>
  clock: Clock
  /** ARNs of `alias/golden`, by region. */
  keys: Readonly<Record<string, string>>
}

/** One stand-in for a suite, in which nothing goes wrong before each test. */
export function withPublishCloud(tests: Test<PublishCloud>): void {
  tests.before(async (context) => {
    context.box = await testWorld()
    context.cloud = await startStandIn(context.box.world)
    context.entered = context.cloud.enter()
    context.clock = movingClock(context.cloud)
    context.keys = await goldenKeys(context.cloud)
  })
  tests.after(async ({ box, cloud, entered }) => {
    entered.restore()
    await cloud.close()
    await box.close()
  })
  tests.before.each(({ cloud }) =>
    cloud.change({
      denials: [],
      faults: [],
      down: [],
      settings: { pendingSeconds: 0, consistencySeconds: 0, copiesAtOnce: 20 },
    }),
  )
}

/** A release as its build has left it, each time another one. */
export const built = ({ cloud, keys }: PublishCloud, version?: string): Promise<SeededRelease> =>
  builtAmi(cloud, keys[buildRegion] ?? '', version)

export async function distribute(
  { cloud, clock, box }: PublishCloud,
  release: SeededRelease,
  more: Partial<Parameters<typeof distributeAmi>[0]> = {},
): Promise<Distributed> {
  const calls = more.calls ?? callsTo(cloud, { signal: box.world.signal })
  try {
    return await distributeAmi({
      world: { clock, signal: box.world.signal },
      target: aws(),
      channels: ['nightly'],
      stillPoints: async () => true,
      told: [],
      update: () => undefined,
      ...release,
      ...more,
      calls,
    })
  } finally {
    calls.close()
  }
}

/** Calls that changed something, or tried to. */
export async function changes(cloud: StandIn, since = 0): Promise<readonly string[]> {
  const calls = (await cloud.calls()).slice(since)
  return calls
    .filter(({ action }) => !/^(?:Describe|Get|List)/.test(action))
    .map(({ service, action, region }) => `${service}:${action} ${region}`)
}
