import { join } from 'node:path'
import {
  CreateSnapshotCommand,
  DeregisterImageCommand,
  DescribeVolumesCommand,
  EnableImageDeregistrationProtectionCommand,
  RegisterImageCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as clean } from '../../../pipeline/cli/verbs/clean.ts'
import { loadDefinition } from '../../../pipeline/stages/load-definition.ts'
import { aws } from '../../../pipeline/targets/aws/aws.ts'
import { prepareBuild } from '../../../pipeline/targets/aws/build/prepare.ts'
import { cleanup, findOlder, type Keep } from '../../../pipeline/targets/aws/build/sweep.ts'
import { awsOf, callsAt } from '../../../pipeline/targets/aws/connect.ts'
import { marks } from '../../../pipeline/targets/aws/tags.ts'
import { consumer } from '../../cloud/stand-in.ts'
import { ami } from '../../helpers/ami-release.ts'
import { leaping, publicKey, region, silent, withBuilds } from '../../helpers/aws-build.ts'
import { withImages } from '../../helpers/images-folder.ts'
import { refusal } from '../../helpers/refusal.ts'

const sweep = suite('sweep of a build')
const { under, box, client, baseHere, run, prepared, packed, collected, swept, left } = withBuilds(sweep)

sweep('a try that was killed is swept by the next one, which makes nothing twice', async () => {
  const wanted = run()
  await packed(await prepared(wanted))
  const first = await left(wanted)
  assert.equal([...first].sort(), ['image', 'instance', 'key pair', 'security group', 'snapshot'])
  await prepared(wanted)
  assert.equal(await left(wanted), ['key pair', 'security group'])
  await swept(wanted, null)
  await swept(wanted, null)
  assert.equal(await left(wanted), [])
})

sweep('another image of the same run is none of its business', async () => {
  const wanted = run()
  const other = { ...wanted, image: 'db' }
  await prepared(wanted)
  await prepared(other)
  await swept(wanted, null)
  assert.equal(await left(wanted), [])
  assert.equal(await left(other), ['key pair', 'security group'])
  await swept(other, null)
})

sweep('a protected image is a release: it is not swept, and its name is not taken', async () => {
  const wanted = run()
  const built = await packed(await prepared(wanted))
  const { imageId } = await collected(wanted, built)
  await swept(wanted, built)
  await client().send(new EnableImageDeregistrationProtectionCommand({ ImageId: imageId }))
  await swept(wanted, null)
  const error = await refusal(prepared(wanted))
  assert.is(error.code, 'CONFLICT')
  assert.match(error.message, `${imageId} of run ${wanted.runId}`)
  assert.equal(await left(wanted), [])
})

sweep(
  'what older runs left is found by its tags, whatever its kind, and what is new or kept is not',
  async () => {
    const wanted = run()
    const built = await packed(await prepared(wanted))
    const calls = callsAt(box().world, region)
    const ec2 = client()
    const tags = marks(
      { image: 'web', version: null, run: wanted.runId, owner: 'team-platform' },
      'loose',
      new Date(),
    )
    const disk = { DeviceName: '/dev/sdf', Ebs: { VolumeSize: 1, DeleteOnTermination: false } }
    const { Instances: [gone] = [] } = await ec2.send(
      new RunInstancesCommand({
        ImageId: (await baseHere()).imageId,
        InstanceType: 't3.small',
        MinCount: 1,
        MaxCount: 1,
        BlockDeviceMappings: [disk],
        TagSpecifications: [{ ResourceType: 'volume', Tags: tags }],
      }),
    )
    const InstanceIds = [gone?.InstanceId ?? '']
    const { Volumes: [volume] = [] } = await ec2.send(
      new DescribeVolumesCommand({
        Filters: [
          { Name: 'attachment.instance-id', Values: InstanceIds },
          { Name: 'size', Values: ['1'] },
        ],
      }),
    )
    await ec2.send(
      new CreateSnapshotCommand({
        VolumeId: volume?.VolumeId,
        TagSpecifications: [{ ResourceType: 'snapshot', Tags: tags }],
      }),
    )
    await ec2.send(new TerminateInstancesCommand({ InstanceIds }))
    const kinds = async (image: string, before: Date, keep?: Keep) =>
      (await findOlder(calls, image, before, keep))
        .filter((item) => item.tags['mintmark:run'] === wanted.runId)
        .map(({ kind }) => kind)
    const later = new Date(Date.now() + 60_000)
    const all = ['key pair', 'volume', 'image', 'snapshot', 'snapshot', 'instance', 'security group']
    assert.equal(await kinds('web', later), all)
    assert.equal(await kinds('db', later), [])
    assert.equal(await kinds('web', new Date(Date.now() - 3_600_000)), [])
    assert.not.ok((await kinds('web', later, ({ id }) => built.endsWith(id))).includes('image'))
    const { clock, signal } = box().world
    await cleanup({
      calls,
      clock,
      signal,
      image: 'web',
      run: wanted.runId,
      keep: () => false,
      update: silent,
    })
    assert.equal(await kinds('web', later), [])
  },
)

