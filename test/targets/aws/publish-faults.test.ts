import { CopyImageCommand, DescribeSnapshotsCommand, EC2Client } from '@aws-sdk/client-ec2'
import { DisableKeyCommand, EnableKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { AwsCalls } from '../../../pipeline/targets/aws/client.ts'
import { factory } from '../../cloud/stand-in.ts'
import type { Fault } from '../../cloud/stand-in-types.ts'
import {
  aws,
  buildRegion,
  built,
  callsTo,
  changes,
  distribute,
  found,
  type PublishCloud,
  type SeededRelease,
  withPublishCloud,
} from '../../helpers/publish-cloud.ts'

const faults = suite<PublishCloud>('an AMI in every region, when something goes wrong')
withPublishCloud(faults)

const two = [buildRegion, 'eu-west-1']
const target = aws({ regions: two })

/** One image of the release a region, with one snapshot, whole and pointed to. */
async function whole({ cloud }: PublishCloud, release: SeededRelease, what: string): Promise<void> {
  for (const region of two) {
    const there = await found(cloud, region, release)
    assert.is(there.images.length, 1, `${what}: images in ${region}`)
    assert.is(there.image.State, 'available', what)
    assert.is(there.image.DeregistrationProtection, 'enabled-without-cooldown', what)
    assert.is(there.tags['mintmark:source'], release.artifact.sha256, what)
    assert.equal([there.channel, there.version], [there.image.ImageId, there.image.ImageId], what)
    const { Snapshots = [] } = await new EC2Client(cloud.client(factory, region)).send(
      new DescribeSnapshotsCommand({
        Filters: [{ Name: 'tag:mintmark:source', Values: [release.artifact.sha256] }],
      }),
    )
    assert.is(Snapshots.length, 1, `${what}: snapshots in ${region}`)
  }
}

/** Calls of a process that is killed before its call number `most + 1`. */
function mortal(calls: AwsCalls, most: number): { readonly calls: AwsCalls; readonly killed: () => boolean } {
  let count = 0
  const spend = (): void => {
    count += 1
    if (count > most) throw new Error('killed')
  }
  const watched = <S extends 'ec2' | 'ssm' | 'sts' | 'kms' | 'ebs'>(service: AwsCalls[S]): AwsCalls[S] =>
    new Proxy(service, {
      get: (whose, name) =>
        name === 'pages'
          ? async function* (...args: readonly unknown[]) {
              spend()
              yield* Reflect.apply(Reflect.get(whose, name) as never, whose, args) as AsyncIterable<unknown>
            }
          : async (...args: readonly unknown[]) => {
              spend()
              return Reflect.apply(Reflect.get(whose, name) as never, whose, args)
            },
    })
  const wrap = (inner: AwsCalls): AwsCalls => ({
    ...inner,
    ec2: watched<'ec2'>(inner.ec2),
    ssm: watched<'ssm'>(inner.ssm),
    sts: watched<'sts'>(inner.sts),
    kms: watched<'kms'>(inner.kms),
    at: (region) => wrap(inner.at(region)),
  })
  return { calls: wrap(calls), killed: () => count > most }
}

// EVERY_CALL=1 tries each of them.
const step = Number(process.env['EVERY_CALL'] ?? 4)

faults('killed between any two calls, then run again: whole, and nothing twice', async (context) => {
  for (let most = step; ; most += step) {
    const release = await built(context)
    const { calls, killed } = mortal(callsTo(context.cloud), most)
    const ended = await distribute(context, release, { target, calls }).then(
      () => 'ended',
      (cause: Error) => cause.message,
    )
    assert.is(ended, killed() ? 'killed' : 'ended')
    const { left } = await distribute(context, release, { target })
    assert.equal(left, [], `killed after ${most} calls`)
    await whole(context, release, `killed after ${most} calls`)
    if (!killed()) break
    assert.ok(most < 200)
  }
})

faults('an answer that is lost after the work was done makes nothing twice', async (context) => {
  for (const action of ['ec2:CopyImage', 'ssm:PutParameter', 'ec2:CreateTags', 'ec2:AttachImageWatermark']) {
    const release = await built(context)
    await context.cloud.change({ faults: [{ action, kind: 'cut-after' }] })
    const { left } = await distribute(context, release, { target })
    assert.equal(left, [], action)
    await whole(context, release, action)
  }
})

faults('throttled and broken calls are waited out', async (context) => {
  const release = await built(context)
  const often = ['ec2:CopyImage', 'ec2:DescribeImages', 'ssm:PutParameter']
  const planted: readonly Fault[] = often.map((action, at) => ({
    action,
    kind: at === 1 ? 'error' : 'throttle',
    at: at + 1,
  }))
  await context.cloud.change({ faults: planted })
  assert.equal(
    (await distribute(context, release, { target, calls: callsTo(context.cloud, { attempts: 6 }) })).left,
    [],
  )
  await whole(context, release, 'throttled')
})

faults('a region that is down stays behind, and the next run does it alone', async (context) => {
  const { cloud } = context
  const release = await built(context)
  await cloud.change({ down: ['us-west-2'] })
  const first = await distribute(context, release)
  assert.equal(
    first.left.map(({ place, why }) => [place, /can't be reached|not answered/.test(why)]),
    [['us-west-2', true]],
  )
  await whole(context, release, 'without us-west-2')
  await cloud.change({ down: [] })
  const before = (await cloud.calls()).length
  const second = await distribute(context, release)
  assert.equal(second.left, [])
  assert.equal(
    (await changes(cloud, before)).filter((call) => !call.endsWith(' us-west-2')),
    [],
  )
  assert.ok((await found(cloud, 'us-west-2', release)).channel)
})

faults('the region of the build is down: the others get their copies all the same', async (context) => {
  const { cloud } = context
  const release = await built(context)
  await cloud.change({ down: [buildRegion] })
  const { left, copies } = await distribute(context, release, { target })
  assert.equal([left.map(({ place }) => place), copies.length], [[buildRegion], 1])
  await cloud.change({ down: [] })
  assert.equal((await distribute(context, release, { target })).left, [])
  await whole(context, release, 'after')
})

faults(
  'a copy that fails is taken away and told with its reason; the next run makes another',
  async (context) => {
    const { cloud, keys } = context
    const release = await built(context)
    const kms = new KMSClient(cloud.client(factory, buildRegion))
    const KeyId = keys[buildRegion]?.replace(/^.*\//, '')
    // EC2 finds out that it may not read the source only after it has answered.
    await kms.send(new DisableKeyCommand({ KeyId }))
    const first = await distribute(context, release, { target })
    await kms.send(new EnableKeyCommand({ KeyId }))
    assert.equal(first.left, [
      {
        place: 'eu-west-1',
        why: 'the copy to eu-west-1 failed: Given key ID is not accessible',
        hint: 'the next run makes another one',
      },
    ])
    const none = await found(cloud, 'eu-west-1', release)
    assert.equal([none.images.length, none.channel, none.version], [0, null, null])
    assert.equal((await distribute(context, release, { target })).left, [])
    await whole(context, release, 'after a failure')
  },
)

faults('a failed copy of before goes, and is no failure of this one', async (context) => {
  const { cloud, keys } = context
  const release = await built(context)
  const kms = new KMSClient(cloud.client(factory, buildRegion))
  const KeyId = keys[buildRegion]?.replace(/^.*\//, '')
  const ec2 = new EC2Client(cloud.client(factory, 'eu-west-1'))
  const copy = () =>
    ec2.send(
      new CopyImageCommand({
        Name: `mintmark/${release.facts.image}/1.0.0/x86_64`,
        SourceImageId: release.artifact.imageId,
        SourceRegion: buildRegion,
        Encrypted: true,
        KmsKeyId: keys['eu-west-1'],
        TagSpecifications: [
          { ResourceType: 'image', Tags: [{ Key: 'mintmark:source', Value: release.artifact.sha256 }] },
        ],
      }),
    )
  await kms.send(new DisableKeyCommand({ KeyId }))
  await copy()
  await kms.send(new EnableKeyCommand({ KeyId }))
  // And one of a killed run that is on its way.
  await cloud.change({ settings: { pendingSeconds: 30 } })
  const { ImageId } = await copy()
  const { left, copies } = await distribute(context, release, { target })
  assert.equal([left, copies.map(({ imageId }) => imageId)], [[], [ImageId]])
  await whole(context, release, 'after')
})

faults('whoever writes against it for ever does not keep it for ever', async (context) => {
  const release = await built(context)
  const calls = callsTo(context.cloud)
  let turn = 0
  const send: AwsCalls['ec2']['send'] = async (operation, ...asked) => {
    if (operation !== 'EnableImageDeregistrationProtection') return calls.ec2.send(operation, ...asked)
    // It is never protected, and every other time its tags are gone, too.
    turn += 1
    const Resources = [release.artifact.imageId]
    const Tags = [{ Key: 'mintmark:owner', Value: 'somebody' }]
    return (turn % 2 === 0 ? calls.ec2.send('CreateTags', { Resources, Tags }) : {}) as never
  }
  const { left } = await distribute(context, release, {
    target: aws({ regions: [buildRegion] }),
    calls: { ...calls, ec2: { ...calls.ec2, send } },
    deadlineMs: 1500,
  })
  assert.equal(left, [
    { place: buildRegion, why: 'it was not done in time', hint: 'the next run takes it up' },
  ])
})

faults(
  'a copy that somebody else left half-way is waited for; one that failed goes first',
  async (context) => {
    const { cloud, clock } = context
    const release = await built(context)
    await cloud.change({ settings: { pendingSeconds: 600 } })
    const late = await distribute(context, release, { target, deadlineMs: 60_000 })
    const waited = late.left.find(({ place }) => place === 'eu-west-1')
    assert.match(waited?.why ?? '', /^ami-\w+ did not become available in eu-west-1 in time$/)
    assert.is(waited?.hint, 'nothing is lost: the next run takes it up')
    await cloud.change({ settings: { pendingSeconds: 0 } })
    await clock.sleep(600_000)
    const before = (await cloud.calls()).length
    assert.equal((await distribute(context, release, { target })).left, [])
    assert.not.ok((await changes(cloud, before)).some((call) => call.includes('CopyImage')))
    await whole(context, release, 'taken up')
  },
)

faults(
  'at most 20 copies of snapshots at once in a region, with those of others in the account',
  async (context) => {
    const { cloud } = context
    const [other, release] = [await built(context), await built(context)]
    const ec2 = new EC2Client(cloud.client(factory, 'eu-west-1'))
    await cloud.change({ settings: { pendingSeconds: 120 } })
    for (let count = 0; count < 20; count += 1)
      await ec2.send(
        new CopyImageCommand({
          Name: `other-${count}`,
          SourceImageId: other.artifact.imageId,
          SourceRegion: buildRegion,
        }),
      )
    await cloud.change({ settings: { pendingSeconds: 0 } })
    const before = (await cloud.calls()).length
    assert.equal((await distribute(context, release, { target })).left, [])
    const copies = (await cloud.calls()).slice(before).filter(({ action }) => action === 'CopyImage')
    assert.equal(
      copies.map(({ result }) => result),
      ['ok'],
    )
    await whole(context, release, 'after the others')

    // Others may be faster between the look and the copy.
    await cloud.change({
      settings: { pendingSeconds: 0 },
      faults: [{ action: 'ec2:CopyImage', kind: 'refuse', code: 'ResourceLimitExceeded', times: 2 }],
    })
    const next = await built(context)
    assert.equal((await distribute(context, next, { target })).left, [])
    await whole(context, next, 'after a refusal')
  },
)

faults(
  'a missing permission is told with its statement, and keeps the other regions from nothing',
  async (context) => {
    const { cloud } = context
    const release = await built(context)
    await cloud.change({ denials: [{ action: 'ec2:CopyImage', region: 'us-west-2' }] })
    const { left } = await distribute(context, release)
    assert.equal(
      left.map(({ place }) => place),
      ['us-west-2'],
    )
    assert.match(left[0]?.why ?? '', 'may not ec2:CopyImage')
    assert.match(left[0]?.why ?? '', '"Action":"ec2:CopyImage"')
    await whole(context, release, 'the others')
  },
)

faults.run()
