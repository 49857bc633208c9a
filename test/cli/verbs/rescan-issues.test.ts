import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as rescanVerb } from '../../../pipeline/cli/verbs/rescan.ts'
import { sha256 } from '../../../pipeline/core/digest.ts'
import { Definition } from '../../../pipeline/model/definition.ts'
import type { CiJob } from '../../../pipeline/ports/ci-job.ts'
import { openGithub } from '../../../pipeline/ports/octokit-github.ts'
import type { World } from '../../../pipeline/ports/world.ts'
import { type GitHubServer, type GitHubToken, jobToken, startGithub } from '../../helpers/github-server.ts'
import { addIssue } from '../../helpers/github-state.ts'
import { refusal } from '../../helpers/refusal.ts'
import { base, definition, fixtureRelease } from '../../helpers/release-fixture.ts'
import { textOf } from '../../helpers/sources.ts'
import { earlierDb, fixtureDb } from '../../helpers/trivy-db-registry.ts'
import { bash, type Looked, look, makeTree, oldSsh } from '../../helpers/trivy-tree.ts'
import { checkout, type TestWorld, testWorld } from '../../helpers/world.ts'

interface Context {
  /** What Trivy itself says of a small Debian 12, by the earlier database. */
  looked: Looked
  cyclonedx: string
  made: TestWorld
  box: TestWorld
  world: World
  page: string
  errors: string[]
}

const it = suite<Context>('rescan --issues')
const now = new Date('2026-11-22T06:00:00Z')

it.before(async (context) => {
  context.made = await testWorld({ now })
  const tree = await makeTree(context.made, { release: '12', packages: [bash, oldSsh] })
  context.looked = await look(context.made, tree, '12', earlierDb)
  context.cyclonedx = await context.looked.text('cyclonedx')
})
it.after((context) => context.made.close())
it.before.each(async (context) => {
  context.box = await testWorld({ now })
  context.page = ''
  context.errors = []
  const { world, folder } = context.box
  const root = join(folder, 'root')
  await world.files.makeFolder(root)
  for (const name of ['pipeline', 'templates', 'hardening'])
    await symlink(join(checkout, name), join(root, name))
  const policy = 'scans/policies/default.yaml'
  await world.files.write(join(root, policy), textOf(policy))
  const job: CiJob = {
    run: 'gh-1-1',
    ephemeral: false,
    error: (title, text) => void context.errors.push(`${title}: ${text}`),
    output: async () => undefined,
    summary: async (text) => {
      context.page += text
    },
  }
  const env = { ...world.env, MINTMARK_CATALOG: world.places.catalog }
  context.world = { ...world, env, job, places: { ...world.places, root } }
})
it.after.each((context) => context.box.close())

/** A release of Debian 12 that passed by the earlier database; today's rejects it. */
function released({ world, looked, cyclonedx }: Context, image: string) {
  const { os, findings, database } = looked.report
  return fixtureRelease(world, {
    image,
    runId: 'r-1',
    definition: Definition.parse({ ...definition, os: { ...definition.os, release: '12' } }),
    base: { ...base, release: '12' },
    cyclonedx,
    policy: sha256(textOf('scans/policies/default.yaml')),
    scan: { os, findings, database },
  })
}

async function rescan(
  context: Context,
  { env }: GitHubServer,
  trivyDb: string,
  options: object = {},
  args: string[] = [],
) {
  const { box } = context
  context.page = ''
  box.told.results.length = 0
  const github = openGithub(env, new AbortController().signal, 0)
  const world = { ...context.world, github }
  const exit = await rescanVerb({ world, args, options: { trivyDb, issues: true, ...options } })
  return { exit, text: box.told.results[0]?.text ?? '' }
}

const stateOf = ({ state }: GitHubServer) => ({
  issues: state.issues.map(({ number, open, title }) => `${number} ${open ? 'open' : 'closed'} ${title}`),
  comments: state.comments.map(({ issue, body }) => `${issue}: ${body.replace(/\s+/g, ' ').trim()}`),
})

async function withGithub(work: (server: GitHubServer) => Promise<void>, token: GitHubToken = jobToken) {
  const server = await startGithub({ tokens: { 'job-token': token } })
  try {
    await work(server)
  } finally {
    await server.close()
  }
}

