import { createHash } from 'node:crypto'

/** What a repository of the stand-in has. Tests read and write it as they like. */
export interface GitHubState {
  readonly repository: string
  readonly defaultBranch: string
  readonly issues: StoredIssue[]
  readonly comments: StoredComment[]
  readonly runs: StoredRun[]
  readonly jobs: StoredJob[]
  readonly reviews: StoredReview[]
  /** `refs/heads/main` -> commit */
  readonly refs: Map<string, string>
  readonly commits: Map<string, StoredCommit>
  /** Object of an annotated tag -> commit */
  readonly annotated: Map<string, string>
  /** sha -> path -> text */
  readonly trees: Map<string, Readonly<Record<string, string>>>
  /** Their texts are those of an issue of the same number. */
  readonly pulls: Map<number, StoredPull>
  readonly releases: StoredRelease[]
  /** Ids of all but issues; numbers of issues and pull requests. */
  readonly next: { id: number; number: number }
}

export interface StoredIssue {
  readonly number: number
  title: string
  body: string
  open: boolean
  labels: string[]
  readonly author: string
  readonly pull: boolean
}

export interface StoredComment {
  readonly id: number
  readonly issue: number
  readonly author: string
  body: string
}

export interface StoredRun {
  readonly id: number
  /** File name, e.g. nightly.yml */
  readonly workflow: string
  readonly branch: string
  /** ISO 8601, UTC. */
  readonly created: string
  conclusion: string | null
  readonly commit: string
  /** Null: the account is gone. */
  readonly actor: string | null
  readonly triggeringActor: string | null
  readonly attempt: number
}

export interface StoredJob {
  readonly run: number
  readonly attempt: number
  readonly name: string
  readonly conclusion: string | null
}

export interface StoredReview {
  readonly run: number
  readonly environments: readonly string[]
  readonly state: 'approved' | 'rejected' | 'pending'
  readonly by: string
  readonly comment: string
}

export interface StoredCommit {
  readonly tree: string
  readonly parents: readonly string[]
  readonly message: string
  /** Logins; empty for somebody whom GitHub does not know. */
  readonly author: string
  readonly committer: string
}

export interface StoredPull {
  readonly head: string
  /** Of the branch that it comes from; another one for a fork. */
  readonly headRepository: string
  readonly base: string
  readonly merged?: boolean
}

export interface StoredRelease {
  readonly id: number
  readonly tag: string
  readonly commit: string
  readonly name: string
  readonly body: string
  draft: boolean
  readonly prerelease: boolean
  readonly author: string
  readonly assets: StoredAsset[]
}

export interface StoredAsset {
  readonly id: number
  readonly name: string
  /** `starter` is what an upload that was cut leaves behind. */
  readonly state: 'uploaded' | 'starter'
  readonly mediaType: string
  readonly bytes: Uint8Array
  /** False for what was attached before GitHub kept digests. */
  readonly digested?: boolean
}

/** Forty digits, as git has them; the same for the same content. */
export const shaOf = (content: unknown): string =>
  createHash('sha1').update(JSON.stringify(content)).digest('hex')

/** A commit on top of another, whose tree has these files besides. */
export function addCommit(
  state: GitHubState,
  parents: readonly string[],
  files: Readonly<Record<string, string>>,
  told: { readonly message: string; readonly author: string; readonly committer?: string },
): string {
  const before = state.trees.get(state.commits.get(parents[0] ?? '')?.tree ?? '') ?? {}
  const content = { ...before, ...files }
  const tree = shaOf(content)
  state.trees.set(tree, content)
  const commit: StoredCommit = { tree, parents, committer: told.author, ...told }
  const sha = shaOf(commit)
  state.commits.set(sha, commit)
  return sha
}

/** A run of release.yml that goes on: 812, asked for by alice, unless told otherwise. */
export function addRun(state: GitHubState, more: Partial<StoredRun> = {}): void {
  state.runs.push({
    id: 812,
    workflow: 'release.yml',
    branch: 'main',
    created: '2026-11-23T03:00:00Z',
    conclusion: null,
    commit: '9f3c1d2e00000000000000000000000000000000',
    actor: 'alice',
    triggeringActor: more.actor ?? 'alice',
    attempt: 1,
    ...more,
  })
}

/** A repository with one commit on its default branch. */
export function newState(repository: string): GitHubState {
  const state: GitHubState = {
    repository,
    defaultBranch: 'main',
    issues: [],
    comments: [],
    runs: [],
    jobs: [],
    reviews: [],
    refs: new Map(),
    commits: new Map(),
    annotated: new Map(),
    trees: new Map(),
    pulls: new Map(),
    releases: [],
    next: { id: 1001, number: 1 },
  }
  const first = addCommit(state, [], { 'README.md': '# images\n' }, { message: 'first', author: 'octocat' })
  state.refs.set('refs/heads/main', first)
  return state
}

/** An issue as people or an earlier run left it. */
export function addIssue(
  state: GitHubState,
  issue: Partial<StoredIssue> & { readonly title: string },
): StoredIssue {
  const made: StoredIssue = {
    number: issue.number ?? state.next.number++,
    body: '',
    open: true,
    labels: [],
    author: 'octocat',
    pull: false,
    ...issue,
  }
  state.issues.push(made)
  return made
}

/** A pull request; its number is that of the issue that bears its texts. */
export function addPull(
  state: GitHubState,
  pull: StoredPull,
  issue: Partial<StoredIssue> & { readonly title: string },
): StoredIssue {
  const made = addIssue(state, { ...issue, pull: true })
  state.pulls.set(made.number, pull)
  return made
}
