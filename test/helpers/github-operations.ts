import { createHash } from 'node:crypto'
import {
  type Answer,
  type Call,
  checkBody,
  invalid,
  notFound,
  page,
  refuse,
  text,
  texts,
  user,
} from './github-call.ts'
import {
  addPull,
  addCommit,
  addIssue,
  type GitHubState,
  shaOf,
  type StoredAsset,
  type StoredIssue,
  type StoredRelease,
  type StoredRun,
} from './github-state.ts'

const isOurs = (call: Call): boolean =>
  `${call.path['owner']}/${call.path['repo']}`.toLowerCase() === call.state.repository.toLowerCase()

const issueAnswer = (state: GitHubState, item: StoredIssue) => ({
  number: item.number,
  html_url: `${page(state)}/${item.pull ? 'pull' : 'issues'}/${item.number}`,
  title: item.title,
  body: item.body,
  state: item.open ? 'open' : 'closed',
  user: user(item.author),
  labels: item.labels.map((name) => ({ name })),
  ...(item.pull ? { pull_request: {} } : {}),
})

function issueOf({ state, path }: Call, name: string): StoredIssue {
  const found = state.issues.find(({ number }) => String(number) === path[name])
  if (found === undefined) throw notFound()
  return found
}

function change(call: Call, item: StoredIssue, resource: string): void {
  const { body } = call
  checkBody(resource, body['body'], 65_536)
  if (text(body['title']).length > 256) throw invalid(resource, 'title', 'custom', 'title is too long')
  item.title = text(body['title'], item.title)
  item.body = text(body['body'], item.body)
  if (body['state'] !== undefined) item.open = body['state'] === 'open'
  if (body['labels'] !== undefined && call.mayLabel) item.labels = [...texts(body['labels'])]
}

const commentAnswer = (state: GitHubState, item: GitHubState['comments'][number]) => ({
  id: item.id,
  body: item.body,
  html_url: `${page(state)}/issues/${item.issue}#issuecomment-${item.id}`,
  user: user(item.author),
})

const runAnswer = (state: GitHubState, item: StoredRun) => ({
  id: item.id,
  html_url: `${page(state)}/actions/runs/${item.id}`,
  created_at: item.created,
  status: item.conclusion === null ? 'in_progress' : 'completed',
  conclusion: item.conclusion,
  head_sha: item.commit,
  head_branch: item.branch,
  path: `.github/workflows/${item.workflow}`,
  run_attempt: item.attempt,
  ...(item.actor === null ? {} : { actor: user(item.actor) }),
  ...(item.triggeringActor === null ? {} : { triggering_actor: user(item.triggeringActor) }),
})

function runOf({ state, path }: Call): StoredRun {
  const found = state.runs.find(({ id }) => String(id) === path['run_id'])
  if (found === undefined) throw notFound()
  return found
}

const refAnswer = ({ annotated }: GitHubState, ref: string, sha: string) => ({
  ref,
  object: { type: annotated.has(sha) ? 'tag' : 'commit', sha },
})

const commitAnswer = (state: GitHubState, sha: string) => {
  const found = state.commits.get(sha)
  if (found === undefined) throw notFound()
  const { message, tree, parents, author } = found
  const person = { name: author }
  return { sha, message, tree: { sha: tree }, parents: parents.map((of) => ({ sha: of })), author: person }
}

/** By its accounts, which GitHub knows by the addresses in it. */
const repositoryCommit = (state: GitHubState, name: string) => {
  const ref = state.refs.get(`refs/${name}`) ?? name
  const sha = state.annotated.get(ref) ?? ref
  const { parents, ...commit } = commitAnswer(state, sha)
  const stored = state.commits.get(sha)
  const [author, committer] = [stored?.author, stored?.committer].map((login) => (login ? user(login) : null))
  return { sha, parents, author, committer, commit: { message: commit.message, tree: commit.tree } }
}

function reaches(state: GitHubState, from: string, to: string): boolean {
  return from === to || (state.commits.get(from)?.parents ?? []).some((sha) => reaches(state, sha, to))
}

