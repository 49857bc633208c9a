import {
  DisableImageCommand,
  EC2Client,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
} from '@aws-sdk/client-ec2'
import {
  CancelKeyDeletionCommand,
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { digestOfAmi } from '../../../pipeline/core/artifact.ts'
import type { PassedGate } from '../../../pipeline/model/gate.ts'
import { publishAmi } from '../../../pipeline/targets/aws/publish/publish.ts'
import { keyIn } from '../../../pipeline/targets/aws/publish/region-key.ts'
import { unexpectedCalls } from '../../cloud/permissions.ts'
import { consumer, factory } from '../../cloud/stand-in.ts'
import {
  aws,
  buildRegion,
  built,
  callsTo,
  changes,
  distribute,
  found,
  type PublishCloud,
  regions,
  withPublishCloud,
} from '../../helpers/publish-cloud.ts'
import { refusal } from '../../helpers/refusal.ts'

const publish = suite<PublishCloud>('an AMI in every region')
withPublishCloud(publish)

/** moto takes no ARN here. */
const idOf = (arn = ''): string => arn.replace(/^.*\//, '')

publish(
  'copied, encrypted, tagged, marked, protected, pointed to; then there is nothing to do',
  async (context) => {
    const { cloud, keys } = context
    const release = await built(context)
    const target = aws({ deprecate: '365d' })
    await cloud.change({ settings: { pendingSeconds: 40, consistencySeconds: 3 } })
    const begun = (await cloud.calls()).length
    const result = await distribute(context, release, { target })
    assert.equal(unexpectedCalls((await cloud.calls()).slice(begun), ['publisher']), [])
    assert.equal(result.left, [])
    assert.equal(
      result.copies.map(({ region }) => region),
      ['eu-west-1', 'us-west-2'],
    )
    for (const region of regions) {
      const there = await found(cloud, region, release)
      assert.is(there.images.length, 1, region)
      const { image, snapshots, tags } = there
      assert.is(image.State, 'available')
      assert.is(image.ImdsSupport, 'v2.0')
      assert.is(image.DeregistrationProtection, 'enabled-without-cooldown')
      assert.is(image.DeprecationTime, '2027-11-22T03:00:00.000Z')
      assert.equal(
        image.ImageWatermarks?.map(({ WatermarkKey }) => WatermarkKey),
        [`${factory}:mintmark/${release.facts.image}`],
      )
      assert.equal(there.permissions, [])
      assert.is(snapshots[0]?.KmsKeyId, keys[region])
      for (const told of [
        tags,
        Object.fromEntries((snapshots[0]?.Tags ?? []).map((tag) => [tag.Key, tag.Value])),
      ]) {
        assert.is(told['mintmark:source'], release.artifact.sha256)
        assert.is(told['mintmark:owner'], 'team-platform')
        assert.is(told['Name'], image.Name)
      }
      assert.is(tags['corporate'], 'yes')
      assert.equal([there.channel, there.version], [image.ImageId, image.ImageId])
    }
    const copy = result.copies.find(({ region }) => region === 'us-west-2')
    const west = await found(cloud, 'us-west-2', release)
    assert.equal(copy, {
      account: factory,
      region: 'us-west-2',
      imageId: west.image.ImageId,
      snapshotIds: [west.snapshots[0]?.SnapshotId],
      keyArn: keys['us-west-2'],
    })

    const before = (await cloud.calls()).length
    const again = await distribute(context, release, { target, told: result.copies })
    const calls = (await cloud.calls()).slice(before)
    assert.equal(again, { ...result, done: [] })
    assert.equal([...new Set(calls.map(({ action }) => action))].sort(), [
      'DescribeImages',
      'DescribeKey',
      'DescribeSnapshots',
      'GetCallerIdentity',
      'GetParameters',
    ])
    assert.is(calls.length, 5 * regions.length)
  },
)

publish('only the image that the gate judged, and only while it is private', async (context) => {
  const { cloud } = context
  const { artifact } = await built(context)
  const calls = callsTo(cloud)
  const gate = { verdict: 'passed', subject: artifact.sha256 } as PassedGate
  assert.equal(await publishAmi(calls, gate, artifact), {
    subject: artifact.sha256,
    bytes: artifact.bytes,
    blob: null,
  })
  const other = await refusal(publishAmi(calls, { ...gate, subject: '0'.repeat(64) }, artifact))
  assert.is(other.code, 'CHAIN_BROKEN')
  const ec2 = new EC2Client(cloud.client())
  await ec2.send(
    new ModifyImageAttributeCommand({
      ImageId: artifact.imageId,
      LaunchPermission: {
        Add: [{ OrganizationArn: 'arn:aws:organizations::111111111111:organization/o-abc' }],
      },
    }),
  )
  await ec2.send(
    new ModifySnapshotAttributeCommand({
      SnapshotId: artifact.snapshotIds[0],
      CreateVolumePermission: { Add: [{ UserId: consumer }] },
    }),
  )
  const shared = await refusal(publishAmi(calls, gate, artifact))
  assert.is(shared.code, 'CHAIN_BROKEN')
  assert.equal(shared.lines, [
    `${artifact.imageId}: arn:aws:organizations::111111111111:organization/o-abc`,
    `${artifact.snapshotIds[0]}: ${consumer}`,
  ])
  const gone = { ...artifact, imageId: 'ami-00000000000000eee' }
  const lost = await refusal(publishAmi(calls, { ...gate, subject: digestOfAmi(gone) }, gone))
  assert.match(lost.message, 'is gone by now')
  calls.close()
})

publish('a key of each region: by its alias, its own name, or one that all have', () => {
  const target = aws()
  assert.is(keyIn(target, 'eu-west-1'), 'alias/golden')
  const mrk = 'arn:aws:kms:us-east-1:111111111111:key/mrk-0123456789abcdef0123456789abcdef'
  assert.is(keyIn({ ...target, encrypt: { key: mrk } }, 'eu-west-1'), mrk.replace('us-east-1', 'eu-west-1'))
  const alias = 'arn:aws:kms:us-east-1:111111111111:alias/golden'
  assert.is(
    keyIn({ ...target, encrypt: { key: alias } }, 'eu-west-1'),
    alias.replace('us-east-1', 'eu-west-1'),
  )
  const single = 'arn:aws:kms:us-east-1:111111111111:key/01234567-89ab-cdef-0123-456789abcdef'
  assert.is(keyIn({ ...target, encrypt: { key: single } }, 'us-east-1'), single)
  assert.throws(() => keyIn({ ...target, encrypt: { key: single } }, 'eu-west-1'), /not of eu-west-1/)
  const own = { key: single, regions: { 'eu-west-1': 'alias/eu' } }
  assert.is(keyIn({ ...target, encrypt: own }, 'eu-west-1'), 'alias/eu')
})

publish('a key that can not be used: nothing is made with it, the other regions go on', async (context) => {
  const { cloud, keys } = context
  const release = await built(context)
  const kms = new KMSClient(cloud.client(factory, 'us-west-2'))
  await kms.send(new DisableKeyCommand({ KeyId: idOf(keys['us-west-2']) }))
  const first = await distribute(context, release)
  assert.equal(
    first.left.map(({ place, why }) => [place, why]),
    [['us-west-2', 'the key alias/golden in us-west-2 is Disabled']],
  )
  assert.is((await found(cloud, 'us-west-2', release)).images.length, 0)
  assert.ok((await found(cloud, 'eu-west-1', release)).channel)
  await kms.send(new EnableKeyCommand({ KeyId: idOf(keys['us-west-2']) }))
  const before = (await cloud.calls()).length
  assert.equal((await distribute(context, release)).left, [])
  assert.equal(
    (await changes(cloud, before)).filter((call) => !call.endsWith('us-west-2')),
    [],
  )
  const { found: none } = {
    found: await distribute(context, release, { target: aws({ encrypt: { key: 'alias/none' } }) }),
  }
  assert.equal(none.left, [], 'what is there needs no key')
})

publish('a key that is to be deleted: told for what is there, refused for what is not', async (context) => {
  const { cloud, keys } = context
  const there = await built(context)
  await distribute(context, there)
  const kms = new KMSClient(cloud.client(factory, 'eu-west-1'))
  await kms.send(new ScheduleKeyDeletionCommand({ KeyId: idOf(keys['eu-west-1']), PendingWindowInDays: 7 }))
  try {
    const { left, notes } = await distribute(context, there)
    assert.equal(left, [])
    assert.match(
      notes[0] ?? '',
      /^the key alias\/golden in eu-west-1 is deleted on 20\d\d-\d\d-\d\d; nobody can launch/,
    )
    // The alias goes to a new key, the copy stays with the old one.
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}))
    const alias = { AliasName: 'alias/golden', TargetKeyId: KeyMetadata?.KeyId }
    await kms.send(new UpdateAliasCommand(alias))
    const moved = await distribute(context, there)
    assert.match(moved.notes[0] ?? '', `the key ${keys['eu-west-1']} in eu-west-1 is deleted on 20`)
    assert.match(moved.notes[1] ?? '', `and alias/golden is ${KeyMetadata?.Arn} by now`)
    const denied = { action: 'kms:DescribeKey', region: 'eu-west-1', parameter: keys['eu-west-1'] ?? '' }
    await cloud.change({ denials: [denied] })
    const blind = await distribute(context, there)
    await cloud.change({ denials: [] })
    await kms.send(new UpdateAliasCommand({ ...alias, TargetKeyId: idOf(keys['eu-west-1']) }))
    assert.equal(blind.left, [])
    assert.match(blind.notes[0] ?? '', `the key ${keys['eu-west-1']} can't be looked at`)
    const next = await distribute(context, await built(context))
    assert.match(next.left[0]?.why ?? '', /^the key alias\/golden in eu-west-1 is deleted on 20/)
  } finally {
    await kms.send(new CancelKeyDeletionCommand({ KeyId: idOf(keys['eu-west-1']) }))
    await kms.send(new EnableKeyCommand({ KeyId: idOf(keys['eu-west-1']) }))
  }
})

