import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../../pipeline/cli/verbs/watch.ts'
import type { CiJob } from '../../../pipeline/ports/ci-job.ts'
import { openGithub } from '../../../pipeline/ports/octokit-github.ts'
import type { World } from '../../../pipeline/ports/world.ts'
import { type ChannelWorld, channelWorld, released } from '../../helpers/channel-world.ts'
import { type GitHubServer, startGithub } from '../../helpers/github-server.ts'
import { addIssue } from '../../helpers/github-state.ts'
import { refusal } from '../../helpers/refusal.ts'
import { textOf } from '../../helpers/sources.ts'

interface Context {
  fixture: ChannelWorld
  server: GitHubServer
  world: World
  /** What later steps and the page of the run get. */
  page: Record<string, string>
}

const verb = suite<Context>('watch')

verb.before.each(async (context) => {
  context.fixture = await channelWorld('{nightly: {}}')
  context.server = await startGithub()
  context.page = {}
  const { world } = context.fixture
  const path = join(world.places.root, 'images/debian-13.lock.json')
  await world.files.write(path, textOf('images/debian-13.lock.json'))
  await released(world, 'r-1')
  const job: CiJob = {
    run: 'gh-1-1',
    ephemeral: false,
    output: async (values) => void Object.assign(context.page, values),
    summary: async (markdown) => {
      context.page['summary'] = markdown
    },
    error: () => undefined,
  }
  const github = openGithub(context.server.env, world.signal, 0)
  // A catalog that is named, as a job has to have it.
  const env = { MINTMARK_CATALOG: world.places.catalog, GITHUB_REF_NAME: 'main' }
  context.world = { ...world, env, job, github }
})
verb.after.each(async ({ fixture, server }) => {
  await fixture.box.close()
  await server.close()
})

/** The world of the job some days later. */
const after = ({ world, fixture }: { world: World; fixture: ChannelWorld }, days: number): World => ({
  ...world,
  clock: fixture.later(days * 24).clock,
})

/** A night of November with that end of the one build. */
function ran({ state }: GitHubServer, day: number, conclusion: string): void {
  const created = `2026-11-${day}T01:23:00Z`
  const who = { actor: 'octocat', triggeringActor: 'octocat' }
  const run = { id: day, workflow: 'nightly.yml', branch: 'main', created, attempt: 1, ...who }
  state.runs.push({ ...run, conclusion, commit: 'c'.repeat(40) })
  state.jobs.push({ run: day, attempt: 1, name: 'debian-13 qemu x86_64', conclusion })
}

verb('nothing: it says so, and asks GitHub for nothing', async ({ fixture, world, server, page }) => {
  assert.is(await run({ world, args: [''], options: { detailedExitcode: true } }), 0)
  assert.is(fixture.box.told.results.at(-1)?.text, 'nothing needs attention')
  assert.equal(page, {
    summary: '### Watch: nothing needs attention\n',
    concerns: '0',
    overdue: '0',
    issue: '',
  })
  assert.equal(server.requests, [])
})

verb('something: text, data, page and the exit code that was asked for', async ({ fixture, world, page }) => {
  const late = after({ world, fixture }, 80)
  assert.is(await run({ world: late, args: [], options: {} }), 0)
  assert.is(await run({ world: late, args: ['debian-13'], options: { detailedExitcode: true } }), 6)
  const text =
    'its base (debian 13 from the signed archive) of 2026-11-20 is too old after 2027-02-18 (base.maxAge: 90d)'
  const mend = './mintmark base update debian-13 --target qemu'
  const { told } = fixture.box
  assert.is(
    told.results.at(-1)?.text,
    [`· debian-13 qemu-x86_64  ${text}`, `    → ${mend}`, '1 soon'].join('\n'),
  )
  const concern = {
    kind: 'base',
    state: 'soon',
    image: 'debian-13',
    variant: 'qemu-x86_64',
    text,
    mend,
    link: null,
  }
  assert.equal(told.results.at(-1)?.data, { exit: 6, concerns: [concern], issue: null })
  assert.is(
    page['summary'],
    [
      '### Watch: 1 soon',
      '',
      '| image | | what | to do |',
      '|---|---|---|---|',
      `| debian-13 qemu-x86\\_64 | soon | ${text} | \`${mend}\` |`,
      '',
    ].join('\n'),
  )
})

