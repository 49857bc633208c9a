import {
  DescribeImageAttributeCommand,
  DisableImageBlockPublicAccessCommand,
  ModifyImageAttributeCommand,
} from '@aws-sdk/client-ec2'
import {
  CreateGrantCommand,
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  PutKeyPolicyCommand,
} from '@aws-sdk/client-kms'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as shareVerb } from '../../../pipeline/cli/verbs/share.ts'
import { consumer, factory } from '../../cloud/stand-in.ts'
import { withStandIn } from '../../cloud/under-test.ts'
import { type AwsBox, awsBox, goldenKey, organization, regions } from '../../helpers/aws-share.ts'
import { refusal } from '../../helpers/refusal.ts'
import { share, shareEvents } from '../../helpers/share-fixture.ts'

// What can't be shared, what is public, many at once, and how it looks from the other side.
const it = suite('share: aws, more')
const under = withStandIn(it)
const { cloud, ec2, kms } = under
const member = '333333333333'
const prover = '666666666666'
const account = (id: string): string => `account:${id}`
const roleOf = (id: string): string => `arn:aws:iam::${id}:role/launcher`
const keys = new Map<string, string>()
let aws: AwsBox

it.before(async () => {
  for (const region of regions) keys.set(region, await goldenKey(kms(factory, region)))
  const arn = 'arn:aws:organizations::999999999999'
  await cloud().seed({
    accounts: [member, prover],
    members: { [member]: { organization: `${arn}:organization/o-abcdefghij`, units: [] } },
  })
})
it.before.each(async () => {
  aws = await awsBox(under)
})
it.after.each(() => aws.close())

const plan = (options = {}) => share(aws.box, aws.world, 'plan', options)
const apply = (options = {}) => share(aws.box, aws.world, 'apply', options)

async function prove(options: Readonly<Record<string, string>>) {
  aws.box.told.results.length = 0
  const exit = await shareVerb({ world: aws.world, args: ['prove', 'debian-13@stable'], options })
  const [result] = aws.box.told.results
  return { exit, text: result?.text ?? '', data: JSON.parse(JSON.stringify(result?.data ?? null)) }
}

async function launchersOf(id: string, region = 'us-east-1'): Promise<number> {
  const asked = new DescribeImageAttributeCommand({ ImageId: id, Attribute: 'launchPermission' })
  return (await ec2(factory, region).send(asked)).LaunchPermissions?.length ?? 0
}

it("what AWS's own key encrypts is refused, with what helps", async () => {
  await aws.name({ stable: [account(consumer)] })
  await aws.release('1.0.0', { key: 'alias/aws/ebs' })
  await aws.pointTo('stable', '1.0.0')
  const planned = await plan()
  assert.match(
    planned.text,
    `!  account:${consumer}  stable 1.0.0  it is encrypted with AWS's own key arn:aws:kms`,
  )
  assert.match(planned.text, '→ set targets.aws.encrypt.key to a key of yours')
  assert.equal(planned.data.besides, [])
})

it('a key that is disabled in one region: the others give it, and the one is told', async () => {
  await aws.name({ stable: [account(consumer)] })
  await aws.release('1.0.0')
  await aws.pointTo('stable', '1.0.0')
  const west = kms(factory, 'us-west-2')
  const KeyId = keys.get('us-west-2')?.split('/')[1]
  await west.send(new DisableKeyCommand({ KeyId }))
  const applied = await apply()
  await west.send(new EnableKeyCommand({ KeyId }))
  assert.is(applied.exit, 10)
  assert.match(applied.text, '! us-west-2 does not give it: the key ')
  assert.is(await launchersOf(aws.images.get('1.0.0 us-east-1') ?? ''), 1)
  assert.is(await launchersOf(aws.images.get('1.0.0 us-west-2') ?? '', 'us-west-2'), 0)
  assert.is((await apply()).exit, 0)
  assert.is(await launchersOf(aws.images.get('1.0.0 us-west-2') ?? '', 'us-west-2'), 1)
})

it('public is taken back without asking, whatever the channel, and told', async () => {
  await aws.name({ stable: [account(consumer)] })
  const id = await aws.release('1.0.0', { key: '', regions: ['us-east-1'] })
  await aws.pointTo('stable', '1.0.0')
  await ec2().send(new DisableImageBlockPublicAccessCommand({}))
  await ec2().send(
    new ModifyImageAttributeCommand({ ImageId: id, LaunchPermission: { Add: [{ Group: 'all' }] } }),
  )
  const planned = await plan({ channel: 'nightly' })
  assert.match(planned.text, '-  everybody  nightly 1.0.0  it is public: loses the image')
  assert.match(planned.text, 'an image of debian-13 is public: that is always taken back')
  assert.is((await apply()).exit, 0)
  assert.is(await launchersOf(id), 1)
  assert.equal([...(await shareEvents(aws.world))].sort(), [
    `granted stable 1.0.0 account:${consumer}`,
    'revoked nightly 1.0.0 everybody',
  ])
})

