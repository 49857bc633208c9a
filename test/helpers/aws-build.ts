import {
  CreateImageCommand,
  DescribeImagesCommand,
  type EC2Client,
  ModifyImageAttributeCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2'
import { CreateAliasCommand, CreateKeyCommand } from '@aws-sdk/client-kms'
import type { Test } from 'uvu'
import type { AmiBase } from '../../pipeline/model/ami.ts'
import type { AmiArtifact } from '../../pipeline/model/artifact.ts'
import { aws } from '../../pipeline/targets/aws/aws.ts'
import { type PreparedBuild, prepareBuild } from '../../pipeline/targets/aws/build/prepare.ts'
import { findMarked, type Keep } from '../../pipeline/targets/aws/build/sweep.ts'
import { awsOf, callsAt } from '../../pipeline/targets/aws/connect.ts'
import { imageRunFilter } from '../../pipeline/targets/aws/tags.ts'
import type { ForRun } from '../../pipeline/targets/building.ts'
import { factory } from '../cloud/stand-in.ts'
import { type UnderTest, withStandIn } from '../cloud/under-test.ts'
import { amiBase } from './ami-release.ts'
import { plainDefinition } from './plain-definition.ts'
import { type TestWorld, testWorld } from './world.ts'

export const region = 'eu-west-1'
export const publicKey =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJKmhLsXyGTFNqyoLyGLdlTZSVPhzXGZqDGtsLqHcAHh mintmark-build'
export const silent = (): void => undefined

/** A clock on which each look is four minutes after the one before. */
export function leaping(): () => Date {
  let now = Date.now()
  return () => {
    now += 240_000
    return new Date(now)
  }
}

export interface BuildsUnderTest {
  readonly under: UnderTest
  box(): TestWorld
  keyId(): string
  client(): EC2Client
  /** Of the region of the build. */
  baseHere(): Promise<AmiBase>
  /** A run of its own, of the image `web`. */
  run(account?: string): ForRun
  prepared(run: ForRun): Promise<PreparedBuild>
  /** What Packer would have made by now, as its manifest names it. */
  packed(ready: PreparedBuild, key?: string): Promise<string>
  collected(run: ForRun, built: string): Promise<AmiArtifact>
  swept(run: ForRun, keep: string | null): Promise<void>
  /** What there is of a run, by its kinds. */
  left(run: ForRun, keep?: Keep): Promise<readonly string[]>
}

/** A stand-in with a key for the suite, and the steps of a build without Packer. */
export function withBuilds(tests: Test): BuildsUnderTest {
  const under = withStandIn(tests)
  let box: TestWorld
  let keyId = ''
  let runs = 0
  tests.before(async () => {
    const test = await testWorld()
    const { clock } = test.world
    // What is waited for goes by what the stand-in answers, not by the clock.
    const impatient = { now: clock.now, sleep: (ms: number) => clock.sleep(Math.min(ms, 10)) }
    box = { ...test, world: { ...test.world, clock: impatient } }
    const kms = under.kms(factory, region)
    keyId = (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId ?? ''
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/golden', TargetKeyId: keyId }))
  })
  tests.after(() => box.close())

  const client = (): EC2Client => under.ec2(factory, region)

  async function baseHere(): Promise<AmiBase> {
    const { Images: [image] = [] } = await client().send(
      new DescribeImagesCommand({ Filters: [{ Name: 'name', Values: ['debian-13-amd64-20261101'] }] }),
    )
    return { ...amiBase, imageId: image?.ImageId ?? '', region }
  }

  return {
    under,
    box: () => box,
    keyId: () => keyId,
    client,
    baseHere,
    run(account = factory) {
      runs += 1
      const definition = plainDefinition({
        base: { from: 'image' },
        hardening: { profiles: ['baseline'] },
        targets: {
          aws: {
            account,
            build: { region, network: { from: ['198.51.100.7/32'] } },
            regions: [region],
            encrypt: { key: 'alias/golden' },
          },
        },
      })
      return { image: 'web', definition, runId: `run-${runs}`, version: `1.0.${runs}` }
    },
    async prepared(wanted) {
      const { world } = box
      const spec = awsOf(wanted.image, wanted.definition)
      const base = await baseHere()
      const calls = callsAt(world, region)
      const rest = { began: silent, update: silent, publicKey, arch: 'x86_64' }
      return prepareBuild({ ...wanted, ...rest, world, calls, spec, base })
    },
    async packed(ready, key = 'alias/golden') {
      const marks = Object.entries(JSON.parse(ready.marks) as Record<string, string>)
      const Tags = marks.map(([Key, Value]) => ({ Key, Value }))
      const ec2 = client()
      const { Instances: [instance] = [] } = await ec2.send(
        new RunInstancesCommand({
          ImageId: ready.source_ami,
          InstanceType: 't3.small',
          KeyName: ready.key_pair,
          SecurityGroupIds: [ready.security_group],
          MinCount: 1,
          MaxCount: 1,
          BlockDeviceMappings: [
            { DeviceName: ready.root_device, Ebs: { Encrypted: true, KmsKeyId: key, VolumeSize: 8 } },
          ],
          TagSpecifications: [
            { ResourceType: 'instance', Tags },
            { ResourceType: 'volume', Tags },
          ],
        }),
      )
      const { ImageId: imageId = '' } = await ec2.send(
        new CreateImageCommand({
          InstanceId: instance?.InstanceId,
          Name: ready.ami_name,
          TagSpecifications: [
            { ResourceType: 'image', Tags },
            { ResourceType: 'snapshot', Tags },
          ],
        }),
      )
      await ec2.send(new ModifyImageAttributeCommand({ ImageId: imageId, ImdsSupport: { Value: 'v2.0' } }))
      return `${region}:${imageId}`
    },
    collected: (wanted, built) =>
      aws.collect({ ...wanted, world: box.world, folder: box.folder, built, update: silent }),
    swept: (wanted, keep) => aws.sweep({ ...wanted, world: box.world, keep, update: silent }),
    left: async ({ image, runId }, keep) =>
      (await findMarked(callsAt(box.world, region), imageRunFilter(image, runId), keep)).map(
        ({ kind }) => kind,
      ),
  }
}
