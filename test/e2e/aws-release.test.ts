import {
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeKeyPairsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { uncalledActions, unexpectedCalls } from '../cloud/permissions.ts'
import { consumer, factory, sshPort } from '../cloud/stand-in.ts'
import type { Call } from '../cloud/stand-in-types.ts'
import { type AwsCheckout, awsCheckout, image, member, sharers } from '../helpers/aws-release.ts'
import { officialDisk } from '../helpers/official-disk.ts'
import { regions } from '../helpers/publish-cloud.ts'
import { run, start } from '../helpers/real-cli.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

/**
 * The whole way of an image on the target aws, by the command line alone: Packer's own amazon plugin, instances that are machines, disks
 * that are read by EBS direct, and every region, account and parameter after that.
 */
interface Context extends AwsCheckout {
  test: TestWorld
  /** Every call that the command line, or Packer, made so far. */
  made: Call[]
}

const releasing = suite<Context>('release on aws, end to end')
// Packer knows no other port than SSH's own.
const whereSshIsFree = (await sshPort()) === 22 ? releasing : releasing.skip

releasing.before(async (context) => {
  const test = await testWorld()
  Object.assign(context, { test, made: [] }, await awsCheckout(test, await officialDisk(test)))
})
releasing.after(async ({ test, cloud }) => {
  await cloud.close()
  await test.close()
})

/** A verb, by who has the account. */
async function mintmark({ cli, cloud, made }: Context, ...args: string[]) {
  const before = (await cloud.calls()).length
  const ended = await run(cli, args, { env: cloud.env })
  const calls = (await cloud.calls()).slice(before)
  made.push(...calls)
  return { ...ended, calls }
}

/** What a verb answers a program. */
async function asked(context: Context, ...args: string[]) {
  const ended = await mintmark(context, ...args, '--json')
  assert.is(ended.code, 0, `${args.join(' ')}\n${ended.stderr}`)
  return { ...ended, data: JSON.parse(ended.stdout) }
}

const changing = (calls: readonly Call[]): readonly string[] =>
  calls
    .filter(({ action }) => !/^(?:Describe|Get|List)/.test(action))
    .map(({ service, action, region }) => `${service}:${action} ${region}`)

/** Everything that a run could leave in a region beside its image, in words. */
async function leftIn(ec2: EC2Client): Promise<readonly string[]> {
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({}))
  const alive = Reservations.flatMap(({ Instances = [] }) => Instances).filter(
    ({ State }) => State?.Name !== 'terminated',
  )
  const { KeyPairs = [] } = await ec2.send(new DescribeKeyPairsCommand({}))
  const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({}))
  const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({}))
  return [
    ...alive.map(({ InstanceId, State }) => `${InstanceId} ${State?.Name}`),
    ...KeyPairs.map(({ KeyName }) => `key pair ${KeyName}`),
    ...Volumes.map(({ VolumeId }) => `volume ${VolumeId}`),
    ...SecurityGroups.filter(({ GroupName }) => GroupName !== 'default').map(
      ({ GroupName }) => `group ${GroupName}`,
    ),
  ]
}

whereSshIsFree(
  'an official AMI becomes a release: built, booted twice, scanned, judged, in every region, and nothing else is left',
  async (context) => {
    const { cloud, keys, release } = context
    await asked(context, 'base', 'update', image, '--target', 'aws')
    const { data, calls } = await asked(context, ...release)
    assert.equal([data.version, data.channel, data.vulnerability], ['1.0.0', 'nightly', 'judged'])

    const source = new Set<string | undefined>()
    for (const region of regions) {
      const ec2 = new EC2Client(cloud.client(factory, region))
      const { Images: own = [] } = await ec2.send(new DescribeImagesCommand({ Owners: ['self'] }))
      const [made] = own
      assert.equal(
        own.map(({ Name, State, Public, ImdsSupport, DeregistrationProtection: kept }) => [
          Name,
          State,
          Public,
          ImdsSupport,
          kept,
        ]),
        [[`mintmark/${image}/1.0.0/x86_64`, 'available', false, 'v2.0', 'enabled-without-cooldown']],
        region,
      )
      const { Snapshots: snapshots = [] } = await ec2.send(
        new DescribeSnapshotsCommand({ OwnerIds: ['self'] }),
      )
      assert.equal(
        snapshots.map(({ Encrypted, KmsKeyId, State }) => [Encrypted, KmsKeyId, State]),
        [[true, keys[region], 'completed']],
        region,
      )
      for (const tags of [made?.Tags, snapshots[0]?.Tags]) {
        const found = Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key, Value]))
        assert.equal(
          [found['mintmark:image'], found['mintmark:version'], found['mintmark:owner']],
          [image, '1.0.0', 'team-platform'],
        )
        source.add(found['mintmark:source'])
      }
      assert.equal(
        (
          await ec2.send(
            new DescribeImageAttributeCommand({ ImageId: made?.ImageId, Attribute: 'launchPermission' }),
          )
        ).LaunchPermissions,
        [],
      )
      assert.equal(await leftIn(ec2), [], region)
    }
    assert.is(source.size, 1)

    // From its birth: no disk was ever without encryption or without its owner's marks, and no instance without IMDSv2.
    const launches = calls.filter(({ action }) => action === 'RunInstances')
    assert.is(launches.length, 3, 'one to build it, two to test it')
    for (const { parameters } of launches) {
      const text = JSON.stringify(parameters)
      assert.match(text, '"HttpTokens":"required"')
      assert.match(text, 'mintmark:run')
    }
    assert.match(JSON.stringify(launches[0]?.parameters), '"Encrypted":true')
    assert.ok(calls.some(({ action }) => action === 'GetSnapshotBlock'))

    // Credentials are in no file of the run.
    const { AWS_ACCESS_KEY_ID: id = '', AWS_SECRET_ACCESS_KEY: secret = '' } = cloud.env
    const { stdout } = await context.cli.exec([
      'grep',
      '-rlF',
      '-e',
      `"${secret}"`,
      '-e',
      id,
      'state',
      'data',
    ])
    assert.is(stdout, '')
  },
)

