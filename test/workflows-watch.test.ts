import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type JobResult,
  type Runner,
  readWorkflow,
  runJob,
  transcript,
  type Workflow,
} from './helpers/github-runner.ts'
import { type GitHubServer, startGithub } from './helpers/github-server.ts'
import { realCheckout, realCli } from './helpers/real-cli.ts'
import { jobContext, payload, sameTranscript, told } from './helpers/workflow-files.ts'
import { checkout, type TestWorld, testWorld } from './helpers/world.ts'

// The jobs that talk to people about the nights, run by bash with GitHub's files and payloads, over a stand-in of GitHub. The
// machine is one of our own, so that the catalog may be a folder.
interface Context {
  box: TestWorld
  folder: string
  server: GitHubServer
  nightly: Workflow
  runner: Runner
}

const it = suite<Context>('workflows-watch')

it.before(async (context) => {
  context.box = await testWorld()
  context.server = await startGithub()
  context.folder = await mkdtemp(join(tmpdir(), 'workflows-watch-'))
  context.nightly = await readWorkflow(join(checkout, '.github/workflows/nightly.yml'))
  const root = join(context.folder, 'checkout')
  await realCheckout(root)
  const cli = await realCli(context.folder, root)
  context.runner = {
    folder: context.folder,
    workspace: root,
    selfHosted: true,
    event: {
      name: 'schedule',
      payload: await payload('schedule'),
    },
    github: jobContext(context.server, { run_id: '900' }),
    vars: { MINTMARK_CATALOG: join(context.folder, 'catalog') },
    inputs: {},
    env: cli.env,
    actions: {},
  }
  await rm(join(root, 'images'), { recursive: true })
  await mkdir(join(root, 'images/files'), { recursive: true })
  // A base of the team's own, which is looked at without any publisher.
  const disk = join(root, 'images/files/own.qcow2')
  await context.box.world.exec.run(['qemu-img', 'create', '-q', '-f', 'qcow2', disk, '1G'])
  await image(context, 'web', '13')
})
it.after(async ({ box, folder, server }) => {
  await box.close()
  await rm(folder, { recursive: true, force: true })
  await server.close()
})

const image = ({ runner }: Context, name: string, release: string): Promise<void> =>
  writeFile(
    join(runner.workspace, `images/${name}.yaml`),
    [
      'schema: 1',
      'owner: team-platform',
      `os: {family: debian, release: "${release}", arch: [x86_64]}`,
      'base: {from: image, file: files/own.qcow2}',
      'hardening: {profiles: [baseline]}',
      'targets: {qemu: {}}',
      '',
    ].join('\n'),
  )

const hoursAgo = (hours: number): string =>
  `${new Date(Date.now() - hours * 3_600_000).toISOString().slice(0, 19)}Z`

/** A night of so many days ago, with its jobs by name. */
function ran({ server }: Context, days: number, jobs: Readonly<Record<string, string | null>>): void {
  const { state } = server
  const id = 900 - days
  const who = { actor: 'octocat', triggeringActor: 'octocat' }
  const run = {
    id,
    workflow: 'nightly.yml',
    branch: 'main',
    created: hoursAgo(days * 24),
    attempt: 1,
    ...who,
  }
  state.runs.push({ ...run, conclusion: days === 0 ? null : 'failure', commit: 'c'.repeat(40) })
  for (const [name, conclusion] of Object.entries(jobs))
    state.jobs.push({ run: id, attempt: 1, name, conclusion })
}

const ended = (result: JobResult['result']): JobResult => ({ result, outputs: {}, steps: [], calls: '' })

/** Days, digests and sizes of this moment are left out. */
const golden = (
  { folder, server }: Context,
  name: string,
  jobs: readonly (readonly [string, JobResult])[],
): Promise<void> =>
  sameTranscript(name, [...jobs.map(([title, job]) => transcript(title, job)), told(server)].join('\n'), [
    [folder, '/runner'],
    [/\b20\d\d-\d\d-\d\d(?:T[\d:.]+Z)?/g, 'DAY'],
  ])

