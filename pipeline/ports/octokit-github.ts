import { MintmarkError } from '../errors.ts'
import { fitting } from './ci-job.ts'
import type { BranchInput, GitHub, Issue, PullRequest, Run } from './github.ts'
import { type Client, checkedAddress, connect, noRetry } from './github-client.ts'
import { explainGithub } from './github-errors.ts'
import { releaseOf, upload } from './github-releases.ts'

type Env = Readonly<Record<string, string | undefined>>

/** GitHub takes 65,536 characters, and has counted them in more than one way. */
const bodyBytes = 65_000
/** Of a release it takes 125,000. */
const releaseBytes = 120_000
const titleCharacters = 256

const fit = (markdown: string): string => fitting(markdown, bodyBytes)
const fitTitle = (title: string): string =>
  title.length <= titleCharacters ? title : `${title.slice(0, titleCharacters - 1)}…`

interface Person {
  readonly login: string
}

/** A job's token and an app act as bots: who is behind them nobody says. */
const isPerson = (account: (Person & { readonly type?: string }) | null | undefined): boolean =>
  account?.type === 'User' && account.login !== '' && !account.login.toLowerCase().endsWith('[bot]')

/** Of an account that is gone there is nothing. */
const loginOf = (person: Person | null | undefined): string => person?.login ?? ''

/** Of a commit: who wrote it, where GitHub knows an account by the address in it. */
const accountOf = (person: { readonly login?: string } | null): string => person?.login ?? ''

/** The token of a job may put no tag on a commit that changed a workflow, whatever its permissions are. */
const tagByHand = (tag: string, commit: string): string =>
  `push the tag ${tag} at ${commit} yourself, then run the job again: a job may tag no commit that changed a workflow`

const issueOf = (item: {
  readonly number: number
  readonly html_url: string
  readonly title: string
  readonly body?: string | null | undefined
  readonly state: string
  readonly user: Person | null
}): Issue => ({
  number: item.number,
  url: item.html_url,
  title: item.title,
  body: item.body ?? '',
  open: item.state === 'open',
  author: loginOf(item.user),
})

const runOf = (item: {
  readonly id: number
  readonly html_url: string
  readonly created_at: string
  readonly conclusion: string | null
  readonly head_sha: string
  readonly actor?: (Person & { readonly type?: string }) | null | undefined
  readonly triggering_actor?: (Person & { readonly type?: string }) | null | undefined
}): Run => ({
  id: item.id,
  url: item.html_url,
  created: item.created_at,
  conclusion: item.conclusion,
  commit: item.head_sha,
  actor: loginOf(item.actor),
  triggeringActor: loginOf(item.triggering_actor),
  byPeople: isPerson(item.actor) && isPerson(item.triggering_actor),
})

const pullRequestOf = (item: {
  readonly number: number
  readonly html_url: string
  readonly title: string
  readonly body: string | null
  readonly user: Person | null
  readonly merged_at: string | null
}): PullRequest => ({
  number: item.number,
  url: item.html_url,
  title: item.title,
  body: item.body ?? '',
  author: loginOf(item.user),
  merged: item.merged_at !== null,
})

