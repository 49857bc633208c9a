import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openGithub } from '../../pipeline/ports/octokit-github.ts'
import type { GitHub } from '../../pipeline/ports/github.ts'
import { keepComment } from '../../pipeline/stages/keep-comment.ts'
import { keepIssue, keepIssues } from '../../pipeline/stages/keep-issue.ts'
import { type GitHubServer, startGithub } from '../helpers/github-server.ts'
import { addIssue, addPull } from '../helpers/github-state.ts'

interface Context {
  server: GitHubServer
  github: GitHub
}

const it = suite<Context>('keep-issue')

it.before.each(async (context) => {
  context.server = await startGithub()
  const github = openGithub(context.server.env, new AbortController().signal, 0)
  if (github === undefined) throw new Error('there is a token, and no port')
  context.github = github
})
it.after.each(({ server }) => server.close())

const says = { title: 'something ages', body: 'a base' }
const watch = (github: GitHub, text: typeof says | null) =>
  keepIssue(github, { topic: 'watch', says: text, over: 'all is well' })

/** Number, whether open, and the last line of each issue; and all comments. */
const seen = ({ state }: GitHubServer) => ({
  issues: state.issues.map(
    ({ number, open, body }) => `${number} ${open ? 'open' : 'closed'}: ${body.trim().split('\n').at(-1)}`,
  ),
  comments: state.comments.map(({ issue, body }) => `${issue}: ${body.trim().split('\n').at(-1)}`),
})

it('nothing to say, and nothing there: nothing is written', async ({ github, server }) => {
  assert.is(await watch(github, null), null)
  assert.equal(server.writes(), [])
})

it('opened once, left alone while it says the same, changed when it says another, closed with a comment', async ({
  github,
  server,
}) => {
  const first = await watch(github, says)
  assert.equal(first, {
    about: '',
    did: 'opened',
    number: 1,
    url: 'https://github.test/corp/images/issues/1',
  })
  const { title, body, labels } = server.state.issues[0] ?? {}
  assert.equal(
    { title, body, labels },
    { title: says.title, body: '<!-- mintmark:watch -->\na base\n', labels: ['mintmark'] },
  )
  const opened = server.writes().length
  assert.is((await watch(github, says))?.did, 'unchanged')
  assert.is(server.writes().length, opened)
  assert.is((await watch(github, { ...says, body: 'two bases' }))?.did, 'updated')
  assert.is(server.writes().length, opened + 1)
  assert.is((await watch(github, null))?.did, 'closed')
  assert.equal(seen(server), { issues: ['1 closed: two bases'], comments: ['1: all is well'] })
  const over = server.writes().length
  assert.is(await watch(github, null), null)
  assert.is(server.writes().length, over)
})

it('never opened again: a new one names the last, each time the same text', async ({ github, server }) => {
  await watch(github, says)
  await watch(github, null)
  assert.is((await watch(github, says))?.did, 'opened')
  assert.is((await watch(github, says))?.did, 'unchanged')
  await watch(github, null)
  await watch(github, says)
  assert.equal(seen(server).issues, [
    '1 closed: a base',
    '2 closed: The same before: #1',
    '3 open: The same before: #2',
  ])
})

it('what others wrote is left alone: with our marker, with our label, with both', async ({
  github,
  server,
}) => {
  const marker = '<!-- mintmark:watch -->\nforged\n'
  addIssue(server.state, { title: 'forged', body: marker, labels: ['mintmark'], author: 'guest' })
  addIssue(server.state, {
    title: 'ours of another topic',
    body: '<!-- mintmark:other -->\n',
    labels: ['mintmark'],
    author: 'github-actions[bot]',
  })
  addIssue(server.state, { title: 'by a person', body: 'text', labels: ['mintmark'], author: 'octocat' })
  assert.is((await watch(github, says))?.number, 4)
  assert.is((await watch(github, null))?.number, 4)
  assert.equal(seen(server).issues.slice(0, 3), [
    '1 open: forged',
    '2 open: <!-- mintmark:other -->',
    '3 open: text',
  ])
  assert.equal(seen(server).comments, ['4: all is well'])
})

it('one issue for each thing: what is not named any more is closed by what is said of it', async ({
  github,
  server,
}) => {
  const keep = (abouts: readonly string[]) =>
    keepIssues(github, {
      topic: 'rescan',
      open: abouts.map((about) => ({ about, title: about, body: `${about} is bad` })),
      over: (about) => `${about} is good`,
    })
  await keep(['db', 'web'])
  const kept = await keep(['web', 'app'])
  assert.equal(
    kept.map(({ about, did, number }) => `${number} ${about} ${did}`),
    ['2 web unchanged', '3 app opened', '1 db closed'],
  )
  assert.equal(seen(server), {
    issues: ['1 closed: db is bad', '2 open: web is bad', '3 open: app is bad'],
    comments: ['1: db is good'],
  })
})

it('stopped at any request, before or after its work: the next run comes to the same, once', async () => {
  for (const does of ['unreachable', 'cut'] as const)
    for (let after = 0; after < 12; after++) {
      const server = await startGithub()
      const github = openGithub(server.env, new AbortController().signal, 0)
      if (github === undefined) throw new Error('no port')
      const texts = [says, { ...says, body: 'more' }, null, says]
      // Once more as often as an attempt of the SDK would hide the stop.
      server.faults.push({ of: /./, does, after, times: 3 })
      for (const text of texts) {
        const done = await watch(github, text).catch(() => 'stopped')
        if (done === 'stopped') {
          server.faults.length = 0
          await watch(github, text)
        }
      }
      const about = `${does} ${after}`
      assert.equal(seen(server).issues, ['1 closed: more', '2 open: The same before: #1'], about)
      assert.equal(seen(server).comments, ['1: all is well'], about)
      await server.close()
    }
})

it('two of ours at once: the younger is closed as the same', async ({ github, server }) => {
  const body = '<!-- mintmark:watch -->\na base\n'
  for (const title of [says.title, says.title])
    addIssue(server.state, { title, body, labels: ['mintmark'], author: 'github-actions[bot]' })
  assert.is((await watch(github, says))?.did, 'unchanged')
  assert.equal(seen(server), {
    issues: ['1 open: a base', '2 closed: a base'],
    comments: ['2: The same as #1.'],
  })
})

it('one comment on a pull request: written, left alone, changed; of a stranger never', async ({
  github,
  server,
}) => {
  addPull(
    server.state,
    { head: 'change', headRepository: 'corp/images', base: 'main' },
    { title: 'a request' },
  )
  server.state.comments.push({ id: 7, issue: 1, author: 'guest', body: '<!-- mintmark:review -->\nforged' })
  const keep = (body: string) => keepComment(github, { number: 1, topic: 'review', body })
  assert.is(await keep('one'), 'written')
  const written = server.writes().length
  assert.is(await keep('one'), 'unchanged')
  assert.is(server.writes().length, written)
  assert.is(await keep('two'), 'updated')
  assert.equal(seen(server).comments, ['1: forged', '1: two'])
})

it.run()
