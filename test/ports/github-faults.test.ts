import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { GitHub } from '../../pipeline/ports/github.ts'
import { openGithub } from '../../pipeline/ports/octokit-github.ts'
import { type GitHubServer, type GitHubToken, startGithub } from '../helpers/github-server.ts'
import { addIssue, addPull } from '../helpers/github-state.ts'
import { refusal } from '../helpers/refusal.ts'

interface Context {
  server: GitHubServer
  stop: AbortController
  github: GitHub
}

const it = suite<Context>('octokit-github: refusals and faults')

const opened = (env: Readonly<Record<string, string>>, signal = new AbortController().signal): GitHub => {
  const github = openGithub(env, signal, 0)
  if (github === undefined) throw new Error('there is a token, and no port')
  return github
}

it.before.each(async (context) => {
  context.server = await startGithub()
  context.stop = new AbortController()
  context.github = opened(context.server.env, context.stop.signal)
})
// What was asked or answered otherwise than GitHub describes it is thrown here.
it.after.each(({ server }) => server.close())

/** The port by a token of other rights. */
async function asToken(token: GitHubToken, work: (github: GitHub, server: GitHubServer) => Promise<void>) {
  const server = await startGithub({ tokens: { weak: token } })
  try {
    await work(opened(server.env), server)
  } finally {
    await server.close()
  }
}

it('a missing permission is named as a job says it', async ({ server }) => {
  const token = { login: 'x', permissions: { contents: 'read' } } as const
  await asToken(token, async (github, weak) => {
    addIssue(weak.state, { title: 'one' })
    const said = async (work: Promise<unknown>) => {
      const { code, message, hint } = await refusal(work)
      assert.is(code, 'PROVIDER_REFUSED')
      assert.not.match(`${message}${hint}`, 'weak')
      return `${message} → ${hint}`
    }
    assert.is(
      await said(github.createIssue({ title: 'a', body: '', labels: [] })),
      'GitHub refuses to open an issue in corp/images: Resource not accessible by integration (403) → give the job the permission "issues: write" below permissions:',
    )
    assert.match(await said(github.issues('x')), '"issues: read"')
    assert.match(await said(github.createComment(1, 'x')), '"issues: write" or "pull-requests: write"')
    assert.match(await said(github.pullRequests('x')), '"pull-requests: read"')
    assert.match(await said(github.runs('a.yml', { branch: 'main', limit: 1 })), '"actions: read"')
    const base = (await github.branch('main')) ?? ''
    assert.match(
      await said(github.putBranch({ name: 'x', base, message: '', files: [] })),
      '"contents: write"',
    )
  })
  assert.equal(server.requests, [])
})

it('a tag that no job may put on its commit is for a person to push', async () => {
  await asToken({ login: 'x', permissions: { contents: 'read' } }, async (github) => {
    const release = { tag: 'web/v1.0.0', commit: 'c0ffee', name: '', body: '', prerelease: true }
    assert.is(
      (await refusal(github.createRelease(release))).hint,
      'give the job the permission "contents: write" below permissions:; where it has that, push the tag web/v1.0.0 at c0ffee yourself, then run the job again: a job may tag no commit that changed a workflow',
    )
    const draft = { id: 1, url: '', target: 'c0ffee', draft: true, author: 'x', assets: {} }
    assert.match(
      (await refusal(github.publishRelease({ ...draft, tag: 'web/v1.0.0' }))).hint,
      'push the tag web/v1.0.0 at c0ffee yourself',
    )
  })
})

it('a comment on a pull request needs no right to issues', async () => {
  await asToken({ login: 'x', permissions: { 'pull-requests': 'write' } }, async (github, { state }) => {
    addPull(state, { head: 'a', headRepository: 'corp/images', base: 'main' }, { title: 'one' })
    addIssue(state, { title: 'two' })
    await github.createComment(1, 'text')
    assert.is(state.comments[0]?.body, 'text')
    assert.is((await refusal(github.createComment(2, 'text'))).code, 'PROVIDER_REFUSED')
  })
})