it('opened for what would be rejected, left alone while that stays, closed when it passes again', async (context) => {
  await released(context, 'web')
  await released(context, 'db')
  await withGithub(async (server) => {
    assert.is((await rescan(context, server, earlierDb)).exit, 0)
    assert.equal(server.writes(), [])
    const { exit, text } = await rescan(context, server, fixtureDb)
    assert.is(exit, 5)
    assert.equal(stateOf(server), {
      issues: ['1 open db would be rejected today', '2 open web would be rejected today'],
      comments: [],
    })
    assert.match(text, 'issue of web opened: https://github.test/corp/images/issues/2')
    assert.match(context.page, '- [issue 2](https://github.test/corp/images/issues/2) of web: opened')
    const { body, labels } = server.state.issues[1] ?? { body: '' }
    assert.match(body, /^<!-- mintmark:rescan web -->\nA release that a channel points to would be rejected/)
    assert.match(
      body,
      /### web&#64;<!-- -->1\.0\.0 \(nightly; qemu-x86\\_64\)\n\nwould be rejected by policy default: \d+ reason/,
    )
    assert.match(body, '- → ./mintmark release web makes one of today')
    assert.equal(labels, ['mintmark'])
    const before = server.writes().length
    assert.is((await rescan(context, server, fixtureDb)).exit, 5)
    assert.is(server.writes().length, before)
    assert.match(context.page, 'of web: unchanged')
    assert.is((await rescan(context, server, earlierDb)).exit, 0)
    assert.equal(stateOf(server).issues, [
      '1 closed db would be rejected today',
      '2 closed web would be rejected today',
    ])
    assert.match(
      stateOf(server).comments[1] ?? '',
      /^2: <!-- mintmark:closed --> All that its channels point to passes today: - web&#64;/,
    )
  })
})

it('one that could not be looked at has an issue; one that is gone has none any more', async (context) => {
  await released(context, 'web')
  await released(context, 'db')
  const { catalog, files, places } = context.world
  await withGithub(async (server) => {
    addIssue(server.state, {
      title: 'forged',
      body: '<!-- mintmark:rescan app -->\n',
      labels: ['mintmark'],
      author: 'guest',
    })
    await files.remove(join(places.catalog, 'releases/web'))
    assert.is((await rescan(context, server, earlierDb)).exit, 10)
    assert.equal(stateOf(server).issues, ['1 open forged', '2 open web could not be looked at'])
    assert.match(server.state.issues[1]?.body ?? '', 'which has no record')
    await files.remove(join(places.catalog, 'channels/web'))
    assert.equal((await catalog.list('channels/')).length, 1)
    assert.is((await rescan(context, server, earlierDb)).exit, 0)
    assert.equal(stateOf(server), {
      issues: ['1 open forged', '2 closed web could not be looked at'],
      comments: ['2: <!-- mintmark:closed --> No channel points to a release of web any more.'],
    })
  })
})

it('where GitHub refuses, what was found is told all the same', async (context) => {
  await released(context, 'web')
  const token = { login: 'github-actions[bot]', permissions: { contents: 'read', issues: 'read' } } as const
  await withGithub(async (server) => {
    const { exit, text } = await rescan(context, server, fixtureDb)
    assert.is(exit, 5)
    assert.match(text, '✗ web@1.0.0')
    assert.match(
      context.errors.join(),
      /^issues: GitHub refuses to open an issue .*\n→ give the job the permission "issues: write"/,
    )
    addIssue(server.state, {
      title: 'x',
      body: '<!-- mintmark:rescan web -->',
      labels: ['mintmark'],
      author: 'github-actions[bot]',
    })
    assert.is((await rescan(context, server, earlierDb)).exit, 8)
  }, token)
})

it('only in a job with a token, and for the whole of each image', async (context) => {
  await withGithub(async (server) => {
    for (const [options, args] of [
      [{ all: true }, []],
      [{ channel: 'nightly' }, []],
      [{}, ['web']],
    ] as const) {
      const { code, message } = await refusal(rescan(context, server, earlierDb, options, [...args]))
      assert.is(code, 'USAGE')
      assert.match(message, '--issues is for all that channels point to')
    }
    const { hint } = await refusal(rescan(context, { ...server, env: {} }, earlierDb))
    assert.match(hint, /env: GITHUB_TOKEN: \$\{\{ github\.token \}\}/)
    const { job: _, ...outside } = context.world
    assert.is((await refusal(rescan({ ...context, world: outside }, server, earlierDb))).code, 'USAGE')
    assert.equal(server.requests, [])
  })
})

it.run()
