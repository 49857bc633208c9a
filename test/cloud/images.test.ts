import {
  CopyImageCommand,
  CreateImageCommand,
  DeregisterImageCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  DisableImageCommand,
  DisableImageDeregistrationProtectionCommand,
  EnableImageCommand,
  EnableImageDeprecationCommand,
  EnableImageDeregistrationProtectionCommand,
  RunInstancesCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { consumer, factory } from './stand-in.ts'
import { newName, errorCode, snapshotOf, withStandIn } from './under-test.ts'

// How images come and go: what moto's own have not.
const images = suite('images of the stand-in')
const { cloud, base, ec2, goldenImage, imageOf, copied, sharedWith } = withStandIn(images)

images(
  'pages: each image once, a token is good for its own request alone, and order does not hide any',
  async () => {
    await cloud().seed({ crowds: [{ count: 250, image: { name: 'other', owner: '999999999999' } }] })
    const client = ec2()
    const seen: string[] = []
    let token: string | undefined
    do {
      const { Images = [], NextToken } = await client.send(
        new DescribeImagesCommand({
          MaxResults: 100,
          NextToken: token,
          Filters: [{ Name: 'is-public', Values: ['true'] }],
        }),
      )
      assert.ok(Images.length <= 100)
      seen.push(...Images.map(({ ImageId = '' }) => ImageId))
      token = NextToken
    } while (token !== undefined)
    assert.is(new Set(seen).size, 251)
    assert.is(seen.length, 251)
    const { NextToken: other } = await client.send(
      new DescribeImagesCommand({ MaxResults: 5, Owners: ['999999999999'] }),
    )
    assert.is(
      await errorCode(client.send(new DescribeImagesCommand({ MaxResults: 5, NextToken: other }))),
      'InvalidNextToken',
    )
  },
)

images(
  'creation dates are their own, and filters have wildcards, tags and every word of the model',
  async () => {
    await cloud().seed({
      images: [
        { name: 'al2023-1', owner: '137112412989', alias: 'amazon', created: '2026-03-01T00:00:00Z' },
        { name: 'al2023-2', owner: '137112412989', alias: 'amazon', created: '2026-10-01T00:00:00Z' },
        { name: 'al2023-3', owner: '666666666666', created: '2026-11-01T00:00:00Z' },
      ],
    })
    const client = ec2()
    const { Images = [] } = await client.send(
      new DescribeImagesCommand({
        Owners: ['amazon'],
        Filters: [
          { Name: 'name', Values: ['al2023-?'] },
          { Name: 'creation-date', Values: ['2026-1*'] },
        ],
      }),
    )
    assert.equal(
      Images.map(({ Name, CreationDate }) => [Name, CreationDate]),
      [['al2023-2', '2026-10-01T00:00:00.000Z']],
    )
    const wrong = new DescribeImagesCommand({ Filters: [{ Name: 'nmae', Values: ['x'] }] })
    assert.is(await errorCode(client.send(wrong)), 'InvalidParameterValue')
  },
)

images('CreateImage keeps tags and refuses a taken name; CopyImage takes it', async () => {
  const image = await goldenImage({
    Description: 'first',
    TagSpecifications: [
      { ResourceType: 'image', Tags: [{ Key: 'run', Value: '1' }] },
      { ResourceType: 'snapshot', Tags: [{ Key: 'of', Value: 'run 1' }] },
    ],
  })
  assert.equal(
    [image.Description, image.Tags, image.State],
    ['first', [{ Key: 'run', Value: '1' }], 'available'],
  )
  assert.equal([image.SourceImageId, image.SourceImageRegion], [base(), 'us-east-1'])
  const { Snapshots: [snapshot] = [] } = await ec2().send(
    new DescribeSnapshotsCommand({ SnapshotIds: [snapshotOf(image)] }),
  )
  assert.equal(
    [snapshot?.OwnerId, snapshot?.State, snapshot?.Tags],
    [factory, 'completed', [{ Key: 'of', Value: 'run 1' }]],
  )
  const again = new CreateImageCommand({ InstanceId: image.SourceInstanceId, Name: image.Name })
  assert.is(await errorCode(ec2().send(again)), 'InvalidAMIName.Duplicate')
  const one = await copied(image, { Name: image.Name })
  const two = await copied(image, { Name: image.Name, CopyImageTags: true })
  const west = ec2(factory, 'us-west-2')
  assert.is.not(one, two)
  assert.equal([(await imageOf(one, west)).Tags, (await imageOf(two, west)).Tags], [undefined, image.Tags])
})

images('a client token: the same request has the same answer, another one is refused', async () => {
  const client = ec2(factory, 'us-west-2')
  const image = await goldenImage()
  const wanted = {
    SourceImageId: image.ImageId,
    SourceRegion: 'us-east-1',
    Name: newName(),
    ClientToken: 'once',
  }
  const first = await client.send(new CopyImageCommand(wanted))
  const second = await client.send(new CopyImageCommand(wanted))
  assert.is(first.ImageId, second.ImageId)
  const other = client.send(new CopyImageCommand({ ...wanted, Description: 'other' }))
  assert.is(await errorCode(other), 'IdempotentParameterMismatch')
  const run = {
    ImageId: base(),
    MinCount: 1,
    MaxCount: 1,
    InstanceType: 't3.micro',
    ClientToken: 'once',
  } as const
  const launched = await ec2().send(new RunInstancesCommand(run))
  const relaunched = await ec2().send(new RunInstancesCommand(run))
  assert.is(launched.Instances?.[0]?.InstanceId, relaunched.Instances?.[0]?.InstanceId)
})

images(
  'pending for as long as is set; until then not launched, not shared, and the copy limit holds',
  async () => {
    await cloud().change({ settings: { pendingSeconds: 600, copiesAtOnce: 2 } })
    const client = ec2(factory, 'eu-central-1')
    await cloud().change({ settings: { pendingSeconds: 0 } })
    const image = await goldenImage()
    await cloud().change({ settings: { pendingSeconds: 600 } })
    const first = await copied(image, {}, client)
    assert.is((await imageOf(first, client)).State, 'pending')
    const run = new RunInstancesCommand({
      ImageId: first,
      MinCount: 1,
      MaxCount: 1,
      InstanceType: 't3.micro',
    })
    assert.is(await errorCode(client.send(run)), 'InvalidAMIID.Unavailable')
    assert.is(
      await errorCode(sharedWith({ ImageId: first }, { UserId: consumer }, client)),
      'InvalidAMIID.Unavailable',
    )
    await copied(image, {}, client)
    assert.is(await errorCode(copied(image, {}, client)), 'ResourceLimitExceeded')
    await cloud().change({ advanceSeconds: 601, settings: { copiesAtOnce: 20 } })
    assert.is((await imageOf(first, client)).State, 'available')
  },
)

images('eventual consistency: what was just made is not found yet', async () => {
  const image = await goldenImage()
  await cloud().change({ settings: { consistencySeconds: 600 } })
  const id = await copied(image, {}, ec2())
  assert.is(await errorCode(imageOf(id)), 'InvalidAMIID.NotFound')
  await cloud().change({ advanceSeconds: 601 })
  assert.is((await imageOf(id)).State, 'available')
})

images('disabled: nobody launches it, and whom it was shared with is forgotten', async () => {
  const image = await goldenImage()
  const ImageId = image.ImageId
  await sharedWith(image, { UserId: consumer })
  await ec2().send(new DisableImageCommand({ ImageId }))
  const listed = async (IncludeDisabled: boolean): Promise<number> => {
    const asked = {
      Owners: ['self'],
      Filters: [{ Name: 'image-id', Values: [ImageId ?? ''] }],
      IncludeDisabled,
    }
    return (await ec2().send(new DescribeImagesCommand(asked))).Images?.length ?? 0
  }
  assert.equal([await listed(false), await listed(true)], [0, 1])
  await ec2().send(new EnableImageCommand({ ImageId }))
  const { LaunchPermissions } = await ec2().send(
    new DescribeImageAttributeCommand({ ImageId, Attribute: 'launchPermission' }),
  )
  assert.equal(LaunchPermissions ?? [], [])
})

images("deprecated: gone from the lists of others, not from the owner's, and found by its id", async () => {
  const image = await goldenImage()
  await sharedWith(image, { UserId: consumer })
  const soon = new Date(Date.now() + 90 * 86_400_000)
  const past = { ImageId: image.ImageId, DeprecateAt: new Date('2020-01-01') }
  assert.is(await errorCode(ec2().send(new EnableImageDeprecationCommand(past))), 'InvalidParameterValue')
  await ec2().send(new EnableImageDeprecationCommand({ ...past, DeprecateAt: soon }))
  await cloud().change({ advanceSeconds: 91 * 86_400 })
  const listed = async (client: EC2Client, IncludeDeprecated: boolean): Promise<number> => {
    const asked = {
      Owners: [factory],
      Filters: [{ Name: 'image-id', Values: [image.ImageId ?? ''] }],
      IncludeDeprecated,
    }
    return (await client.send(new DescribeImagesCommand(asked))).Images?.length ?? 0
  }
  const other = ec2(consumer)
  assert.equal([await listed(other, false), await listed(other, true), await listed(ec2(), false)], [0, 1, 1])
  assert.is((await imageOf(image.ImageId ?? '', other)).ImageId, image.ImageId)
})

images('deregistration: protected while it is, and a day longer; snapshots go with it if asked', async () => {
  const image = await goldenImage()
  const ImageId = image.ImageId
  const away = { ImageId, DeleteAssociatedSnapshots: true }
  await ec2().send(new EnableImageDeregistrationProtectionCommand({ ImageId, WithCooldown: true }))
  assert.is(await errorCode(ec2().send(new DeregisterImageCommand(away))), 'OperationNotPermitted')
  await ec2().send(new DisableImageDeregistrationProtectionCommand({ ImageId }))
  assert.is(await errorCode(ec2().send(new DeregisterImageCommand(away))), 'OperationNotPermitted')
  await cloud().change({ advanceSeconds: 86_401 })
  const { DeleteSnapshotResults } = await ec2().send(new DeregisterImageCommand(away))
  assert.equal(DeleteSnapshotResults, [{ SnapshotId: snapshotOf(image), ReturnCode: 'success' }])
  assert.is(await errorCode(imageOf(ImageId ?? '')), 'InvalidAMIID.NotFound')
  const gone = new DescribeSnapshotsCommand({ SnapshotIds: [snapshotOf(image)] })
  assert.is(await errorCode(ec2().send(gone)), 'InvalidSnapshot.NotFound')
})

images.run()
