import {
  CopyImageCommand,
  DeregisterImageCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  ModifyImageAttributeCommand,
} from '@aws-sdk/client-ec2'
import { GetKeyPolicyCommand, PutKeyPolicyCommand } from '@aws-sdk/client-kms'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { amiName, sourceTag } from '../../../pipeline/core/aws-publish-plan.ts'
import { type SeenSharedRegion, type SharedKey, shareFacts } from '../../../pipeline/core/aws-share.ts'
import { granteesOf, type KeyPolicy, parseKeyPolicy } from '../../../pipeline/core/key-policy.ts'
import { run as shareVerb } from '../../../pipeline/cli/verbs/share.ts'
import { callsAt } from '../../../pipeline/targets/aws/connect.ts'
import { lookAtShares } from '../../../pipeline/stages/share-plan.ts'
import { bringPolicy } from '../../../pipeline/targets/aws/share/key-policy.ts'
import { consumer, factory } from '../../cloud/stand-in.ts'
import { withStandIn } from '../../cloud/under-test.ts'
import { type AwsBox, awsBox, goldenKey, regions } from '../../helpers/aws-share.ts'
import { refusal } from '../../helpers/refusal.ts'
import { share, shareEvents } from '../../helpers/share-fixture.ts'

// What a key's policy names is what somebody gave, in every region that has the image; and what could not be looked at is never told as done.
const it = suite('share: keys of aws')
const under = withStandIn(it)
const { cloud, ec2, kms } = under
const [home, west] = regions
const stranger = '444444444444'
const account = (id: string): string => `account:${id}`
const keys = new Map<string, string>()
let aws: AwsBox

it.before(async () => {
  for (const region of regions) keys.set(region, await goldenKey(kms(factory, region)))
  await cloud().seed({ accounts: [stranger] })
})
it.before.each(async () => {
  aws = await awsBox(under)
  for (const region of regions) await putPolicy(region, [])
})
it.after.each(async () => {
  await cloud().change({ denials: [] })
  for (const [name, id] of aws.images)
    await ec2(factory, name.split(' ')[1]).send(
      new ModifyImageAttributeCommand({
        ImageId: id,
        LaunchPermission: { Remove: [{ UserId: consumer }, { UserId: stranger }] },
      }),
    )
  await aws.close()
})

const plan = (options = {}) => share(aws.box, aws.world, 'plan', options)
const apply = (options = {}) => share(aws.box, aws.world, 'apply', options)
const applyPlan = async () => apply({ plan: (await plan()).data.plan })

