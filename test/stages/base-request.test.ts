import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { baseBranch, movesDigest, type RequestedMove } from '../../pipeline/core/base-request.ts'
import type { GitHub } from '../../pipeline/ports/github.ts'
import { openGithub } from '../../pipeline/ports/octokit-github.ts'
import { keepBaseRequest } from '../../pipeline/stages/base-request.ts'
import { type GitHubServer, startGithub } from '../helpers/github-server.ts'
import { addCommit, addPull } from '../helpers/github-state.ts'
import { refusal } from '../helpers/refusal.ts'

const request = suite<{ server: GitHubServer }>('base-request')

request.before.each(async (context) => {
  context.server = await startGithub()
})
request.after.each(({ server }) => server.close())

const bot = 'github-actions[bot]'
const ref = `refs/heads/${baseBranch}`

const move = (to: string, image = 'web'): RequestedMove => ({
  image,
  target: 'qemu',
  from: 'before',
  to,
  markdown: `### Base of ${image}: ubuntu 24.04, from image\n\n| | from | to |\n`,
})

const ports = new WeakMap<GitHubServer, GitHub>()

function portOf(server: GitHubServer): GitHub {
  const port = ports.get(server) ?? openGithub(server.env, new AbortController().signal, 0)
  if (port === undefined) throw new Error('the server gives no token')
  ports.set(server, port)
  return port
}

/** One night; each move's file says what it moves to. */
async function night(
  server: GitHubServer,
  moves: readonly RequestedMove[],
  incomplete = false,
  commit = server.state.refs.get('refs/heads/main') ?? '',
): Promise<{ readonly state: string; readonly wrote: readonly string[] }> {
  const github = portOf(server)
  const files = moves.map(({ image, to }) => ({ path: `images/${image}.lock.json`, text: to }))
  const before = server.writes().length
  const { state } = await keepBaseRequest(github, { moves, files, incomplete, base: 'main', commit })
  return { state, wrote: server.writes().slice(before) }
}

const treeOf = ({ state }: GitHubServer): Readonly<Record<string, unknown>> => {
  const commit = state.commits.get(state.refs.get(ref) ?? '')
  return { ...state.trees.get(commit?.tree ?? ''), parents: commit?.parents }
}

const pullsOf = ({ state }: GitHubServer) => state.issues.filter(({ pull }) => pull)

request(
  'opened, left as it is on the next night, moved with the base, closed when nothing is left',
  async ({ server }) => {
    const main = server.state.refs.get('refs/heads/main')
    assert.equal(await night(server, []), { state: 'none', wrote: [] })
    assert.is((await night(server, [move('one')])).state, 'opened')
    assert.equal(treeOf(server), {
      'README.md': '# images\n',
      'images/web.lock.json': 'one',
      parents: [main],
    })
    const [pull] = pullsOf(server)
    assert.is(pull?.title, 'Move the base lock of web')
    assert.is(
      pull?.body,
      [
        `<!-- mintmark:base-locks ${movesDigest([move('one')])} -->`,
        'The publishers have newer bases. Until this is merged, images are built from those on the default branch.',
        '',
        '_A pull request by the token of a job starts no workflows by itself. To have this one checked approve its workflows in the merge box; where there are none, close it and open it again. By the token of a GitHub App they start at once. Closed without a merge it is not opened again before a base moves further._',
        '',
        '### Base of web: ubuntu 24.04, from image (qemu)',
        '',
        '| | from | to |',
        '',
      ].join('\n'),
    )
    assert.equal(await night(server, [move('one')]), { state: 'unchanged', wrote: [] })
    assert.is((await night(server, [move('two'), move('one', 'db')])).state, 'updated')
    const { parents, ...tree } = treeOf(server)
    assert.equal(
      [parents, tree],
      [[main], { 'README.md': '# images\n', 'images/web.lock.json': 'two', 'images/db.lock.json': 'one' }],
    )
    assert.is(pull?.title, 'Move the base locks of web, db')
    assert.equal(await night(server, [], true), { state: 'unchanged', wrote: [] }, 'nobody knows')
    assert.is((await night(server, [])).state, 'closed')
    assert.equal([pullsOf(server).length, pull?.open, server.state.comments.length], [1, false, 1])
    assert.equal(await night(server, []), { state: 'none', wrote: [] })
    // Nobody turned it down: the same moves are asked for again.
    assert.is((await night(server, [move('two'), move('one', 'db')])).state, 'opened')
  },
)

request('one that somebody closed comes again only with other moves', async ({ server }) => {
  await night(server, [move('one')])
  const [pull] = pullsOf(server)
  assert.ok(pull)
  pull.open = false
  assert.equal(await night(server, [move('one')]), { state: 'declined', wrote: [] })
  server.state.refs.delete(ref)
  assert.equal(await night(server, [move('one')]), { state: 'declined', wrote: [] })
  assert.is((await night(server, [move('two')])).state, 'opened')
})

