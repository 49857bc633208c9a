import {
  DescribeImagesCommand,
  DescribeSecurityGroupsCommand,
  DisableImageCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
} from '@aws-sdk/client-ec2'
import {
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { AmiArtifact } from '../../../pipeline/model/artifact.ts'
import type { ParentBase } from '../../../pipeline/model/base.ts'
import { aws } from '../../../pipeline/targets/aws/aws.ts'
import { changeOf } from '../../../pipeline/targets/aws/build/collect.ts'
import { lookAtImage } from '../../../pipeline/targets/aws/build/look.ts'
import { buildName, prepareBuild } from '../../../pipeline/targets/aws/build/prepare.ts'
import { awsOf, callsAt } from '../../../pipeline/targets/aws/connect.ts'
import { consumer, factory } from '../../cloud/stand-in.ts'
import { ami } from '../../helpers/ami-release.ts'
import { leaping, publicKey, region, silent, withBuilds } from '../../helpers/aws-build.ts'
import { refusal } from '../../helpers/refusal.ts'

const build = suite('build of an AMI')
const { under, box, client, baseHere, run, prepared, packed, collected, swept, left, keyId } =
  withBuilds(build)

build('from nothing to an image of its own, and nothing else is left', async () => {
  const wanted = run()
  const ready = await prepared(wanted)
  assert.is(ready.ami_name, `mintmark/web/${wanted.version}/x86_64`)
  assert.ok(ready.base_gib >= 4)
  const { SecurityGroups: [group] = [] } = await client().send(
    new DescribeSecurityGroupsCommand({ GroupIds: [ready.security_group] }),
  )
  assert.equal(
    group?.IpPermissions?.map(({ IpProtocol, FromPort, ToPort, IpRanges, Ipv6Ranges = [] }) => [
      IpProtocol,
      FromPort,
      ToPort,
      IpRanges?.map(({ CidrIp }) => CidrIp),
      Ipv6Ranges,
    ]),
    [['tcp', 22, 22, ['198.51.100.7/32'], []]],
  )
  assert.equal(await left(wanted), ['key pair', 'security group'])
  const built = await packed(ready)
  const artifact = await collected(wanted, built)
  assert.is(artifact.account, factory)
  assert.is(artifact.region, region)
  assert.is(artifact.snapshotIds.length, 1)
  assert.is(artifact.virtualBytes, 8 * 2 ** 30)
  await swept(wanted, built)
  assert.equal(await left(wanted, ({ id }) => id === artifact.imageId), [])
  assert.equal(await left(wanted), ['image', 'snapshot'])
  assert.is(await aws.unchanged({ world: box().world, artifact }), null)
  await aws.discard({ world: box().world, built })
  assert.equal(await left(wanted), [])
  assert.is(await aws.unchanged({ world: box().world, artifact }), `${artifact.imageId} is gone`)
})

build('through Session Manager nobody comes in', async () => {
  const wanted = run()
  const spec = awsOf(wanted.image, wanted.definition)
  const network = { sessionManager: true, instanceProfile: 'ssm-core' }
  const ready = await prepareBuild({
    ...wanted,
    world: box().world,
    calls: callsAt(box().world, region),
    spec: { ...spec, build: { region, network } },
    arch: 'x86_64',
    base: await baseHere(),
    publicKey,
    began: silent,
    update: silent,
  })
  const { SecurityGroups: [group] = [] } = await client().send(
    new DescribeSecurityGroupsCommand({ GroupIds: [ready.security_group] }),
  )
  assert.equal(group?.IpPermissions ?? [], [])
  await swept(wanted, null)
})

build('answers that are cut off make nothing twice', async () => {
  for (const action of [
    'ec2:ImportKeyPair',
    'ec2:CreateSecurityGroup',
    'ec2:AuthorizeSecurityGroupIngress',
  ]) {
    const wanted = run()
    await under.cloud().change({ faults: [{ action, kind: 'cut-after' }] })
    await prepared(wanted)
    assert.equal(await left(wanted), ['key pair', 'security group'], action)
    await swept(wanted, null)
    assert.equal(await left(wanted), [], action)
  }
})

build('another account, and keys that can not be used: refused before anything is made', async () => {
  const elsewhere = run(consumer)
  const before = (await under.cloud().calls()).length
  const error = await refusal(prepared(elsewhere))
  assert.is(error.code, 'PROVIDER_REFUSED')
  assert.match(error.message, `images/web.yaml targets.aws.account says ${consumer}: nothing was made`)
  const kms = under.kms(factory, region)
  await kms.send(new DisableKeyCommand({ KeyId: keyId() }))
  try {
    assert.match((await refusal(prepared(run()))).message, 'is Disabled: nothing was made')
  } finally {
    await kms.send(new EnableKeyCommand({ KeyId: keyId() }))
  }
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}))
  const dying = KeyMetadata?.KeyId ?? ''
  await kms.send(new ScheduleKeyDeletionCommand({ KeyId: dying, PendingWindowInDays: 7 }))
  const doomed = run()
  const target = awsOf('web', doomed.definition)
  const base = await baseHere()
  const calls = callsAt(box().world, region)
  const refused = await refusal(
    prepareBuild({
      ...doomed,
      world: box().world,
      calls,
      spec: { ...target, encrypt: { ...target.encrypt, key: dying } },
      arch: 'x86_64',
      base,
      publicKey,
      began: () => assert.unreachable('something is to be made'),
      update: silent,
    }),
  )
  assert.match(refused.message, /is deleted on \d{4}-\d\d-\d\d: nothing was made/)
  const made = (await under.cloud().calls())
    .slice(before)
    .filter(({ service, action }) => service === 'ec2' && !action.startsWith('Describe'))
  assert.equal(made, [])
})