it('bases: what moved is one pull request, and a base that is refused stops nothing', async (context) => {
  const { runner, nightly, server } = context
  await image(context, 'late', '10')
  const first = await runJob(runner, nightly, 'bases')
  const writes = server.writes().length
  const second = await runJob(runner, nightly, 'bases')
  assert.is(server.writes().length, writes, 'no new commit for the same bases')
  await golden(context, 'nightly-bases', [
    ['bases', first],
    ['bases of the next night', second],
  ])
})

it('watch: one issue, whatever the jobs before came to, until all is well', async (context) => {
  const { runner, nightly, server } = context
  await rm(join(runner.workspace, 'images/late.yaml'))
  ran(context, 0, { 'web qemu x86_64': 'failure', watch: null })
  ran(context, 1, { 'web qemu x86_64': 'failure' })
  ran(context, 2, { 'web qemu x86_64': 'success' })
  const needs = { bases: ended('failure'), plan: ended('success'), build: ended('failure') }
  const bad = await runJob(runner, nightly, 'watch', { needs })
  assert.is(server.state.issues.filter(({ pull, open }) => open && !pull).length, 1)
  const before = told(server)
  // The pull request is merged, and the next night builds.
  const head = server.state.commits.get(server.state.refs.get('refs/heads/mintmark/base-locks') ?? '')
  const lock = server.state.trees.get(head?.tree ?? '')?.['images/web.lock.json'] ?? ''
  await writeFile(join(runner.workspace, 'images/web.lock.json'), lock)
  const [newest] = server.state.jobs
  assert.ok(newest)
  server.state.jobs[0] = { ...newest, conclusion: 'success' }
  const moved = await runJob(runner, nightly, 'bases')
  const good = await runJob(runner, nightly, 'watch', { needs })
  assert.match(before, 'its job failed in each of the last 2 nights')
  assert.is(server.state.issues.filter(({ open }) => open).length, 0)
  await golden(context, 'nightly-watch', [
    ['watch', bad],
    ['bases after the merge', moved],
    ['watch of the next night', good],
  ])
})

it('watch beside the rescan: it tells of nights that have stopped, and of the next one that all is well', async (context) => {
  const { runner, server } = context
  const { state } = server
  const rescan = await readWorkflow(join(checkout, '.github/workflows/rescan.yml'))
  const morning = { ...runner, github: { ...runner.github, run_id: '950' } }
  const nights = state.runs.splice(0)
  ran(context, 3, { 'web qemu x86_64': 'success' })
  const bad = await runJob(morning, rescan, 'watch')
  const open = state.issues.filter((item) => item.open && !item.pull)
  assert.is(open.length, 1)
  assert.match(open[0]?.body ?? '', /nightly\.yml was last run on \d{4}-\d\d-\d\d \(branch main\)/)
  assert.match(open[0]?.body ?? '', 'gh workflow enable nightly.yml')
  ran(context, 0, { watch: null })
  assert.is((await runJob(runner, context.nightly, 'watch', { needs: {} })).result, 'success')
  assert.is(state.issues.filter((item) => item.open && !item.pull).length, 0)
  assert.equal([bad.result, bad.steps.at(-1)?.name], ['success', 'watch'])
  state.runs.splice(0, state.runs.length, ...nights)
})

it('watch: not in a run that was cancelled, and never without a catalog that stays', async (context) => {
  const { runner, nightly } = context
  const bare = { ...runner, selfHosted: false }
  const needs = { bases: ended('skipped'), plan: ended('failure'), build: ended('skipped') }
  const refused = await runJob(bare, nightly, 'watch', { needs })
  assert.is(refused.steps.at(-1)?.exit, 3)
  assert.is(nightly.jobs['watch']?.if, `\${{ !cancelled() }}`)
})

it.run()
