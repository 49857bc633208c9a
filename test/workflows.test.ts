import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../pipeline/core/digest.ts'
import { Definition } from '../pipeline/model/definition.ts'
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
import { addPull } from './helpers/github-state.ts'
import { type MotoServer, makeSigningKey, startMoto } from './helpers/moto-server.ts'
import { realCheckout, realCli } from './helpers/real-cli.ts'
import { base, definition, fixtureRelease } from './helpers/release-fixture.ts'
import { folderBox } from './helpers/share-fixture.ts'
import { textOf } from './helpers/sources.ts'
import { datedDb, earlierDb, fixtureDb } from './helpers/trivy-db-registry.ts'
import { bash, look, makeTree, oldSsh } from './helpers/trivy-tree.ts'
import { byRole, jobContext, onlyImages, payload, sameTranscript, told } from './helpers/workflow-files.ts'
import { checkout, type TestWorld, testWorld } from './helpers/world.ts'

// The steps of the workflows, run by bash in their order with GitHub's files and payloads; the catalog is a bucket of moto.
interface Context {
  box: TestWorld
  moto: MotoServer
  github: GitHubServer
  folder: string
  runner: Runner
}

const it = suite<Context>('workflows')

const workflow = (name: string): Promise<Workflow> =>
  readWorkflow(join(checkout, `.github/workflows/${name}.yml`))

it.before(async (context) => {
  context.box = await testWorld()
  context.moto = await startMoto(context.box.world, join(checkout, 'test/helpers/moto-kms.py'))
  await makeBucket(context.moto)
  await makeSigningKey(context.moto, 'alias/golden')
  context.github = await startGithub()
  context.folder = await mkdtemp(join(tmpdir(), 'workflows-'))
  const root = join(context.folder, 'checkout')
  await realCheckout(root)
  const cli = await realCli(context.folder, root)
  const role = byRole(context.moto.env)
  context.runner = {
    folder: context.folder,
    workspace: root,
    selfHosted: false,
    event: { name: 'schedule', payload: await payload('schedule') },
    github: jobContext(context.github, { sha: '9f3c1d2e00000000000000000000000000000000' }),
    vars: {
      MINTMARK_CATALOG: `s3://${testBucket}/golden`,
      MINTMARK_SIGNER: 'kms:alias/golden',
      MINTMARK_AWS_ROLE: 'arn:aws:iam::111111111111:role/mintmark-nightly',
      MINTMARK_AWS_REGION: 'us-east-1',
    },
    inputs: {},
    env: { ...cli.env, ...role.env, AWS_ENDPOINT_URL_KMS: context.moto.endpoint },
    actions: role.actions,
  }
})
it.after(async ({ box, moto, github, folder }) => {
  await moto.stop()
  await box.close()
  await rm(folder, { recursive: true, force: true })
  await github.close()
})

const golden = (
  { box, folder }: Pick<Context, 'box' | 'folder'>,
  name: string,
  jobs: readonly (readonly [string, JobResult])[],
): Promise<void> =>
  sameTranscript(name, jobs.map(([title, job]) => transcript(title, job)).join('\n'), [
    [folder, '/runner'],
    [box.folder, '/box'],
  ])

const plain = await readFile(join(checkout, 'images/debian-13.yaml'), 'utf8')

it('nightly: what can not be planned or built stops nothing else', async (context) => {
  // Neither has a lock, so that each build ends before it begins; the third is no definition at all.
  await onlyImages(context.runner, {
    db: plain,
    old: plain.replace('release: "13"', 'release: thirteen'),
    web: plain,
  })
  const nightly = await workflow('nightly')
  const plan = await runJob(context.runner, nightly, 'plan')
  const builds = await runMatrix(context.runner, nightly, 'build', { plan })
  assert.is(plan.outputs['jobs'], '2')
  assert.equal(
    builds.map(({ result }) => result),
    ['failure', 'failure'],
  )
  await golden(context, 'nightly-schedule', [['plan', plan], ...builds.map((job) => ['build', job] as const)])
})