it('200 accounts and 3 units: few calls, one policy, and nothing to do after', async () => {
  const accounts = Array.from({ length: 200 }, (_, index) => account(String(500_000_000_000 + index)))
  const units = ['1', '2', '3'].map((one) => `ou:999999999999/o-abcdefghij/ou-abcd-1234567${one}`)
  await aws.name({ stable: [...accounts, ...units] })
  await aws.release('1.0.0')
  await aws.pointTo('stable', '1.0.0')
  const before = (await cloud().calls()).length
  assert.is((await apply()).exit, 0)
  const made = (await cloud().calls()).slice(before).map(({ action }) => action)
  const count = (name: string): number => made.filter((action) => action === name).length / regions.length
  assert.equal(
    [count('PutKeyPolicy'), count('ModifySnapshotAttribute'), count('ModifyImageAttribute')],
    [1, 2, 3],
  )
  assert.ok(made.length <= 25 * regions.length, String(made.length))
  assert.is((await shareEvents(aws.world)).length, 203)
  assert.equal((await plan()).data.pending, false)
})

it('one account that there is not keeps the others from nothing', async () => {
  await aws.name({ stable: [account(consumer), account(member), account('000000000000')] })
  await aws.release('1.0.0', { key: '', regions: ['us-east-1'] })
  await aws.pointTo('stable', '1.0.0')
  const unknown = { kind: 'refuse', code: 'InvalidAMIAttributeItemValue', at: 1, times: 3 } as const
  // The call for all three, the one for two of them, and the one for the first alone.
  await cloud().change({ faults: [{ ...unknown, action: 'ec2:ModifyImageAttribute' }] })
  const applied = await apply()
  await cloud().change({ faults: [] })
  assert.is(applied.exit, 10)
  assert.equal([applied.data.done.length, applied.data.failed.length], [2, 1])
  assert.is((await apply()).exit, 0)
})

it('a grant on the key does for an account what the policy does not', async () => {
  await aws.name({ stable: [account(member)] }, { manages: false, regions: ['us-east-1'] })
  await aws.release('1.0.0', { regions: ['us-east-1'] })
  await aws.pointTo('stable', '1.0.0')
  assert.match((await plan()).text, `!  account:${member}`)
  await kms().send(
    new CreateGrantCommand({
      KeyId: keys.get('us-east-1'),
      GranteePrincipal: `arn:aws:iam::${member}:root`,
      Operations: ['CreateGrant', 'Decrypt', 'DescribeKey', 'ReEncryptFrom', 'ReEncryptTo'],
    }),
  )
  assert.is((await apply()).exit, 0)
  assert.is(await launchersOf(aws.images.get('1.0.0 us-east-1') ?? ''), 1)
})

it('other credentials than those of the account that has it: refused before anything', async () => {
  await aws.name({ stable: [account(consumer)] })
  await aws.release('1.0.0', { key: '', regions: ['us-east-1'] })
  await aws.pointTo('stable', '1.0.0')
  const other = cloud().enter(consumer)
  try {
    // Clients are of a command: another one has others.
    const world = { ...aws.world, signal: new AbortController().signal }
    const { code, message } = await refusal(share(aws.box, world, 'apply'))
    assert.is(code, 'PROVIDER_REFUSED')
    assert.match(message, `these credentials are of account ${consumer}`)
  } finally {
    other.restore()
  }
})

it('prove: what a role of theirs can really do', async () => {
  await aws.name({ stable: [account(prover), organization] })
  await aws.release('1.0.0')
  await aws.pointTo('stable', '1.0.0')
  const early = await prove({ role: roleOf(prover) })
  assert.is(early.exit, 8)
  assert.match(early.text, 'visible: it is not there for this account')
  await apply()
  const proved = await prove({ role: roleOf(prover) })
  assert.is(proved.exit, 0, proved.text)
  assert.match(proved.text, 'usable in 2 of 2 regions')
  assert.match(proved.text, /✓ +us-west-2 +ami-[0-9a-f]{17} +yes +yes +yes +yes/)
  // Nothing was made there.
  const theirs = (await cloud().calls()).filter(({ account: who }) => who === prover)
  const real = theirs.filter(
    ({ action, result }) => action === 'RunInstances' && result !== 'DryRunOperation',
  )
  assert.equal(real, [])
  // Of the organization: it can launch it, and is not said to have to copy it.
  const memberSees = await prove({ role: roleOf(member), region: 'us-east-1' })
  assert.is(memberSees.exit, 0, memberSees.text)
  assert.is(memberSees.data.proofs[0].copyable.yes, false)
  // Somebody takes the key away in one region.
  const { KeyMetadata: fresh } = await kms(factory, 'us-west-2').send(new CreateKeyCommand({}))
  const only = { Sid: 'own', Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${factory}:root` } }
  await kms(factory, 'us-west-2').send(
    new PutKeyPolicyCommand({
      KeyId: keys.get('us-west-2'),
      PolicyName: 'default',
      Policy: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ ...only, Action: 'kms:*', Resource: '*' }],
      }),
    }),
  )
  assert.ok(fresh)
  const half = await prove({ role: roleOf(prover) })
  assert.is(half.exit, 10)
  assert.match(half.text, 'key: ')
  assert.match(half.text, 'kms:DescribeKey')
  assert.is((await refusal(prove({ role: 'launcher' }))).code, 'USAGE')
  assert.is((await refusal(prove({ role: roleOf('777777777777') }))).code, 'PROVIDER_REFUSED')
})

it.run()