sweep('what is not ours stays, even when it is in the way', async () => {
  const wanted = run()
  const ready = await prepared(wanted)
  // Somebody else's instance stands in the group of the build.
  const { Instances: [stranger] = [] } = await client().send(
    new RunInstancesCommand({
      ImageId: ready.source_ami,
      InstanceType: 't3.small',
      SecurityGroupIds: [ready.security_group],
      MinCount: 1,
      MaxCount: 1,
    }),
  )
  assert.ok(stranger)
  const leaps = { ...box().world, clock: { now: leaping(), sleep: box().world.clock.sleep } }
  const error = await refusal(aws.sweep({ ...wanted, world: leaps, keep: null, update: silent }))
  assert.match(error.message, 'something still uses it')
  assert.equal(await left(wanted), ['security group'])
})

sweep('what can not be removed keeps nothing else from going', async () => {
  const wanted = run()
  await packed(await prepared(wanted))
  await under.cloud().change({ denials: [{ action: 'ec2:DeleteKeyPair' }] })
  const error = await refusal(swept(wanted, null))
  assert.match(error.message, 'may not ec2:DeleteKeyPair')
  assert.equal(await left(wanted), ['key pair'])
  await under.cloud().change({ denials: [] })
  await swept(wanted, null)
  assert.equal(await left(wanted), [])
})

sweep('all that runs is asked to end before anything is waited for', async () => {
  const wanted = run()
  const ready = await prepared(wanted)
  for (const name of ['a', 'b']) await packed({ ...ready, ami_name: `${ready.ami_name}-${name}` })
  const before = (await under.cloud().calls()).length
  await swept(wanted, null)
  const actions = (await under.cloud().calls()).slice(before).map(({ action }) => action)
  const changes = actions.filter((action) => /^(?:Terminate|Delete|Deregister)/.test(action))
  assert.equal(changes.slice(0, 2), ['TerminateInstances', 'TerminateInstances'])
  assert.is(changes.at(-1), 'DeleteSecurityGroup')
  const images = changes.lastIndexOf('DeregisterImage')
  assert.ok(images < changes.lastIndexOf('TerminateInstances'), changes.join())
})

sweep('who is asked to stop during it, or before, leaves nothing all the same', async () => {
  for (const before of [true, false]) {
    const wanted = run()
    await packed(await prepared(wanted))
    const stopped = new AbortController()
    if (before) stopped.abort()
    const world = { ...box().world, signal: stopped.signal }
    await aws.sweep({ ...wanted, world, keep: null, update: () => stopped.abort() })
    assert.equal(await left(wanted), [])
  }
})

sweep('what turns up later is found by the next look, and what it was in the way of goes too', async () => {
  const wanted = run()
  const ready = await prepared(wanted)
  let late: Promise<unknown> | null = null
  // Of a call of Packer's whose answer was cut off when it was killed.
  const update = (): void => {
    late ??= packed({ ...ready, key_pair: '' })
  }
  const clock = { now: leaping(), sleep: async () => void (await late) }
  await aws.sweep({ ...wanted, world: { ...box().world, clock }, keep: null, update })
  assert.ok(await late)
  assert.equal(await left(wanted), [])
})