/** Ends with our stop also where the SDK waits for its turn. */
async function unlessStopped<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const stopped = (): MintmarkError => new MintmarkError('INTERRUPTED', 'stopped while GitHub was asked')
  if (signal.aborted) throw stopped()
  let stop = (): void => undefined
  const stopping = new Promise<never>((_, reject) => {
    stop = () => reject(stopped())
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work(), stopping])
  } catch (cause) {
    throw signal.aborted ? stopped() : cause
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

const statusOf = (error: unknown): number | null =>
  error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : null

/** Moves a branch, or makes it. A commit is the same whoever asks for it twice. */
async function moveBranch(
  client: Client,
  at: { owner: string; repo: string },
  input: BranchInput,
): Promise<string> {
  const { name, base, message, files } = input
  const from = await client.rest.git.getCommit({ ...at, commit_sha: base })
  const tree = await client.rest.git.createTree({
    ...at,
    base_tree: from.data.tree.sha,
    tree: files.map(({ path, text }) => ({ path, mode: '100644', type: 'blob', content: text })),
  })
  const commit = await client.rest.git.createCommit({ ...at, message, tree: tree.data.sha, parents: [base] })
  const { sha } = commit.data
  const known = await client.rest.git.listMatchingRefs({ ...at, ref: `heads/${name}` })
  const move = () => client.rest.git.updateRef({ ...at, ref: `heads/${name}`, sha, force: true })
  if (known.data.some(({ ref }) => ref === `refs/heads/${name}`)) {
    await move()
    return sha
  }
  try {
    await client.rest.git.createRef({ ...at, ref: `refs/heads/${name}`, sha })
  } catch (cause) {
    // Somebody made it meanwhile, or we did and the answer was lost.
    if (statusOf(cause) !== 422) throw cause
    await move()
  }
  return sha
}

/**
 * The repository of GITHUB_REPOSITORY by the token of GITHUB_TOKEN, as a workflow's step gets it; undefined without one of them.
 * Its SDK is loaded by the first call. @param secondMs how long a second of waiting is; tests have none
 * @throws MintmarkError USAGE; each call PROVIDER_REFUSED, PROVIDER_UNREACHABLE, INTERRUPTED
 */
export function openGithub(env: Env, signal: AbortSignal, secondMs = 1000): GitHub | undefined {
  const token = env['GITHUB_TOKEN'] || ''
  const repository = env['GITHUB_REPOSITORY'] || ''
  const [owner = '', repo = ''] = repository.split('/')
  if (token === '' || owner === '' || repo === '') return undefined
  const url = checkedAddress(env['GITHUB_API_URL'] || 'https://api.github.com')
  const at = { owner, repo }
  const pages = { ...at, per_page: 100 }
  let client: Promise<Client> | null = null

  const ask = async <T>(
    what: string,
    needs: string | readonly string[],
    work: (sdk: Client) => Promise<T>,
    otherwise: string | null = null,
  ) =>
    unlessStopped(signal, async () => {
      client ??= connect({ url, token, signal, secondMs })
      return work(await client)
    }).catch((cause: unknown) => {
      throw explainGithub(cause, { what, needs: [needs].flat(), otherwise, repository })
    })
  const discussing = ['issues: write', 'pull-requests: write']
  let me: string | null = null

  return {
    repository,
    fit,
    me: async () => {
      // The token of a job has no user, and REST tells it no name.
      me ??= await ask('say who its token is', 'contents: read', async (sdk) => {
        const { viewer } = await sdk.graphql<{ viewer: { login: string } }>('query { viewer { login } }')
        return viewer.login
      })
      return me
    },

    issues: (label) =>
      ask('list issues', 'issues: read', async (sdk) => {
        const all = await sdk.paginate(sdk.rest.issues.listForRepo, { ...pages, labels: label, state: 'all' })
        return all.filter((item) => item.pull_request === undefined).map(issueOf)
      }),
    createIssue: ({ title, body, labels }) =>
      ask('open an issue', 'issues: write', async (sdk) => {
        const wanted = { title: fitTitle(title), body: fit(body), labels: [...labels] }
        const { data } = await sdk.rest.issues.create({ ...at, ...wanted, request: noRetry })
        const given = data.labels.map((label) => (typeof label === 'string' ? label : label.name))
        // Without its label it would never be found again, and opened anew each time.
        const lost = labels.filter((label) => !given.includes(label))
        if (lost.length > 0)
          throw new MintmarkError(
            'PROVIDER_REFUSED',
            `GitHub left out the label "${lost.join('", "')}" of issue ${data.number}: the token may not set it`,
            {
              hint: `label ${data.html_url} by hand, and give the token the right to push, or "issues: write"`,
            },
          )
        return issueOf(data)
      }),
    updateIssue: (number, { title, body, labels, open }) =>
      ask(`change issue ${number}`, 'issues: write', async (sdk) => {
        await sdk.rest.issues.update({
          ...at,
          issue_number: number,
          ...(title === undefined ? {} : { title: fitTitle(title) }),
          ...(body === undefined ? {} : { body: fit(body) }),
          ...(labels === undefined ? {} : { labels: [...labels] }),
          ...(open === undefined ? {} : { state: open ? 'open' : 'closed' }),
        })
      }),

    comments: (number) =>
      ask(`list the comments of #${number}`, ['issues: read', 'pull-requests: read'], async (sdk) => {
        const all = await sdk.paginate(sdk.rest.issues.listComments, { ...pages, issue_number: number })
        return all.map(({ id, user, body }) => ({ id, author: loginOf(user), body: body ?? '' }))
      }),
    createComment: (number, body) =>
      ask(`comment on #${number}`, discussing, async (sdk) => {
        await sdk.rest.issues.createComment({
          ...at,
          issue_number: number,
          body: fit(body),
          request: noRetry,
        })
      }),
    updateComment: (id, body) =>
      ask(`change comment ${id}`, discussing, async (sdk) => {
        await sdk.rest.issues.updateComment({ ...at, comment_id: id, body: fit(body) })
      }),

    runs: (workflow, { branch, limit }) =>
      ask(`list the runs of ${workflow}`, 'actions: read', async (sdk) => {
        const runs: Run[] = []
        const query = { ...at, workflow_id: workflow, branch, per_page: Math.min(limit, 100) }
        for await (const { data } of sdk.paginate.iterator(sdk.rest.actions.listWorkflowRuns, query)) {
          runs.push(...data.map(runOf))
          if (runs.length >= limit) break
        }
        return runs.slice(0, limit)
      }),
    run: (id) =>
      ask(`show run ${id}`, 'actions: read', async (sdk) => {
        const { data } = await sdk.rest.actions.getWorkflowRun({ ...at, run_id: id })
        return runOf(data)
      }),
    jobs: (run) =>
      ask(`list the jobs of run ${run}`, 'actions: read', async (sdk) => {
        const query = { ...pages, run_id: run, filter: 'latest' } as const
        const all = await sdk.paginate(sdk.rest.actions.listJobsForWorkflowRun, query)
        return all.map(({ name, html_url, conclusion }) => ({ name, url: html_url ?? '', conclusion }))
      }),
    reviews: (run) =>
      ask(`show who let run ${run} into environments`, 'actions: read', async (sdk) => {
        const { data } = await sdk.rest.actions.getReviewsForRun({ ...at, run_id: run })
        return data.map(({ environments, state, user, comment }) => ({
          environments: environments.map(({ name }) => name ?? ''),
          state,
          by: user.login,
          byPerson: isPerson(user),
          comment,
        }))
      }),

    // By what matches, which is an empty list for none: "not found" would also be the answer to a token that may not look.
    branch: (name) =>
      ask(`show branch ${name}`, 'contents: read', async (sdk) => {
        const { data } = await sdk.rest.git.listMatchingRefs({ ...at, ref: `heads/${name}` })
        return data.find(({ ref }) => ref === `refs/heads/${name}`)?.object.sha ?? null
      }),
    putBranch: (input) =>
      ask(`commit to branch ${input.name}`, 'contents: write', (sdk) => moveBranch(sdk, at, input)),

    commit: (sha) =>
      ask(`show commit ${sha}`, 'contents: read', async (sdk) => {
        const { data } = await sdk.rest.repos.getCommit({ ...at, ref: sha })
        const { author, committer, commit } = data
        return { message: commit.message, author: accountOf(author), committer: accountOf(committer) }
      }),
    tag: (name) =>
      ask(`show tag ${name}`, 'contents: read', async (sdk) => {
        const { data } = await sdk.rest.git.listMatchingRefs({ ...at, ref: `tags/${name}` })
        const found = data.find(({ ref }) => ref === `refs/tags/${name}`)?.object ?? null
        if (found === null || found.type === 'commit') return found?.sha ?? null
        // An annotated tag is an object of its own.
        return (await sdk.rest.repos.getCommit({ ...at, ref: `tags/${name}` })).data.sha
      }),

    pullRequests: (head, state = 'open') =>
      ask('list pull requests', 'pull-requests: read', async (sdk) => {
        const query = { ...pages, state, head: `${owner}:${head}` } as const
        const all = await sdk.paginate(sdk.rest.pulls.list, query)
        const ours = (name: string | undefined): boolean => name?.toLowerCase() === repository.toLowerCase()
        return all
          .filter((item) => item.head.ref === head && ours(item.head.repo?.full_name))
          .map((item) => pullRequestOf(item))
      }),
    createPullRequest: ({ head, base, title, body }) =>
      ask('open a pull request', 'pull-requests: write', async (sdk) => {
        const wanted = { head, base, title: fitTitle(title), body: fit(body) }
        const { data } = await sdk.rest.pulls.create({ ...at, ...wanted, request: noRetry })
        return pullRequestOf(data)
      }),
    updatePullRequest: (number, { title, body }) =>
      ask(`change pull request ${number}`, 'pull-requests: write', async (sdk) => {
        await sdk.rest.pulls.update({ ...at, pull_number: number, title: fitTitle(title), body: fit(body) })
      }),
    closePullRequest: (number) =>
      ask(`close pull request ${number}`, 'pull-requests: write', async (sdk) => {
        await sdk.rest.pulls.update({ ...at, pull_number: number, state: 'closed' })
      }),

    // The look-up by tag knows no drafts.
    release: (tag) =>
      ask('list releases', 'contents: write', async (sdk) => {
        for await (const { data } of sdk.paginate.iterator(sdk.rest.repos.listReleases, pages)) {
          const found = data.find(({ tag_name }) => tag_name === tag)
          if (found !== undefined) return releaseOf(found)
        }
        return null
      }),
    createRelease: ({ tag, commit, name, body, prerelease }) => {
      const create = async (sdk: Client) => {
        const { data } = await sdk.rest.repos.createRelease({
          ...at,
          tag_name: tag,
          target_commitish: commit,
          name,
          body: fitting(body, releaseBytes),
          draft: true,
          prerelease,
          request: noRetry,
        })
        return releaseOf(data)
      }
      return ask(`draft release ${tag}`, 'contents: write', create, tagByHand(tag, commit))
    },
    uploadAsset: (release, asset) =>
      ask(`attach ${asset.name} to release ${release.tag}`, 'contents: write', (sdk) =>
        upload(sdk, at, release, asset),
      ),
    publishRelease: ({ id, tag, target }) => {
      const publish = async (sdk: Client) => {
        await sdk.rest.repos.updateRelease({ ...at, release_id: id, draft: false })
      }
      return ask(`publish release ${tag}`, 'contents: write', publish, tagByHand(tag, target))
    },
  }
}
