import {
  CopyImageCommand,
  DescribeImageAttributeCommand,
  DescribeInstancesCommand,
  DescribeSnapshotAttributeCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2'
import { GetKeyPolicyCommand, PutKeyPolicyCommand } from '@aws-sdk/client-kms'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { consumer, factory } from '../../cloud/stand-in.ts'
import { errorCode, newName, snapshotOf, withStandIn } from '../../cloud/under-test.ts'
import { type AwsBox, awsBox, goldenKey, organization, regions, unit } from '../../helpers/aws-share.ts'
import { killedBeforeEvents, share, shareEvents } from '../../helpers/share-fixture.ts'

// Sharing of AMIs over two regions: launch permissions, snapshots and keys' policies, by the verbs that people type. One
// release and one account for all of it: each test leaves it shared with nobody.
const it = suite('share: aws')
const under = withStandIn(it)
const { cloud, ec2, kms, imageOf } = under
const member = '333333333333'
const stranger = '444444444444'
const account = (id: string): string => `account:${id}`
const keys = new Map<string, string>()
let aws: AwsBox

it.before(async () => {
  for (const region of regions) keys.set(region, await goldenKey(kms(factory, region)))
  const arn = 'arn:aws:organizations::999999999999'
  await cloud().seed({
    accounts: [member, stranger],
    members: {
      [member]: {
        organization: `${arn}:organization/o-abcdefghij`,
        units: [`${arn}:ou/o-abcdefghij/ou-abcd-12345678`],
      },
    },
  })
  aws = await awsBox(under)
  await aws.release('1.0.0')
  await aws.pointTo('stable', '1.0.0')
})
it.after(() => aws.close())

const plan = (options = {}) => share(aws.box, aws.world, 'plan', options)
const apply = (options = {}, world = aws.world) => share(aws.box, world, 'apply', options)

/** Applies what is planned now, also where somebody loses by it. */
async function applyPlan(): Promise<Awaited<ReturnType<typeof apply>>> {
  const { data } = await plan()
  return apply({ plan: data.plan })
}

const idIn = (region: string, version = '1.0.0'): string => aws.images.get(`${version} ${region}`) ?? ''

/** Who may launch the image and who may copy it, as EC2 has it. */
async function permissions(region: string, version = '1.0.0') {
  const id = idIn(region, version)
  const client = ec2(factory, region)
  const { LaunchPermissions = [] } = await client.send(
    new DescribeImageAttributeCommand({ ImageId: id, Attribute: 'launchPermission' }),
  )
  const { CreateVolumePermissions = [] } = await client.send(
    new DescribeSnapshotAttributeCommand({
      SnapshotId: snapshotOf(await imageOf(id, client)),
      Attribute: 'createVolumePermission',
    }),
  )
  const of = (list: readonly object[]): readonly string[] =>
    list.map((one) => String(Object.values(one)[0]).replace(/^.*\//, '')).sort()
  return { launch: of(LaunchPermissions), copy: of(CreateVolumePermissions) }
}

interface Statement {
  readonly Sid?: string
  readonly Principal: { readonly AWS: unknown }
}
async function policyOf(region: string): Promise<{ Statement: Statement[] }> {
  const asked = { KeyId: keys.get(region), PolicyName: 'default' }
  const { Policy = '' } = await kms(factory, region).send(new GetKeyPolicyCommand(asked))
  return JSON.parse(Policy)
}
const sidsOf = async (region: string): Promise<readonly string[]> =>
  (await policyOf(region)).Statement.map(({ Sid = '' }) =>
    Sid.replace(/^(MintmarkShare)Debian13[0-9a-f]{8}/, '$1 '),
  )

/** What becomes of an instance of the image that another account starts. */
async function launched(who: string, region = 'us-east-1', version = '1.0.0') {
  const client = ec2(who, region)
  const wanted = { MinCount: 1, MaxCount: 1, InstanceType: 't3.micro' } as const
  const { Instances: [instance] = [] } = await client.send(
    new RunInstancesCommand({ ImageId: idIn(region, version), ...wanted }),
  )
  const { Reservations: [now] = [] } = await client.send(
    new DescribeInstancesCommand({ InstanceIds: [instance?.InstanceId ?? ''] }),
  )
  return now?.Instances?.[0]?.State?.Name
}
const copied = (who: string, region = 'us-east-1') =>
  errorCode(
    ec2(who, region).send(
      new CopyImageCommand({ SourceImageId: idIn(region), SourceRegion: region, Name: newName() }),
    ),
  )

/** Calls that the work makes, by service and operation; `changing` are those that are no look. */
async function callsOf(work: () => Promise<unknown>) {
  const before = (await cloud().calls()).length
  await work()
  const made = (await cloud().calls()).slice(before).filter(({ account: who }) => who === factory)
  const names = made.map(({ service, action, region }) => `${service}:${action} ${region}`)
  return { names, changing: names.filter((name) => !/:(?:Describe|Get|List)/.test(name)) }
}

async function sharedWithNobody(): Promise<void> {
  await aws.name({})
  await applyPlan()
  for (const region of regions) assert.equal(await permissions(region), { launch: [], copy: [] })
}

it('who is named gets it in every region, can really use it, and is told of what it can', async () => {
  await aws.name({ stable: [account(consumer), organization] })
  assert.is(await errorCode(launched(consumer)), 'InvalidAMIID.NotFound')
  const planned = await plan({ detailedExitcode: true })
  assert.is(planned.exit, 6)
  assert.match(
    planned.text,
    /\+ {2}account:222222222222 +stable 1\.0\.0 {2}gets the image; stable is new there;/,
  )
  assert.match(planned.text, 'launchable: once its key names it too; copyable: its snapshots are shared too')
  assert.match(planned.text, 'not copyable: EC2 shares snapshots with accounts alone')
  assert.match(planned.text, `policy of ${keys.get('us-west-2')}\n  + {"Sid":"MintmarkShare`)
  assert.equal(planned.data.actions[0].uses.copyable.yes, true)
  const { names } = await callsOf(async () => assert.is((await apply()).exit, 0))
  assert.is(names.filter((name) => /Modify|Put/.test(name)).length, 3 * regions.length)
  for (const region of regions) {
    assert.equal(await permissions(region), { launch: [consumer, 'o-abcdefghij'], copy: [consumer] })
    for (const who of [consumer, member])
      assert.is(await launched(who, region), 'running', `${who} ${region}`)
  }
  assert.equal([await copied(consumer), await copied(member)], ['nothing', 'InvalidRequest'])
  assert.is(await errorCode(launched(stranger)), 'InvalidAMIID.NotFound')
  assert.equal(await shareEvents(aws.world), [
    `granted stable 1.0.0 account:${consumer}`,
    `granted stable 1.0.0 ${organization}`,
  ])
})

it('again: no call that changes anything, and few that look', async () => {
  const { names, changing } = await callsOf(async () => assert.is((await apply()).exit, 0))
  assert.equal(changing, [])
  assert.is(names.filter((name) => name.startsWith('sts:')).length, 1)
  for (const region of regions) {
    const there = names.filter((name) => name.endsWith(region) && !name.startsWith('sts:'))
    const looks = there.filter((name) => /:(?:DescribeImages|DescribeSnapshots|DescribeKey) /.test(name))
    const attributes = there.filter((name) => /Attribute /.test(name))
    const policies = there.filter((name) => /:(?:GetKeyPolicy|ListGrants) /.test(name))
    assert.ok(looks.length <= 3 && attributes.length === 2 && policies.length <= 2, there.join())
    assert.is(looks.length + attributes.length + policies.length, there.length)
  }
})

it('who is not named any more loses it, by a plan that somebody saw; what others wrote into the policy stays', async () => {
  const own = await policyOf('us-east-1')
  const theirs = {
    Sid: 'of somebody else',
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${stranger}:root` },
    Action: ['kms:ListGrants'],
    Resource: '*',
  }
  await kms().send(
    new PutKeyPolicyCommand({
      KeyId: keys.get('us-east-1'),
      PolicyName: 'default',
      Policy: JSON.stringify({ ...own, Statement: [theirs, ...own.Statement] }),
    }),
  )
  await aws.name({ stable: [organization] })
  const planned = await plan()
  assert.match(planned.text, `-  account:${consumer}`)
  assert.match(planned.text, 'no longer named: loses the image')
  assert.is((await apply()).exit, 6)
  assert.equal((await permissions('us-east-1')).copy, [consumer])
  assert.is((await applyPlan()).exit, 0)
  for (const region of regions) {
    assert.equal(await permissions(region), { launch: ['o-abcdefghij'], copy: [] })
    assert.is(await errorCode(launched(consumer, region)), 'InvalidAMIID.NotFound')
  }
  const policy = await policyOf('us-east-1')
  assert.equal(policy.Statement.find(({ Sid }) => Sid === theirs.Sid) as unknown, theirs)
  assert.equal((await sidsOf('us-east-1')).slice(1), [
    own.Statement[0]?.Sid ?? '',
    'MintmarkShare OrganizationsUse',
    'MintmarkShare OrganizationsGrant',
  ])
  assert.is((await plan()).text.split('\n').at(-1), 'nothing to do')
  await sharedWithNobody()
  assert.is((await sidsOf('us-west-2')).filter((sid) => sid.startsWith('Mintmark')).length, 0)
})

it('what somebody gave by hand is found and taken back; what is public, without asking', async () => {
  await aws.name({ stable: [account(consumer)] })
  await apply()
  const byHand = { ImageId: idIn('us-west-2'), LaunchPermission: { Add: [{ UserId: stranger }] } }
  await ec2(factory, 'us-west-2').send(new ModifyImageAttributeCommand(byHand))
  const snapshot = snapshotOf(await imageOf(idIn('us-east-1')))
  await ec2().send(
    new ModifySnapshotAttributeCommand({
      SnapshotId: snapshot,
      CreateVolumePermission: { Add: [{ UserId: member }] },
    }),
  )
  const planned = await plan()
  for (const who of [member, stranger]) assert.match(planned.text, `-  account:${who}`)
  assert.match(planned.text, 'no channel names it: loses the image')
  assert.is((await apply()).exit, 6)
  await applyPlan()
  for (const region of regions)
    assert.equal(await permissions(region), { launch: [consumer], copy: [consumer] })
  await sharedWithNobody()
})

it('without leave to write policies: refused, with the statements; added by hand, it is given', async () => {
  await aws.name({ stable: [account(consumer), unit] }, { manages: false })
  const planned = await plan()
  assert.match(planned.text, `!  account:${consumer}`)
  assert.match(planned.text, 'does not let it use the key (kms:CreateGrant, kms:Decrypt')
  assert.match(planned.text, 'managePolicy: true')
  assert.not.match(planned.text, 'to give')
  const { changing } = await callsOf(async () => assert.is((await apply()).exit, 10))
  assert.equal(changing, [])
  const lines: readonly string[] = planned.data.besides
  for (const region of regions) {
    const start = lines.findIndex((line) => line.startsWith(`policy of ${keys.get(region)}`))
    assert.ok(start >= 0)
    const statements = lines.slice(start).filter((line) => line.startsWith('  + '))
    const added = statements.slice(0, 4).map((line) => JSON.parse(line.replace('  + ', '')))
    const own = await policyOf(region)
    const Policy = JSON.stringify({
      ...own,
      // As people write them, with names of their own.
      Statement: [...own.Statement, ...added.map((one, index) => ({ ...one, Sid: `ours ${index}` }))],
    })
    await kms(factory, region).send(
      new PutKeyPolicyCommand({ KeyId: keys.get(region), PolicyName: 'default', Policy }),
    )
  }
  assert.is((await apply()).exit, 0)
  assert.equal([await launched(consumer), await launched(member)], ['running', 'running'])
  // With leave there is nothing to add: others' statements let them in.
  await aws.name({ stable: [account(consumer), unit] })
  assert.equal((await plan()).data.besides, [])
  await sharedWithNobody()
  for (const region of regions) {
    const own = await policyOf(region)
    const kept = own.Statement.filter(({ Sid = '' }) => !Sid.startsWith('ours'))
    await kms(factory, region).send(
      new PutKeyPolicyCommand({
        KeyId: keys.get(region),
        PolicyName: 'default',
        Policy: JSON.stringify({ ...own, Statement: kept }),
      }),
    )
  }
})

it('a region that is down stays behind, visibly, and is made up for; nobody is told to have lost what may be there', async () => {
  await aws.name({ stable: [account(consumer)] })
  await cloud().change({ down: ['us-west-2'] })
  const first = await apply()
  assert.is(first.exit, 10)
  assert.match(first.text, '! us-west-2 stays as it is: ')
  assert.is(await launched(consumer), 'running')
  await cloud().change({ down: [] })
  assert.equal(await permissions('us-west-2'), { launch: [], copy: [] })
  const events = (await shareEvents(aws.world)).length
  assert.is((await apply()).exit, 0)
  assert.is(await launched(consumer, 'us-west-2'), 'running')
  assert.is((await shareEvents(aws.world)).length, events)
  await aws.name({})
  await cloud().change({ down: ['us-east-1'] })
  assert.is((await applyPlan()).exit, 10)
  assert.is((await shareEvents(aws.world)).length, events)
  await cloud().change({ down: [] })
  assert.equal(
    [(await permissions('us-east-1')).launch, (await permissions('us-west-2')).launch],
    [[consumer], []],
  )
  assert.is((await applyPlan()).exit, 0)
  assert.is((await shareEvents(aws.world)).at(-1), `revoked stable 1.0.0 account:${consumer}`)
  await sharedWithNobody()
})

it('refused at any call on its way: run again, it is the same, and nothing is told twice', async () => {
  const settled = await shareEvents(aws.world)
  const refuse = { kind: 'refuse', code: 'UnauthorizedOperation', times: 1_000_000 } as const
  let through = false
  for (let call = 1; !through; call += 6) {
    await aws.name({ stable: [account(consumer), unit] })
    await cloud().change({ faults: [{ ...refuse, at: call }] })
    const first = await apply().catch(() => null)
    await cloud().change({ faults: [] })
    through = first?.exit === 0
    assert.is((await apply()).exit, 0, `refused at ${call}`)
    for (const region of regions)
      assert.equal(await permissions(region), { launch: [consumer, 'ou-abcd-12345678'], copy: [consumer] })
    assert.equal((await plan()).data.pending, false)
    await aws.name({})
    const { data } = await plan()
    await cloud().change({ faults: [{ ...refuse, at: call }] })
    await apply({ plan: data.plan }).catch(() => null)
    await cloud().change({ faults: [] })
    await sharedWithNobody()
    for (const region of regions)
      assert.is((await sidsOf(region)).filter((sid) => sid.startsWith('Mintmark')).length, 0)
  }
  const told = (await shareEvents(aws.world)).slice(settled.length)
  assert.is(told.filter((text) => text.startsWith('granted')).length * 2, told.length)
})

it('cut off after the work and throttled on the way: done all the same, and once', async () => {
  await aws.name({ stable: [account(consumer), unit] })
  const cutAfter = (action: string) => ({ action, kind: 'cut-after' as const })
  await cloud().change({
    faults: [
      cutAfter('kms:PutKeyPolicy'),
      cutAfter('ec2:ModifySnapshotAttribute'),
      cutAfter('ec2:ModifyImageAttribute'),
      { action: 'ec2:DescribeImageAttribute', kind: 'throttle', times: 2 },
    ],
  })
  assert.is((await apply()).exit, 0)
  await cloud().change({ faults: [] })
  const { text } = await plan({ markdown: true })
  assert.match(text, '| `=` | `account:222222222222` | stable 1.0.0 | unchanged; launchable: image and key')
  await sharedWithNobody()
})

it('killed before it could tell: the next one tells, and gives nothing again', async () => {
  await aws.name({ stable: [account(consumer)] })
  const before = (await shareEvents(aws.world)).length
  await apply({}, killedBeforeEvents(aws.world)).then(
    () => assert.unreachable(),
    (cause) => assert.is(cause.message, 'killed'),
  )
  assert.equal((await permissions('us-east-1')).launch, [consumer])
  const { changing } = await callsOf(async () => assert.is((await apply()).exit, 0))
  assert.equal(changing, [])
  assert.is((await shareEvents(aws.world)).length, before + 1)
  await sharedWithNobody()
})

it('the version before stays, the one before that goes', async () => {
  await aws.name({ stable: [account(consumer)] })
  await apply()
  for (const version of ['1.1.0', '1.2.0']) {
    await aws.release(version)
    await aws.pointTo('stable', version)
    assert.is((await apply()).exit, 0)
  }
  assert.equal((await permissions('us-east-1', '1.0.0')).launch, [])
  assert.equal((await permissions('us-east-1', '1.1.0')).launch, [consumer])
  assert.equal((await permissions('us-west-2', '1.2.0')).launch, [consumer])
  assert.is(await launched(consumer, 'us-east-1', '1.1.0'), 'running')
  assert.match((await plan()).text, 'the version before: kept for those who start from it')
})

it.run()
