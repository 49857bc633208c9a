import {
  AttachImageWatermarkCommand,
  CreateSecurityGroupCommand,
  CreateTagsCommand,
  DeleteSecurityGroupCommand,
  DeleteTagsCommand,
  DescribeImageReferencesCommand,
  DescribeInstancesCommand,
  DescribeSubnetsCommand,
  DescribeTagsCommand,
  DescribeVolumesCommand,
  GetImageAncestryCommand,
  type Instance,
  ModifyInstanceAttributeCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { errorCode, snapshotOf, withStandIn } from './under-test.ts'

// Instances in name alone, for their image has no disk; slow/cloud-instances.test.ts has the ones with machines.
const instances = suite('instances in name alone')
const { cloud, base, ec2, goldenImage, imageOf, copied } = withStandIn(instances)

async function now(id: string | undefined): Promise<Instance | undefined> {
  const asked = new DescribeInstancesCommand({ InstanceIds: [id ?? ''] })
  return (await ec2().send(asked)).Reservations?.[0]?.Instances?.[0]
}

async function launched(more: Partial<RunInstancesCommandInput> = {}): Promise<Instance> {
  const wanted = { ImageId: base(), MinCount: 1, MaxCount: 1, InstanceType: 't3.micro', ...more } as const
  const { Instances: [instance] = [] } = await ec2().send(new RunInstancesCommand(wanted))
  assert.ok(instance)
  return instance
}

instances('they walk through their states, each with an address of its own of the loopback', async () => {
  const { InstanceId: id = '' } = await launched()
  const running = await now(id)
  const other = await now((await launched()).InstanceId)
  assert.is(running?.State?.Name, 'running')
  assert.match(running?.PublicIpAddress ?? '', /^127\.\d+\.\d+\.\d+$/)
  assert.is.not(running?.PublicIpAddress, other?.PublicIpAddress)
  const stop = await ec2().send(new StopInstancesCommand({ InstanceIds: [id] }))
  const told = stop.StoppingInstances?.[0]
  assert.equal([told?.PreviousState?.Name, told?.CurrentState?.Name], ['running', 'stopping'])
  const stopped = await now(id)
  assert.equal([stopped?.State?.Name, stopped?.PublicIpAddress], ['stopped', undefined])
  await ec2().send(new StartInstancesCommand({ InstanceIds: [id] }))
  assert.is((await now(id))?.State?.Name, 'running')
  await ec2().send(new TerminateInstancesCommand({ InstanceIds: [id] }))
  const gone = await now(id)
  assert.equal([gone?.State?.Name, gone?.BlockDeviceMappings ?? []], ['terminated', []])
  const again = new StartInstancesCommand({ InstanceIds: [id] })
  assert.is(await errorCode(ec2().send(again)), 'IncorrectInstanceState')
})

instances('states take as long as is set', async () => {
  await cloud().change({ settings: { pendingSeconds: 60 } })
  const { InstanceId: id = '' } = await launched()
  assert.is((await now(id))?.State?.Name, 'pending')
  const stop = new StopInstancesCommand({ InstanceIds: [id] })
  assert.is(await errorCode(ec2().send(stop)), 'IncorrectInstanceState')
  await cloud().change({ advanceSeconds: 61 })
  assert.is((await now(id))?.State?.Name, 'running')
  await ec2().send(stop)
  assert.is((await now(id))?.State?.Name, 'stopping')
  await cloud().change({ advanceSeconds: 61 })
  assert.is((await now(id))?.State?.Name, 'stopped')
})

instances('a launch is held against its image, and what it can not have here is refused', async () => {
  const refused = (more: Partial<RunInstancesCommandInput>): Promise<string> => errorCode(launched(more))
  assert.is(await refused({ ImageId: 'ami-00000000' }), 'InvalidAMIID.NotFound')
  assert.is(await refused({ InstanceType: 't4g.micro' }), 'InvalidParameterValue')
  assert.is(await refused({ KeyName: 'nobody' }), 'InvalidKeyPair.NotFound')
  assert.is(await refused({ SecurityGroupIds: ['sg-00000000'] }), 'InvalidGroup.NotFound')
  assert.is(await refused({ UserData: '%' }), 'InvalidUserData.Malformed')
  assert.is(await refused({ InstanceMarketOptions: { MarketType: 'spot' } }), 'InvalidParameterValue')
  assert.is(await refused({ DryRun: true }), 'DryRunOperation')
  const small = [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 1 } }]
  assert.is(await refused({ BlockDeviceMappings: small }), 'InvalidBlockDeviceMapping')
})