whereSshIsFree('the release is shown, verified and given to other tools in each region', async (context) => {
  const { data: shown } = await asked(context, 'show', image)
  assert.match(JSON.stringify(shown), 'identity-document')
  assert.is((await asked(context, 'verify', image)).data.ok, true)
  const ids = new Set<string>()
  for (const region of regions) {
    const outputs = await asked(context, 'outputs', image, '--region', region)
    const [id = ''] = /ami-[0-9a-f]{17}/.exec(outputs.stdout) ?? []
    ids.add(id)
  }
  assert.is(ids.size, regions.length, [...ids].join())
})

whereSshIsFree(
  'it is shared with an account, a unit and an organization, which can use it',
  async (context) => {
    const planned = await mintmark(context, 'share', 'plan', image, '--detailed-exitcode')
    assert.is(planned.code, 6, planned.stderr)
    for (const who of sharers) assert.match(planned.stdout, who)
    assert.is((await mintmark(context, 'share', 'apply', image)).code, 0)
    for (const account of [consumer, member]) {
      const role = `arn:aws:iam::${account}:role/launcher`
      const proved = await mintmark(context, 'share', 'prove', image, '--role', role)
      assert.is(proved.code, 0, `${proved.stdout}${proved.stderr}`)
    }
  },
)

whereSshIsFree(
  'it is booted for a look: by host keys that its console confirmed, and it is gone after',
  async ({ cli, cloud, made }) => {
    const before = (await cloud.calls()).length
    const started = start(cli, ['boot', image, '--json'], { env: cloud.env })
    assert.ok(await started.says(/answers after/), started.said())
    const { ssh } = JSON.parse(await started.told(/\n$/)) as { readonly ssh: readonly string[] }
    const [, ...args] = ssh
    assert.ok(args.includes('StrictHostKeyChecking=yes'), args.join(' '))
    const inside = await cli.exec(['ssh', '-o', 'BatchMode=yes', ...args, 'cat /etc/os-release'])
    assert.match(inside.stdout, /^IMAGE_VERSION="?1\.0\.0"?$/m)
    started.child.kill('SIGINT')
    await started.ended
    made.push(...(await cloud.calls()).slice(before))
    for (const region of regions) assert.equal(await leftIn(new EC2Client(cloud.client(factory, region))), [])
  },
)

whereSshIsFree(
  'again: unchanged, everything is everywhere, and no call changes anything',
  async (context) => {
    const released = await asked(context, ...context.release)
    assert.is(released.data.unchanged, true, released.stdout)
    const shared = await mintmark(context, 'share', 'apply', image)
    assert.is(shared.code, 0, shared.stderr)
    assert.equal([...changing(released.calls), ...changing(shared.calls)], [])
  },
)

/** What is asked where a network is named, or something has to be swept, taken back or proven by a role's key: other tests see these. */
const otherwise: readonly string[] = [
  'ec2:DeleteSnapshot',
  'ec2:DeleteVolume',
  'ec2:DeregisterImage',
  'ec2:DescribeInstanceTypeOfferings',
  'ec2:DescribeRegions',
  'ec2:DescribeSubnets',
  'ec2:DescribeVpcs',
  'ec2:ResetImageAttribute',
  'ec2:ResetSnapshotAttribute',
  'ec2:StopInstances',
  'kms:Decrypt',
  'kms:GenerateDataKeyWithoutPlaintext',
  'ssm:DeleteParameter',
]

whereSshIsFree('neither Packer nor we made a call that is in no policy', ({ made }) => {
  assert.ok(made.length > 100)
  assert.equal(unexpectedCalls(made, ['builder', 'publisher', 'consumer']), [])
  const uncalled = uncalledActions(made, ['builder', 'publisher', 'consumer'])
  assert.equal(
    uncalled.filter((action) => !otherwise.includes(action)),
    [],
  )
})

releasing.run()
