import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { GitHub } from '../../pipeline/ports/github.ts'
import { openGithub } from '../../pipeline/ports/octokit-github.ts'
import { sha256 } from '../../pipeline/core/digest.ts'
import { extract } from '../helpers/extract-openapi.ts'
import { type GitHubServer, startGithub } from '../helpers/github-server.ts'
import { addCommit, addIssue, addPull } from '../helpers/github-state.ts'
import { refusal } from '../helpers/refusal.ts'
import { textOf } from '../helpers/sources.ts'

interface Context {
  server: GitHubServer
  stop: AbortController
  github: GitHub
}

const it = suite<Context>('octokit-github')

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

it('the extract is that of the whole description', () => {
  const text = textOf('test/fixtures/github/openapi.json')
  const document = JSON.parse(text)
  assert.is(`${JSON.stringify(extract(document, ''))}\n`, text)
  assert.match(document['x-source'], /@octokit\/openapi \d+\.\d+\.\d+, .*MIT/)
  assert.match(document['x-license'], /MIT License Copyright/)
})

it('without a token, or a repository, there is no port', () => {
  const { signal } = new AbortController()
  assert.is(openGithub({ GITHUB_TOKEN: 'x' }, signal), undefined)
  assert.is(openGithub({ GITHUB_REPOSITORY: 'a/b', GITHUB_TOKEN: '' }, signal), undefined)
  assert.is(openGithub({ GITHUB_REPOSITORY: 'a', GITHUB_TOKEN: 'x' }, signal), undefined)
  assert.is(openGithub({ GITHUB_REPOSITORY: 'a/b', GITHUB_TOKEN: 'x' }, signal)?.repository, 'a/b')
})

it('a token goes to nobody without TLS', async () => {
  const env = { GITHUB_REPOSITORY: 'a/b', GITHUB_TOKEN: 'x' }
  const open = (url: string) => async () =>
    openGithub({ ...env, GITHUB_API_URL: url }, new AbortController().signal)
  for (const url of [
    'http://api.github.com',
    'ftp://127.0.0.1',
    'api.github.com',
    'http://127.0.0.1.corp.example',
  ])
    assert.match((await refusal(open(url)())).message, `GITHUB_API_URL is "${url}"`)
})

it('who we are is asked once', async ({ github, server }) => {
  assert.is(await github.me(), 'github-actions[bot]')
  assert.is(await github.me(), 'github-actions[bot]')
  assert.equal(server.requests, ['POST /graphql'])
})

it('issues: opened with a label, listed over pages without pull requests, changed, closed', async ({
  github,
  server,
}) => {
  const made = await github.createIssue({ title: 'one', body: 'text', labels: ['mintmark'] })
  assert.equal(made, {
    number: 1,
    url: 'https://github.test/corp/images/issues/1',
    title: 'one',
    body: 'text',
    open: true,
    author: 'github-actions[bot]',
  })
  for (let index = 0; index < 204; index++)
    addIssue(server.state, { title: `${index}`, labels: ['mintmark', 'x'] })
  addIssue(server.state, { title: 'unlabelled' })
  const pull = { head: 'change', headRepository: 'corp/images', base: 'main' }
  addPull(server.state, pull, { title: 'a request', labels: ['mintmark'] })
  await github.updateIssue(1, { open: false })
  const listed = await github.issues('mintmark')
  assert.is(listed.length, 205)
  assert.is(server.requests.filter((name) => name.startsWith('GET ')).length, 3)
  assert.equal([listed[0]?.number, listed.at(-1)?.number], [205, 1])
  assert.equal(listed.at(-1), { ...made, open: false })
  await github.updateIssue(1, { title: 'two', body: 'other', labels: ['mintmark', 'y'], open: true })
  const { title, body, open, labels } = server.state.issues[0] ?? {}
  assert.equal(
    { title, body, open, labels },
    { title: 'two', body: 'other', open: true, labels: ['mintmark', 'y'] },
  )
  await github.updateIssue(1, { title: 'three' })
  assert.is(server.state.issues[0]?.body, 'other')
})

it('comments: written, listed over pages, changed', async ({ github, server }) => {
  addIssue(server.state, { title: 'one' })
  for (let id = 1; id <= 130; id++)
    server.state.comments.push({ id, issue: 1, author: 'octocat', body: `${id}` })
  await github.createComment(1, 'ours')
  const listed = await github.comments(1)
  assert.is(listed.length, 131)
  const last = listed.at(-1)
  assert.equal([last?.author, last?.body], ['github-actions[bot]', 'ours'])
  await github.updateComment(last?.id ?? 0, 'ours again')
  assert.is((await github.comments(1)).at(-1)?.body, 'ours again')
})

