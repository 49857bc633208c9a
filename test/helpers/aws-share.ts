import { join } from 'node:path'
import { CopyImageCommand, DescribeSnapshotsCommand, type EC2Client } from '@aws-sdk/client-ec2'
import { CreateAliasCommand, CreateKeyCommand, type KMSClient } from '@aws-sdk/client-kms'
import { digestOfAmi } from '../../pipeline/core/artifact.ts'
import { amiName, sourceTag } from '../../pipeline/core/aws-publish-plan.ts'
import type { AmiArtifact } from '../../pipeline/model/artifact.ts'
import type { RegionalCopy } from '../../pipeline/model/event.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { appendEvents } from '../../pipeline/stages/events.ts'
import { factory } from '../cloud/stand-in.ts'
import { snapshotOf, type UnderTest } from '../cloud/under-test.ts'
import { amiBase, cloudTarget } from './ami-release.ts'
import { fixtureRelease } from './release-fixture.ts'
import { pointTo, recordOf, sharingCheckout, trustOwnKey } from './share-fixture.ts'
import { textOf } from './sources.ts'
import { type TestWorld, testWorld } from './world.ts'

export const organization = 'org:999999999999/o-abcdefghij'
export const unit = 'ou:999999999999/o-abcdefghij/ou-abcd-12345678'

/** Regions that the release is in; the first is where it was built. */
export const regions = ['us-east-1', 'us-west-2'] as const

/** A key of the account itself, as `alias/golden` in the region. */
export async function goldenKey(client: KMSClient, alias = 'alias/golden'): Promise<string> {
  const { KeyMetadata: key } = await client.send(new CreateKeyCommand({}))
  await client.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: key?.KeyId ?? '' }))
  return key?.Arn ?? ''
}

export interface AwsBox {
  readonly box: TestWorld
  readonly world: World
  /** Ids by version and region. */
  readonly images: Map<string, string>
  /** Edits the definition: who gets what, and whether keys' policies are ours to write. */
  name(
    channels: Readonly<Record<string, readonly string[]>>,
    more?: { readonly manages?: boolean; readonly regions?: readonly string[] },
  ): Promise<void>
  /** A release as publishing leaves it in the regions; nightly points to it. `told`: its events say where it is. */
  release(
    version: string,
    more?: {
      readonly key?: string
      readonly regions?: readonly string[]
      readonly told?: boolean
      /** That its record names; the image is the factory's. */
      readonly account?: string
    },
  ): Promise<string>
  pointTo(channel: string, version: string): Promise<void>
  close(): Promise<void>
}

/** A checkout, a catalog, and an account with a release of debian-13 that is encrypted with the account's own key. */
export async function awsBox(under: UnderTest): Promise<AwsBox> {
  const box = await testWorld()
  const world = await sharingCheckout(box, {})
  await trustOwnKey(world)
  const images = new Map<string, string>()

  const copy = async (
    client: EC2Client,
    from: { readonly id: string; readonly region: string },
    name: string,
    { key, source }: { readonly key: string | undefined; readonly source: string | null },
  ): Promise<string> => {
    const Tags = source === null ? [] : [{ Key: sourceTag, Value: source }]
    const TagSpecifications = [{ ResourceType: 'image' as const, Tags }]
    const { ImageId = '' } = await client.send(
      new CopyImageCommand({
        SourceImageId: from.id,
        SourceRegion: from.region,
        Name: name,
        ...(key === undefined ? {} : { Encrypted: true, KmsKeyId: key }),
        ...(source === null ? {} : { TagSpecifications }),
      }),
    )
    return ImageId
  }

  return {
    box,
    world,
    images,
    async name(channels, { manages = true, regions: where = regions } = {}) {
      const text = textOf('images/debian-13.yaml')
        .replace(/^channels: .*$/m, '')
        .replace(/^base: .*$/m, 'base: {from: image, maxAge: 90d}')
        .replace(
          /^targets: .*$/m,
          `targets: ${JSON.stringify({
            aws: {
              account: factory,
              build: { region: where[0] },
              regions: where,
              encrypt: { key: 'alias/golden', ...(manages ? { managePolicy: true } : {}) },
            },
          })}`,
        )
      const named = Object.fromEntries(
        Object.entries({ nightly: [], stable: [], ...channels }).map(([name, aws]) => [
          name,
          { share: { aws } },
        ]),
      )
      await world.files.write(
        join(world.places.root, 'images/debian-13.yaml'),
        `${text}channels: ${JSON.stringify(named)}\n`,
      )
    },
    async release(
      version,
      { key = 'alias/golden', regions: where = regions, told = true, account = factory } = {},
    ) {
      const [home = 'us-east-1', ...others] = where
      const golden = await under.goldenImage()
      const id = await copy(
        under.ec2(factory, home),
        { id: golden.ImageId ?? '', region: 'us-east-1' },
        amiName('debian-13', version, 'x86_64'),
        { key: key === '' ? undefined : key, source: null },
      )
      const built = await under.imageOf(id, under.ec2(factory, home))
      const ids = { account, region: home, imageId: id, snapshotIds: [snapshotOf(built)] }
      const ami: AmiArtifact = {
        format: 'ami',
        ...ids,
        architecture: 'x86_64',
        bytes: 1_200_000_000,
        virtualBytes: 8 * 2 ** 30,
        sha256: digestOfAmi(ids),
      }
      await fixtureRelease(world, {
        runId: `r-${version}`,
        given: version,
        target: cloudTarget(),
        base: amiBase,
        built: ami,
      })
      images.set(`${version} ${home}`, id)
      const copies: RegionalCopy[] = []
      for (const region of others) {
        const client = under.ec2(factory, region)
        const there = await copy(client, { id, region: home }, amiName('debian-13', version, 'x86_64'), {
          key: key === '' ? undefined : key,
          source: ami.sha256,
        })
        images.set(`${version} ${region}`, there)
        const snapshot = snapshotOf(await under.imageOf(there, client))
        const { Snapshots: [seen] = [] } = await client.send(
          new DescribeSnapshotsCommand({ SnapshotIds: [snapshot] }),
        )
        const keyArn = seen?.KmsKeyId ?? 'none'
        copies.push({ account: factory, region, imageId: there, snapshotIds: [snapshot], keyArn })
      }
      const { release, trust } = await recordOf(world, version)
      if (told)
        await appendEvents(world, release, trust, async () =>
          copies.map((copy) => ({ kind: 'copied', data: { ...copy, by: 'a tester' } })),
        )
      return id
    },
    pointTo: (channel, version) => pointTo(world, channel, version),
    close: () => box.close(),
  }
}