it('nightly by hand: some images, and none of another name', async (context) => {
  await onlyImages(context.runner, { db: plain, web: plain })
  const nightly = await workflow('nightly')
  const runner = {
    ...context.runner,
    event: { name: 'workflow_dispatch', payload: await payload('workflow-dispatch') },
    github: { ...context.runner.github, run_id: '813' },
    inputs: { images: 'web' },
  }
  const one = await runJob(runner, nightly, 'plan')
  assert.match(one.outputs['matrix'] ?? '', /^\{"include":\[\{"image":"web",[^}]*"run":"gh-813-1"\}\]\}$/)
  const hostile = await runJob(
    { ...runner, inputs: { images: '$(touch /tmp/x) --reserve' } },
    nightly,
    'plan',
  )
  assert.equal(await runMatrix(runner, nightly, 'build', { plan: hostile }), [])
  await golden(context, 'nightly-dispatch', [
    ['plan of web', one],
    ['plan of a hostile name', hostile],
  ])
})

it('nightly: without a catalog that stays nothing is planned', async (context) => {
  await onlyImages(context.runner, { web: plain })
  const nightly = await workflow('nightly')
  const runner = { ...context.runner, vars: { MINTMARK_SIGNER: 'kms:alias/golden' } }
  const plan = await runJob(runner, nightly, 'plan')
  assert.equal(await runMatrix(runner, nightly, 'build', { plan }), [])
  await golden(context, 'nightly-no-catalog', [['plan', plan]])
})

it('rescan: of a catalog with no release', async (context) => {
  await golden(context, 'rescan', [
    ['rescan', await runJob(context.runner, await workflow('rescan'), 'rescan')],
  ])
})

it('rescan: what would be rejected today has an issue, the same one each night, until it passes again', async (context) => {
  const { runner, github } = context
  const box = await testWorld()
  try {
    const [earlier, today] = await Promise.all(
      [earlierDb, fixtureDb].map((database, index) => datedDb(join(box.folder, `${index}`), database)),
    )
    const tree = await makeTree(box, { release: '12', packages: [bash, oldSsh] })
    const looked = await look(box, tree, '12', earlier ?? null)
    const { os, findings, database } = looked.report
    await fixtureRelease(box.world, {
      image: 'web',
      definition: Definition.parse({ ...definition, os: { ...definition.os, release: '12' } }),
      base: { ...base, release: '12' },
      cyclonedx: await looked.text('cyclonedx'),
      policy: sha256(textOf('scans/policies/default.yaml')),
      scan: { os, findings, database },
      allPass: true,
    })
    await onlyImages(context.runner, {})
    const rescan = await workflow('rescan')
    const night = (trivyDb = '') => {
      const env = { ...runner.env, XDG_DATA_HOME: join(box.folder, 'data'), MINTMARK_TRIVY_DB: trivyDb }
      const vars = { MINTMARK_CATALOG: box.world.places.catalog }
      return runJob({ ...runner, selfHosted: true, vars, env }, rescan, 'rescan')
    }
    const first = await night(today)
    const writes = github.writes().length
    const second = await night(today)
    assert.is(github.writes().length, writes, 'nothing is said twice')
    assert.equal(
      [first, second].map(({ steps }) => steps.at(-1)?.exit),
      [5, 5],
    )
    const open = told(github)
    const third = await night(earlier)
    assert.is(third.result, 'success', third.steps.at(-1)?.stderr)
    assert.equal(
      github.state.issues.filter(({ pull }) => !pull).map((issue) => [issue.author, issue.open]),
      [['github-actions[bot]', false]],
    )
    const text = [
      transcript('the first night', first),
      transcript('the second night', second),
      open,
      transcript('a night when it passes', third),
      told(github),
    ]
    await sameTranscript('rescan-issues', text.join('\n'), [
      [context.folder, '/runner'],
      [box.folder, '/box'],
      [/\b20\d\d-\d\d-\d\d(?:T[\d:.]+Z| \d\d:\d\d(?: UTC| [+-]\d\d:\d\d)?)?/g, 'INSTANT'],
      [/ (?:\d+ m )?\d+ s$/gm, ' SECONDS'],
    ])
  } finally {
    await box.close()
  }
})