const owner = { Sid: 'own', Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${factory}:root` } }
async function putPolicy(region: string, statements: readonly object[]): Promise<void> {
  const Statement = [{ ...owner, Action: 'kms:*', Resource: '*' }, ...statements]
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement })
  await kms(factory, region).send(
    new PutKeyPolicyCommand({ KeyId: keys.get(region), PolicyName: 'default', Policy }),
  )
}
async function policyOf(region: string): Promise<KeyPolicy> {
  const asked = { KeyId: keys.get(region), PolicyName: 'default' }
  const { Policy = '' } = await kms(factory, region).send(new GetKeyPolicyCommand(asked))
  return parseKeyPolicy(Policy) as KeyPolicy
}
/** Whom our statements for the image let use the region's key. */
const named = async (region: string, image = 'debian-13'): Promise<readonly string[]> =>
  granteesOf(await policyOf(region), image, [])

const idIn = (region: string, version = '1.0.0'): string => aws.images.get(`${version} ${region}`) ?? ''
async function launchers(region: string, id = idIn(region)): Promise<readonly (string | undefined)[]> {
  const asked = new DescribeImageAttributeCommand({ ImageId: id, Attribute: 'launchPermission' })
  return ((await ec2(factory, region).send(asked)).LaunchPermissions ?? []).map(({ UserId }) => UserId)
}
const giveByHand = (id: string, region: string) =>
  ec2(factory, region).send(
    new ModifyImageAttributeCommand({ ImageId: id, LaunchPermission: { Add: [{ UserId: stranger }] } }),
  )

it('who got the image by hand gets no key with what is given to others, and keeps none', async () => {
  await aws.name({ stable: [account(consumer)] })
  for (const version of ['1.0.0', '2.0.0']) await aws.release(version)
  await aws.pointTo('stable', '1.0.0')
  await giveByHand(idIn(home), home)
  assert.is((await apply({ channel: 'stable' })).exit, 0)
  assert.equal(await named(home), [account(consumer)])
  await aws.pointTo('stable', '2.0.0')
  assert.is((await apply({ channel: 'stable' })).exit, 0)
  assert.equal(await named(home), [account(consumer)])
  assert.is((await applyPlan()).exit, 0)
  assert.equal([await launchers(home), await named(home)], [[consumer], [account(consumer)]])
})

it('a key is taken back without leave to write policies, too: told, or done where nobody is named any more', async () => {
  await aws.name({ stable: [account(consumer)] })
  await aws.release('1.0.0')
  await aws.pointTo('stable', '1.0.0')
  await apply()
  await aws.name({}, { manages: false })
  const told = await applyPlan()
  assert.is(told.exit, 10)
  assert.match(told.text, `still let account:${consumer} use it`)
  assert.match(told.text, '→ set targets.aws.encrypt.managePolicy: true')
  await aws.name({})
  assert.is((await applyPlan()).exit, 0)
  for (const region of regions) assert.equal(await named(region), [])
  await aws.name({ stable: [account(consumer)] })
  await apply()
  await aws.world.files.remove(`${aws.world.places.root}/images/debian-13.yaml`)
  assert.is((await applyPlan()).exit, 0)
  for (const region of regions) assert.equal([await launchers(region), await named(region)], [[], []])
})

it('a region that left the definition is looked at as long as it has an image', async () => {
  await aws.name({ stable: [account(consumer)] })
  await aws.release('1.0.0')
  await aws.pointTo('stable', '1.0.0')
  await apply()
  await aws.name({}, { regions: [home] })
  assert.is((await applyPlan()).exit, 0)
  assert.equal([await launchers(west), await named(west)], [[], []])
})

it('what a promotion would come to counts in the regions that it brings the image to', async () => {
  await aws.name({ stable: [account(consumer)] })
  await aws.release('1.0.0', { regions: [home] })
  const look = async (asIf: boolean): Promise<readonly string[]> => {
    const query = { image: 'debian-13', channel: 'stable', update: () => undefined }
    const { besides, plan: shares } = await lookAtShares(
      aws.world,
      asIf ? { ...query, asIf: { channel: 'stable', version: '1.0.0' } } : query,
    )
    assert.is(shares.actions.length, asIf ? 1 : 0)
    return regions.filter((region) => besides.includes(`policy of ${keys.get(region)}`))
  }
  assert.equal(await look(false), [])
  assert.equal(await look(true), [...regions])
  await aws.name({ stable: [account(consumer)] }, { regions: [home] })
  assert.equal(await look(true), [home])
})

it('an image that only looks like ours, or of which no event tells yet, is given to nobody', async () => {
  await aws.name({ stable: [account(consumer)] })
  const original = await aws.release('1.0.0', { told: false })
  await aws.pointTo('stable', '1.0.0')
  const foreign = await under.goldenImage()
  const source = (await under.imageOf(idIn(west), ec2(factory, west))).Tags?.find(
    ({ Key }) => Key === sourceTag,
  )
  const { ImageId: planted = '' } = await ec2(factory, west).send(
    new CopyImageCommand({
      SourceImageId: foreign.ImageId,
      SourceRegion: home,
      Name: amiName('debian-13', '1.0.0', 'x86_64'),
      TagSpecifications: [{ ResourceType: 'image', Tags: [{ Key: sourceTag, Value: source?.Value }] }],
    }),
  )
  const first = await apply()
  assert.is(first.exit, 10)
  assert.match(
    first.text,
    `${west} does not give it: no event of debian-13@1.0.0 says yet that ${idIn(west)} is its image`,
  )
  assert.equal(
    [await launchers(home, original), await launchers(west), await launchers(west, planted)],
    [[consumer], [], []],
  )
})

it('what cannot be read is never told as taken; grants that may not be listed keep nobody from it', async () => {
  await aws.name({ stable: [account(consumer)] })
  await aws.release('1.0.0')
  await aws.pointTo('stable', '1.0.0')
  await cloud().change({ denials: [{ action: 'kms:ListGrants', region: west, account: factory }] })
  assert.is((await apply()).exit, 0)
  assert.equal(await named(west), [account(consumer)])
  await aws.name({})
  await cloud().change({ denials: [{ action: 'kms:GetKeyPolicy', region: west, account: factory }] })
  const events = (await shareEvents(aws.world)).length
  const stuck = await applyPlan()
  assert.is(stuck.exit, 8)
  assert.match(stuck.text, 'kms:GetKeyPolicy')
  assert.is((await shareEvents(aws.world)).length, events)
  await cloud().change({ denials: [] })
  assert.is((await applyPlan()).exit, 0)
  assert.equal(await named(west), [])
  assert.is((await shareEvents(aws.world)).at(-1), `revoked stable 1.0.0 account:${consumer}`)
})

it('a plan is for the policies that were seen with it', async () => {
  await aws.name({ stable: [account(consumer)] })
  await aws.release('1.0.0')
  await aws.pointTo('stable', '1.0.0')
  await apply()
  await aws.name({ stable: [account(stranger)] })
  const { data } = await plan()
  const Principal = { AWS: stranger }
  await putPolicy(home, [{ Sid: 'theirs', Effect: 'Allow', Principal, Action: 'kms:*', Resource: '*' }])
  const { code } = await refusal(apply({ plan: data.plan }))
  assert.is(code, 'CONFLICT')
  assert.is((await applyPlan()).exit, 0)
  assert.equal([await launchers(home), await named(home)], [[stranger], []])
})

it('a release of another account is neither given nor taken, and is told', async () => {
  await aws.name({ stable: [account(consumer)] })
  await aws.release('1.0.0')
  await aws.pointTo('stable', '1.0.0')
  await apply()
  await aws.release('2.0.0', { account: '999999999999' })
  await aws.pointTo('stable', '2.0.0')
  const events = (await shareEvents(aws.world)).length
  const planned = await plan()
  assert.match(planned.text, 'it is in account 999999999999, and these credentials are of 111111111111')
  assert.is((await apply()).exit, 10)
  assert.equal(await launchers(home), [consumer])
  assert.is((await shareEvents(aws.world)).length, events)
})

it('one history that is broken keeps no other release from being told', async () => {
  await aws.name({ stable: [account(consumer)] })
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) {
    await aws.release(version)
    await aws.pointTo('stable', version)
    if (version !== '1.2.0') assert.is((await apply()).exit, 0)
  }
  const { location } = aws.world.catalog
  const events = `${location}/releases/debian-13/1.0.0/aws-x86_64/events`
  await aws.world.files.write(`${events}/000003.dsse.json`, '{}')
  const applied = await apply()
  assert.is(applied.exit, 10)
  assert.match(applied.text, `✓ given to account:${consumer}  stable 1.2.0`)
  assert.match(applied.text, `✗ account:${consumer}  stable 1.0.0`)
})

it('two images that share a key do not write over each other', async () => {
  const { world } = aws
  const policy = await policyOf(home)
  const key: SharedKey = { arn: keys.get(home) ?? '', unusable: null, policy, unread: null, granted: [] }
  const volumes = [{ snapshotId: 'snap-1', shared: [], key: key.arn }]
  const release = { version: '1.0.0', variant: 'aws-x86_64' }
  const ami = { imageId: 'ami-1', ...release, told: true, state: 'available', launch: [], volumes }
  const region: SeenSharedRegion = { region: home, status: 'seen', amis: [ami], keys: [key] }
  const images = ['debian-13', 'debian-12', 'web']
  await Promise.all(
    images.map((image) =>
      bringPolicy(
        { world, calls: callsAt(world, home) },
        region,
        key,
        [{ principal: account(consumer), ...release, gives: true }],
        shareFacts({ image, partition: 'aws', account: factory, manages: true }),
      ),
    ),
  )
  for (const image of images) assert.equal(await named(home, image), [account(consumer)], image)
})

it('whom a key still names where the last image was deregistered is told, with what is to be taken out', async () => {
  await aws.name({ stable: [account(consumer)] })
  await aws.release('1.0.0')
  await aws.pointTo('stable', '1.0.0')
  assert.is((await applyPlan()).exit, 0)
  const { Images = [] } = await ec2(factory, west).send(new DescribeImagesCommand({ Owners: ['self'] }))
  for (const { ImageId } of Images) await ec2(factory, west).send(new DeregisterImageCommand({ ImageId }))
  aws.images.delete(`1.0.0 ${west}`)
  await aws.name({})
  const told = await applyPlan()
  assert.equal([await launchers(home), await named(home)], [[], []])
  assert.match(told.text, `in the policy of ${keys.get(west)} still let account:${consumer} use it`)
  assert.match(told.text, '→ no release has an image with that key there any more: take out what begins')
  assert.is(told.exit, 10)
  await putPolicy(west, [])
  assert.is((await applyPlan()).exit, 0)
  // Whoever may not ask for the key of a region without an image is kept from nothing else.
  await cloud().change({ denials: [{ region: west, action: 'kms:DescribeKey' }] })
  assert.is((await applyPlan()).exit, 0)
})

it('prove: a subnet is of one region', async () => {
  const role = `arn:aws:iam::${consumer}:role/launcher`
  const asked = { world: aws.world, args: ['prove', 'debian-13'], options: { role, subnet: 'subnet-1' } }
  assert.is((await refusal(shareVerb(asked))).code, 'USAGE')
})

it.run()