sweep("with another account's credentials nothing is looked for, and nothing removed", async () => {
  const elsewhere = run(consumer)
  await prepared({ ...elsewhere, definition: run().definition })
  const before = (await under.cloud().calls()).length
  assert.match((await refusal(swept(elsewhere, null))).message, `targets.aws.account says ${consumer}`)
  const made = (await under.cloud().calls()).slice(before)
  assert.equal([...new Set(made.map(({ action }) => action))], ['GetCallerIdentity'])
  await swept({ ...elsewhere, definition: run().definition }, null)
  assert.equal(await left(elsewhere), [])
})

sweep('a disk that another image has is told, and does not pass for removed', async () => {
  const wanted = run()
  const built = await packed(await prepared(wanted))
  const { snapshotIds } = await collected(wanted, built)
  const [SnapshotId] = snapshotIds
  const { ImageId: other } = await client().send(
    new RegisterImageCommand({
      Name: 'another',
      RootDeviceName: '/dev/xvda',
      VirtualizationType: 'hvm',
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId } }],
    }),
  )
  const error = await refusal(aws.discard({ world: box().world, built }))
  assert.match(error.message, 'AWS refuses ec2:DeleteSnapshot in eu-west-1 (InvalidSnapshot.InUse')
  await client().send(new DeregisterImageCommand({ ImageId: other }))
  await swept(wanted, null)
  assert.equal(await left(wanted), [])
})

sweep('what older runs left is looked for where releases were built, too', async () => {
  const { image, definition } = run()
  const before = (await under.cloud().calls()).length
  const artifacts = [{ ...ami, region: 'us-east-1' }]
  const { problems } = await aws.remains({
    world: box().world,
    image,
    definition,
    before: new Date(0),
    artifacts,
  })
  assert.equal(problems, [])
  const asked = (await under.cloud().calls()).slice(before).map((call) => call.region)
  assert.equal([...new Set(asked)].sort(), ['eu-west-1', 'us-east-1'])
})

sweep('clean --target aws shows what is left in every region, asks, and removes it', async () => {
  const { world, told } = box()
  // A command that took this run up again at the last moment has ended by now, too.
  const past = new Date(Date.now() - 25 * 3_600_000)
  const wanted = { ...run(), image: 'cloud' }
  const earlier: typeof world = { ...world, clock: { ...world.clock, now: () => past } }
  const base = await baseHere()
  const definition = await loadDefinition(await withImages(world, box().folder, 'cloud', 'cloud'), 'cloud')
  const spec = awsOf('cloud', definition)
  const calls = callsAt(world, region)
  const ready = await prepareBuild({
    ...wanted,
    definition,
    world: earlier,
    calls,
    spec,
    arch: 'x86_64',
    base,
    publicKey,
    began: silent,
    update: silent,
  })
  await packed(ready)
  const young = await prepared(run())
  assert.ok(young)
  const here = { ...world, places: { ...world.places, root: join(box().folder, 'checkout') } }
  const removes = async (options: Readonly<Record<string, string>>) => {
    const code = await clean({ world: here, args: [], options: { target: 'aws', ...options } })
    const { text = '', data } = told.results.at(-1) ?? {}
    return { code, text, data: data as { plan: string; items: readonly { what: string }[] } }
  }
  const shown = await removes({})
  assert.is(shown.code, 0)
  assert.equal(
    shown.data.items.map(({ what }) => what),
    ['key pair', 'image', 'snapshot', 'instance', 'security group'],
  )
  assert.match(shown.text, `./mintmark clean --target aws --plan ${shown.data.plan}`)
  assert.match((await refusal(removes({ plan: '0'.repeat(12) }))).message, 'is not what would be removed now')
  await under.cloud().change({ down: ['us-east-1'] })
  const partly = await removes({ plan: shown.data.plan })
  assert.equal([partly.code, partly.text], [10, 'removed 5 of 5 things at aws'])
  await under.cloud().change({ down: [] })
  const again = await removes({})
  assert.equal([again.code, again.text], [0, 'older runs left nothing at aws'])
  assert.match((await refusal(removes({ target: 'aqs' }))).message, 'did you mean')
})

sweep.run()
