import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AwsGrantee, granteeOf, permissionOf, principalOf } from '../../pipeline/core/aws-principals.ts'
import {
  granteesOf,
  type KeyPolicy,
  keyUse,
  parseKeyPolicy,
  shareStatements,
  withGrantees,
  withoutShares,
} from '../../pipeline/core/key-policy.ts'
import { AwsPrincipal, Channel } from '../../pipeline/model/channel.ts'

const it = suite('key policies')

const owner = {
  Sid: 'Enable IAM User Permissions',
  Effect: 'Allow',
  Principal: { AWS: 'arn:aws:iam::111111111111:root' },
  Action: 'kms:*',
  Resource: '*',
}
const policyOf = (...statements: readonly object[]): KeyPolicy => {
  const policy = parseKeyPolicy(
    JSON.stringify({ Version: '2012-10-17', Id: 'theirs', Statement: [owner, ...statements] }),
  )
  assert.ok(policy)
  return policy as KeyPolicy
}
const image = 'debian-13'
const grantee = (text: string): AwsGrantee => granteeOf(text) ?? { kind: 'everybody' }
const account = grantee('account:222222222222')
const organization = grantee('org:999999999999/o-abcdefghij')
const unit = grantee('ou:999999999999/o-abcdefghij/ou-abcd-12345678')
const use = (policy: KeyPolicy, who: AwsGrantee = account) => keyUse(policy, who, 'eu-west-1')
const root = { AWS: ['arn:aws:iam::222222222222:root', 'arn:aws:iam::555555555555:root'] }
const all = ['kms:Decrypt', 'kms:DescribeKey', 'kms:ReEncrypt*', 'kms:CreateGrant']

it('our own statements let exactly those in that they are for', () => {
  const others = [grantee('account:333333333333'), grantee('org:999999999999/o-zzzzzzzzzz')]
  for (const who of [account, organization, unit]) {
    const policy = policyOf(...shareStatements('debian-13', [who]))
    assert.equal(use(policy, who).missing, [], who.kind)
    for (const other of others) assert.is(use(policy, other).missing.length, 5)
  }
  // A unit is part of its organization, and not the other way round.
  assert.equal(use(policyOf(...shareStatements('x', [organization])), unit).missing, [])
  assert.is(use(policyOf(...shareStatements('x', [unit])), organization).missing.length, 5)
})

it('statements that people write are understood', () => {
  const allow = { Sid: 'a', Effect: 'Allow', Principal: root, Resource: '*' }
  assert.equal(use(policyOf({ ...allow, Action: all })).missing, [])
  assert.equal(use(policyOf({ ...allow, Action: 'kms:*' })).missing, [])
  assert.equal(use(policyOf({ ...allow, Action: ['kms:decrypt'] })).missing.includes('kms:Decrypt'), false)
  assert.equal(use(policyOf({ ...allow, Action: all.slice(0, 3) })).missing, ['kms:CreateGrant'])
  const forEc2 = (service: string) => ({
    ...allow,
    Action: all,
    Condition: { StringEquals: { 'kms:ViaService': service } },
  })
  assert.equal(use(policyOf(forEc2('ec2.eu-west-1.amazonaws.com'))).missing, [])
  assert.is(use(policyOf(forEc2('rds.eu-west-1.amazonaws.com'))).missing.length, 5)
  const anybody = { ...allow, Principal: '*', Action: all }
  const byAccount = { ...anybody, Condition: { StringEquals: { 'kms:CallerAccount': '222222222222' } } }
  assert.equal(use(policyOf(byAccount)).missing, [])
  assert.is(use(policyOf(byAccount), grantee('account:333333333333')).missing.length, 5)
  // One role of theirs is not all of them, and a condition that is not known lets nobody in.
  const role = { ...allow, Principal: { AWS: 'arn:aws:iam::222222222222:role/x' }, Action: all }
  assert.is(use(policyOf(role)).missing.length, 5)
  const mfa = { ...allow, Action: all, Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } }
  assert.is(use(policyOf(mfa)).missing.length, 5)
})

it('what a condition does not let through for sure allows nothing', () => {
  const open = { Effect: 'Allow', Principal: root, Resource: '*' }
  const forGrants = { ...open, Action: all, Condition: { Bool: { 'kms:GrantIsForAWSResource': 'true' } } }
  assert.is(use(policyOf(forGrants)).missing.length, 4)
  const ifThere = { ...open, Action: all, Condition: { BoolIfExists: { 'kms:GrantIsForAWSResource': true } } }
  assert.equal(use(policyOf(ifThere)).missing, [])
  const anybody = { ...open, Principal: { AWS: '*' }, Action: 'kms:*' }
  // A "*" is a letter to StringEquals.
  for (const [operator, missing] of [
    ['ForAnyValue:StringLike', 0],
    ['ForAnyValue:StringEquals', 5],
  ] as const) {
    const paths = { ...anybody, Condition: { [operator]: { 'aws:PrincipalOrgPaths': 'o-abcdefghij/*' } } }
    assert.is(use(policyOf(paths), organization).missing.length, missing)
    const service = { [operator.slice(12)]: { 'kms:ViaService': 'ec2.*.amazonaws.com' } }
    assert.is(use(policyOf({ ...open, Action: all, Condition: service })).missing.length, missing)
  }
})