publish('the wrong account: nothing is looked at or made anywhere', async (context) => {
  const { cloud } = context
  const release = await built(context)
  const sorted = [...regions].sort((a, b) =>
    a === buildRegion ? -1 : b === buildRegion ? 1 : a < b ? -1 : 1,
  )
  const before = (await cloud.calls()).length
  const other = await distribute(context, release, { target: aws({ account: '999999999999' }) })
  assert.equal(
    other.left.map(({ place }) => place),
    sorted,
  )
  assert.match(
    other.left[0]?.why ?? '',
    `${release.facts.image}@1.0.0 is in account ${factory}, and targets.aws.account of the definition says 999999999999`,
  )
  assert.is((await cloud.calls()).length, before)
  const strange = { credentials: { ...cloud.client(consumer).credentials, sessionToken: null } }
  const { left, copies } = await distribute(context, release, { calls: callsTo(cloud, strange) })
  assert.equal(
    left.map(({ place }) => place),
    sorted,
  )
  assert.match(left[0]?.why ?? '', `says ${factory}: nothing was made`)
  const asked = (await cloud.calls()).slice(before)
  assert.equal([[...new Set(asked.map(({ action }) => action))], copies], [['GetCallerIdentity'], []])
})

publish(
  'what has the name and is no copy, and a copy that somebody switched off, are left alone',
  async (context) => {
    const { cloud } = context
    const release = await built(context)
    const name = `mintmark/${release.facts.image}/1.0.0/x86_64`
    // Older, and with all that anybody who may tag can write.
    const foreign = {
      name,
      owner: factory,
      public: false,
      created: '2026-11-01T00:00:00.000Z',
      tags: { 'mintmark:source': release.artifact.sha256 },
    }
    await cloud.seed({ images: [{ ...foreign, regions: ['us-west-2'], id: 'ami-0000000000000fade' }] })
    const first = await distribute(context, release)
    assert.equal(
      first.left.map(({ why }) => why),
      [`ami-0000000000000fade in us-west-2 has the name ${name} and is no copy of this release`],
    )
    const copy = first.copies.find(({ region }) => region === 'eu-west-1')
    // The same beside a copy of ours, and beside the image itself: told, and nothing names them.
    for (const [region, id] of [
      ['eu-west-1', 'ami-0000000000000fad1'],
      [buildRegion, 'ami-0000000000000fad2'],
    ] as const)
      await cloud.seed({ images: [{ ...foreign, regions: [region], id }] })
    const beside = await distribute(context, release)
    assert.equal(
      beside.notes.map((text) => text.replace(/, too, and is.*/, '')),
      [
        `ami-0000000000000fad2 in ${buildRegion} has the name ${name}`,
        `ami-0000000000000fad1 in eu-west-1 has the name ${name}`,
      ],
    )
    assert.equal([beside.done, beside.copies], [[], [copy]])
    const ec2 = new EC2Client(cloud.client(factory, 'eu-west-1'))
    await ec2.send(new DisableImageCommand({ ImageId: copy?.imageId }))
    const second = await distribute(context, release)
    assert.match(second.left.map(({ why }) => why).join(), `${copy?.imageId} in eu-west-1 is disabled`)
    assert.equal([second.done, second.copies], [[], []])
  },
)

