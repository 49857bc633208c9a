import {
  CopyImageCommand,
  CreateImageCommand,
  type CreateImageCommandInput,
  DescribeImagesCommand,
  EC2Client,
  type Image,
  type LaunchPermission,
  ModifyImageAttributeCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2'
import { KMSClient } from '@aws-sdk/client-kms'
import type { Test } from 'uvu'
import * as assert from 'uvu/assert'
import { type TestWorld, testWorld } from '../helpers/world.ts'
import { factory, type StandIn, startStandIn } from './stand-in.ts'

/** A stand-in with one official image, and the calls that its own tests make over and over. */
export interface UnderTest {
  cloud(): StandIn
  /** The official image: us-east-1 and eu-west-1 have it. */
  base(): string
  ec2(account?: string, region?: string): EC2Client
  kms(account?: string, region?: string): KMSClient
  /** An image of a new instance that has no machine; in us-east-1. */
  goldenImage(more?: Partial<CreateImageCommandInput>): Promise<Image>
  imageOf(id: string | undefined, client?: EC2Client): Promise<Image>
  /** The id of a copy of an image of us-east-1; by default in us-west-2. */
  copied(image: Image, more?: object, client?: EC2Client): Promise<string>
  sharedWith(image: Image, whom: LaunchPermission, client?: EC2Client): Promise<unknown>
}

let names = 0
export const newName = (): string => {
  names += 1
  return `golden-${names}`
}

/** The code of the error that the work ends with; `nothing` where it does not. */
export async function errorCode(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (cause) {
    return cause instanceof Error ? cause.name : String(cause)
  }
  return 'nothing'
}

export const snapshotOf = (image: Image): string => image.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? ''

/** What is done with a stand-in over and over. */
export function underTest(cloud: () => StandIn, base: () => string): UnderTest {
  const ec2 = (account = factory, region = 'us-east-1'): EC2Client =>
    new EC2Client({ ...cloud().client(account, region), maxAttempts: 1 })

  async function imageOf(id = '', client = ec2()): Promise<Image> {
    const { Images: [image] = [] } = await client.send(new DescribeImagesCommand({ ImageIds: [id] }))
    assert.ok(image, id)
    return image
  }

  return {
    cloud,
    base,
    ec2,
    kms: (account = factory, region = 'us-east-1') =>
      new KMSClient({ ...cloud().client(account, region), maxAttempts: 1 }),
    imageOf,
    async goldenImage(more = {}) {
      const wanted = { ImageId: base(), MinCount: 1, MaxCount: 1, InstanceType: 't3.micro' } as const
      const { Instances: [instance] = [] } = await ec2().send(new RunInstancesCommand(wanted))
      assert.is(instance?.State?.Name, 'pending')
      const given = { InstanceId: instance?.InstanceId, Name: newName(), ...more }
      return imageOf((await ec2().send(new CreateImageCommand(given))).ImageId)
    },
    async copied(image, more = {}, client = ec2(factory, 'us-west-2')) {
      const source = { SourceImageId: image.ImageId, SourceRegion: 'us-east-1' }
      const { ImageId = '' } = await client.send(
        new CopyImageCommand({ ...source, Name: newName(), ...more }),
      )
      return ImageId
    },
    sharedWith: (image, whom, client = ec2()) =>
      client.send(
        new ModifyImageAttributeCommand({ ImageId: image.ImageId, LaunchPermission: { Add: [whom] } }),
      ),
  }
}

/** The official image that everything is made of. */
export async function seedBase(cloud: StandIn): Promise<string> {
  const image = { name: 'debian-13-amd64-20261101', owner: '136693071363', alias: 'amazon' } as const
  return (await cloud.seed({ images: [{ ...image, regions: ['us-east-1', 'eu-west-1'] }] }))[0] ?? ''
}

/** Starts one stand-in for a suite, and puts its settings back before each test. */
export function withStandIn(tests: Test): UnderTest {
  let test: TestWorld
  let cloud: StandIn
  let base = ''
  let environment = { restore: (): void => undefined }
  tests.before(async () => {
    test = await testWorld()
    cloud = await startStandIn(test.world)
    environment = cloud.enter()
    base = await seedBase(cloud)
  })
  tests.after(async () => {
    environment.restore()
    await cloud.close()
    await test.close()
  })
  tests.before.each(async () => {
    const settings = { pendingSeconds: 0, consistencySeconds: 0 }
    await cloud.change({ denials: [], faults: [], down: [], settings })
  })

  return underTest(
    () => cloud,
    () => base,
  )
}
