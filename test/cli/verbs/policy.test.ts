import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../../pipeline/cli/verbs/policy.ts'
import type { PolicyDocument } from '../../../pipeline/core/aws-policy.ts'
import { refusal } from '../../helpers/refusal.ts'
import { pathsBelow, textOf } from '../../helpers/sources.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

const policy = suite<{ t: TestWorld }>('policy')

policy.before(async (context) => {
  const t = await testWorld()
  const places = { ...t.world.places, root: join(t.folder, 'checkout') }
  const world = { ...t.world, places }
  await world.files.makeFolder(join(places.root, 'images'))
  await world.files.write(join(places.root, 'images/golden.yaml'), definition)
  context.t = { ...t, world }
})
policy.after(({ t }) => t.close())

const definition = `schema: 1
owner: team-platform
os: {family: debian, release: "13", arch: [x86_64]}
base: {from: image}
hardening: {profiles: [baseline]}
targets:
  aws:
    account: "123456789012"
    build: {region: eu-west-1}
    regions: [eu-west-1, us-east-1]
    encrypt: {key: alias/golden}
`

async function printed({ world, told }: TestWorld, options: Readonly<Record<string, string>>) {
  told.results.length = 0
  await run({ world, args: ['aws'], options })
  const [result] = told.results
  assert.ok(result)
  return result
}

const actionsOf = ({ Statement }: PolicyDocument): readonly string[] =>
  Statement.flatMap(({ Action }) => [Action].flat())

