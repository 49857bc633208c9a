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
import { run } from './helpers/real-cli.ts'
import { payload, sameTranscript } from './helpers/workflow-files.ts'
import { checkout, type TestWorld, testWorld } from './helpers/world.ts'

// The steps of the workflows over the stand-in of AWS: what a night's second attempt goes on with is a candidate that only its gate is
// before, so that no machine is needed. Credentials are there once the action that takes the role ran, and not before.
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
  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '', AWS_REGION = '', ...env } = scanned.cloud.env
  context.runner = {
    folder: context.box.folder,
    workspace: cli.root,
    // Its catalog and its runs stay.
    selfHosted: true,
    event: { name: 'schedule', payload: await payload('schedule') },
    github: {
      run_id: '812',
      run_attempt: '1',
      repository: 'corp/images',
      token: 'job-token',
      api_url: context.github.address,
      ref: 'refs/heads/main',
      sha: context.github.state.refs.get('refs/heads/main') ?? '',
      actor: 'octocat',
      triggering_actor: 'octocat',
    },
    vars: {
      MINTMARK_IMAGES: image,
      MINTMARK_CATALOG: join(cli.folder, 'data/mintmark/catalog'),
      MINTMARK_AWS_ROLE: `arn:aws:iam::${factory}:role/mintmark-nightly`,
      MINTMARK_AWS_REGION: 'us-east-1',
    },
    inputs: {},
    env: { ...cli.env, ...env, MINTMARK_TRIVY_DB: release[release.indexOf('--trivy-db') + 1] ?? '' },
    actions: {
      'aws-actions/configure-aws-credentials': { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION },
    },
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
    [/ \d+ s$/gm, ' SECONDS'],
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

it('release: what the reviewer saw is promoted in every region and shared', async (context) => {
  const { prepared, runner, github } = context
  const { cli } = prepared
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
  const { sha = '' } = runner.github
  github.state.runs.push({
    id: 816,
    workflow: 'release.yml',
    branch: 'main',
    created: new Date().toISOString(),
    conclusion: null,
    commit: sha,
    actor: 'octocat',
    triggeringActor: 'octocat',
    attempt: 1,
  })
  const byHand = attempt(runner, '816', {
    event: { name: 'workflow_dispatch', payload: await payload('release-dispatch') },
    inputs: { image, channel: 'stable', notes: '', emergency: false, reason: '' },
  })
  const outputs = { matrix: '', jobs: '1', image, version: '1.0.0', channel: 'stable' }
  const release = await workflow('release')
  const needs: Record<string, JobResult> = {
    plan: { result: 'success', outputs, steps: [], calls: '' },
    build: { result: 'success', outputs: {}, steps: [], calls: '' },
  }
  const look = await runJob(byHand, release, 'look', { needs })
  assert.is(look.result, 'success', look.steps.at(-1)?.stderr)
  github.state.reviews.push({
    run: 816,
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
    ['look', look],
    ['promote', promote],
    ['announce', announce],
  ])
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

it.run()