it('an issue that lost its label is no success: nobody would find it again', async () => {
  await asToken({ login: 'x', permissions: { issues: 'write' }, labels: false }, async (github) => {
    const error = await refusal(github.createIssue({ title: 'a', body: '', labels: ['mintmark'] }))
    assert.match(error.message, 'left out the label "mintmark" of issue 1')
  })
})

it('an unknown token, and a repository that is not there', async ({ server }) => {
  const unknown = await refusal(opened({ ...server.env, GITHUB_TOKEN: 'ghs_other' }).issues('x'))
  assert.match(unknown.message, 'it does not know the token')
  assert.match(unknown.hint, /GITHUB_TOKEN: \$\{\{ github\.token \}\}/)
  const gone = await refusal(opened({ ...server.env, GITHUB_REPOSITORY: 'corp/other' }).issues('x'))
  assert.match(gone.message, 'GitHub refuses to list issues in corp/other: Not Found (404)')
  for (const { message, hint, cause } of [unknown, gone])
    assert.not.match(`${message}${hint}${String(cause)}`, /ghs_other|job-token/)
})

it('an answer of 5xx and a cut connection are asked again, with an end', async ({ github, server }) => {
  server.faults.push(
    { of: /^GET .*\/issues$/, does: 502, times: 1 },
    { of: /^GET .*\/issues$/, does: 'unreachable' },
  )
  assert.equal(await github.issues('x'), [])
  assert.is(server.requests.length, 3)
  server.faults.push({ of: /^GET/, does: 503, times: 9 })
  const error = await refusal(github.issues('x'))
  assert.is(error.code, 'PROVIDER_UNREACHABLE')
  assert.match(error.message, 'GitHub answers 503 to list issues')
  assert.is(server.requests.length, 6)
})

it('what is made is never made twice, when only the answer was lost', async ({ github, server }) => {
  server.faults.push({ of: /^POST/, does: 'cut', times: 9 })
  const error = await refusal(github.createIssue({ title: 'a', body: '', labels: [] }))
  assert.is(error.code, 'PROVIDER_UNREACHABLE')
  assert.is(server.state.issues.length, 1)
  assert.is((await refusal(github.createComment(1, 'x'))).code, 'PROVIDER_UNREACHABLE')
  assert.is(server.state.comments.length, 1)
})

it('a limit is waited for when it is short; a long one ends at once', async ({ github, server }) => {
  server.faults.push({ of: /^POST/, does: 'secondary', times: 2 })
  assert.is((await github.createIssue({ title: 'a', body: '', labels: [] })).number, 1)
  assert.is(server.requests.length, 3)
  server.faults.push({ of: /^GET/, does: 'secondary', times: 9 })
  assert.match((await refusal(github.issues('x'))).message, 'GitHub asks to wait too long to list issues')
  assert.is(server.requests.length, 7)
  server.faults.length = 0
  server.faults.push({ of: /^GET/, does: 'primary', times: 9 })
  const error = await refusal(github.issues('x'))
  assert.is(error.code, 'PROVIDER_UNREACHABLE')
  assert.match(error.message, 'API rate limit exceeded')
  assert.is(server.requests.length, 8)
})

it('our stop ends what is under way, and what waits for its turn', async ({ github, server, stop }) => {
  server.faults.push({ of: /^GET/, does: 'silent' })
  const asked = refusal(github.issues('x'))
  const waiting = refusal(opened({ ...server.env, GITHUB_API_URL: server.address }, stop.signal).issues('y'))
  while (server.requests.length === 0) await new Promise((done) => setTimeout(done, 5))
  stop.abort()
  assert.equal([(await asked).code, (await waiting).code], ['INTERRUPTED', 'INTERRUPTED'])
  assert.is((await refusal(github.issues('x'))).code, 'INTERRUPTED')
})

it('our stop ends the wait for a limit', async ({ server }) => {
  const stop = new AbortController()
  const github = openGithub(server.env, stop.signal, 60_000)
  server.faults.push({ of: /^GET/, does: 'secondary' })
  const asked = refusal(github?.issues('x') ?? Promise.resolve())
  while (server.requests.length === 0) await new Promise((done) => setTimeout(done, 5))
  await new Promise((done) => setTimeout(done, 50))
  stop.abort()
  assert.is((await asked).code, 'INTERRUPTED')
})

it.run()