it('a denial counts: without a condition for sure, with one perhaps; of other actions not at all', () => {
  const open = { Sid: 'a', Effect: 'Allow', Principal: root, Action: all, Resource: '*' }
  const deny = { Sid: 'no', Effect: 'Deny', Principal: '*', Resource: '*' }
  assert.is(use(policyOf(open, { ...deny, Action: 'kms:Decrypt' })).denied, 'no')
  const condition = { StringNotEquals: { 'aws:PrincipalOrgID': 'o-abcdefghij' } }
  const perhaps = use(policyOf(open, { ...deny, Action: 'kms:*', Condition: condition }))
  assert.equal([perhaps.denied, perhaps.perhaps], [null, ['no']])
  const role = { AWS: 'arn:aws:iam::222222222222:role/intern' }
  const ofOne = use(policyOf(open, { ...deny, Principal: role, Action: 'kms:*' }))
  assert.equal([ofOne.denied, ofOne.perhaps, ofOne.missing], [null, ['no'], []])
  const other = use(policyOf(open, { ...deny, Action: 'kms:ScheduleKeyDeletion' }))
  assert.equal([other.denied, other.perhaps, other.missing], [null, [], []])
})

it('what others wrote stays, each image has its own, and a form that KMS changes is the same', () => {
  const theirs = { Sid: 'theirs', Effect: 'Deny', Principal: '*', Action: 'kms:PutKeyPolicy', Resource: '*' }
  const first = withGrantees(policyOf(theirs), image, [account])
  const policy = parseKeyPolicy(first?.text ?? '') as KeyPolicy
  const other = withGrantees(policy, 'debian.13', [organization])
  const both = parseKeyPolicy(other?.text ?? '') as KeyPolicy
  assert.equal(both.statements.slice(0, 2), [owner, theirs])
  assert.is(both.document['Id'], 'theirs')
  assert.is(withGrantees(both, image, [account]), null)
  assert.equal(granteesOf(both, 'debian-13', []), ['account:222222222222'])
  const without = parseKeyPolicy(withGrantees(both, image, [])?.text ?? '') as KeyPolicy
  assert.equal(without.statements, withoutShares(both, 'debian.13').statements)
  assert.equal(withoutShares(both, null).statements, [owner, theirs])
  const asKms = JSON.stringify(both.document).replaceAll('"222222222222"', '["222222222222"]')
  assert.is.not(asKms, JSON.stringify(both.document))
  assert.is(withGrantees(parseKeyPolicy(asKms) as KeyPolicy, image, [account]), null)
})

const digits = (length: number) =>
  fc.stringMatching(new RegExp(`^[0-9]{${length}}$`)).filter((text) => text.length === length)
const principal = fc.oneof(
  digits(12).map((id) => `account:${id}`),
  digits(12).map((id) => `org:${id}/o-abcdefghij`),
  fc.tuple(digits(12), digits(8)).map(([id, ou]) => `ou:${id}/o-abcdefghij/ou-abcd-${ou}`),
)

it('whoever is put in is found again, and nothing is left when all are taken out', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(principal, { maxLength: 12 }),
      fc.uniqueArray(principal, { maxLength: 4 }),
      (some, before) => {
        const start = withGrantees(policyOf(), image, before.map(grantee))
        const old = start === null ? policyOf() : (parseKeyPolicy(start.text) as KeyPolicy)
        const text = withGrantees(old, image, some.map(grantee))?.text
        const policy = text === undefined ? old : (parseKeyPolicy(text) as KeyPolicy)
        for (const one of some) assert.equal(use(policy, grantee(one)).missing, [])
        assert.is(withGrantees(policy, image, [...some].reverse().map(grantee)), null)
        assert.equal(policy.statements[0], owner)
        const none = withGrantees(policy, image, [])
        if (none !== null) assert.equal(JSON.parse(none.text).Statement, [owner])
      },
    ),
  )
})

it('principals go to EC2 and back as they are; an ARN is the short form', () => {
  fc.assert(
    fc.property(principal, (text) => {
      assert.is(principalOf(permissionOf(grantee(text), 'aws-cn')), text)
      assert.is(AwsPrincipal.parse(text), text)
    }),
  )
  assert.is(
    AwsPrincipal.parse('ou:arn:aws:organizations::999999999999:ou/o-abcdefghij/ou-abcd-12345678'),
    'ou:999999999999/o-abcdefghij/ou-abcd-12345678',
  )
  assert.is(principalOf({ Group: 'all' }), 'everybody')
  for (const arn of [
    'arn:aws:organizations::999999999999:root/o-abcdefghij/r-abcd',
    'arn:aws:organizations::1:ou/x',
  ]) {
    assert.is(principalOf({ OrganizationArn: arn }), arn)
    assert.is(granteeOf(arn), null)
  }
  for (const text of ['org:/', 'account:2', 'ou:999999999999/o-abcdefghij', 'account:222222222222/x'])
    assert.is(granteeOf(text), null)
  for (const word of ['*', 'all', 'everybody', 'everyone', 'account:*', 'org:*'])
    assert.match(AwsPrincipal.safeParse(word).error?.message ?? '', 'there is no word for everybody')
})

it('no image is shared with more than EC2 takes', () => {
  const many = (count: number) =>
    Channel.safeParse({
      share: { aws: Array.from({ length: count }, (_, index) => `account:${500_000_000_000 + index}`) },
    })
  assert.ok(many(1000).success)
  assert.match(many(10_000).error?.message ?? '', 'at most 1000: AWS shares an image with no more')
})

it.run()