build('an image that somebody shared is private again, and refused', async () => {
  const wanted = run()
  const built = await packed(await prepared(wanted))
  const imageId = built.split(':')[1] ?? ''
  const ec2 = client()
  const { Images: [image] = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }))
  const snapshot = image?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId
  await ec2.send(
    new ModifyImageAttributeCommand({
      ImageId: imageId,
      LaunchPermission: {
        Add: [{ OrganizationArn: `arn:aws:organizations::${factory}:organization/o-abcdefghij` }],
      },
    }),
  )
  await ec2.send(
    new ModifySnapshotAttributeCommand({
      SnapshotId: snapshot,
      Attribute: 'createVolumePermission',
      OperationType: 'add',
      UserIds: [consumer],
    }),
  )
  const error = await refusal(collected(wanted, built))
  assert.is(error.code, 'BUILD_FAILED')
  assert.equal(error.lines, [
    `it was shared, and is private now: ${imageId}: arn:aws:organizations::${factory}:organization/o-abcdefghij`,
    `it was shared, and is private now: ${snapshot}: ${consumer}`,
  ])
  assert.is((await collected(wanted, built)).imageId, imageId)
  await swept(wanted, null)
})

build('an image with another key, without a mark or an image that failed is refused', async () => {
  const { KeyMetadata } = await under.kms(factory, region).send(new CreateKeyCommand({}))
  const wanted = run()
  const built = await packed(await prepared(wanted), KeyMetadata?.KeyId)
  assert.match((await refusal(collected(wanted, built))).message, `${KeyMetadata?.KeyId}, expected `)
  const other = { ...wanted, version: '9.9.9' }
  const lines = (await refusal(collected(other, built))).lines.join('\n')
  assert.match(lines, 'expected mintmark/web/9.9.9/x86_64')
  assert.match(lines, 'lacks the tags Name, mintmark:version')
  await under.cloud().change({ settings: { pendingSeconds: 600 } })
  const missing = await refusal(
    aws.collect({
      ...wanted,
      world: { ...box().world, clock: { ...box().world.clock, now: leaping() } },
      folder: box().folder,
      built: `${region}:ami-00000000000000bad`,
      update: silent,
    }),
  )
  assert.match(missing.message, 'ami-00000000000000bad in eu-west-1 is not there')
  await under.cloud().change({ settings: { pendingSeconds: 0 } })
  await swept(wanted, null)
})

build('an image that is pending is waited for', async () => {
  const wanted = run()
  const ready = await prepared(wanted)
  await under.cloud().change({ settings: { pendingSeconds: 2, consistencySeconds: 1 } })
  const built = await packed(ready).catch((cause: unknown) => cause)
  await under.cloud().change({ settings: { pendingSeconds: 0, consistencySeconds: 0 } })
  if (typeof built === 'string') assert.ok((await collected(wanted, built)).sha256)
  await swept(wanted, null)
})