policy('all roles, each with what it is for', async ({ t }) => {
  const { text, data } = await printed(t, {})
  assert.equal(Object.keys(data as object), ['builder', 'publisher', 'reader', 'consumer'])
  assert.match(text, /^builder: builds, tests and scans an image\n\{\n {2}"Version": "2012-10-17",/)
  assert.match(text, /\n\nconsumer: launches what is shared with its account\n\{/)
  assert.not.match(text, /aws:RequestedRegion/)
})

policy('one role is the document alone, of the definition: account, regions, key', async ({ t }) => {
  const { text, data } = await printed(t, { role: 'builder', image: 'golden' })
  const document = data as PolicyDocument
  assert.equal(JSON.parse(text), document)
  const allowed = actionsOf(document)
  assert.ok(allowed.includes('ec2:RunInstances') && allowed.includes('ec2:CreateImage'))
  assert.not.ok(allowed.includes('ec2:CopyImage') || allowed.includes('iam:PassRole'))
  assert.match(text, /"arn:aws:ec2:\*:123456789012:instance\/\*"/)
  assert.match(text, /"aws:RequestedRegion": \[\s+"eu-west-1",\s+"us-east-1"\s+\]/)
  for (const { Action, Condition } of document.Statement)
    if ([Action].flat().some((action) => action.startsWith('kms:')))
      assert.equal(Condition?.['ForAnyValue:StringEquals'], { 'kms:ResourceAliases': 'alias/golden' })
})

policy(
  'an instance profile without Session Manager: the profile alone, and a word on its role',
  async ({ t }) => {
    const { world } = t
    const path = join(world.places.root, 'images/plain.yaml')
    const network = '{region: eu-west-1, network: {instanceProfile: golden-build}}'
    await world.files.write(path, definition.replace('{region: eu-west-1}', network))
    const { data, text } = await printed(t, { image: 'plain' })
    const { builder } = data as { readonly builder: PolicyDocument }
    const allowed = actionsOf(builder)
    assert.ok(allowed.includes('iam:GetInstanceProfile') && allowed.includes('iam:PassRole'))
    assert.not.ok(allowed.includes('ssm:StartSession'))
    const role = builder.Statement.find(({ Action }) => Action === 'iam:PassRole')
    const roles = 'arn:aws:iam::123456789012:role'
    assert.equal(role?.Resource, [`${roles}/*/golden-build`, `${roles}/golden-build`])
    assert.match(text, 'iam:PassRole is for a role of the name golden-build')
  },
)

policy('a consumer has an account and a key of others', async ({ t }) => {
  const { text } = await printed(t, { role: 'consumer', image: 'golden' })
  assert.not.match(text, /123456789012|alias\/golden/)
})

policy('who may take the role: the jobs of one repository', async ({ t }) => {
  const { data } = await printed(t, {
    role: 'oidc',
    image: 'golden',
    repository: 'corp/images',
    environment: 'golden,nightly',
  })
  const [statement] = (data as PolicyDocument).Statement
  assert.match(String(statement?.Principal?.['Federated']), /^arn:aws:iam::123456789012:oidc-provider\//)
  assert.equal(statement?.Condition?.['StringEquals']?.['token.actions.githubusercontent.com:sub'], [
    'repo:corp/images:environment:golden',
    'repo:corp/images:environment:nightly',
  ])
})

policy('a reader looks, and changes nothing; its document names the account and the key', async ({ t }) => {
  const { text, data } = await printed(t, { role: 'reader', image: 'golden' })
  for (const action of actionsOf(data as PolicyDocument))
    assert.match(action, /^(?:ec2|kms):(?:Describe|Get|List)/)
  assert.match(text, '"kms:ResourceAliases": "alias/golden"')
})

policy(
  'oidc: the ids of a repository are part of who may; without them it is said that there are two forms',
  async ({ t }) => {
    const ask = { role: 'oidc', account: '123456789012', branch: 'main' }
    const told = async (repository: string) => {
      t.told.lines.length = 0
      const { text, data } = await printed(t, { ...ask, repository })
      assert.equal(JSON.parse(text), data)
      const [statement] = (data as PolicyDocument).Statement
      const subject = statement?.Condition?.['StringEquals']?.['token.actions.githubusercontent.com:sub']
      return { subject, notes: t.told.lines.join('\n') }
    }
    const plain = await told('corp/images')
    assert.is(plain.subject, 'repo:corp/images:ref:refs/heads/main')
    assert.match(
      plain.notes,
      'gh api repos/corp/images/actions/oidc/customization/sub --jq .sub_claim_prefix',
    )
    const withIds = await told('corp@1/images@123')
    assert.is(withIds.subject, 'repo:corp@1/images@123:ref:refs/heads/main')
    assert.is(withIds.notes, '')
  },
)

interface Github {
  readonly repository: string
  readonly subject: string
  readonly actions: readonly string[]
  readonly opensPullRequests: boolean
  readonly environments: readonly {
    readonly name: string
    readonly branches: readonly string[]
    readonly reviewers: boolean
    readonly jobs: readonly string[]
    readonly variables: readonly { readonly name: string; readonly help: string }[]
    readonly trust: { readonly aws?: PolicyDocument }
  }[]
}

async function github({ world, told }: TestWorld, options: Readonly<Record<string, string>>) {
  told.results.length = 0
  await run({ world, args: ['github'], options: { repository: 'corp/images', ...options } })
  const [result] = told.results
  assert.ok(result)
  return { text: result.text, data: result.data as Github }
}

policy('github: every environment of the workflows, and who may take its role', async ({ t }) => {
  const { text, data } = await github(t, { image: 'golden' })
  const used = pathsBelow('.github/workflows', (path) => !path.endsWith('/ci.yml')).flatMap((path) =>
    [...textOf(path).matchAll(/^ {4}environment: (\S+)$/gm)].map(([, name = '']) => name),
  )
  assert.equal(
    data.environments.map(({ name }) => name),
    [...new Set(used)].sort(),
  )
  for (const { name, trust, jobs, branches, variables } of data.environments) {
    const [statement] = trust.aws?.Statement ?? []
    const subject = statement?.Condition?.['StringEquals']?.['token.actions.githubusercontent.com:sub']
    assert.is(subject, `repo:corp/images:environment:${name}`)
    assert.ok(jobs.length > 0 && variables.every(({ help }) => help !== ''), name)
    assert.equal(branches, ['main'])
    assert.match(text, `\nenvironment ${name}: `)
  }
  assert.equal(
    data.environments.filter(({ reviewers }) => reviewers).map(({ name }) => name),
    ['release', 'share'].filter((name) => used.includes(name)),
  )
  assert.match(
    text,
    / {2}reviewers {3}required, and "prevent self-review"; do not allow administrators to bypass them\n/,
  )
  assert.is([...text.matchAll(/administrators to bypass/g)].length, 2)
  const nightly = data.environments.find(({ name }) => name === 'nightly')
  const variables = nightly?.variables.map(({ name }) => name) ?? []
  for (const name of ['MINTMARK_CATALOG', 'MINTMARK_SIGNER', 'MINTMARK_AWS_ROLE', 'MINTMARK_IMAGES'])
    assert.ok(variables.includes(name), name)
  assert.ok(data.actions.includes('actions/checkout'))
  assert.match(text, /^branch main: changes by pull request alone/)
})

policy('github: with its ids every trust policy has them, and addresses do not', async ({ t }) => {
  const plain = await github(t, { image: 'golden' })
  assert.match(
    plain.text,
    /\nwhere that has ids, print them again with --repository corp@OWNER-ID\/images@ID$/,
  )
  const { text, data } = await github(t, { image: 'golden', repository: 'corp@1/images@123' })
  assert.equal([data.repository, data.subject], ['corp/images', 'repo:corp@1/images@123'])
  for (const { name, trust } of data.environments) {
    const [statement] = trust.aws?.Statement ?? []
    const subject = statement?.Condition?.['StringEquals']?.['token.actions.githubusercontent.com:sub']
    assert.is(subject, `repo:corp@1/images@123:environment:${name}`)
  }
  assert.match(text, 'at          https://github.com/corp/images/settings/environments')
  assert.not.match(text, /github\.com\/corp@|OWNER-ID/)
})

policy('github: without an account there is no trust policy, and it says how to get one', async ({ t }) => {
  const { text, data } = await github(t, {})
  assert.ok(data.environments.every(({ trust }) => Object.keys(trust).length === 0))
  assert.match(text, /\n\nwho may take a role: add --image IMAGE, or --account 123456789012$/)
  assert.match(
    (await github(t, { account: '123456789012' })).text,
    'arn:aws:iam::123456789012:oidc-provider/',
  )
})

policy(
  'a definition without AWS, and GitHub without a repository: what to do is said',
  async ({ t: { world } }) => {
    const path = join(world.places.root, 'images/local.yaml')
    await world.files.write(path, textOf('images/debian-13.yaml'))
    const without = await refusal(run({ world, args: ['aws'], options: { image: 'local' } }))
    await world.files.remove(path)
    assert.is(without.code, 'CONFIG_INVALID')
    assert.is(without.message, 'images/local.yaml has no targets.aws')
    assert.match(without.hint, /^add targets\.aws to images\/local\.yaml; .*--account 123456789012/)
    const { hint } = await refusal(run({ world, args: ['github'], options: {} }))
    assert.is(hint, './mintmark policy github --repository corp/images')
  },
)

policy('what is missing or wrong is said', async ({ t: { world } }) => {
  const said = async (target: string | undefined, options: Readonly<Record<string, string>> = {}) => {
    const args = target === undefined ? [] : [target]
    const { code, message } = await refusal(run({ world, args, options }))
    return `${code}: ${message}`
  }
  assert.is(await said(undefined), 'USAGE: policy needs a target')
  assert.is(await said('qemu'), 'USAGE: "qemu" is no target with policies: there are aws, github')
  assert.is(await said('aws', { role: 'bulider' }), 'USAGE: there is no role "bulider"')
  assert.is(await said('aws', { account: '123' }), 'USAGE: --account is "123": an account is 12 digits')
  assert.is(await said('aws', { region: 'moon' }), 'USAGE: --region is "moon": no region of AWS')
  assert.is(
    await said('aws', { region: 'cn-north-1' }),
    'USAGE: --region is "cn-north-1": no image goes there yet',
  )
  assert.is(
    await said('aws', { role: 'oidc', image: 'golden' }),
    'USAGE: who may take a role is not given: --repository is missing',
  )
  assert.is(await said('github'), 'USAGE: who may take a role is not given: --repository is missing')
  assert.is(
    await said('github', { repository: 'corp/../images' }),
    'USAGE: --repository is "corp/../images": expected OWNER/NAME or OWNER@ID/NAME@ID',
  )
  const jobs = { repository: 'corp/images', branch: 'main' }
  assert.is(await said('aws', jobs), 'USAGE: whose role jobs of corp/images may take is not given')
  assert.is(
    await said('aws', { ...jobs, repository: 'corp', account: '123456789012' }),
    'USAGE: --repository is "corp": expected OWNER/NAME or OWNER@ID/NAME@ID',
  )
})

policy.run()
