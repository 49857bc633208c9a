import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { World } from '../../pipeline/ports/world.ts'
import { openGithub } from '../../pipeline/ports/octokit-github.ts'
import { defaultBranch } from '../../pipeline/stages/default-branch.ts'
import { nightConcerns } from '../../pipeline/stages/nights.ts'
import { type GitHubServer, jobToken, startGithub } from '../helpers/github-server.ts'
import { refusal } from '../helpers/refusal.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const nights = suite<{ box: TestWorld; server: GitHubServer; world: World }>('nights')

nights.before.each(async (context) => {
  context.box = await testWorld({ now: new Date('2026-11-22T03:00:00Z') })
  context.server = await startGithub()
  context.world = { ...context.box.world, env: { GITHUB_REF_NAME: 'main' } }
})
nights.after.each(async ({ box, server }) => {
  await box.close()
  await server.close()
})

const commit = 'c'.repeat(40)

/** A run of that night of November, with its jobs by name. */
function ran(
  { state }: GitHubServer,
  day: number,
  jobs: Readonly<Record<string, string | null>>,
  told: { readonly branch?: string; readonly workflow?: string } = {},
): void {
  const { branch = 'main', workflow = 'nightly.yml' } = told
  const id = 1000 + day
  const created = `2026-11-${String(day).padStart(2, '0')}T01:23:00Z`
  const who = { actor: 'octocat', triggeringActor: 'octocat' }
  state.runs.push({ id, workflow, branch, created, conclusion: 'failure', commit, ...who, attempt: 1 })
  for (const [name, conclusion] of Object.entries(jobs))
    state.jobs.push({ run: id, attempt: 1, name, conclusion })
}

async function told(world: World, server: GitHubServer): Promise<readonly string[]> {
  const github = openGithub(server.env, world.signal, 0)
  assert.ok(github)
  const variants = new Map([['web', ['aws-x86_64', 'qemu-x86_64']]])
  const concerns = await nightConcerns(world, github, { workflow: 'nightly.yml', variants })
  return concerns.map(({ image, variant, text, link }) => `${image} ${variant}: ${text} ${link}`)
}

nights(
  'a variant that fails night after night, until it does not; of other branches nothing counts',
  async ({ world, server }) => {
    ran(server, 19, { 'web qemu x86_64': 'success', 'web aws x86_64': 'failure' })
    ran(server, 20, { 'web qemu x86_64': 'failure', 'web aws x86_64': 'failure' })
    ran(server, 21, { plan: 'success' })
    ran(server, 22, { 'web qemu x86_64': 'failure', 'web aws x86_64': 'success', watch: null })
    ran(server, 18, { 'web qemu x86_64': 'success' }, { branch: 'feature' })
    const [only = '', ...more] = await told(world, server)
    assert.equal(more, [])
    assert.match(
      only,
      /^web qemu-x86_64: its job failed in each of the last 2 nights that had it, since 2026-11-20 https?:\/\//,
    )
  },
)

nights('a plan that fails; builds of what is gone are nobody’s concern', async ({ world, server }) => {
  ran(server, 21, { plan: 'failure', 'old qemu x86_64': 'failure', 'web huawei x86_64': 'failure' })
  ran(server, 22, { plan: 'failure', 'old qemu x86_64': 'failure' })
  assert.equal(
    (await told(world, server)).map((line) => line.replace(/ http.*/, '')),
    ['null null: the job plan failed in each of the last 2 nights that had it, since 2026-11-21 or longer'],
  )
})

nights('nobody started it for days', async ({ world, server }) => {
  ran(server, 19, { plan: 'success' })
  ran(server, 21, { plan: 'success' }, { workflow: 'rescan.yml' })
  assert.equal(await told(world, server), [
    'null null: nightly.yml was last run on 2026-11-19 (branch main) null',
  ])
})

nights('without the permission it says which one is missing', async ({ world }) => {
  const poor = await startGithub({
    tokens: { 'job-token': { ...jobToken, permissions: { issues: 'write' } } },
  })
  try {
    const error = await refusal(told(world, poor).then(() => undefined))
    assert.is(error.code, 'PROVIDER_REFUSED')
    assert.match(`${error.message} ${error.hint}`, 'actions: read')
  } finally {
    await poor.close()
  }
})

nights('the default branch is the payload’s, else the branch of the job', async ({ box, world }) => {
  assert.is(await defaultBranch(world), 'main')
  const path = join(box.folder, 'event.json')
  const env = { GITHUB_EVENT_PATH: path, GITHUB_REF_NAME: 'feature' }
  assert.is(await defaultBranch({ ...world, env }), 'feature')
  await world.files.write(path, '{"schedule": "23 1 * * *"}')
  assert.is(await defaultBranch({ ...world, env }), 'feature')
  await world.files.write(path, '{"repository": {"default_branch": "trunk"}}')
  assert.is(await defaultBranch({ ...world, env }), 'trunk')
  assert.is((await refusal(defaultBranch({ ...world, env: {} }))).code, 'USAGE')
})

nights.run()
