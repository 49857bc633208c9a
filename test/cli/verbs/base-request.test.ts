import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../../pipeline/cli/verbs/base.ts'
import type { CiJob } from '../../../pipeline/ports/ci-job.ts'
import { openGithub } from '../../../pipeline/ports/octokit-github.ts'
import type { World } from '../../../pipeline/ports/world.ts'
import { type GitHubServer, startGithub } from '../../helpers/github-server.ts'
import { fixtureDay, testMirror } from '../../helpers/mirror.ts'
import { refusal } from '../../helpers/refusal.ts'
import { textOf } from '../../helpers/sources.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

interface Context {
  box: TestWorld
  mirror: Awaited<ReturnType<typeof testMirror>>
  server: GitHubServer
  world: World
  page: Record<string, string>
  errors: string[]
}

const verb = suite<Context>('base update --pull-request')

const definition = textOf('images/debian-13.yaml')
const lock = JSON.parse(textOf('images/debian-13.lock.json'))
const old = {
  ...lock,
  floor: {
    trixie: '2026-09-12T07:55:41.000Z',
    'trixie-updates': '2026-10-01T02:11:10.000Z',
    'trixie-security': '2026-10-01T00:12:42.000Z',
  },
}

verb.before.each(async (context) => {
  context.box = await testWorld({ now: fixtureDay })
  context.mirror = await testMirror()
  context.server = await startGithub()
  context.page = {}
  context.errors = []
  const { world, folder } = context.box
  const job: CiJob = {
    run: 'gh-1-1',
    ephemeral: true,
    output: async (values) => void Object.assign(context.page, values),
    summary: async (markdown) => {
      context.page['summary'] = markdown
    },
    error: (title, text) => void context.errors.push(`${title}: ${text.split('\n')[0]}`),
  }
  context.world = {
    ...world,
    job,
    github: openGithub(context.server.env, world.signal, 0),
    env: {
      ...world.env,
      ...context.mirror.env,
      GITHUB_REF_NAME: 'main',
      GITHUB_SHA: context.server.state.refs.get('refs/heads/main'),
    },
    places: { ...world.places, root: join(folder, 'checkout') },
  }
})
verb.after.each(async ({ box, mirror, server }) => {
  await mirror.close()
  await box.close()
  await server.close()
})

const write = ({ files, places }: World, name: string, text: string): Promise<void> =>
  files.write(join(places.root, 'images', name), text)

const update = (world: World, ...images: readonly string[]) =>
  run({ world, args: ['update', ...images], options: { pullRequest: true } })

verb('what moved is put forward, and what can not be looked at stops nothing', async (context) => {
  const { world, server, page, errors, box } = context
  await write(world, 'web.yaml', definition)
  await write(world, 'web.lock.json', JSON.stringify(old))
  await write(world, 'db.yaml', definition)
  await write(world, 'db.lock.json', JSON.stringify(lock))
  await write(world, 'late.yaml', definition.replace('release: "13"', 'release: "10"'))
  await write(world, 'broken.yaml', 'schema: 1\n')
  await write(world, 'on-top.yaml', definition.replace(/^base:.*$/m, 'base: {image: db}'))
  assert.is(await update(world), 10)
  assert.equal(errors, [
    'base broken: images/broken.yaml has 5 problems',
    'base late qemu: images/late.yaml:6:31 os.release: debian 10 gets updates only by extended support (until 2029-06-30); its own ended on 2024-06-30',
  ])
  const { summary, 'pull-request': url, ...outputs } = page
  assert.equal(outputs, { moved: '1', state: 'opened' })
  assert.is(
    box.told.results.at(-1)?.text,
    [
      '· db qemu  debian 13 from the signed archive is up to date',
      '✓ web qemu  debian 13 from the signed archive moves',
      `pull request ${url}: opened`,
    ].join('\n'),
  )
  assert.match(summary ?? '', '- broken: images/broken.yaml has 5 problems (CONFIG_INVALID)')
  const { state } = server
  const head = state.commits.get(state.refs.get('refs/heads/mintmark/base-locks') ?? '')
  const tree = state.trees.get(head?.tree ?? '') ?? {}
  assert.equal(Object.keys(tree), ['README.md', 'images/web.lock.json'])
  assert.equal(JSON.parse(tree['images/web.lock.json'] ?? '').floor, lock.floor)
  const own = await world.files.readText(join(world.places.root, 'images/web.lock.json'))
  assert.equal(JSON.parse(own), old, 'the checkout stays as it was')
  const [pull] = state.issues
  assert.match(pull?.body ?? '', '### Base of web: debian 13, from archive (qemu)')
  assert.match(
    pull?.body ?? '',
    '| trixie-security | 2026-10-01T00:12:42.000Z | 2026-11-20T00:12:42.000Z (2 d) |',
  )

  const before = server.writes().length
  assert.is(await update(world, 'web, db'), 0)
  assert.equal([page['state'], server.writes().length], ['unchanged', before])
})

verb(
  'a lock that is not there yet is put forward; floors of the same week are not',
  async ({ world, server, page, box }) => {
    await write(world, 'web.yaml', definition)
    const week = {
      ...lock,
      floor: {
        ...lock.floor,
        'trixie-updates': '2026-11-19T01:00:00.000Z',
        'trixie-security': '2026-11-19T00:00:00.000Z',
      },
    }
    await write(world, 'web.lock.json', JSON.stringify(week))
    assert.is(await update(world, ''), 0)
    assert.equal([page['moved'], page['state'], server.writes()], ['0', 'none', []])
    assert.is(
      box.told.results.at(-1)?.text,
      '✓ web qemu  debian 13 from the signed archive has newer floors, which are put forward once a week\nnothing moved, and no pull request is open',
    )
    await world.files.remove(join(world.places.root, 'images/web.lock.json'))
    assert.is(await update(world), 0)
    assert.match(server.state.issues[0]?.body ?? '', '| trixie | - | 2026-09-12T07:55:41.000Z (70 d) |')
  },
)

verb('where no base can be looked at, that is what it ends with', async ({ world, page }) => {
  await write(world, 'late.yaml', definition.replace('release: "13"', 'release: "10"'))
  assert.is(await update(world), 5)
  assert.is(page['state'], 'none')
})

verb('a name or a target that there is not; no job', async ({ world }) => {
  await write(world, 'web.yaml', definition)
  assert.is((await refusal(update(world, 'wbe').then(() => undefined))).hint, 'did you mean web?')
  const aws = run({ world, args: ['update'], options: { pullRequest: true, target: 'aws' } })
  assert.is((await refusal(aws)).code, 'USAGE')
  assert.is((await refusal(update({ ...world, github: undefined }))).code, 'USAGE')
  const { GITHUB_SHA: _, ...env } = world.env
  assert.match((await refusal(update({ ...world, env }))).message, /^GITHUB_SHA does not name the commit/)
})

verb.run()