it('share: a request is data, what it says is done after the merge, by the digest of the plan', async (context) => {
  const shared = await folderBox()
  const { box, world, who, home } = shared
  const { github } = context
  const { workspace } = context.runner
  try {
    await onlyImages(context.runner, {})
    for (const path of ['images/debian-13.yaml', 'scans/policies/trust.yaml'])
      await world.files.write(
        join(workspace, path),
        await world.files.readText(join(world.places.root, path)),
      )
    const share = await workflow('share')
    const merged: Runner = {
      ...context.runner,
      selfHosted: true,
      event: { name: 'push', payload: await payload('schedule') },
      vars: { MINTMARK_CATALOG: world.places.catalog },
      env: { ...context.runner.env, XDG_DATA_HOME: join(box.folder, 'data') },
    }
    const plan = await runJob(merged, share, 'plan')
    const applied = await runMatrix(merged, share, 'apply', { plan })
    assert.equal(
      applied.map(({ result }) => result),
      ['success'],
    )
    assert.ok((await world.files.list(home)).includes('1.0.0'), (await world.files.list(home)).join())

    // A request that takes it away again, with code and settings of its own that nobody is to run or read.
    const request = join(workspace, 'request')
    const text = await world.files.readText(join(workspace, 'images/debian-13.yaml'))
    await world.files.write(join(request, 'images/debian-13.yaml'), text.replace(`"${who}"`, ''))
    await world.files.write(join(request, 'mintmark.yaml'), 'catalog: /nowhere\n')
    const event = (await payload('pull-request')) as { readonly pull_request: { readonly head: object } }
    const head = { ...event.pull_request.head, repo: { fork: false, full_name: 'corp/images' } }
    const ours = { ...event, pull_request: { ...event.pull_request, head } }
    // The payload's number.
    github.state.next.number = 7
    addPull(
      github.state,
      { head: 'change', headRepository: 'corp/images', base: 'main' },
      { title: 'a request' },
    )
    const asked = (of: unknown): Runner => ({
      ...merged,
      event: { name: 'pull_request_target', payload: of },
    })
    const before = github.writes().length
    const seen = await runJob(asked(ours), share, 'plan')
    assert.equal(await runMatrix(asked(ours), share, 'apply', { plan: seen }), [])
    const again = await runJob(asked(ours), share, 'plan')
    assert.is(again.result, 'success')
    assert.equal(
      github
        .writes()
        .slice(before)
        .filter((name) => name.endsWith('/comments') || name.startsWith('PATCH')),
      ['POST /repos/corp/images/issues/7/comments'],
    )
    const comment = github.state.comments.find(({ issue }) => issue === 7)
    assert.is(comment?.body.trim(), `<!-- mintmark:review -->\n${seen.steps.at(-1)?.summary.trim()}`)
    const fork = await runJob(asked(event), share, 'plan')
    assert.is(fork.result, 'skipped')
    assert.equal(await runMatrix(asked(event), share, 'apply', { plan: fork }), [])
    assert.ok((await world.files.list(home)).includes('1.0.0'))
    await golden({ ...context, box }, 'share', [
      ['plan after the merge', plan],
      ...applied.map((job) => ['apply', job] as const),
      ['plan of a request', seen],
      ['plan of a fork', fork],
    ])
  } finally {
    await box.close()
  }
})

it('ci: a fork gets the static checks alone, a request of our own the tests as well', async (context) => {
  const event = (await payload('pull-request')) as { readonly pull_request: { readonly head: object } }
  const head = { ...event.pull_request.head, repo: { fork: false, full_name: 'corp/images' } }
  const ours = { ...event, pull_request: { ...event.pull_request, head } }
  const asked = (name: string, of: unknown): Runner => ({
    ...context.runner,
    event: { name, payload: of },
    vars: {},
  })
  const ci = await workflow('ci')
  // A push has no request that could be a fork's.
  const pushed = await runJob(asked('push', await payload('schedule')), ci, 'test')
  assert.is(pushed.result, 'success')
  // This one would make an image here.
  assert.is(ci.jobs['release']?.if, ci.jobs['test']?.if)
  const fork = asked('pull_request', event)
  await golden(context, 'ci', [
    ['check of a fork', await runJob(fork, ci, 'check')],
    ['test of a fork', await runJob(fork, ci, 'test')],
    ['release of a fork', await runJob(fork, ci, 'release')],
    ['test', await runJob(asked('pull_request', ours), ci, 'test')],
  ])
})

it.run()
