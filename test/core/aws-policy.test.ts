import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AwsCallRow, policyOf, statementsFor, trustOfGithub } from '../../pipeline/core/aws-policy.ts'

const policy = suite('policies of AWS')

const scope = { partition: 'aws', account: '111122223333', regions: ['us-east-1', 'eu-west-1'] }
const table = {
  'ec2:DescribeImages': { roles: ['builder', 'publisher'], why: 'x', resources: ['*'] },
  'ec2:DescribeSnapshots': { roles: ['publisher'], why: 'x', resources: ['*'] },
  'ec2:CopyImage': {
    roles: ['publisher'],
    why: 'x',
    resources: ['arn:{partition}:ec2:{region}::image/*', 'arn:{partition}:ec2:{region}::snapshot/*'],
    condition: { StringEquals: { 'aws:RequestTag/mintmark:account': '{account}' } },
  },
  'kms:DescribeKey': {
    roles: ['publisher', 'builder'],
    why: 'x',
    resources: ['arn:{partition}:kms:{region}:{account}:key/*'],
  },
  'sts:GetCallerIdentity': { roles: [], why: 'x', resources: ['*'] },
} as const satisfies Readonly<Record<string, AwsCallRow>>

policy('a role has its own calls alone, with their resources and the regions', () => {
  assert.equal(policyOf('builder', table, scope), {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: 'ec2:DescribeImages',
        Resource: '*',
        Condition: { StringEquals: { 'aws:RequestedRegion': ['eu-west-1', 'us-east-1'] } },
      },
      {
        Effect: 'Allow',
        Action: 'kms:DescribeKey',
        Resource: 'arn:aws:kms:*:111122223333:key/*',
        Condition: { StringEquals: { 'aws:RequestedRegion': ['eu-west-1', 'us-east-1'] } },
      },
    ],
  })
  assert.equal(policyOf('consumer', table, scope).Statement, [])
})

policy('actions alike share a statement; others keep their own condition', () => {
  const { Statement: statements } = policyOf('publisher', table, { ...scope, regions: ['eu-west-1'] })
  assert.equal(
    statements.map(({ Action }) => Action),
    ['ec2:CopyImage', ['ec2:DescribeImages', 'ec2:DescribeSnapshots'], 'kms:DescribeKey'],
  )
  const [copy] = statements
  assert.equal(copy?.Resource, ['arn:aws:ec2:eu-west-1::image/*', 'arn:aws:ec2:eu-west-1::snapshot/*'])
  assert.equal(copy?.Condition, { StringEquals: { 'aws:RequestTag/mintmark:account': '111122223333' } })
  assert.ok(!JSON.stringify(statements).includes('{'.concat('region}')))
})

const anyTable = fc.dictionary(
  fc.stringMatching(/^(?:ec2|kms|ssm):[A-Z][a-z]{2,8}$/),
  fc.record({
    roles: fc.subarray(['builder', 'publisher', 'reader', 'consumer'] as const),
    why: fc.constant('x'),
    resources: fc.subarray(
      ['*', 'arn:{partition}:ec2:{region}::image/*', 'arn:{partition}:kms:{region}:{account}:key/*'],
      {
        minLength: 1,
      },
    ),
  }),
  { maxKeys: 12 },
)

policy('whatever the table: a role may do all of its calls, each once, and nothing else', () => {
  fc.assert(
    fc.property(anyTable, fc.constantFrom('builder', 'publisher', 'reader', 'consumer'), (rows, role) => {
      const document = policyOf(role, rows, scope)
      const allowed = document.Statement.flatMap(({ Action }) => [Action].flat())
      const needed = Object.keys(rows).filter((action) => rows[action]?.roles.includes(role))
      assert.equal([...allowed].sort(), needed.sort())
      assert.not.match(JSON.stringify(document), /\{(?:partition|account|region)\}/)
    }),
  )
})