it('what is too long ends early and says so', async ({ github, server }) => {
  const long = `first line\n${'日本語 '.repeat(30_000)}`
  const { number } = await github.createIssue({ title: 't'.repeat(300), body: long, labels: [] })
  await github.createComment(number, long)
  const [issue] = server.state.issues
  assert.is(issue?.body, github.fit(long))
  assert.is(issue?.title.length, 256)
  assert.match(issue?.body ?? '', /^first line\n[\s\S]*too long for this page\._\n$/)
  assert.is(server.state.comments[0]?.body, github.fit(long))
  assert.is(github.fit('short'), 'short')
})

it('runs of a workflow on a branch, as many as asked for; jobs of the last attempt; reviews', async ({
  github,
  server,
}) => {
  const { runs, jobs, reviews } = server.state
  const common = {
    workflow: 'nightly.yml',
    branch: 'main',
    commit: 'c'.repeat(40),
    actor: 'octocat',
    attempt: 2,
  }
  const day = (index: number) => new Date(Date.UTC(2026, 0, 1 + index)).toISOString().replace('.000', '')
  for (let index = 0; index < 150; index++)
    runs.push({
      ...common,
      id: index + 1,
      created: day(index),
      conclusion: 'success',
      triggeringActor: 'hubot',
    })
  runs.push({ ...common, id: 900, branch: 'x', created: day(900), conclusion: null, triggeringActor: 'x' })
  runs.push({
    ...common,
    id: 901,
    workflow: 'rescan.yml',
    created: day(901),
    conclusion: null,
    triggeringActor: 'x',
  })
  jobs.push({ run: 150, attempt: 1, name: 'web', conclusion: 'failure' })
  for (let index = 0; index < 120; index++)
    jobs.push({ run: 150, attempt: 2, name: `${index}`, conclusion: null })
  reviews.push({ run: 150, environments: ['release'], state: 'approved', by: 'Ann', comment: 'seen' })
  const seen = await github.runs('nightly.yml', { branch: 'main', limit: 120 })
  assert.is(seen.length, 120)
  assert.equal(seen[0], {
    id: 150,
    url: 'https://github.test/corp/images/actions/runs/150',
    created: day(149),
    conclusion: 'success',
    commit: 'c'.repeat(40),
    actor: 'octocat',
    triggeringActor: 'hubot',
    byPeople: true,
  })
  assert.equal(await github.run(150), seen[0])
  const listed = await github.jobs(150)
  assert.is(listed.length, 120)
  assert.equal(listed[0], {
    name: '0',
    url: 'https://github.test/corp/images/actions/runs/150/job/1',
    conclusion: null,
  })
  assert.equal(await github.reviews(150), [
    { environments: ['release'], state: 'approved', by: 'Ann', byPerson: true, comment: 'seen' },
  ])
})

it('who is no person: a bot, an app by its name, and an account that is gone', async ({ github, server }) => {
  const { runs, reviews } = server.state
  const run = {
    workflow: 'release.yml',
    branch: 'main',
    commit: 'c'.repeat(40),
    created: '2026-11-23T03:00:00Z',
    conclusion: null,
    attempt: 1,
  }
  const who: readonly (readonly [string | null, string | null])[] = [
    ['octocat', 'octocat'],
    ['octocat', 'github-actions[bot]'],
    ['renovate[bot]', 'octocat'],
    [null, 'octocat'],
    ['octocat', null],
  ]
  for (const [index, [actor, triggeringActor]] of who.entries())
    runs.push({ ...run, id: 950 + index, actor, triggeringActor })
  const told = await Promise.all(who.map((_, index) => github.run(950 + index)))
  assert.equal(
    told.map(({ byPeople }) => byPeople),
    [true, false, false, false, false],
  )
  for (const by of ['Ann', 'merge-helper[bot]'])
    reviews.push({ run: 950, environments: ['release'], state: 'approved', by, comment: '' })
  assert.equal(
    (await github.reviews(950)).map(({ byPerson }) => byPerson),
    [true, false],
  )
})

it('a branch: none, made, made anew from another commit, and one that only begins so', async ({
  github,
  server,
}) => {
  const { state } = server
  const base = (await github.branch('main')) ?? ''
  assert.is(base, state.refs.get('refs/heads/main'))
  state.refs.set('refs/heads/mintmark/base-locks-2', base)
  assert.is(await github.branch('mintmark/base-locks'), null)
  const input = {
    name: 'mintmark/base-locks',
    base,
    message: 'locks',
    files: [{ path: 'images/a.json', text: '{}\n' }],
  }
  const sha = await github.putBranch(input)
  assert.is(await github.branch(input.name), sha)
  const commit = state.commits.get(sha)
  assert.equal(commit?.parents, [base])
  assert.equal(state.trees.get(commit?.tree ?? ''), { 'README.md': '# images\n', 'images/a.json': '{}\n' })
  const other = await github.putBranch({ ...input, files: [{ path: 'b', text: '' }] })
  assert.is.not(other, sha)
  assert.is(await github.branch(input.name), other)
  assert.is(state.refs.get('refs/heads/mintmark/base-locks-2'), base)
})