request('one that was merged and taken back on main is asked for again', async ({ server }) => {
  await night(server, [move('one')])
  const [pull] = pullsOf(server)
  assert.ok(pull)
  pull.open = false
  const stored = server.state.pulls.get(pull.number)
  assert.ok(stored)
  server.state.pulls.set(pull.number, { ...stored, merged: true })
  assert.is((await night(server, [move('one')])).state, 'opened')
})

request('a commit or a pull request of somebody else is left alone', async ({ server }) => {
  const { state } = server
  const main = state.refs.get('refs/heads/main') ?? ''
  const theirs = addCommit(
    state,
    [main],
    { 'images/web.lock.json': 'mine' },
    { message: 'x', author: 'mona' },
  )
  state.refs.set(ref, theirs)
  assert.equal(await night(server, [move('one')]), { state: 'foreign', wrote: [] })
  state.refs.delete(ref)
  await night(server, [move('one')])
  state.refs.set(
    ref,
    addCommit(state, [state.refs.get(ref) ?? ''], { a: 'b' }, { message: 'y', author: 'mona' }),
  )
  assert.equal(await night(server, [move('two')]), { state: 'foreign', wrote: [] })
  assert.equal(await night(server, []), { state: 'foreign', wrote: [] }, 'nor is it closed')
})

request('our commit that a person changed is theirs, and so is one under our name', async ({ server }) => {
  const { state } = server
  await night(server, [move('one')])
  const ours = state.commits.get(state.refs.get(ref) ?? '')
  assert.ok(ours)
  const { parents, message, author } = ours
  const files = { 'images/web.lock.json': 'mine' }
  for (const [changed, whose] of [
    [{ author, committer: 'mona' }, 'an amend keeps message and author'],
    [{ author, committer: '' }, 'by an address that GitHub does not know'],
    [{ author: 'mona', committer: 'web-flow' }, 'on the pages of GitHub'],
  ] as const) {
    const theirs = addCommit(state, parents, files, { message, ...changed })
    state.refs.set(ref, theirs)
    assert.equal(await night(server, [move('two')]), { state: 'foreign', wrote: [] }, whose)
    assert.equal(await night(server, []), { state: 'foreign', wrote: [] }, whose)
  }
  state.refs.set(ref, addCommit(state, parents, files, { message, author, committer: author }))
  assert.is((await night(server, [move('two')])).state, 'updated', 'a server that signs nothing')
})

request(
  'locks go on top of the commit that they were looked at in, and not on a newer one',
  async ({ server }) => {
    const { state } = server
    const main = state.refs.get('refs/heads/main') ?? ''
    const newer = addCommit(
      state,
      [main],
      { 'images/web.lock.json': 'merged meanwhile' },
      { message: 'x', author: 'mona' },
    )
    state.refs.set('refs/heads/main', newer)
    assert.is((await night(server, [move('one')], false, main)).state, 'opened')
    assert.equal(treeOf(server)['parents'], [main])
  },
)

request('a pull request that a person opened from that branch', async ({ server }) => {
  const { state } = server
  const pull = { head: baseBranch, headRepository: 'corp/images', base: 'main' }
  addPull(state, pull, { title: 'mine', author: 'mona' })
  assert.equal(await night(server, [move('one')]), { state: 'foreign', wrote: [] })
  // A fork's branch of that name is another branch.
  state.issues.length = 0
  addPull(state, { ...pull, headRepository: 'mona/images' }, { title: 'fork', author: 'mona' })
  assert.equal(await night(server, []), { state: 'none', wrote: [] })
})

request('stopped after any call the next night ends the same', async ({ server }) => {
  const nights: readonly (readonly RequestedMove[])[] = [[move('one')], [move('two')], []]
  // The work is done and its answer is lost, however often it is asked for.
  const stops = [
    /^POST .*\/git\/refs$/,
    /^PATCH .*\/git\/refs/,
    /^POST .*\/pulls$/,
    /^PATCH .*\/pulls/,
    /^POST .*\/comments$/,
  ]
  let stopped = 0
  for (const of of stops) {
    const { state } = server
    state.issues.length = 0
    state.comments.length = 0
    state.refs.delete(ref)
    for (const moves of nights) {
      server.faults.push({ of, does: 'cut', times: 9 })
      await night(server, moves).catch(() => {
        stopped += 1
      })
      server.faults.length = 0
      await night(server, moves)
      assert.is((await night(server, moves)).wrote.length, 0, `${of}: nothing twice`)
      const open = pullsOf(server).filter((item) => item.open)
      assert.is(open.length, moves.length === 0 ? 0 : 1, String(of))
      const [wanted] = moves
      if (wanted !== undefined) assert.is(treeOf(server)['images/web.lock.json'], wanted.to)
    }
    assert.equal([pullsOf(server).length, state.comments.length], [1, 1], String(of))
    assert.ok(pullsOf(server).every(({ author }) => author === bot))
  }
  assert.ok(stopped >= stops.length, `${stopped} nights were stopped`)
})

request('a default branch that there is not', async ({ server }) => {
  server.state.refs.delete('refs/heads/main')
  assert.is((await refusal(night(server, [move('one')]))).code, 'NOT_FOUND')
})

request.run()
