import { existsSync } from 'node:fs'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DeleteParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { consumer, factory } from './cloud/stand-in.ts'
import { type Prepared, preparedRelease } from './faults/prepared.ts'
import { definitionText, image } from './helpers/aws-release.ts'
import {
  type JobResult,
  type Runner,
  readWorkflow,
  runJob,
  runMatrix,
  transcript,
} from './helpers/github-runner.ts'
import { type GitHubServer, startGithub } from './helpers/github-server.ts'
import { addRun } from './helpers/github-state.ts'
import { run } from './helpers/real-cli.ts'
import { datedDb, earlierDb } from './helpers/trivy-db-registry.ts'
import { oldSsh, type Package } from './helpers/trivy-tree.ts'
import { byRole, jobContext, payload, sameTranscript } from './helpers/workflow-files.ts'
import { checkout, type TestWorld, testWorld } from './helpers/world.ts'

// The steps of the workflows over the stand-in of AWS: what a night's second attempt goes on with is a candidate that only its gate is
// before, and a release by hand one that only its scan is before, so that no machine is needed. Credentials are there once the action that takes the role ran, and not before.
interface Context {
  box: TestWorld
  prepared: Prepared
  github: GitHubServer
  runner: Runner
}

const it = suite<Context>('workflows over AWS')

const workflow = (name: string) => readWorkflow(join(checkout, `.github/workflows/${name}.yml`))

it.before(async (context) => {
  context.box = await testWorld()
  context.prepared = await preparedRelease(context.box, 'gh-812-1')
  context.github = await startGithub()
  const { cli, scanned, release } = context.prepared
  // The others are none of this account's.
  const images = join(cli.root, 'images')
  for (const name of await readdir(images))
    if (name.endsWith('.yaml') && name !== `${image}.yaml`) await rm(join(images, name))
  const role = byRole(scanned.cloud.env)
  context.runner = {
    folder: context.box.folder,
    workspace: cli.root,
    // Its catalog and its runs stay.
    selfHosted: true,
    event: { name: 'schedule', payload: await payload('schedule') },
    github: jobContext(context.github),
    vars: {
      MINTMARK_IMAGES: image,
      MINTMARK_CATALOG: join(cli.folder, 'data/mintmark/catalog'),
      MINTMARK_AWS_ROLE: `arn:aws:iam::${factory}:role/mintmark-nightly`,
      MINTMARK_AWS_REGION: 'us-east-1',
    },
    inputs: {},
    env: { ...cli.env, ...role.env, MINTMARK_TRIVY_DB: release[release.indexOf('--trivy-db') + 1] ?? '' },
    actions: role.actions,
  }
})
it.after(async ({ box, prepared, github }) => {
  await prepared.close()
  await github.close()
  await box.close()
})

