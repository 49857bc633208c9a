import { setTimeout as sleep } from 'node:timers/promises'
import {
  CreateImageCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  DescribeRegionsCommand,
  DisableImageCommand,
  EC2Client,
  RunInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2'
import { CreateKeyCommand, DescribeKeyCommand, PutKeyPolicyCommand } from '@aws-sdk/client-kms'
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { testWorld } from '../helpers/world.ts'
import { consumer, factory, startStandIn } from './stand-in.ts'
import { newName, errorCode, withStandIn } from './under-test.ts'

// What the stand-in answers where moto's own answer is wrong or missing; README.md names the documents.
const standing = suite('stand-in')
const { cloud, base, ec2, kms, goldenImage, imageOf, copied } = withStandIn(standing)
const ssm = (): SSMClient => new SSMClient({ ...cloud().client(), maxAttempts: 1 })

standing('requests are held against the service model', async () => {
  const client = ec2()
  const ask = async (fields: Record<string, string>): Promise<string> => {
    const { credentials, endpoint } = cloud().client()
    const answer = await fetch(endpoint, {
      method: 'POST',
      headers: {
        authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/20261122/us-east-1/ec2/aws4_request`,
      },
      body: new URLSearchParams({ Version: '2016-11-15', ...fields }),
    })
    return /<Code>(.*?)<\/Code>/.exec(await answer.text())?.[1] ?? `${answer.status}`
  }
  assert.is(await ask({ Action: 'DescribeImages', Colour: 'red' }), 'UnknownParameter')
  assert.is(await ask({ Action: 'DescribeImages', MaxResults: 'many' }), 'InvalidParameterValue')
  assert.is(await ask({ Action: 'DescribePictures' }), 'InvalidAction')
  assert.is(await ask({ Action: 'CreateImage', Name: 'golden' }), 'MissingParameter')
  const launch = { Action: 'RunInstances', ImageId: base(), InstanceType: 't3.micro', MinCount: '1' }
  assert.is(await ask(launch), 'MissingParameter')
  assert.is(await ask({ ...launch, MaxCount: '1' }), '200')
  assert.is(
    await errorCode(client.send(new CreateImageCommand({ InstanceId: 'i-00000000', Name: 'a' }))),
    'InvalidParameterValue',
  )
  assert.is(
    await errorCode(client.send(new DescribeImagesCommand({ ImageIds: ['ami-x'] }))),
    'InvalidAMIID.Malformed',
  )
  assert.is(
    await errorCode(client.send(new DescribeImagesCommand({ ImageIds: ['ami-00000000'] }))),
    'InvalidAMIID.NotFound',
  )
})

standing(
  'a parameter of an image is accepted before it is validated; the public ones are seeded',
  async () => {
    const image = await goldenImage()
    const put = (Name: string, Value: string | undefined) =>
      ssm().send(new PutParameterCommand({ Name, Value, Type: 'String', DataType: 'aws:ec2:image' }))
    const read = async (Name: string): Promise<string | undefined> =>
      (await ssm().send(new GetParameterCommand({ Name }))).Parameter?.Value
    assert.is((await put('/golden/wrong', 'ami-00000000000000000')).Version, 1)
    assert.is(await errorCode(read('/golden/wrong')), 'ParameterNotFound')
    await put('/golden/stable', image.ImageId)
    assert.is(await read('/golden/stable'), image.ImageId)
    const name = '/aws/service/debian/release/13/latest/amd64'
    await cloud().seed({ parameters: [{ name, value: base() }] })
    assert.is(await read(name), base())
    const run = {
      ImageId: 'resolve:ssm:/golden/stable',
      MinCount: 1,
      MaxCount: 1,
      InstanceType: 't3.micro',
    } as const
    const { Instances: [instance] = [] } = await ec2().send(new RunInstancesCommand(run))
    assert.is(instance?.ImageId, image.ImageId)
    await ec2().send(new StopInstancesCommand({ InstanceIds: [instance?.InstanceId ?? ''] }))
  },
)

standing('who is asking: accounts, roles for a while, and keys that nobody knows', async () => {
  const sts = new STSClient({ ...cloud().client(), maxAttempts: 1 })
  const role = { RoleArn: `arn:aws:iam::${consumer}:role/reader`, RoleSessionName: 'test' }
  const { Credentials: given } = await sts.send(new AssumeRoleCommand(role))
  const credentials = {
    accessKeyId: given?.AccessKeyId ?? '',
    secretAccessKey: given?.SecretAccessKey ?? '',
    sessionToken: given?.SessionToken ?? '',
  }
  const session = { ...cloud().client(), credentials, maxAttempts: 1 }
  const who = await new STSClient(session).send(new GetCallerIdentityCommand({}))
  assert.equal([who.Account, who.Arn], [consumer, `arn:aws:sts::${consumer}:assumed-role/reader/test`])
  await cloud().change({ advanceSeconds: 3700 })
  assert.is(await errorCode(new EC2Client(session).send(new DescribeRegionsCommand({}))), 'RequestExpired')
  assert.is(await errorCode(ec2('444444444444').send(new DescribeRegionsCommand({}))), 'AuthFailure')
})

standing('regions: some have to be opted in to, and one may be down', async () => {
  const { Regions = [] } = await ec2().send(new DescribeRegionsCommand({ AllRegions: true }))
  const status = Object.fromEntries(Regions.map(({ RegionName, OptInStatus }) => [RegionName, OptInStatus]))
  assert.equal([status['us-east-1'], status['af-south-1']], ['opt-in-not-required', 'not-opted-in'])
  assert.is(await errorCode(ec2(factory, 'af-south-1').send(new DescribeRegionsCommand({}))), 'AuthFailure')
  await cloud().change({ down: ['eu-west-1'] })
  const asked = new DescribeImagesCommand({ Owners: ['self'] })
  assert.is.not(await errorCode(ec2(factory, 'eu-west-1').send(asked)), 'nothing')
  assert.is(await errorCode(ec2().send(asked)), 'nothing')
})

standing('faults strike the calls that they name, and every call is written down', async () => {
  await cloud().change({
    faults: [
      { action: 'ec2:CopyImage', kind: 'throttle' },
      { action: 'ec2:CopyImage', at: 2, kind: 'cut-after' },
      { action: 'ec2:DescribeRegions', kind: 'error' },
    ],
    denials: [{ action: 'ec2:DisableImage', resource: 'arn:aws:ec2:us-east-1::image/*' }],
  })
  const image = await goldenImage()
  const wanted = { ClientToken: 'cut', Name: newName() }
  assert.is(await errorCode(copied(image, wanted)), 'RequestLimitExceeded')
  assert.is.not(await errorCode(copied(image, wanted)), 'nothing')
  const third = await copied(image, wanted)
  const { Images = [] } = await ec2(factory, 'us-west-2').send(
    new DescribeImagesCommand({ Filters: [{ Name: 'name', Values: [wanted.Name] }] }),
  )
  assert.equal(
    Images.map(({ ImageId }) => ImageId),
    [third],
  )
  assert.is(await errorCode(ec2().send(new DescribeRegionsCommand({}))), 'InternalError')
  assert.is(
    await errorCode(ec2().send(new DisableImageCommand({ ImageId: image.ImageId }))),
    'UnauthorizedOperation',
  )
  const calls = (await cloud().calls()).filter(({ action }) => action === 'CopyImage').slice(-3)
  assert.equal(
    calls.map(({ service, region, account, result, parameters }) => [
      service,
      region,
      account,
      result,
      parameters['ClientToken'],
    ]),
    ['RequestLimitExceeded', 'cut after the work', 'ok'].map((result) => [
      'ec2',
      'us-west-2',
      factory,
      result,
      'cut',
    ]),
  )
})

standing("what moto does well is moto's, at the same address and for the same accounts", async () => {
  const bucket = { Bucket: 'golden-catalog', Key: 'catalog/head.json' }
  const s3 = new S3Client({ ...cloud().client(), forcePathStyle: true, maxAttempts: 1 })
  await s3.send(new CreateBucketCommand({ Bucket: bucket.Bucket }))
  const create = (): Promise<unknown> =>
    s3.send(new PutObjectCommand({ ...bucket, Body: '{}', IfNoneMatch: '*' }))
  await create()
  assert.is(await errorCode(create()), 'PreconditionFailed')
  const { KeyMetadata: key } = await kms().send(new CreateKeyCommand({}))
  const foreign = new DescribeKeyCommand({ KeyId: key?.Arn })
  assert.is(await errorCode(kms(consumer).send(foreign)), 'AccessDeniedException')
  const policy = {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${consumer}:root` },
        Action: 'kms:*',
        Resource: '*',
      },
    ],
  }
  const opened = { KeyId: key?.KeyId, PolicyName: 'default', Policy: JSON.stringify(policy) }
  await kms().send(new PutKeyPolicyCommand(opened))
  assert.is((await kms(consumer).send(foreign)).KeyMetadata?.AWSAccountId, factory)
  const managed = await kms().send(new DescribeKeyCommand({ KeyId: 'alias/aws/ebs' }))
  assert.is(managed.KeyMetadata?.KeyManager, 'AWS')
})

standing('a branch has all that there is now, and goes its own way', async () => {
  const { ImageId: before } = await goldenImage()
  const branch = await cloud().branch()
  const there = new EC2Client({ ...branch.client(), maxAttempts: 1 })
  const deregister = new DeregisterImageCommand({ ImageId: before })
  try {
    assert.equal(await branch.calls(), [])
    const { ImageId: after } = await goldenImage()
    assert.is(await errorCode(imageOf(after, there)), 'InvalidAMIID.NotFound')

    // What is held before its work is never answered, and never done.
    await branch.change({ faults: [{ action: 'ec2:DeregisterImage', kind: 'hold-before' }] })
    const gone = new AbortController()
    const held = errorCode(there.send(deregister, { abortSignal: gone.signal }))
    while ((await branch.calls()).at(-1)?.result !== 'held before the work') await sleep(10)
    gone.abort()
    assert.is(await held, 'AbortError')
    assert.is((await imageOf(before, there)).State, 'available')

    await there.send(deregister)
    assert.is(await errorCode(imageOf(before, there)), 'InvalidAMIID.NotFound')
    assert.is((await imageOf(before)).State, 'available')

    await branch.change({ faults: [{ kind: 'throttle', chance: 0.3 }] })
    const regions = new DescribeRegionsCommand({})
    const codes = await Promise.all(Array.from({ length: 60 }, () => errorCode(there.send(regions))))
    const struck = codes.filter((code) => code === 'RequestLimitExceeded').length
    assert.ok(struck > 8 && struck < 28, `${struck} of 60`)
  } finally {
    await branch.close()
  }
})

standing('it ends with whoever started it', async () => {
  const own = await testWorld()
  const short = await startStandIn(own.world)
  await own.close()
  let up = true
  for (let tries = 0; up && tries < 100; tries += 1) {
    await sleep(50)
    up = await fetch(`${short.endpoint}/stand-in/ready`).then(
      () => true,
      () => false,
    )
  }
  assert.is(up, false)
  await short.close()
})

standing.run()
