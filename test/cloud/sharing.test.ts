import {
  DeregisterImageCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  DisableImageBlockPublicAccessCommand,
  ModifySnapshotAttributeCommand,
  RunInstancesCommand,
  type EC2Client,
  type ModifySnapshotAttributeCommandInput,
} from '@aws-sdk/client-ec2'
import { CreateGrantCommand, CreateKeyCommand, DisableKeyCommand } from '@aws-sdk/client-kms'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { consumer, factory } from './stand-in.ts'
import { errorCode, snapshotOf, withStandIn } from './under-test.ts'

// Who sees, launches and copies an image, and what its key has to do with it.
const sharing = suite('sharing at the stand-in')
const { cloud, ec2, kms, goldenImage, imageOf, copied, sharedWith } = withStandIn(sharing)

sharing(
  'encryption and key are kept; a key that is not usable fails the copy after it was accepted',
  async () => {
    const client = ec2(factory, 'us-west-2')
    const image = await goldenImage()
    const { KeyMetadata: key } = await kms(factory, 'us-west-2').send(new CreateKeyCommand({}))
    const encrypted = await imageOf(await copied(image, { Encrypted: true, KmsKeyId: key?.KeyId }), client)
    const { Snapshots: [snapshot] = [] } = await client.send(
      new DescribeSnapshotsCommand({ SnapshotIds: [snapshotOf(encrypted)] }),
    )
    assert.is(encrypted.BlockDeviceMappings?.[0]?.Ebs?.Encrypted, true)
    assert.equal([snapshot?.Encrypted, snapshot?.KmsKeyId], [true, key?.Arn])
    const missing = await imageOf(await copied(image, { Encrypted: true, KmsKeyId: 'alias/nothing' }), client)
    assert.equal([missing.State, missing.StateReason?.Message], ['failed', 'Given key ID is not accessible'])
    await kms(factory, 'us-west-2').send(new DisableKeyCommand({ KeyId: key?.KeyId }))
    const disabled = await imageOf(await copied(image, { Encrypted: true, KmsKeyId: key?.Arn }), client)
    assert.is(disabled.State, 'failed')
    assert.is(await errorCode(copied(image, { KmsKeyId: key?.Arn })), 'InvalidParameterDependency')
  },
)

sharing('what the AWS-managed key encrypts is shared with nobody', async () => {
  const image = await goldenImage()
  const client = ec2(factory, 'us-west-2')
  const encrypted = await imageOf(await copied(image, { Encrypted: true }), client)
  assert.is(await errorCode(sharedWith(encrypted, { UserId: consumer }, client)), 'InvalidParameter')
  const permission: ModifySnapshotAttributeCommandInput = {
    SnapshotId: snapshotOf(encrypted),
    OperationType: 'add',
    UserIds: [consumer],
  }
  assert.is(
    await errorCode(client.send(new ModifySnapshotAttributeCommand(permission))),
    'OperationNotPermitted',
  )
})

sharing(
  'who sees an image: its owner, whom it is shared with, their organization, and nobody else',
  async () => {
    const organization = 'arn:aws:organizations::111111111111:organization/o-abcdefghij'
    const unit = 'arn:aws:organizations::111111111111:ou/o-abcdefghij/ou-abcd-12345678'
    await cloud().seed({
      accounts: ['333333333333'],
      members: { '333333333333': { organization, units: [unit] } },
    })
    const image = await goldenImage()
    const other = ec2(consumer)
    const member = ec2('333333333333')
    const asked = new DescribeImagesCommand({ ImageIds: [image.ImageId ?? ''] })
    assert.is(await errorCode(other.send(asked)), 'InvalidAMIID.NotFound')
    await sharedWith(image, { UserId: consumer })
    assert.equal([(await imageOf(image.ImageId ?? '', other)).OwnerId], [factory])
    assert.is(await errorCode(member.send(asked)), 'InvalidAMIID.NotFound')
    await sharedWith(image, { OrganizationalUnitArn: unit })
    assert.is((await imageOf(image.ImageId ?? '', member)).ImageId, image.ImageId)
    // An organization's share is not found by naming the account.
    const byUser = async (client: EC2Client, user: string): Promise<number> => {
      const { Images = [] } = await client.send(new DescribeImagesCommand({ ExecutableUsers: [user] }))
      return Images.filter(({ ImageId }) => ImageId === image.ImageId).length
    }
    assert.equal(
      [await byUser(ec2(), consumer), await byUser(ec2(), '333333333333'), await byUser(member, 'self')],
      [1, 0, 1],
    )
    const attribute = { ImageId: image.ImageId, Attribute: 'launchPermission' } as const
    const { LaunchPermissions } = await ec2().send(new DescribeImageAttributeCommand(attribute))
    assert.equal(LaunchPermissions, [{ OrganizationalUnitArn: unit }, { UserId: consumer }])
    assert.is(
      await errorCode(other.send(new DeregisterImageCommand({ ImageId: image.ImageId }))),
      'AuthFailure',
    )
  },
)

sharing('to copy a shared image its snapshot has to be shared too', async () => {
  const image = await goldenImage()
  const other = ec2(consumer, 'us-west-2')
  await sharedWith(image, { UserId: consumer })
  assert.is(await errorCode(copied(image, {}, other)), 'InvalidRequest')
  const permission = { Add: [{ UserId: consumer }] }
  await ec2().send(
    new ModifySnapshotAttributeCommand({ SnapshotId: snapshotOf(image), CreateVolumePermission: permission }),
  )
  assert.is((await imageOf(await copied(image, {}, other), other)).OwnerId, consumer)
})

sharing(
  'shared is not launchable: without the key the instance ends at once, with a grant it runs',
  async () => {
    const image = await goldenImage()
    const { KeyMetadata: key } = await kms().send(new CreateKeyCommand({}))
    const encrypted = await imageOf(await copied(image, { Encrypted: true, KmsKeyId: key?.KeyId }, ec2()))
    await sharedWith(encrypted, { UserId: consumer })
    const other = ec2(consumer)
    const run = async (): Promise<readonly (string | undefined)[]> => {
      const wanted = {
        ImageId: encrypted.ImageId,
        MinCount: 1,
        MaxCount: 1,
        InstanceType: 't3.micro',
      } as const
      const { Instances: [instance] = [] } = await other.send(new RunInstancesCommand(wanted))
      const asked = new DescribeInstancesCommand({ InstanceIds: [instance?.InstanceId ?? ''] })
      const { Reservations: [reservation] = [] } = await other.send(asked)
      const now = reservation?.Instances?.[0]
      return [now?.State?.Name, now?.StateReason?.Code]
    }
    assert.equal(await run(), ['terminated', 'Client.InternalError'])
    const grant = { KeyId: key?.KeyId, GranteePrincipal: `arn:aws:iam::${consumer}:root` }
    await kms().send(new CreateGrantCommand({ ...grant, Operations: ['CreateGrant', 'Decrypt'] }))
    assert.equal(await run(), ['running', undefined])
  },
)

sharing('public: blocked by default, never for encrypted images, deprecated after two years', async () => {
  const image = await goldenImage()
  assert.is(await errorCode(sharedWith(image, { Group: 'all' })), 'OperationNotPermitted')
  await ec2().send(new DisableImageBlockPublicAccessCommand({}))
  await sharedWith(image, { Group: 'all' })
  const now = await imageOf(image.ImageId ?? '', ec2(consumer))
  const years =
    (Date.parse(now.DeprecationTime ?? '') - Date.parse(now.CreationDate ?? '')) / (365 * 86_400_000)
  assert.equal([now.Public, years], [true, 2])
})

sharing.run()