const pullAnswer = (state: GitHubState, item: StoredIssue) => {
  const pull = state.pulls.get(item.number)
  if (pull === undefined) throw notFound()
  const end = (ref: string, repository: string) => ({
    ref,
    label: `${repository.split('/')[0]}:${ref}`,
    repo: { full_name: repository },
    sha: state.refs.get(`refs/heads/${ref}`) ?? shaOf(ref),
  })
  const { pull_request: _, ...texts } = issueAnswer(state, item)
  const merged_at = pull.merged === true ? '2026-11-20T09:00:00Z' : null
  const ends = { head: end(pull.head, pull.headRepository), base: end(pull.base, state.repository) }
  return { ...texts, ...ends, merged_at }
}

const releaseAnswer = ({ state, address }: Call, item: StoredRelease) => ({
  id: item.id,
  html_url: `${page(state)}/releases/tag/${encodeURIComponent(item.tag)}`,
  upload_url: `${address}/uploads/repos/${state.repository}/releases/${item.id}/assets{?name,label}`,
  tag_name: item.tag,
  target_commitish: item.commit,
  name: item.name,
  body: item.body,
  draft: item.draft,
  prerelease: item.prerelease,
  author: user(item.author),
  assets: item.assets.map(assetAnswer),
})

const assetAnswer = ({ id, name, state, mediaType, bytes, digested = true }: StoredAsset) => ({
  id,
  name,
  state,
  content_type: mediaType,
  size: state === 'uploaded' ? bytes.length : 0,
  digest:
    state === 'uploaded' && digested ? `sha256:${createHash('sha256').update(bytes).digest('hex')}` : null,
})

function releaseOf({ state, path }: Call): StoredRelease {
  const found = state.releases.find(({ id }) => String(id) === path['release_id'])
  if (found === undefined) throw notFound()
  return found
}

function publish(state: GitHubState, release: StoredRelease): void {
  if (state.releases.some((item) => item !== release && !item.draft && item.tag === release.tag))
    throw invalid('Release', 'tag_name', 'already_exists')
  release.draft = false
  const ref = `refs/tags/${release.tag}`
  const branch = state.refs.get(`refs/heads/${release.commit}`)
  if (!state.refs.has(ref)) state.refs.set(ref, branch ?? release.commit)
}

