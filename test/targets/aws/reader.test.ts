import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { awsCallsTable } from '../../../pipeline/targets/aws/calls-table.ts'
import { uncalledActions, unexpectedCalls } from '../../cloud/permissions.ts'
import { consumer, factory } from '../../cloud/stand-in.ts'
import type { Call } from '../../cloud/stand-in-types.ts'
import { withStandIn } from '../../cloud/under-test.ts'
import { type AwsBox, awsBox, goldenKey, organization, regions } from '../../helpers/aws-share.ts'
import { type GitHubServer, startGithub } from '../../helpers/github-server.ts'
import { addRun } from '../../helpers/github-state.ts'
import { look, worldOfJob } from '../../helpers/reviewed-job.ts'
import { share } from '../../helpers/share-fixture.ts'

// What is planned for a pull request, and shown to who reviews a promotion, takes a role that looks and nothing else.
const it = suite('role of a reader')
const under = withStandIn(it)
let aws: AwsBox
let server: GitHubServer
const seen: Call[] = []

it.before(async () => {
  for (const region of regions) await goldenKey(under.kms(factory, region))
  server = await startGithub()
  aws = await awsBox(under)
  await aws.name({ stable: [`account:${consumer}`, organization] })
  await aws.release('1.0.0')
  await aws.pointTo('stable', '1.0.0')
  // Not yet in every region: promotion would bring it there.
  await aws.release('1.0.1', { regions: regions.slice(0, 1) })
})
it.after(async () => {
  await aws.box.close()
  await server.close()
})

/** The calls of the work, all of which a reader may make; at least one of each region. */
async function callsOf(work: () => Promise<unknown>): Promise<readonly Call[]> {
  const before = (await under.cloud().calls()).length
  await work()
  const made = (await under.cloud().calls()).slice(before)
  for (const region of regions) assert.ok(made.some((call) => call.region === region))
  assert.equal(unexpectedCalls(made, ['reader']), [])
  seen.push(...made)
  return made
}

it('share plan', async () => {
  await callsOf(async () => {
    const { data } = await share(aws.box, aws.world, 'plan')
    assert.ok(data.actions.some(({ kind }: { readonly kind: string }) => kind === 'grant'))
  })
})

it('share apply takes more, so that the check above can fail', async () => {
  const before = (await under.cloud().calls()).length
  assert.is((await share(aws.box, aws.world, 'apply')).exit, 0)
  const made = (await under.cloud().calls()).slice(before)
  assert.equal(unexpectedCalls(made, ['publisher']), [])
  assert.equal(unexpectedCalls(made, ['reader']), [
    'ec2:ModifyImageAttribute',
    'ec2:ModifySnapshotAttribute',
    'kms:PutKeyPolicy',
  ])
})

it('the look of a promotion', async () => {
  addRun(server.state)
  const world = worldOfJob(aws.world, server, process.env)
  await callsOf(async () => {
    assert.ok((await look(world)).share.plan.actions.length > 0)
  })
})

it('a reader may do no more than these looks do, and nothing that a publisher may not', () => {
  assert.equal(uncalledActions(seen, ['reader']), [])
  for (const [action, { roles }] of Object.entries(awsCallsTable)) {
    const names: readonly string[] = roles
    if (!names.includes('reader')) continue
    assert.match(action, /^\w+:(?:Describe|Get|List)/)
    assert.ok(names.includes('publisher'), action)
  }
})

it.run()