policy('keys are named as they can be: aliases by a condition, others by their ARNs', () => {
  const regions = ['eu-west-1']
  const arn = 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
  const keys = ['alias/golden', arn, 'mrk-1234abcd12ab34cd56ef1234567890ab']
  const { Statement: statements } = policyOf('builder', table, { ...scope, regions, keys })
  const ofKeys = statements.filter(({ Action }) => Action === 'kms:DescribeKey')
  assert.equal(
    ofKeys.map(({ Resource, Condition }) => [Resource, Condition]),
    [
      [
        'arn:aws:kms:eu-west-1:111122223333:key/*',
        { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/golden' } },
      ],
      [
        ['arn:aws:kms:eu-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab', arn],
        { StringEquals: { 'aws:RequestedRegion': 'eu-west-1' } },
      ],
    ],
  )
})

policy('calls of EC2 with the same condition share a statement; those of IAM are in no region', () => {
  const condition = { Null: { 'aws:ResourceTag/mintmark:image': 'false' } }
  const row = (kind: string, more: Partial<AwsCallRow> = {}): AwsCallRow => ({
    roles: ['builder'],
    why: 'x',
    resources: [`arn:{partition}:ec2:{region}::${kind}/*`],
    condition,
    ...more,
  })
  const rows = {
    'ec2:DeleteSnapshot': row('snapshot'),
    'ec2:DeregisterImage': row('image'),
    'iam:PassRole': row('role', { resources: ['arn:{partition}:iam::{account}:role/*'], condition: {} }),
    'ssm:StartSession': row('instance', { when: 'session-manager' }),
  }
  const { Statement: statements } = policyOf('builder', rows, { ...scope, regions: [] })
  assert.equal(
    statements.map(({ Action, Resource, Condition }) => [Action, Resource, Condition]),
    [
      [
        ['ec2:DeleteSnapshot', 'ec2:DeregisterImage'],
        ['arn:aws:ec2:*::image/*', 'arn:aws:ec2:*::snapshot/*'],
        condition,
      ],
      ['iam:PassRole', 'arn:aws:iam::111122223333:role/*', undefined],
    ],
  )
  const there = policyOf('builder', rows, { ...scope, sessionManager: true })
  assert.match(JSON.stringify(there), /ssm:StartSession/)
  assert.is(there.Statement.find(({ Action }) => Action === 'iam:PassRole')?.Condition, undefined)
})

policy('what is allowed in two ways has a statement for each', () => {
  const image = 'arn:{partition}:ec2:{region}::image/*'
  const tagged = { Null: { 'aws:ResourceTag/mintmark:image': 'false' } }
  const made = { StringEquals: { 'ec2:CreateAction': 'CopyImage' } }
  const row: AwsCallRow = {
    roles: ['publisher'],
    why: 'x',
    resources: ['arn:{partition}:ec2:{region}:*:*/*'],
    condition: made,
    or: { resources: [image], condition: tagged },
  }
  const there = { ...scope, regions: ['eu-west-1'] }
  const ways = [
    ['arn:aws:ec2:eu-west-1:*:*/*', made],
    ['arn:aws:ec2:eu-west-1::image/*', tagged],
  ]
  const { Statement: statements } = policyOf('publisher', { 'ec2:CreateTags': row }, there)
  const onInstance = statementsFor('ec2:CreateTags', row, 'arn:aws:ec2:eu-west-1:1:instance/*', there)
  assert.equal(
    onInstance.map(({ Condition }) => Condition),
    [made],
  )
  for (const found of [statements, statementsFor('ec2:CreateTags', row, null, there)])
    assert.equal(found.map(({ Resource, Condition }) => [Resource, Condition]).sort(), [...ways].sort())
})

policy('what belongs to an instance profile is for that profile alone, and only where there is one', () => {
  const row: AwsCallRow = {
    roles: ['builder'],
    why: 'x',
    resources: ['arn:{partition}:iam::{account}:instance-profile/{profile}'],
    when: 'instance-profile',
  }
  const statements = (more: object) =>
    policyOf('builder', { 'iam:GetInstanceProfile': row }, { ...scope, ...more }).Statement
  assert.equal(statements({ sessionManager: true }), [])
  assert.equal(
    statements({ instanceProfile: 'ssm-core' }).map(({ Resource }) => Resource),
    ['arn:aws:iam::111122223333:instance-profile/ssm-core'],
  )
})

policy('the order of the table does not matter', () => {
  const turned = Object.fromEntries(Object.entries(table).reverse())
  assert.equal(policyOf('publisher', turned, scope), policyOf('publisher', table, scope))
})

policy('what to add for a refused call: on what was refused, else on what the table says', () => {
  const arn = 'arn:aws:ec2:eu-west-1::image/ami-0123456789abcdef0'
  const there = { ...scope, regions: ['eu-west-1'] }
  assert.equal(statementsFor('ec2:CopyImage', table['ec2:CopyImage'], arn, there), [
    {
      Effect: 'Allow',
      Action: 'ec2:CopyImage',
      Resource: arn,
      Condition: { StringEquals: { 'aws:RequestTag/mintmark:account': '111122223333' } },
    },
  ])
  const resourcesFor = (action: string, row: AwsCallRow | null) =>
    statementsFor(action, row, null, scope).map(({ Resource }) => Resource)
  assert.equal(resourcesFor('kms:DescribeKey', table['kms:DescribeKey']), [
    'arn:aws:kms:*:111122223333:key/*',
  ])
  assert.equal(resourcesFor('ec2:DescribeImages', table['ec2:DescribeImages']), ['*'])
  assert.equal(resourcesFor('iam:PassRole', null), ['*'])
})

policy('a role of GitHub jobs is for that repository alone, and compares whole names', () => {
  const { Statement: statements } = trustOfGithub(
    { repository: 'corp/images', environments: ['golden'], branches: ['main'] },
    scope,
  )
  assert.equal(statements, [
    {
      Effect: 'Allow',
      Principal: {
        Federated: 'arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com',
      },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: {
        StringEquals: {
          'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com',
          'token.actions.githubusercontent.com:sub': [
            'repo:corp/images:environment:golden',
            'repo:corp/images:ref:refs/heads/main',
          ],
        },
      },
    },
  ])
  assert.throws(
    () => trustOfGithub({ repository: 'corp/images', environments: [], branches: [] }, scope),
    /no job of corp\/images could take the role/,
  )
})

policy('a repository that is named with its ids is compared with them', () => {
  const jobs = { repository: 'corp@1/images@123', environments: ['golden'], branches: ['main'] }
  const [statement] = trustOfGithub(jobs, scope).Statement
  assert.equal(statement?.Condition, {
    StringEquals: {
      'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com',
      'token.actions.githubusercontent.com:sub': [
        'repo:corp@1/images@123:environment:golden',
        'repo:corp@1/images@123:ref:refs/heads/main',
      ],
    },
  })
})

policy.run()
