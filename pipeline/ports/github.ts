/** The repository on GitHub that this job works for: what a token of the job may do there. All texts of people are untrusted. */
export interface GitHub {
  /** OWNER/NAME */
  readonly repository: string
  /** Login that all is written as, e.g. `github-actions[bot]`: what bears another one is not ours to change. */
  me(): Promise<string>
  /** Markdown as an issue, a comment or a pull request takes it: what is too long ends early and says so. */
  fit(markdown: string): string
  /** Issues (no pull requests) with this label, open and closed, the newest first. */
  issues(label: string): Promise<readonly Issue[]>
  createIssue(issue: NewIssue): Promise<Issue>
  /** Leaves what is not given. */
  updateIssue(number: number, change: Partial<NewIssue> & { readonly open?: boolean }): Promise<void>
  /** Comments of an issue or pull request, the oldest first. */
  comments(number: number): Promise<readonly Comment[]>
  createComment(number: number, body: string): Promise<void>
  updateComment(id: number, body: string): Promise<void>
  /** The newest runs of a workflow file on a branch, the newest first; runs that are still at work among them. */
  runs(
    workflow: string,
    options: { readonly branch: string; readonly limit: number },
  ): Promise<readonly Run[]>
  /** One run, e.g. the one that this job belongs to. */
  run(id: number): Promise<Run>
  /** The jobs of a run's last attempt. */
  jobs(run: number): Promise<readonly Job[]>
  /** Who let the run's jobs into environments, or kept them out, in GitHub's order, which it documents nowhere. */
  reviews(run: number): Promise<readonly EnvironmentReview[]>
  /** The newest commit of a branch; null when there is no such branch. */
  branch(name: string): Promise<string | null>
  /** One commit with these files on top of `base` becomes the branch, whatever the branch was before; returns its sha. */
  putBranch(input: BranchInput): Promise<string>
  commit(sha: string): Promise<Commit>
  /** The commit that a tag is on; null when there is no such tag. */
  tag(name: string): Promise<string | null>
  /** Pull requests from a branch of this repository, the open ones where nothing is said. */
  pullRequests(head: string, state?: 'open' | 'closed'): Promise<readonly PullRequest[]>
  createPullRequest(input: NewPullRequest): Promise<PullRequest>
  updatePullRequest(number: number, change: { readonly title: string; readonly body: string }): Promise<void>
  closePullRequest(number: number): Promise<void>
  /** A release by its tag, drafts among them; null when there is none. */
  release(tag: string): Promise<Release | null>
  /** A draft: nobody sees it before `publishRelease`. */
  createRelease(input: NewRelease): Promise<Release>
  /** Takes the place of what is left of an upload that was cut; the same one that is there as a whole is kept. */
  uploadAsset(release: Release, asset: Asset): Promise<void>
  publishRelease(release: Release): Promise<void>
}

export interface Issue {
  readonly number: number
  readonly url: string
  readonly title: string
  readonly body: string
  readonly open: boolean
  /** Login of who opened it, e.g. `github-actions[bot]`. */
  readonly author: string
}

export interface NewIssue {
  readonly title: string
  /** Markdown. */
  readonly body: string
  readonly labels: readonly string[]
}

export interface Comment {
  readonly id: number
  readonly author: string
  readonly body: string
}

export interface Run {
  readonly id: number
  readonly url: string
  /** ISO 8601, UTC. */
  readonly created: string
  /** Null while it is at work. */
  readonly conclusion: string | null
  readonly commit: string
  /** Login of who started the first attempt, and of who started this one. */
  readonly actor: string
  readonly triggeringActor: string
  /** Both are accounts of people: none is gone, and none is a bot's, an app's or an organization's. */
  readonly byPeople: boolean
}

export interface Job {
  readonly name: string
  readonly url: string
  /** `success`, `failure`, `cancelled`, `skipped`, ...; null while it is at work. */
  readonly conclusion: string | null
}

export interface EnvironmentReview {
  readonly environments: readonly string[]
  readonly state: 'approved' | 'rejected' | 'pending'
  /** Login of the reviewer. */
  readonly by: string
  /** It is the account of a person, and no bot's or app's. */
  readonly byPerson: boolean
  readonly comment: string
}

export interface Commit {
  readonly message: string
  /** Logins of who wrote it and of who committed it, as GitHub knows them by their addresses; empty where it does not. */
  readonly author: string
  readonly committer: string
}

export interface BranchInput {
  readonly name: string
  /** Commit that it starts from. */
  readonly base: string
  readonly message: string
  /** Paths from the top of the repository. */
  readonly files: readonly { readonly path: string; readonly text: string }[]
}

export interface NewPullRequest {
  /** Branches. */
  readonly head: string
  readonly base: string
  readonly title: string
  /** Markdown. */
  readonly body: string
}

export interface PullRequest {
  readonly number: number
  readonly url: string
  readonly title: string
  readonly body: string
  readonly author: string
  readonly merged: boolean
}

export interface Release {
  readonly id: number
  readonly url: string
  readonly tag: string
  /** What a draft's tag is put on when it is published and there is no such tag: a commit, or the name of a branch. */
  readonly target: string
  readonly draft: boolean
  /** Login of who drafted it. */
  readonly author: string
  /** What is attached as a whole, by its name. */
  readonly assets: Readonly<Record<string, AttachedAsset>>
}

export interface AttachedAsset {
  readonly bytes: number
  /** Hexadecimal; null where GitHub has none. */
  readonly sha256: string | null
}

export interface NewRelease {
  readonly tag: string
  /** The commit that the tag is put on when there is no such tag yet. */
  readonly commit: string
  readonly name: string
  /** Markdown. */
  readonly body: string
  readonly prerelease: boolean
}

export interface Asset {
  readonly name: string
  readonly mediaType: string
  readonly bytes: Uint8Array
}