/** Ids and instants are other ones each time. */
const golden = (
  { box, github }: Context,
  name: string,
  jobs: readonly (readonly [string, JobResult])[],
): Promise<void> =>
  sameTranscript(name, jobs.map(([title, job]) => transcript(title, job)).join('\n'), [
    [box.folder, '/runner'],
    [github.state.refs.get('refs/heads/main') ?? '', 'COMMIT'],
    [/\bami-[0-9a-f]{17}\b/g, 'ami-ID'],
    [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'KEY'],
    [/\b20\d\d-\d\d-\d\d(?:T\d\d:\d\d:\d\d\.\d{3}Z| \d\d:\d\d (?:UTC|[+-]\d\d:\d\d))/g, 'INSTANT'],
    [/ (?:\d+ m )?\d+ s$/gm, ' SECONDS'],
    // Of what is asked for at once, any may be the first that fails, and in its own way.
    [/\w+:\w+ in us-west-2 can't be reached \(\w+\)/g, "CALL in us-west-2 can't be reached (WHY)"],
  ])

const results = (jobs: readonly JobResult[]) => jobs.map(({ result }) => result)

const attempt = (runner: Runner, run_id: string, more: Partial<Runner> = {}): Runner => ({
  ...runner,
  ...more,
  github: { ...runner.github, run_id },
})

it('nightly: a region that is down stays behind, and the next night tries again', async (context) => {
  const { runner, prepared } = context
  const { cloud } = prepared.scanned
  const nightly = await workflow('nightly')
  const plan = await runJob(runner, nightly, 'plan')
  await cloud.change({ down: ['us-west-2'] })
  const builds = await runMatrix(runner, nightly, 'build', { plan })
  assert.equal(results(builds), ['failure'])
  const second = attempt(runner, '813')
  const next = await runJob(second, nightly, 'plan')
  assert.is(next.outputs['jobs'], '1', next.steps.at(-1)?.summary)
  const again = await runMatrix(second, nightly, 'build', { plan: next })
  assert.equal(results(again), ['failure'])
  await cloud.change({ down: [] })
  await golden(context, 'aws-nightly', [
    ['plan', plan],
    ...builds.map((job) => ['build', job] as const),
    ['plan of the next night', next],
    ...again.map((job) => ['build of the next night', job] as const),
  ])
})

it('share: who is named gets it after the merge; without a role nothing is looked at', async (context) => {
  const { runner } = context
  const share = await workflow('share')
  const merged = attempt(runner, '814', { event: { name: 'push', payload: await payload('schedule') } })
  const { MINTMARK_AWS_ROLE: _, ...vars } = runner.vars
  const without = await runJob({ ...merged, vars }, share, 'plan')
  const plan = await runJob(merged, share, 'plan')
  const applied = await runMatrix(merged, share, 'apply', { plan })
  assert.equal(results(applied), ['success'], applied[0]?.steps.at(-1)?.stderr)
  const again = await runJob(merged, share, 'plan')
  assert.equal(await runMatrix(merged, share, 'apply', { plan: again }), [])
  await golden(context, 'aws-share', [
    ['plan without a role', without],
    ['plan after the merge', plan],
    ...applied.map((job) => ['apply', job] as const),
    ['plan of the next merge', again],
  ])
})

it('rescan', async (context) => {
  const rescan = await runJob(attempt(context.runner, '815'), await workflow('rescan'), 'rescan')
  await golden(context, 'aws-rescan', [['rescan', rescan]])
})

it('release: a region that the image is still to come to is said on the page', async (context) => {
  const { cli } = context.prepared
  const stable = `stable: {needs: {approvals: 1, soak: 0h}, share: {aws: ["account:${consumer}"]}}`
  await writeFile(
    join(cli.root, 'images', `${image}.yaml`),
    definitionText().replace(/^(channels: .*)\}$/m, `$1, ${stable}}`),
  )
  const { stdout } = await run(cli, ['verify', '--print-key'])
  await writeFile(
    join(cli.root, 'scans/policies/trust.yaml'),
    `schema: 1\n${stdout.replace('team-NAME', 'team-platform')}`,
  )
  // A region may lose an image after its build: here the night left one behind, so that only the look is done.
  const outputs = { matrix: '', jobs: '1', image, version: '1.0.0', channel: 'stable' }
  const needs: Record<string, JobResult> = {
    plan: { result: 'success', outputs, steps: [], calls: '' },
    build: { result: 'success', outputs: {}, steps: [], calls: '' },
  }
  const look = await runJob(await byHandAt(context, 816, { inputs: {} }), await workflow('release'), 'look', {
    needs,
  })
  assert.is(look.result, 'success', look.steps.at(-1)?.stderr)
  await golden(context, 'aws-release-behind', [['look', look]])
})

it('nightly: what somebody took away in a region is there again; then there is nothing to do', async (context) => {
  const { runner, prepared } = context
  const ssm = new SSMClient(prepared.scanned.cloud.client(factory, 'eu-west-1'))
  await ssm.send(new DeleteParameterCommand({ Name: '/mintmark/web/x86_64/nightly' }))
  ssm.destroy()
  const nightly = await workflow('nightly')
  const third = attempt(runner, '817')
  const plan = await runJob(third, nightly, 'plan')
  const builds = await runMatrix(third, nightly, 'build', { plan })
  assert.equal(results(builds), ['success'], builds[0]?.steps.at(-2)?.stderr)
  const last = await runJob(attempt(runner, '818'), nightly, 'plan')
  assert.is(last.outputs['jobs'], '0', last.steps.at(-1)?.summary)
  await golden(context, 'aws-nightly-mended', [
    ['plan', plan],
    ...builds.map((job) => ['build', job] as const),
    ['plan of the night after', last],
  ])
})