verb('a limit of the team; what is no limit', async ({ fixture, world }) => {
  const late = after({ world, fixture }, 10)
  const env = { ...late.env, MINTMARK_WATCH_CHANNEL_AGE: '5d' }
  const root = late.places.root
  // Without a definition its channel has the limit of all others.
  await late.files.remove(join(root, 'images/debian-13.yaml'))
  await run({ world: { ...late, env }, args: [], options: {} })
  assert.match(
    fixture.box.told.results.at(-1)?.text ?? '',
    'nightly points to 1.0.0 of 2026-11-22, too old since 2026-11-27 (watch.channelAge: 5d)',
  )
  for (const [more, options] of [
    [{ MINTMARK_WATCH_CHANNEL_AGE: '5 days' }, {}],
    [{}, { workflow: '../nightly.yml' }],
  ] as const)
    assert.is(
      (await refusal(run({ world: { ...world, env: { ...env, ...more } }, args: [], options }))).code,
      'USAGE',
    )
})

verb(
  'one issue: opened, left as it is, changed with the facts, closed when all is well',
  async ({ world, server, fixture, page }) => {
    const look = () => run({ world, args: [], options: { issue: true } })
    addIssue(server.state, {
      title: 'mine',
      body: '<!-- mintmark:watch -->\nx',
      labels: ['mintmark'],
      author: 'mona',
    })
    ran(server, 20, 'failure')
    ran(server, 21, 'failure')
    assert.is(await look(), 0)
    const ours = () => server.state.issues.filter(({ author }) => author !== 'mona')
    const [issue] = ours()
    assert.ok(issue)
    assert.equal(
      [ours().length, issue.title, issue.labels],
      [1, 'Golden images need attention', ['mintmark']],
    )
    const row =
      '| debian-13 qemu-x86\\_64 | overdue | its job failed in each of the last 2 nights that had it, since 2026-11-20 or longer ([log](https://'
    assert.match(issue.body, row)
    assert.match(page['issue'] ?? '', new RegExp(`/issues/${issue.number}$`))
    const before = server.writes().length
    assert.is(await look(), 0)
    assert.is(server.writes().length, before, 'nothing is written for the same facts')
    ran(server, 22, 'failure')
    await look()
    assert.match(issue.body, 'each of the last 3 nights')
    ran(server, 23, 'success')
    await look()
    assert.is(issue.open, false)
    assert.equal(
      server.state.comments.map(({ body }) => body),
      ['<!-- mintmark:closed -->\nNothing needs attention any more.\n'],
    )
    assert.is(fixture.box.told.results.at(-1)?.text, 'nothing needs attention')
    assert.is(server.state.issues.find(({ author }) => author === 'mona')?.open, true)
  },
)

verb(
  'an issue that can not be kept: what was seen is printed all the same',
  async ({ world, server, fixture }) => {
    server.faults.push({ of: /^GET .*\/issues$/, does: 403 })
    ran(server, 22, 'success')
    assert.is(await run({ world: after({ world, fixture }, 1), args: [], options: { issue: true } }), 8)
    assert.is(fixture.box.told.results.at(-1)?.text, 'nothing needs attention')
  },
)

verb('outside a job with a token neither nights nor an issue are to be had', async ({ world }) => {
  for (const flag of ['github', 'issue']) {
    const error = await refusal(
      run({ world: { ...world, github: undefined }, args: [], options: { [flag]: true } }),
    )
    assert.equal([error.code, error.message.includes(`--${flag}`)], ['USAGE', true])
  }
})

verb.run()