publish(
  'a copy that others have before it was told is told to nobody and named by nothing',
  async (context) => {
    const { cloud } = context
    const release = await built(context)
    const target = aws({ regions: [buildRegion, 'eu-west-1'] })
    // As if the run was killed between the copy and the look at who has it.
    await cloud.change({ faults: [{ action: 'ec2:DescribeImageAttribute', kind: 'error', times: 9 }] })
    const killed = await distribute(context, release, { target })
    assert.equal([killed.left.map(({ place }) => place), killed.copies], [['eu-west-1'], []])
    await cloud.change({ faults: [] })
    const { image } = await found(cloud, 'eu-west-1', release)
    const ec2 = new EC2Client(cloud.client(factory, 'eu-west-1'))
    const strangers = { Add: [{ UserId: consumer }] }
    await ec2.send(new ModifyImageAttributeCommand({ ImageId: image.ImageId, LaunchPermission: strangers }))
    for (let time = 0; time < 2; time += 1) {
      const { left, copies } = await distribute(context, release, { target })
      assert.match(left[0]?.why ?? '', `${image.ImageId} in eu-west-1 is shared`)
      assert.match(left[0]?.why ?? '', `${image.ImageId}: ${consumer}`)
      assert.match(left[0]?.hint ?? '', `share plan ${release.facts.image} shows who has it; deregister`)
      assert.equal(copies, [])
      const there = await found(cloud, 'eu-west-1', release)
      assert.equal([there.channel, there.version], [null, null])
    }
    // Once it was told, sharing it is what channels are for.
    const told = [{ region: 'eu-west-1', imageId: image.ImageId ?? '' }]
    const after = await distribute(context, release, { target, told })
    assert.equal([after.left, after.copies.map(({ imageId }) => imageId)], [[], [image.ImageId]])
  },
)

publish('a channel that goes elsewhere while copies are waited for is not taken back', async (context) => {
  const { cloud } = context
  const release = await built(context)
  const channels = ['nightly', 'stable']
  const stillPoints = async (channel: string) => channel === 'nightly'
  const { left } = await distribute(context, release, { channels, stillPoints })
  assert.equal(left, [])
  for (const region of regions) {
    const there = await found(cloud, region, release)
    assert.is(there.channel, there.image.ImageId)
    assert.is((await found(cloud, region, release, 'stable')).channel, null)
  }
  const again = await distribute(context, release, { channels: ['nightly'], stillPoints })
  assert.equal([again.done, again.moved], [[], []])
})

publish('where EC2 has no watermarks an image does without', async (context) => {
  const { cloud } = context
  const release = await built(context)
  await cloud.change({
    faults: [{ action: 'ec2:AttachImageWatermark', kind: 'refuse', code: 'InvalidAction', times: 9 }],
  })
  const { left } = await distribute(context, release)
  assert.equal(left, [])
  const { image, channel } = await found(cloud, 'eu-west-1', release)
  assert.equal([image.ImageWatermarks ?? [], channel], [[], image.ImageId])
})

publish.run()
