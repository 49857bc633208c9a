import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkDefinition } from '../../pipeline/core/check-definition.ts'
import { parseYaml } from '../../pipeline/core/parse-yaml.ts'
import { type Definition, definitionFor, notYetSupported } from '../../pipeline/model/definition.ts'
import { refusal } from '../helpers/refusal.ts'

const aws = suite('targets.aws')

const image = 'web'
const path = `images/${image}.yaml`
const both = definitionFor(['qemu', 'aws'])
const head = `schema: 1
owner: team-platform
os: {family: debian, release: "13", arch: [x86_64]}
hardening: {profiles: [baseline]}
`
const good =
  'account: "123456789012", build: {region: eu-west-1}, regions: [eu-west-1, us-east-1], encrypt: {key: alias/golden}'

const read = (targets: string, base = '{from: archive}', schema = both): Definition =>
  parseYaml<Definition>(schema, `${head}base: ${base}\ntargets: ${targets}\n`, {
    path,
    notYetSupported,
    check: (definition) => checkDefinition(definition, { image, teams: null, policies: null }),
  })
const saidOf = async (targets: string, base?: string, schema?: typeof both): Promise<string> => {
  const error = await refusal(Promise.resolve().then(() => read(targets, base, schema)))
  assert.is(error.code, 'CONFIG_INVALID')
  return error.lines.join('\n')
}

aws('an account, the region of the build, where it goes, and the key', () => {
  const { targets } = read(`{aws: {${good}}}`)
  assert.equal(Object.keys(targets), ['aws'])
  assert.equal(targets.aws?.regions, ['eu-west-1', 'us-east-1'])
  const network =
    '{subnet: subnet-0abc1234def567890, securityGroup: sg-0abc1234def567890, sessionManager: true, instanceProfile: ssm-core, from: [203.0.113.7/32]}'
  const more = good.replace('{region: eu-west-1}', `{region: eu-west-1, network: ${network}}`)
  assert.is(read(`{qemu: {}, aws: {${more}}}`).targets.aws?.build.network?.sessionManager, true)
})

const refused: readonly (readonly [why: string, from: string, to: string, said: RegExp])[] = [
  [
    'a number for an account',
    '"123456789012"',
    '123456789012',
    /targets\.aws\.account is 123456789012: .*write it in quotes/,
  ],
  ['a short account', '"123456789012"', '"1234"', /targets\.aws\.account is "1234": an account is 12 digits/],
  [
    'no region',
    'region: eu-west-1',
    'region: Ireland',
    /targets\.aws\.build\.region is "?Ireland"?: a region is written like eu-west-1/,
  ],
  [
    "AWS's own key",
    'alias/golden',
    'alias/aws/ebs',
    /targets\.aws\.encrypt\.key is "?alias\/aws\/ebs"?: a key of your own: an image that is encrypted with AWS's can be shared with nobody/,
  ],
  [
    'a key that is none',
    'alias/golden',
    'golden',
    /targets\.aws\.encrypt\.key is "?golden"?: a KMS key by its alias/,
  ],
  [
    'nowhere to go',
    '[eu-west-1, us-east-1]',
    '[]',
    /targets\.aws\.regions .*at least the region of the build/,
  ],
  [
    'not where it is built',
    '[eu-west-1, us-east-1]',
    '[us-east-1]',
    /targets\.aws\.regions is \[us-east-1\], without eu-west-1, where it is built: add eu-west-1/,
  ],
  [
    'twice',
    '[eu-west-1, us-east-1]',
    '[eu-west-1, eu-west-1]',
    /targets\.aws\.regions\.1 is "eu-west-1", which the list has already/,
  ],
  [
    'an unknown field',
    'account:',
    'acount: "1", account:',
    /targets\.aws\.acount is not a field, did you mean "?account"?|acount.*account/,
  ],
  [
    'open to everybody',
    '{region: eu-west-1}',
    '{region: eu-west-1, network: {from: [0.0.0.0/0]}}',
    /targets\.aws\.build\.network\.from\.0 is "?0\.0\.0\.0\/0"?: a range, not every address there is/,
  ],
  [
    'no range of addresses',
    '{region: eu-west-1}',
    '{region: eu-west-1, network: {from: [203.0.113.7]}}',
    /targets\.aws\.build\.network\.from\.0 is "?203\.0\.113\.7"?: a range of addresses, e\.g\. 203\.0\.113\.7\/32/,
  ],
  [
    'Session Manager without a profile',
    '{region: eu-west-1}',
    '{region: eu-west-1, network: {sessionManager: true}}',
    /targets\.aws\.build\.network\.instanceProfile is missing: add it, e\.g\. instanceProfile: ssm-core/,
  ],
  [
    'Session Manager without a way for the tests',
    '{region: eu-west-1}',
    '{region: eu-west-1, network: {sessionManager: true, instanceProfile: ssm-core}}',
    /^images\/web\.yaml:6:\d+ targets\.aws\.build\.network\.from is missing: add it, e\.g\. from: \["203\.0\.113\.7\/32"\]/,
  ],
  [
    'a region of China',
    '[eu-west-1, us-east-1]',
    '[eu-west-1, cn-north-1]',
    /targets\.aws\.regions\.1 is "cn-north-1", and no image goes to China/,
  ],
  [
    'without a key',
    ', encrypt: {key: alias/golden}',
    '',
    /targets\.aws\.encrypt is missing: add it, e\.g\. encrypt: \{key: alias\/golden\}/,
  ],
]
for (const [why, from, to, said] of refused)
  aws(`refused by its value: ${why}`, async () => {
    assert.match(await saidOf(`{aws: {${good.replace(from, to)}}}`), said)
  })

aws('no target at all, and a file of the team as the base of an AMI', async () => {
  assert.match(await saidOf('{}'), /targets .*at least one target/)
  assert.match(
    await saidOf(`{aws: {${good}}}`, '{from: image, file: files/x.qcow2}'),
    /base\.file is "files\/x\.qcow2", and targets\.aws builds on an AMI/,
  )
})

aws('a machine that an AMI is none of', async () => {
  const said = await saidOf(
    `{aws: {${good}}}\ndisk: {size: 8G, layout: cis}\nmachine: {firmware: uefi, tpm: true}`,
  )
  assert.match(said, /web\.yaml:7:\d+ disk\.layout is "cis", and an official AMI keeps the layout/)
  assert.match(said, /machine\.tpm is true, which targets\.aws does not test yet/)
  assert.not.match(said, /secureBoot/)
})

aws('where a target is not offered it is told so, whatever is in it', async () => {
  const said = await saidOf(`{qemu: {}, azure: {${good}}}`)
  assert.match(said, /targets\.azure is not supported by this version yet: remove it/)
})

aws.run()