instances('volumes, tags and options are as asked for; imds-support makes tokens a must', async () => {
  const { Subnets: [subnet] = [] } = await ec2().send(new DescribeSubnetsCommand({}))
  const instance = await launched({
    SubnetId: subnet?.SubnetId,
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 20, VolumeType: 'gp3' } }],
    TagSpecifications: [
      { ResourceType: 'instance', Tags: [{ Key: 'run', Value: '1' }] },
      { ResourceType: 'volume', Tags: [{ Key: 'of', Value: 'run 1' }] },
    ],
    MetadataOptions: { HttpTokens: 'required' },
    // What Packer sends along for nothing.
    EnclaveOptions: { Enabled: false },
    IamInstanceProfile: { Name: '' },
    Placement: { AvailabilityZone: '' },
    UserData: '',
    EbsOptimized: false,
  })
  assert.equal([instance.Tags, instance.SubnetId], [[{ Key: 'run', Value: '1' }], subnet?.SubnetId])
  assert.is(instance.MetadataOptions?.HttpTokens, 'required')
  const filter = [{ Name: 'attachment.instance-id', Values: [instance.InstanceId ?? ''] }]
  const { Volumes: [volume] = [] } = await ec2().send(new DescribeVolumesCommand({ Filters: filter }))
  assert.equal([volume?.Size, volume?.Tags], [20, [{ Key: 'of', Value: 'run 1' }]])
  const strict = { name: 'strict', owner: '136693071363', imdsSupport: 'v2.0' } as const
  const [ImageId] = await cloud().seed({ images: [strict] })
  const { MetadataOptions } = await launched({ ImageId })
  assert.equal([MetadataOptions?.HttpTokens, MetadataOptions?.HttpPutResponseHopLimit], ['required', 2])
})

instances('one that is protected is not terminated', async () => {
  const { InstanceId = '' } = await launched({ DisableApiTermination: true })
  const end = new TerminateInstancesCommand({ InstanceIds: [InstanceId] })
  assert.is(await errorCode(ec2().send(end)), 'OperationNotPermitted')
  const free = { InstanceId, DisableApiTermination: { Value: false } }
  await ec2().send(new ModifyInstanceAttributeCommand(free))
  assert.is(await errorCode(ec2().send(end)), 'nothing')
})

instances('a security group stays as long as an instance is in it', async () => {
  const wanted = { GroupName: 'temporary', Description: 'of one build' }
  const { GroupId = '' } = await ec2().send(new CreateSecurityGroupCommand(wanted))
  const { InstanceId = '' } = await launched({ SecurityGroupIds: [GroupId] })
  const remove = new DeleteSecurityGroupCommand({ GroupId })
  assert.is(await errorCode(ec2().send(remove)), 'DependencyViolation')
  await ec2().send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] }))
  assert.is(await errorCode(ec2().send(remove)), 'nothing')
})

instances('tags can be set, taken away and found later', async () => {
  const image = await goldenImage()
  const Resources = [image.ImageId ?? '', snapshotOf(image)]
  await ec2().send(new CreateTagsCommand({ Resources, Tags: [{ Key: 'release', Value: 'web@1.2.0' }] }))
  const Filters = [{ Name: 'tag:release', Values: ['web@*'] }]
  const { Tags = [] } = await ec2().send(new DescribeTagsCommand({ Filters }))
  assert.equal(Tags.map(({ ResourceType }) => ResourceType).sort(), ['image', 'snapshot'])
  await ec2().send(new DeleteTagsCommand({ Resources, Tags: [{ Key: 'release' }] }))
  assert.is((await imageOf(image.ImageId)).Tags, undefined)
  const reserved = new CreateTagsCommand({ Resources, Tags: [{ Key: 'aws:owner', Value: 'me' }] })
  assert.is(await errorCode(ec2().send(reserved)), 'InvalidParameterValue')
})

instances('ancestry, watermarks and references of an image', async () => {
  const image = await goldenImage()
  const ImageId = image.ImageId ?? ''
  await ec2().send(new AttachImageWatermarkCommand({ ImageId, WatermarkName: 'golden/web' }))
  const copy = await copied(image, {}, ec2())
  const keys = (await imageOf(copy)).ImageWatermarks?.map(({ WatermarkKey }) => WatermarkKey)
  assert.equal(keys, ['111111111111:golden/web'])
  const { ImageAncestryEntries = [] } = await ec2().send(new GetImageAncestryCommand({ ImageId: copy }))
  assert.equal(
    ImageAncestryEntries.map((one) => [one.ImageId, one.SourceImageId, one.ImageOwnerAlias]),
    [
      [copy, ImageId, undefined],
      [ImageId, base(), undefined],
      [base(), undefined, 'amazon'],
    ],
  )
  const { InstanceId } = await launched({ ImageId: copy })
  const asked = new DescribeImageReferencesCommand({ ImageIds: [copy], IncludeAllResourceTypes: true })
  const { ImageReferences: [reference] = [] } = await ec2().send(asked)
  assert.is(reference?.Arn, `arn:aws:ec2:us-east-1:111111111111:instance/${InstanceId}`)
})

instances.run()