it('a branch whose making lost its answer is moved all the same', async ({ github, server }) => {
  const base = (await github.branch('main')) ?? ''
  server.faults.push({ of: /^POST .*\/git\/refs$/, does: 'cut' })
  const sha = await github.putBranch({ name: 'x', base, message: 'm', files: [{ path: 'b', text: '' }] })
  assert.is(await github.branch('x'), sha)
})

it('a commit: its message, and the accounts that GitHub knows by the addresses in it', async ({
  github,
  server,
}) => {
  const { state } = server
  const base = (await github.branch('main')) ?? ''
  const ours = await github.putBranch({ name: 'x', base, message: 'm', files: [] })
  assert.equal(await github.commit(ours), {
    message: 'm',
    author: 'github-actions[bot]',
    committer: 'web-flow',
  })
  const strange = addCommit(state, [base], {}, { message: 'm', author: 'mona', committer: '' })
  assert.equal(await github.commit(strange), { message: 'm', author: 'mona', committer: '' })
})

it('a tag: the commit that it is on, also of one that is an object of its own', async ({
  github,
  server,
}) => {
  const { refs, annotated } = server.state
  const commit = refs.get('refs/heads/main') ?? ''
  assert.is(await github.tag('web/v1.0.0'), null)
  refs.set('refs/tags/web/v1.0.0', 'b'.repeat(40))
  annotated.set('b'.repeat(40), commit)
  assert.is(await github.tag('web/v1.0.0'), commit)
})

it('pull requests: ours by their branch, and no fork that calls its branch the same', async ({
  github,
  server,
}) => {
  const { state } = server
  const base = (await github.branch('main')) ?? ''
  const head = 'mintmark/base-locks'
  addPull(state, { head, headRepository: 'guest/images', base: 'main' }, { title: 'guest', author: 'guest' })
  assert.equal(await github.pullRequests(head), [])
  await github.putBranch({ name: head, base, message: 'm', files: [{ path: 'b', text: '' }] })
  const made = await github.createPullRequest({ head, base: 'main', title: 'locks', body: 'text' })
  assert.equal(await github.pullRequests(head), [made])
  assert.is(made.author, 'github-actions[bot]')
  await github.updatePullRequest(made.number, { title: 'more', body: 'other' })
  assert.equal((await github.pullRequests(head))[0], { ...made, title: 'more', body: 'other' })
  const again = await refusal(github.createPullRequest({ head, base: 'main', title: 'locks', body: 'text' }))
  assert.is(again.code, 'PROVIDER_REFUSED')
  assert.match(again.message, 'A pull request already exists for corp:mintmark/base-locks')
  await github.closePullRequest(made.number)
  assert.equal(await github.pullRequests(head), [])
})

const asset = (text: string) => ({
  name: 'record.json',
  mediaType: 'application/json',
  bytes: Buffer.from(text),
})

it('a release: a draft with assets, then published', async ({ github, server }) => {
  const tag = 'debian-13/v1.0.0'
  assert.is(await github.release(tag), null)
  const commit = (await github.branch('main')) ?? ''
  const made = await github.createRelease({ tag, commit, name: 'one', body: 'notes', prerelease: false })
  assert.is(made.draft, true)
  assert.not.ok(server.state.refs.has(`refs/tags/${tag}`))
  await github.uploadAsset(made, asset('{"a":1}'))
  const found = await github.release(tag)
  assert.equal(found, { ...made, assets: { 'record.json': { bytes: 7, sha256: sha256('{"a":1}') } } })
  assert.equal([made.author, made.target], ['github-actions[bot]', commit])
  await github.publishRelease(made)
  assert.is((await github.release(tag))?.draft, false)
  assert.is(server.state.refs.get(`refs/tags/${tag}`), commit)
  assert.is(await github.tag(tag), commit)
  assert.is(await github.tag('debian-13/v1.0'), null, 'not by the beginning of its name')
  const [stored] = server.state.releases[0]?.assets ?? []
  assert.is(stored?.mediaType, 'application/json')
  assert.is(Buffer.from(stored?.bytes ?? []).toString(), '{"a":1}')
})

it('an upload: kept when it is there, made anew when it was cut, refused over another', async ({
  github,
  server,
}) => {
  const release = await github.createRelease({
    tag: 'x',
    commit: 'main',
    name: 'x',
    body: '',
    prerelease: true,
  })
  server.faults.push({ of: /\/assets$/, does: 'half' })
  assert.is((await refusal(github.uploadAsset(release, asset('one')))).code, 'PROVIDER_UNREACHABLE')
  assert.equal((await github.release('x'))?.assets, {})
  await github.uploadAsset(release, asset('one'))
  const before = server.writes().length
  await github.uploadAsset(release, asset('one'))
  assert.is(server.writes().length, before)
  assert.match(
    (await refusal(github.uploadAsset(release, asset('two')))).message,
    'record.json of release x has sha256 ',
  )
  const other = await refusal(github.uploadAsset(release, asset('other')))
  assert.is(other.code, 'CONFLICT')
  assert.match(other.message, 'record.json of release x has 3 bytes, and what is to be attached has 5')
})

it.run()
