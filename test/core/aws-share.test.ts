import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  judgeRelease,
  type SeenSharedRegion,
  type SharedAmi,
  type SharedKey,
  type SharedRegion,
  shareFacts,
  straysOf,
} from '../../pipeline/core/aws-share.ts'
import {
  type Effect,
  policyChange,
  policyLines,
  regionProblems,
} from '../../pipeline/core/aws-share-effects.ts'
import { granteesOf, type KeyPolicy, parseKeyPolicy } from '../../pipeline/core/key-policy.ts'

// What principals have of an image, and what a key's policy lacks, without any AWS.
const it = suite('shares of AMIs')

const variant = 'aws-x86_64'
const consumer = 'account:222222222222'
const arnOf = (region: string): string => `arn:aws:kms:${region}:111111111111:key/k`
const owner = { Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::111111111111:root' }, Action: 'kms:*' }
const policy = parseKeyPolicy(JSON.stringify({ Statement: [{ ...owner, Resource: '*' }] }))

const keyIn = (region: string, more: Partial<SharedKey> = {}): SharedKey => ({
  arn: arnOf(region),
  unusable: null,
  policy,
  unread: null,
  granted: [],
  ...more,
})
const amiIn = (region: string, more: Partial<SharedAmi> = {}): SharedAmi => ({
  imageId: `ami-${region}`,
  version: '1.0.0',
  variant,
  told: true,
  state: 'available',
  launch: [],
  volumes: [{ snapshotId: 'snap-1', shared: [], key: arnOf(region) }],
  ...more,
})
const seen = (
  region: string,
  ami: Partial<SharedAmi> = {},
  key: Partial<SharedKey> = {},
): SeenSharedRegion => ({
  region,
  status: 'seen',
  amis: [amiIn(region, ami)],
  keys: [keyIn(region, key)],
})
const down: SharedRegion = { region: 'us-west-2', status: 'unreachable', why: 'no answer', hint: 'wait' }
const factsOf = (manages = true) =>
  shareFacts({ image: 'debian-13', partition: 'aws', account: '111111111111', manages })
const judge = (regions: readonly SharedRegion[], who = consumer, manages = true) => {
  const facts = factsOf(manages)
  return judgeRelease(regions, { version: '1.0.0', variant }, who, facts, straysOf(regions, facts, [who]))
}
const give = (principal: string): Effect => ({ principal, version: '1.0.0', variant, gives: true })

it('a key that must be mended makes the image part of what it should be, one that may not be refuses it', () => {
  const whole = {
    launch: [consumer],
    volumes: [{ snapshotId: 'snap-1', shared: [consumer], key: arnOf('r') }],
  }
  assert.equal(judge([seen('r', whole)]).mends, true)
  assert.equal(judge([seen('r', whole, { granted: ['222222222222'] })]).mends, undefined)
  const refused = judge([seen('r', whole)], consumer, false)
  assert.match(refused.refused?.why ?? '', 'does not let it use the key')
  assert.is(refused.status, 'present')
  assert.is(refused.uses?.launchable.yes, false)
})

it('a snapshot that is not shared is a part that is missing, for accounts alone', () => {
  const launch = { launch: [consumer, 'org:999999999999/o-abcdefghij'] }
  const plain = { volumes: [{ snapshotId: 'snap-1', shared: [], key: null }] }
  assert.is(judge([seen('r', { ...launch, ...plain })]).mends, true)
  const all = judge([seen('r', { ...launch, ...plain })], 'org:999999999999/o-abcdefghij')
  assert.equal([all.mends, all.uses?.copyable.yes], [undefined, false])
})

it('one region does not keep the others from it: what it can not is told', () => {
  const bad = seen('bad', {}, { unusable: { why: 'it is disabled', hint: 'enable it' } })
  const both = judge([seen('good'), bad])
  assert.is(both.refused, undefined)
  assert.match(both.uses?.launchable.why ?? '', 'not in bad')
  assert.equal(regionProblems([seen('good'), bad, down], [], [give(consumer)], factsOf()), [
    { why: `bad does not give it: it is disabled (${consumer})`, hint: 'enable it' },
    { why: 'us-west-2 stays as it is: no answer', hint: 'wait' },
  ])
  assert.is(judge([bad]).refused?.why, 'it is disabled')
  assert.is(judge([seen('r', { state: 'disabled' })]).refused?.why, 'ami-r is disabled')
  assert.is(judge([down]).refused?.why, 'no answer')
  assert.match(judge([]).refused?.why ?? '', 'no region has an image of debian-13@1.0.0 any more')
})

it('the account that owns it is given nothing', () => {
  assert.match(judge([seen('r')], 'account:111111111111').refused?.why ?? '', 'owns the image')
})

it('what the keys of many regions get alike is said once, below all of them', () => {
  const lines = policyLines([seen('r'), seen('s')], [give(consumer)], [], factsOf())
  assert.equal(
    lines.map((line) => line.slice(0, 4)),
    ['poli', 'poli', '  + ', '  + '],
  )
  assert.match(lines[0] ?? '', keyIn('r').arn)
  assert.match(lines[1] ?? '', keyIn('s').arn)
})

it('whom a policy alone names is found and taken out; an image without a record keeps its key', () => {
  const change = policyChange(seen('r'), keyIn('r'), [give(consumer)], factsOf())
  const named = { policy: parseKeyPolicy(change?.text ?? '') }
  assert.is(judge([seen('r', {}, named)]).status, 'present')
  assert.is(judge([seen('r', {}, named)], consumer, false).status, 'absent')
  const lines = policyLines([seen('r', {}, named)], [{ ...give(consumer), gives: false }], [], factsOf())
  assert.equal(
    lines.map((line) => line.slice(0, 4)),
    ['poli', '  - ', '  - '],
  )
  const unrecorded = amiIn('r', { version: '', launch: [consumer] })
  const kept: SeenSharedRegion = { ...seen('r', {}, named), amis: [amiIn('r'), unrecorded] }
  assert.is(judge([kept]).status, 'absent')
  assert.is(policyChange(kept, keyIn('r', named), [], factsOf()), null)
})

it('who launches it because somebody gave it by hand gets no key by what is given to others', () => {
  const stranger = 'account:555555555555'
  const byHand = { launch: [stranger] }
  const named = (
    region: SeenSharedRegion,
    effects: readonly Effect[],
    key = keyIn('r'),
  ): readonly string[] => {
    const text = policyChange(region, key, effects, factsOf())?.text
    return granteesOf((text === undefined ? key.policy : parseKeyPolicy(text)) as KeyPolicy, 'debian-13', [])
  }
  assert.equal(named(seen('r', byHand), [give(consumer)]), [consumer])
  // The same of an image that no release tells of.
  const candidate = { ...seen('r'), amis: [amiIn('r'), amiIn('r', { version: '', ...byHand })] }
  assert.equal(named(candidate, [give(consumer)]), [consumer])
  // Whom a policy names already, and who still has the image, stays in it.
  const both = parseKeyPolicy(
    policyChange(seen('r'), keyIn('r'), [give(consumer), give(stranger)], factsOf())?.text ?? '',
  )
  assert.equal(named(seen('r', byHand), [give(consumer)], keyIn('r', { policy: both })), [consumer, stranger])
})

it('statements of ours that no action can take out are told', () => {
  const change = policyChange(seen('r'), keyIn('r'), [give(consumer)], factsOf())
  const named = { policy: parseKeyPolicy(change?.text ?? '') }
  const told = (region: SeenSharedRegion, effects: readonly Effect[], manages: boolean): readonly string[] =>
    regionProblems([region], effects, [], factsOf(manages)).map(({ why, hint }) => `${why}: ${hint}`)
  const has = seen('r', { launch: [consumer] }, named)
  const takes = { ...give(consumer), gives: false }
  assert.equal(told(has, [], false), [])
  assert.match(
    told(has, [takes], false).join(),
    `still let ${consumer} use it: set targets.aws.encrypt.managePolicy`,
  )
  assert.equal(told(has, [takes], true), [])
  // Nor is it planned for ever where only an image without a record has the key.
  const candidate = { ...seen('r', {}, named), amis: [amiIn('r', { version: '' })] }
  assert.match(
    told(candidate, [], true).join(),
    `still let ${consumer} use it: no release has an image with that key`,
  )
  assert.equal(policyLines([candidate], [], [], factsOf()), [])
  assert.equal(straysOf([candidate], factsOf(), [consumer]).get('r'), [])
})

it('an image that no event tells of is given to nobody, and taken from everybody', () => {
  const untold = seen('r', { told: false, launch: [consumer] })
  const { status, refused } = judge([untold])
  assert.equal(
    [status, /^no event of debian-13@1\.0\.0 says yet/.test(refused?.why ?? '')],
    ['present', true],
  )
  // Beside the one that is told of it hinders nobody.
  const beside = { ...untold, amis: [...untold.amis, ...seen('r').amis] }
  assert.equal([judge([beside]).status, judge([beside]).refused], ['present', undefined])
  assert.equal(regionProblems([beside], [], [give(consumer)], factsOf()), [])
})

it('a grant on the key does not help against a denial', () => {
  const no = { Sid: 'no', Effect: 'Deny', Principal: { AWS: '222222222222' }, Action: 'kms:*', Resource: '*' }
  const denying = parseKeyPolicy(JSON.stringify({ Statement: [no] }))
  assert.match(
    judge([seen('r', {}, { policy: denying, granted: ['222222222222'] })]).refused?.why ?? '',
    'statement no of the policy',
  )
})

it('a policy that KMS would not take is told before anything is done', () => {
  const many = Array.from({ length: 1200 }, (_, index) => give(`account:${500_000_000_000 + index}`))
  const [problem] = regionProblems([seen('r')], [], many, factsOf())
  assert.match(problem?.why ?? '', /would have \d{5} characters, and KMS takes 32768/)
  // As many as EC2 takes for an image.
  assert.equal(regionProblems([seen('r')], [], many.slice(0, 1000), factsOf()), [])
})

it.run()