build(
  'Packer gets the credentials that the SDK found, and a last word of its own on where to look',
  async () => {
    const { image, definition, runId, version } = run()
    const given = await aws.buildEnvironment({ world: box().world, image, definition, runId, version })
    assert.equal(given, {
      AWS_ACCESS_KEY_ID: process.env['AWS_ACCESS_KEY_ID'],
      AWS_SECRET_ACCESS_KEY: process.env['AWS_SECRET_ACCESS_KEY'],
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
    })
  },
)

build('a disabled image has its name all the same', async () => {
  const wanted = run()
  const built = await packed(await prepared(wanted))
  await client().send(new DisableImageCommand({ ImageId: built.split(':')[1] }))
  const error = await refusal(prepared({ ...wanted, runId: `${wanted.runId}-again` }))
  assert.equal([error.code, error.hint], ['CONFLICT', 'release a new version: --fresh'])
  await swept(wanted, null)
})

build('another image of ours is a base like any other, where it is in the region', async () => {
  const { world, folder } = box()
  const { imageId } = await baseHere()
  const on = (place: Partial<AmiArtifact>) => {
    const disk: AmiArtifact = { ...ami, region, imageId, ...place }
    const parent = { distribution: 'debian', release: '13', version: '13.7', arch: 'x86_64' } as const
    const base: ParentBase = {
      ...parent,
      from: 'parent',
      id: disk.sha256,
      image: 'corp-base',
      imageVersion: '1.2.0',
      channel: 'stable',
      record: disk.sha256,
      anchored: true,
      artifact: disk.sha256,
      created: '2026-11-22T03:00:00.000Z',
      ancestry: [],
      disk,
    }
    const wanted = run()
    const input = { ...wanted, world, folder, base, publicKey, began: silent, update: silent }
    return { wanted, work: aws.buildVariables(input) }
  }
  const here = on({})
  assert.is((await here.work)['source_ami'], imageId)
  await swept(here.wanted, null)
  const error = await refusal(on({ region: 'us-east-1' }).work)
  assert.is(error.code, 'BASE_REFUSED')
  assert.match(
    error.message,
    `corp-base@1.2.0 is ${imageId} in us-east-1, and this image is built in eu-west-1`,
  )
})

build('who may have an image is never taken for nobody', async () => {
  const calls = callsAt(box().world, region)
  const wanted = run()
  const built = await packed(await prepared(wanted))
  const { imageId } = await collected(wanted, built)
  const refused = (action: string, code: string) =>
    under.cloud().change({ faults: [{ action, kind: 'refuse', code }] })
  await refused('ec2:DescribeImageAttribute', 'InvalidAMIID.NotFound')
  assert.is(await lookAtImage(calls, imageId), null)
  await refused('ec2:DescribeSnapshotAttribute', 'InvalidSnapshot.NotFound')
  assert.equal(
    (await lookAtImage(calls, imageId))?.snapshots.map(({ state }) => state),
    ['gone'],
  )
  // A server that does not know it yet: the next look is believed.
  await refused('ec2:DescribeImageAttribute', 'InvalidAMIID.NotFound')
  assert.is((await collected(wanted, built)).imageId, imageId)
  await swept(wanted, null)
})

build('a public image is told as changed; one that is shared by name is not', async () => {
  const calls = callsAt(box().world, region)
  const wanted = run()
  const built = await packed(await prepared(wanted))
  const artifact = await collected(wanted, built)
  await client().send(
    new ModifyImageAttributeCommand({
      ImageId: artifact.imageId,
      LaunchPermission: { Add: [{ UserId: consumer }] },
    }),
  )
  assert.is(await changeOf(calls, artifact), null)
  assert.match((await changeOf(calls, { ...artifact, snapshotIds: ['snap-0'] })) ?? '', 'has the disks snap-')
  // Another account finds no such image: that does not make it gone.
  const theirs = { ...under.cloud().client(consumer).credentials, sessionToken: null }
  const error = await refusal(changeOf(calls.as(theirs), { ...artifact, imageId: 'ami-00000000000000404' }))
  assert.match(
    `${error.code} ${error.message}`,
    `PROVIDER_REFUSED these credentials are of account ${consumer}`,
  )
  await swept(wanted, null)
})

build('the name of what a build makes for itself tells image and run', () => {
  assert.is(buildName({ image: 'web', runId: 'ci-7' }), 'mintmark-ci-7-web-build')
})

build.run()
