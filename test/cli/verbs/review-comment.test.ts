import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as reviewVerb } from '../../../pipeline/cli/verbs/review.ts'
import type { CiJob } from '../../../pipeline/ports/ci-job.ts'
import { openGithub } from '../../../pipeline/ports/octokit-github.ts'
import { type GitHubServer, type GitHubToken, jobToken, startGithub } from '../../helpers/github-server.ts'
import { addPull } from '../../helpers/github-state.ts'
import { refusal } from '../../helpers/refusal.ts'
import { type FolderBox, folderBox } from '../../helpers/share-fixture.ts'

interface Context extends FolderBox {
  /** What a request brings. */
  request: string
  errors: string[]
}

const it = suite<Context>('review --comment')

it.before.each(async (context) => {
  Object.assign(context, await folderBox())
  context.errors = []
  context.request = join(context.box.folder, 'request/images')
  await mkdir(context.request, { recursive: true })
  const { files, places } = context.world
  const own = await files.readText(join(places.root, 'images/debian-13.yaml'))
  await writeFile(join(context.request, 'debian-13.yaml'), own)
})
it.after.each(({ box }) => box.close())

async function withGithub(work: (server: GitHubServer) => Promise<void>, token: GitHubToken = jobToken) {
  const server = await startGithub({ tokens: { 'job-token': token } })
  addPull(
    server.state,
    { head: 'change', headRepository: 'corp/images', base: 'main' },
    { title: 'a request' },
  )
  try {
    await work(server)
  } finally {
    await server.close()
  }
}

const request = { action: 'synchronize', number: 1, pull_request: { number: 1 } }

async function reviewed(context: Context, env: Readonly<Record<string, string>>, payload: unknown = request) {
  const { world, box } = context
  const event = join(box.folder, 'event.json')
  await writeFile(event, JSON.stringify(payload))
  const job: CiJob = {
    run: 'gh-1-1',
    ephemeral: false,
    error: (title, text) => void context.errors.push(`${title}: ${text}`),
    output: async () => undefined,
    summary: async () => undefined,
  }
  const github = openGithub(env, new AbortController().signal, 0)
  const own = { ...world.env, MINTMARK_CATALOG: world.places.catalog, GITHUB_EVENT_PATH: event }
  const options = { comment: true }
  return reviewVerb({ world: { ...world, env: own, job, github }, args: [context.request], options })
}

it('one comment says what the page says, and is changed only when that is', async (context) => {
  await withGithub(async (server) => {
    assert.is(await reviewed(context, server.env), 0)
    const [comment] = server.state.comments
    assert.match(comment?.body ?? '', /^<!-- mintmark:review -->\n### Review of \d+ definitions?\n/)
    assert.match(comment?.body ?? '', `| \`+\` | \`${context.who}\` |`)
    const written = server.writes().length
    await reviewed(context, server.env)
    assert.is(server.writes().length, written)
    await writeFile(join(context.request, 'web.yaml'), 'schema: 1\n')
    assert.is(await reviewed(context, server.env), 3)
    assert.is(server.state.comments.length, 1)
    assert.match(comment?.body ?? '', '#### web is not accepted')
  })
})

it('a definition speaks to nobody, closes nothing, and ends no marker', async (context) => {
  const hostile =
    '@octocat fixes #1 --> <!-- mintmark:watch --> [x](https://corp.example) ![](https://corp.example/x.png) `@a'
  await writeFile(
    join(context.request, 'web.yaml'),
    `${JSON.stringify(hostile)}: ${JSON.stringify(hostile)}\nowner: "${hostile}"\n`,
  )
  await withGithub(async (server) => {
    assert.is(await reviewed(context, server.env), 3)
    const body = server.state.comments[0]?.body ?? ''
    assert.match(body, 'octocat')
    const said = body.replace(/`[^`\n]*`/g, '')
    assert.not.match(said, /(?:@|&#64;)(?!<!-- -->)|(?:^|[^&])#\d|(?<!\\)\]\(|https?:\/\//)
    assert.equal(body.match(/<!-- mintmark:\S+ -->/g), ['<!-- mintmark:review -->'])
  })
})

it('another event has no request to comment on; then no token is needed', async (context) => {
  await withGithub(async (server) => {
    assert.is(await reviewed(context, server.env, { ref: 'refs/heads/main' }), 0)
    assert.is(await reviewed(context, {}, { ref: 'refs/heads/main' }), 0)
    assert.equal(server.requests, [])
  })
  const { code, hint } = await refusal(reviewed(context, {}))
  assert.is(code, 'USAGE')
  assert.match(hint, /env: GITHUB_TOKEN: \$\{\{ github\.token \}\}/)
})

it('a comment that is refused is told, and no success', async (context) => {
  await withGithub(
    async (server) => {
      assert.is(await reviewed(context, server.env), 8)
      assert.match(
        context.errors.join(),
        /^comment: GitHub refuses to comment on #1 [\s\S]*"issues: write" or "pull-requests: write"/,
      )
    },
    { login: 'github-actions[bot]', permissions: { contents: 'read', 'pull-requests': 'read' } },
  )
})

it.run()
