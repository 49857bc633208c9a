import {
  baseBranch,
  bodyOfMoves,
  commitOfMoves,
  digestOfBody,
  digestOfCommit,
  movesDigest,
  nothingLeft,
  type RequestedMove,
  saysNothingLeft,
  titleOfMoves,
} from '../core/base-request.ts'
import { MintmarkError } from '../errors.ts'
import type { BranchInput, GitHub, PullRequest } from '../ports/github.ts'

export interface BaseRequestInput {
  readonly moves: readonly RequestedMove[]
  /** The files of the locks that moved. */
  readonly files: BranchInput['files']
  /** Some base could not be looked at: then it is not known that nothing is left to move. */
  readonly incomplete: boolean
  /** The default branch. */
  readonly base: string
  /** The commit whose locks were moved: on top of a newer one they would undo what was merged meanwhile. */
  readonly commit: string
}

export interface BaseRequest {
  /**
   * `declined`: somebody closed one with the same moves. `foreign`: the branch, or its pull request, has a commit or an author that is
   * not ours, and was left alone.
   */
  readonly state: 'none' | 'opened' | 'updated' | 'unchanged' | 'closed' | 'declined' | 'foreign'
  readonly pullRequest: PullRequest | null
}

/** Somebody closed a pull request of ours with these moves, and did not merge it. */
async function declined(github: GitHub, me: string, digest: string): Promise<PullRequest | null> {
  for (const item of await github.pullRequests(baseBranch, 'closed')) {
    if (item.author !== me || item.merged || digestOfBody(item.body) !== digest) continue
    const comments = await github.comments(item.number)
    if (!comments.some(({ author, body }) => author === me && saysNothingLeft(body))) return item
  }
  return null
}

async function close(github: GitHub, me: string, ours: PullRequest): Promise<void> {
  const comments = await github.comments(ours.number)
  // A run that was stopped between the two has said it already.
  if (!comments.some(({ author, body }) => author === me && saysNothingLeft(body)))
    await github.createComment(ours.number, nothingLeft)
  await github.closePullRequest(ours.number)
}

/**
 * Keeps the one pull request with moved locks: opened, its branch and text moved only when other moves are in it, closed when nothing
 * is left. A branch whose newest commit is not ours and a pull request of somebody else stay as they are. Stopped between any two calls,
 * the next run ends the same.
 * @throws MintmarkError as the port does
 */
export async function keepBaseRequest(github: GitHub, input: BaseRequestInput): Promise<BaseRequest> {
  const { moves, files, incomplete, base, commit } = input
  const me = await github.me()
  const open = await github.pullRequests(baseBranch, 'open')
  const stranger = open.find(({ author }) => author !== me)
  if (stranger !== undefined) return { state: 'foreign', pullRequest: stranger }
  const [ours = null] = open
  const head = await github.branch(baseBranch)
  const has = head === null ? null : digestOfCommit(await github.commit(head), me)
  if (moves.length === 0) {
    if (ours === null) return { state: 'none', pullRequest: null }
    if (incomplete) return { state: 'unchanged', pullRequest: ours }
    if (has === null) return { state: 'foreign', pullRequest: ours }
    await close(github, me, ours)
    return { state: 'closed', pullRequest: ours }
  }
  if (head !== null && has === null) return { state: 'foreign', pullRequest: ours }
  const digest = movesDigest(moves)
  const refused = ours === null ? await declined(github, me, digest) : null
  if (refused !== null) return { state: 'declined', pullRequest: refused }
  const stale = has !== digest
  if (stale) {
    if ((await github.branch(base)) === null)
      throw new MintmarkError('NOT_FOUND', `${github.repository} has no branch ${base}`)
    await github.putBranch({ name: baseBranch, base: commit, message: commitOfMoves(moves), files })
  }
  const text = { title: titleOfMoves(moves), body: bodyOfMoves(moves) }
  if (ours === null) {
    const made = await github.createPullRequest({ head: baseBranch, base, ...text })
    return { state: 'opened', pullRequest: made }
  }
  if (digestOfBody(ours.body) === digest) return { state: stale ? 'updated' : 'unchanged', pullRequest: ours }
  await github.updatePullRequest(ours.number, text)
  return { state: 'updated', pullRequest: ours }
}