/** The run of a release that octocat asks for, by its number. */
async function byHandAt(
  { github, runner }: Context,
  id: number,
  more: Partial<Pick<Runner, 'env'>> & Pick<Runner, 'inputs'>,
): Promise<Runner> {
  addRun(github.state, { id, commit: runner.github['sha'] ?? '', actor: 'octocat' })
  return attempt(runner, `${id}`, {
    event: { name: 'workflow_dispatch', payload: await payload('release-dispatch') },
    vars: { ...runner.vars, MINTMARK_ATTEST: 'true' },
    ...more,
  })
}

/** A release by hand in this run: its plan, and the build that the plan asks for, of a candidate with these packages besides. */
async function planAndBuild(
  context: Context,
  id: number,
  packages: readonly Package[],
  more: Pick<Runner, 'inputs' | 'env'>,
) {
  const { prepared } = context
  const byHand = await byHandAt(context, id, more)
  const release = await workflow('release')
  const plan = await runJob(byHand, release, 'plan')
  assert.is(plan.result, 'success', plan.steps.at(-1)?.stderr)
  // What machines would have made of that plan, by the run and the version that it took.
  await prepared.candidate({ run: `gh-${id}-1`, version: plan.outputs['version'] ?? '', packages })
  const [build, ...others] = await runMatrix(byHand, release, 'build', { plan })
  assert.ok(build !== undefined)
  assert.equal(others, [])
  assert.is(build.result, 'success', build.steps.map(({ stderr }) => stderr).join(''))
  return { byHand, release, needs: { plan, build } }
}

it('release: from the plan on, what the reviewer saw is promoted in every region and shared', async (context) => {
  const { box, github } = context
  // By the advisories of the day before there is nothing against its OpenSSH.
  const yesterday = await datedDb(join(box.folder, 'yesterday'), earlierDb)
  const { byHand, release, needs } = await planAndBuild(context, 819, [oldSsh], {
    inputs: { image, channel: 'stable', notes: '', emergency: false, reason: '' },
    env: { ...context.runner.env, MINTMARK_TRIVY_DB: yesterday },
  })
  const [attest, made] = ['attest', 'release'].map((name) =>
    needs.build.steps.find((step) => step.name === name),
  )
  assert.equal(
    [attest?.outcome, attest?.with['subject-name'], attest?.with['subject-digest']],
    ['success', `web-${needs.plan.outputs['version']}-aws-x86_64`, made?.outputs['digest']],
  )
  const look = await runJob(byHand, release, 'look', { needs })
  assert.is(look.result, 'success', look.steps.at(-1)?.stderr)
  github.state.reviews.push({
    run: 819,
    environments: ['release'],
    state: 'approved',
    by: 'hubot',
    comment: 'seen',
  })
  const promote = await runJob(byHand, release, 'promote', { needs: { ...needs, look } })
  assert.is(promote.result, 'success', promote.steps.map(({ stderr }) => stderr).join(''))
  const announce = await runJob(byHand, release, 'announce', { needs: { ...needs, promote } })
  assert.is(announce.result, 'success', announce.steps.at(-1)?.stderr)
  await golden(context, 'aws-release', [
    ['plan', needs.plan],
    ['build', needs.build],
    ['look', look],
    ['promote', promote],
    ['announce', announce],
  ])
})

it("emergency: what today's advisories reject is built, and each page says why", async (context) => {
  const { box, runner } = context
  const touched = join(box.folder, 'touched')
  const reason = [
    'sshd is attacked **tonight**',
    '',
    `::error::$(touch ${touched}) \`touch ${touched}\` \u001b[2J`,
    '# <!-- mintmark:rescan web --> | [see](https://guest.test) @octocat </details>',
  ].join('\n')
  const { byHand, release, needs } = await planAndBuild(context, 820, [oldSsh], {
    inputs: { image, channel: 'stable', notes: '', emergency: true, reason },
    env: runner.env,
  })
  const look = await runJob(byHand, release, 'look', { needs })
  assert.is(look.result, 'success', look.steps.at(-1)?.stderr)
  assert.is(existsSync(touched), false)
  const said = [needs.plan, needs.build, look].flatMap(({ steps }) =>
    steps.flatMap(({ stdout, stderr }) => `${stdout}\n${stderr}`.split('\n')),
  )
  // GitHub takes such a line for a command to the runner.
  assert.equal(
    said.filter((line) => line.trimStart().startsWith('::')),
    [],
  )
  assert.ok(said.some((line) => line.includes('EMERGENCY')))
  await golden(context, 'aws-emergency', [
    ['plan', needs.plan],
    ['build', needs.build],
    ['look', look],
  ])
})

it.run()