/** operationId -> what GitHub does. */
const work: Readonly<Record<string, (call: Call) => Answer>> = {
  'issues/list-for-repo': ({ state, query }) => {
    const labels = (query.get('labels') ?? '').split(',').filter((label) => label !== '')
    const which = query.get('state') ?? 'open'
    const found = state.issues
      .filter((item) => labels.every((label) => item.labels.includes(label)))
      .filter((item) => which === 'all' || item.open === (which === 'open'))
      .sort((a, b) => b.number - a.number)
    return { status: 200, given: found.map((item) => issueAnswer(state, item)) }
  },
  'issues/create': (call) => {
    const { state, by } = call
    const item: StoredIssue = {
      number: 0,
      title: '',
      body: '',
      open: true,
      labels: [],
      author: by,
      pull: false,
    }
    change(call, item, 'Issue')
    return {
      status: 201,
      given: issueAnswer(state, addIssue(state, { ...item, number: state.next.number++ })),
    }
  },
  'issues/update': (call) => {
    const item = issueOf(call, 'issue_number')
    change(call, item, 'Issue')
    return { status: 200, given: issueAnswer(call.state, item) }
  },
  'issues/list-comments': (call) => {
    const { number } = issueOf(call, 'issue_number')
    const found = call.state.comments.filter(({ issue }) => issue === number)
    return { status: 200, given: found.map((item) => commentAnswer(call.state, item)) }
  },
  'issues/create-comment': (call) => {
    const { state, body, by } = call
    const { number } = issueOf(call, 'issue_number')
    checkBody('IssueComment', body['body'], 65_536)
    const made = { id: state.next.id++, issue: number, author: by, body: text(body['body']) }
    state.comments.push(made)
    return { status: 201, given: commentAnswer(state, made) }
  },
  'issues/update-comment': ({ state, path, body }) => {
    const found = state.comments.find(({ id }) => String(id) === path['comment_id'])
    if (found === undefined) throw notFound()
    checkBody('IssueComment', body['body'], 65_536)
    found.body = text(body['body'])
    return { status: 200, given: commentAnswer(state, found) }
  },
  'actions/list-workflow-runs': ({ state, path, query }) => {
    const branch = query.get('branch')
    const found = state.runs
      .filter((run) => run.workflow === path['workflow_id'] && (branch === null || run.branch === branch))
      .sort((a, b) => (a.created < b.created ? 1 : -1))
    return { status: 200, list: 'workflow_runs', given: found.map((item) => runAnswer(state, item)) }
  },
  'actions/get-workflow-run': (call) => ({ status: 200, given: runAnswer(call.state, runOf(call)) }),
  'actions/list-jobs-for-workflow-run': (call) => {
    const { id, attempt } = runOf(call)
    const all = call.query.get('filter') === 'all'
    const found = call.state.jobs
      .filter((job) => job.run === id && (all || job.attempt === attempt))
      .map(({ name, conclusion }, index) => ({
        name,
        status: conclusion === null ? 'in_progress' : 'completed',
        conclusion,
        html_url: `${page(call.state)}/actions/runs/${id}/job/${index + 1}`,
      }))
    return { status: 200, list: 'jobs', given: found }
  },
  'actions/get-reviews-for-run': (call) => {
    const { id } = runOf(call)
    const found = call.state.reviews
      .filter((review) => review.run === id)
      .map(({ environments, state, by, comment }) => ({
        environments: environments.map((name) => ({ name })),
        state,
        comment,
        user: user(by),
      }))
    return { status: 200, given: found }
  },
  'git/get-commit': ({ state, path }) => ({
    status: 200,
    given: commitAnswer(state, path['commit_sha'] ?? ''),
  }),
  'repos/get-commit': ({ state, path }) => ({
    status: 200,
    given: repositoryCommit(state, path['ref'] ?? ''),
  }),
  'git/create-tree': ({ state, body }) => {
    const base = text(body['base_tree'])
    // GitHub takes a commit for its tree there as well.
    const before = state.trees.get(state.commits.get(base)?.tree ?? base)
    if (base !== '' && before === undefined) throw notFound()
    const entries = (body['tree'] ?? []) as readonly { readonly path: string; readonly content: string }[]
    const content = { ...before, ...Object.fromEntries(entries.map((entry) => [entry.path, entry.content])) }
    const sha = shaOf(content)
    state.trees.set(sha, content)
    return { status: 201, given: { sha } }
  },
  'git/create-commit': ({ state, body, by }) => {
    const tree = state.trees.get(text(body['tree']))
    if (tree === undefined) throw refuse(422, 'Tree SHA does not exist')
    // GitHub signs, and so commits, what a bot writes.
    const told = { message: text(body['message']), author: by, committer: 'web-flow' }
    const sha = addCommit(state, texts(body['parents']), tree, told)
    return { status: 201, given: commitAnswer(state, sha) }
  },
  'git/list-matching-refs': ({ state, path }) => ({
    status: 200,
    given: [...state.refs]
      .filter(([ref]) => ref.startsWith(`refs/${path['ref']}`))
      .map(([ref, sha]) => refAnswer(state, ref, sha)),
  }),
  'git/create-ref': ({ state, body }) => {
    const ref = text(body['ref'])
    if (state.refs.has(ref)) throw refuse(422, 'Reference already exists')
    if (!state.commits.has(text(body['sha']))) throw refuse(422, 'Object does not exist')
    state.refs.set(ref, text(body['sha']))
    return { status: 201, given: refAnswer(state, ref, text(body['sha'])) }
  },
  'git/update-ref': ({ state, path, body }) => {
    const ref = `refs/${path['ref']}`
    const before = state.refs.get(ref)
    if (before === undefined) throw refuse(422, 'Reference does not exist')
    const sha = text(body['sha'])
    if (!state.commits.has(sha)) throw refuse(422, 'Object does not exist')
    if (body['force'] !== true && !reaches(state, sha, before))
      throw refuse(422, 'Update is not a fast forward')
    state.refs.set(ref, sha)
    return { status: 200, given: refAnswer(state, ref, sha) }
  },
  'pulls/list': ({ state, query }) => {
    const which = query.get('state') ?? 'open'
    const found = state.issues
      .filter(({ pull }) => pull)
      .filter((item) => which === 'all' || item.open === (which === 'open'))
      .map((item) => pullAnswer(state, item))
      .filter(({ head }) => query.get('head') === null || head.label === query.get('head'))
      .sort((a, b) => b.number - a.number)
    return { status: 200, given: found }
  },
  'pulls/create': (call) => {
    const { state, body, by } = call
    checkBody('PullRequest', body['body'], 65_536)
    const pull = { head: text(body['head']), base: text(body['base']), headRepository: state.repository }
    const [head, base] = [pull.head, pull.base].map((name) => state.refs.get(`refs/heads/${name}`))
    if (head === undefined) throw invalid('PullRequest', 'head', 'invalid')
    if (base === undefined) throw invalid('PullRequest', 'base', 'invalid')
    const custom = (message: string): Error =>
      refuse(422, 'Validation Failed', [{ resource: 'PullRequest', code: 'custom', message }])
    if (head === base) throw custom(`No commits between ${pull.base} and ${pull.head}`)
    const same = state.issues.some(({ open, number }) => {
      const other = open ? state.pulls.get(number) : undefined
      return other?.head === pull.head && other.headRepository === pull.headRepository
    })
    if (same)
      throw custom(`A pull request already exists for ${state.repository.split('/')[0]}:${pull.head}.`)
    const made = addPull(state, pull, { title: text(body['title']), body: text(body['body']), author: by })
    return { status: 201, given: pullAnswer(state, made) }
  },
  'pulls/update': (call) => {
    const item = issueOf(call, 'pull_number')
    if (!item.pull) throw notFound()
    change(call, item, 'PullRequest')
    return { status: 200, given: pullAnswer(call.state, item) }
  },
  'repos/list-releases': (call) => ({
    status: 200,
    given: [...call.state.releases]
      .reverse()
      .filter(({ draft }) => !draft || call.mayPush)
      .map((item) => releaseAnswer(call, item)),
  }),
  'repos/create-release': (call) => {
    const { state, body, by } = call
    checkBody('Release', body['body'], 125_000)
    const made: StoredRelease = {
      id: state.next.id++,
      tag: text(body['tag_name']),
      commit: text(body['target_commitish'], state.defaultBranch),
      name: text(body['name']),
      body: text(body['body']),
      draft: true,
      prerelease: body['prerelease'] === true,
      author: by,
      assets: [],
    }
    if (body['draft'] !== true) publish(state, made)
    state.releases.push(made)
    return { status: 201, given: releaseAnswer(call, made) }
  },
  'repos/get-release': (call) => ({ status: 200, given: releaseAnswer(call, releaseOf(call)) }),
  'repos/update-release': (call) => {
    const release = releaseOf(call)
    if (call.body['draft'] === false) publish(call.state, release)
    return { status: 200, given: releaseAnswer(call, release) }
  },
  'repos/upload-release-asset': (call) => {
    const release = releaseOf(call)
    // GitHub writes other signs as dots.
    const name = (call.query.get('name') ?? '').replace(/[^\w.@+-]+/g, '.')
    if (release.assets.some((item) => item.name === name))
      throw invalid('ReleaseAsset', 'name', 'already_exists')
    const { bytes, mediaType, state } = call
    const made = { id: state.next.id++, name, state: 'uploaded', mediaType, bytes } as const
    release.assets.push(made)
    return { status: 201, given: assetAnswer(made) }
  },
  'repos/delete-release-asset': ({ state, path }) => {
    for (const { assets } of state.releases) {
      const index = assets.findIndex(({ id }) => String(id) === path['asset_id'])
      if (index < 0) continue
      assets.splice(index, 1)
      return { status: 204 }
    }
    throw notFound()
  },
}

/** @throws what GitHub answers for a repository that a token does not know */
export function answer(id: string, call: Call): Answer {
  const does = work[id]
  if (does === undefined || !isOurs(call)) throw notFound()
  return does(call)
}
