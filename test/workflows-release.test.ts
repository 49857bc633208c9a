import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeBucket, testBucket } from './helpers/catalog-store.ts'
import {
  type JobResult,
  type Runner,
  readWorkflow,
  runJob,
  runMatrix,
  transcript,
  type Workflow,
} from './helpers/github-runner.ts'
import { type GitHubServer, startGithub } from './helpers/github-server.ts'
import { addRun } from './helpers/github-state.ts'
import { type MotoServer, makeSigningKey, startMoto } from './helpers/moto-server.ts'
import { realCheckout, realCli } from './helpers/real-cli.ts'
import { type FolderBox, folderBox, released } from './helpers/share-fixture.ts'
import { byRole, jobContext, onlyImages, payload, sameTranscript } from './helpers/workflow-files.ts'
import { checkout, type TestWorld, testWorld } from './helpers/world.ts'

// The steps of release.yml, run by bash in their order. What a job with machines would build is a record of tests.
interface Context {
  box: TestWorld
  moto: MotoServer
  server: GitHubServer
  folder: string
  runner: Runner
  workflow: Workflow
}

const it = suite<Context>('workflow release')

const inputs = {
  image: 'web',
  targets: '',
  bump: 'auto',
  version: '',
  channel: '',
  notes: '',
  emergency: false,
  reason: '',
}

it.before(async (context) => {
  context.box = await testWorld()
  context.moto = await startMoto(context.box.world, join(checkout, 'test/helpers/moto-kms.py'))
  await makeBucket(context.moto)
  await makeSigningKey(context.moto, 'alias/golden')
  context.server = await startGithub()
  const { state } = context.server
  context.folder = await mkdtemp(join(tmpdir(), 'workflow-release-'))
  const root = join(context.folder, 'checkout')
  await realCheckout(root)
  const cli = await realCli(context.folder, root)
  const role = byRole(context.moto.env)
  addRun(state, { commit: state.refs.get('refs/heads/main') ?? '', actor: 'octocat' })
  context.workflow = await readWorkflow(join(checkout, '.github/workflows/release.yml'))
  context.runner = {
    folder: context.folder,
    workspace: root,
    selfHosted: false,
    event: { name: 'workflow_dispatch', payload: await payload('release-dispatch') },
    github: jobContext(context.server),
    vars: {
      MINTMARK_CATALOG: `s3://${testBucket}/golden`,
      MINTMARK_SIGNER: 'kms:alias/golden',
      MINTMARK_AWS_ROLE: 'arn:aws:iam::111111111111:role/mintmark-release',
      MINTMARK_AWS_REGION: 'us-east-1',
    },
    inputs,
    env: { ...cli.env, ...role.env, AWS_ENDPOINT_URL_KMS: context.moto.endpoint },
    actions: role.actions,
  }
})
it.after(async ({ box, moto, server, folder }) => {
  await moto.stop()
  await server.close()
  await box.close()
  await rm(folder, { recursive: true, force: true })
})

/** @param more texts that differ from run to run, and what stands for them */
const golden = (
  { box, folder, server }: Context,
  name: string,
  jobs: readonly (readonly [string, JobResult])[],
  more: readonly (readonly [string | RegExp, string])[] = [],
): Promise<void> =>
  sameTranscript(name, jobs.map(([title, job]) => transcript(title, job)).join('\n'), [
    ...more,
    [folder, '/runner'],
    [box.folder, '/box'],
    [server.state.refs.get('refs/heads/main') ?? '', 'COMMIT'],
    [/\b20\d\d-\d\d-\d\d(?:T\d\d:\d\d:\d\d\.\d{3}Z| \d\d:\d\d [+-]\d\d:\d\d)/g, 'INSTANT'],
  ])

const plain = await readFile(join(checkout, 'images/debian-13.yaml'), 'utf8')
const withStable = plain.replace(/^channels:.*$/m, 'channels: {nightly: {}, stable: {needs: {soak: 48h}}}')

const skipped = async (
  { workflow }: Context,
  runner: Runner,
  name: string,
  needs: Readonly<Record<string, JobResult>>,
): Promise<void> => {
  assert.is((await runJob(runner, workflow, name, { needs })).result, 'skipped', name)
}

it('a build that fails shows nothing, promotes nothing and announces nothing', async (context) => {
  await onlyImages(context.runner, { db: plain, web: withStable })
  const runner = {
    ...context.runner,
    inputs: { ...inputs, channel: 'stable', version: '2.0.0', emergency: true, reason: 'sshd is\nattacked' },
  }
  const plan = await runJob(runner, context.workflow, 'plan')
  assert.equal(
    [plan.outputs['image'], plan.outputs['version'], plan.outputs['channel']],
    ['web', '2.0.0', 'stable'],
  )
  // There is no lock, so that the build ends before it begins.
  const [build, ...others] = await runMatrix(runner, context.workflow, 'build', { plan })
  assert.ok(build !== undefined)
  assert.equal(others, [])
  assert.is(build.result, 'failure')
  await skipped(context, runner, 'look', { plan, build })
  const look: JobResult = { result: 'skipped', outputs: {}, steps: [], calls: '' }
  await skipped(context, runner, 'promote', { plan, look })
  await skipped(context, runner, 'announce', { plan, build, promote: look })
  await golden(context, 'release-refused', [
    ['plan', plan],
    ['build', build],
  ])
})

