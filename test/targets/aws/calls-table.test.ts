import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AwsCallRow, policyOf } from '../../../pipeline/core/aws-policy.ts'
import { awsCallsTable } from '../../../pipeline/targets/aws/calls-table.ts'
import { pathsBelow, textOf } from '../../helpers/sources.ts'

const table = suite('table of calls to AWS')

const rows: readonly (readonly [string, AwsCallRow])[] = Object.entries(awsCallsTable)

/** Calls as the code writes them: `calls.ec2.find('CopyImage', ...`. */
const calling = /\b(ec2|ssm|sts|kms|ebs)\s*\.\s*(?:send|find|pages)\(\s*'(\w+)'/g
const called = new Set(
  pathsBelow('pipeline/targets/aws', (path) => path.endsWith('.ts'))
    .flatMap((path) => [...textOf(path).matchAll(calling)])
    .map(([, service, operation]) => `${service}:${operation}`),
)

table('every row is a call of its service that the code makes, and every call has a row', () => {
  const ours = rows.filter(([, row]) => row.by === undefined).map(([action]) => action)
  assert.equal([...called].sort(), [...ours].sort())
})

table('what others do with our credentials is called by no code of ours', () => {
  for (const [action, row] of rows) if (row.by !== undefined) assert.not.ok(called.has(action), action)
})

table('every resource is an ARN with words that are filled in, or all of them', () => {
  for (const [action, row] of rows) {
    assert.ok(row.why.length > 10 && row.resources.length > 0, action)
    for (const resource of row.resources)
      assert.match(resource, /^(?:\*|arn:\{partition\}:[a-z0-9-]+:(?:\{region\})?:(?:\{account\}|\*)?:\S+)$/)
  }
})

/** Those that every account has. */
const seventeen = [
  ...['us-east-1', 'us-east-2', 'us-west-1', 'us-west-2', 'ca-central-1', 'sa-east-1', 'eu-central-1'],
  ...['eu-north-1', 'eu-west-1', 'eu-west-2', 'eu-west-3', 'ap-south-1', 'ap-northeast-1'],
  ...['ap-northeast-2', 'ap-northeast-3', 'ap-southeast-1', 'ap-southeast-2'],
]

for (const regions of [[], ['eu-west-1'], seventeen])
  for (const role of ['builder', 'publisher', 'consumer'] as const)
    table(`the policy of a ${role} in ${regions.length} regions is whole and fits`, () => {
      const build = { sessionManager: true, instanceProfile: 'ssm-core' }
      const scope = { partition: 'aws', account: '111122223333', regions, ...build }
      const text = JSON.stringify(policyOf(role, awsCallsTable, { ...scope, keys: ['alias/golden'] }))
      assert.not.match(text, /\{(?:region|account|partition|profile)\}/)
      // Of IAM: the most characters that a managed policy may have, without spaces.
      assert.ok(text.length <= 6144, `${text.length} characters`)
    })

table('nothing is changed or removed but what bears our tags', () => {
  const changes =
    /^ec2:(?:Delete|Deregister|Terminate|Stop|Start|Modify|Reset|Enable|Attach|Revoke|Authorize)/
  for (const [action, row] of rows) {
    if (!changes.test(action)) continue
    assert.equal([row.condition, row.or], [tagged, undefined], action)
  }
})

const tagged = { Null: { 'aws:ResourceTag/mintmark:image': 'false' } }

table('nothing becomes ours by a tag: only what is made is tagged, and what bears our tag already', () => {
  const { condition, or } = awsCallsTable['ec2:CreateTags']
  assert.equal(condition, { Null: { 'aws:RequestTag/mintmark:image': 'false', 'ec2:CreateAction': 'false' } })
  assert.equal(or.condition, tagged)
})

table(
  'a session, a role and a profile are those of the build, and a role of others is of no account of ours',
  () => {
    assert.match(JSON.stringify(awsCallsTable['ssm:StartSession'].or), 'ssm:resourceTag/mintmark:image')
    for (const action of ['iam:GetInstanceProfile', 'iam:PassRole'] as const)
      for (const resource of awsCallsTable[action].resources) assert.match(resource, /\/\{profile\}$/)
    // Also where the account is not known: "*" would be compared as it is written.
    const scope = { partition: 'aws', account: '*', regions: [] }
    const text = JSON.stringify(policyOf('publisher', awsCallsTable, scope))
    assert.match(text, /\{"StringNotEquals":\{"aws:ResourceAccount":"\$\{aws:PrincipalAccount\}"\}\}/)
  },
)

table.run()