it('what would be refused later is refused before anything is taken', async (context) => {
  await onlyImages(context.runner, { db: plain, web: withStable })
  const wrong: readonly (readonly [string, Partial<typeof inputs>])[] = [
    ['no image', { image: ' ' }],
    ['two images', { image: 'web db' }],
    ['a hostile name', { image: '$(touch /tmp/x) --reserve' }],
    ['no such channel', { channel: 'stabel' }],
    ['no such target', { targets: 'qmeu, --reserve' }],
    ['two versions', { version: '3.0.0', bump: 'major' }],
    ['no version', { version: '3' }],
    ['an emergency without a reason', { emergency: true }],
    ['a reason without an emergency', { reason: 'because' }],
  ]
  const plans: (readonly [string, JobResult])[] = []
  for (const [title, change] of wrong) {
    const github = { ...context.runner.github, run_id: '813' }
    const runner = { ...context.runner, github, inputs: { ...inputs, ...change } }
    const plan = await runJob(runner, context.workflow, 'plan')
    assert.is(plan.result, 'failure', title)
    await skipped(context, runner, 'build', { plan })
    const last = plan.steps.at(-1)
    assert.ok(last !== undefined)
    plans.push([title, { ...plan, steps: [last], calls: '' }])
  }
  await golden(context, 'release-wrong', plans)
})

/** As `plan` and `build` leave it. */
const built = (version: string, channel: string): Readonly<Record<string, JobResult>> => {
  const outputs = { matrix: '', jobs: '1', image: 'debian-13', version, channel }
  return {
    plan: { result: 'success', outputs, steps: [], calls: '' },
    build: { result: 'success', outputs: {}, steps: [], calls: '' },
  }
}

/** A runner whose catalog and checkout are those of the box: with stable at 1.0.0, and 1.0.1 just built. */
async function boxed(context: Context, { world, box }: FolderBox): Promise<Runner> {
  const { workspace } = context.runner
  await onlyImages(context.runner, {})
  for (const path of ['images/debian-13.yaml', 'images/debian-13.lock.json', 'scans/policies/trust.yaml'])
    await world.files.write(join(workspace, path), await world.files.readText(join(world.places.root, path)))
  return {
    ...context.runner,
    selfHosted: true,
    vars: { MINTMARK_CATALOG: world.places.catalog },
    env: {
      ...context.runner.env,
      XDG_DATA_HOME: join(box.folder, 'data'),
      // No database can be had: the last look is judged, wherever the test runs.
      HTTPS_PROXY: 'http://127.0.0.1:9',
    },
    inputs: {
      ...inputs,
      image: 'debian-13',
      channel: 'stable',
      notes: 'Newer **OpenSSH**.\n$(touch /tmp/x)',
    },
  }
}

it('a reviewer sees it, lets it in, and it is promoted, shared and announced as it was seen', async (context) => {
  const at = await folderBox()
  try {
    await released(at.world, 'r-2', { allPass: true })
    const runner = await boxed(context, at)
    const needs = built('1.0.1', 'stable')
    const { state } = context.server
    const look = await runJob(runner, context.workflow, 'look', { needs })
    const later = { ...needs, look }
    const alone = await runJob(runner, context.workflow, 'promote', { needs: later })
    assert.is(alone.result, 'failure')
    state.reviews.push({
      run: 812,
      environments: ['release'],
      state: 'approved',
      by: 'hubot',
      comment: 'seen @octocat',
    })
    const promote = await runJob(runner, context.workflow, 'promote', { needs: later })
    assert.is(promote.result, 'success')
    assert.ok((await at.world.files.list(at.home)).includes('1.0.1'))
    const announce = await runJob(runner, context.workflow, 'announce', { needs: { ...later, promote } })
    assert.is(announce.result, 'success')
    assert.equal(
      state.releases.map(({ tag, draft, prerelease }) => [tag, draft, prerelease]),
      [['debian-13/v1.0.1', false, false]],
    )
    assert.match(
      state.releases[0]?.body ?? '',
      /^Newer \*\*OpenSSH\*\*\.\n\$\(touch \/tmp\/x\)\n\n### debian-13/,
    )
    await golden(
      context,
      'release',
      [
        ['look', look],
        ['promote without a review', alone],
        ['promote', promote],
        ['announce', announce],
      ],
      [[at.box.folder, '/box']],
    )
  } finally {
    await at.box.close()
  }
})

it('without a channel nobody is asked, and it is announced after the build', async (context) => {
  const at = await folderBox()
  try {
    await released(at.world, 'r-2', { allPass: true })
    const runner = await boxed(context, at)
    const needs = built('1.0.1', '')
    await skipped(context, runner, 'look', needs)
    const none: JobResult = { result: 'skipped', outputs: {}, steps: [], calls: '' }
    context.server.state.releases.length = 0
    const announce = await runJob(runner, context.workflow, 'announce', {
      needs: { ...needs, promote: none },
    })
    assert.is(announce.result, 'success')
    assert.equal(
      context.server.state.releases.map(({ tag, prerelease }) => [tag, prerelease]),
      [['debian-13/v1.0.1', true]],
    )
  } finally {
    await at.box.close()
  }
})

it.run()
