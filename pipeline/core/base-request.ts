import { digestOf } from './digest.ts'
import { marked, markerOf } from './github-marker.ts'
import { listed } from './lists.ts'
import { quietMarkdown } from './report/quiet-markdown.ts'

/** The branch that the pull request with moved locks comes from. */
export const baseBranch = 'mintmark/base-locks'

/** A lock that moved. */
export interface RequestedMove {
  readonly image: string
  readonly target: string
  /** What of it people are to review, before and after; null before there was a lock. */
  readonly from: string | null
  readonly to: string
  /** What of, by which evidence. */
  readonly markdown: string
}

/** Of what moved, from where to where: the same on another night. */
export const movesDigest = (moves: readonly RequestedMove[]): string =>
  digestOf(moves.map(({ image, target, from, to }) => ({ image, target, from, to })))

const trailer = 'Mintmark-Base-Locks'

/** Whom GitHub names as committer of what is committed by its API or on its pages. */
const github = 'web-flow'

/**
 * What a commit of ours brings; null for a commit of somebody else's. An amend or a rebase keeps our message and our authorship, and has
 * another committer.
 * @param me login that ours are written as
 */
export function digestOfCommit(
  {
    message,
    author,
    committer,
  }: { readonly message: string; readonly author: string; readonly committer: string },
  me: string,
): string | null {
  if (author !== me || (committer !== me && committer !== github)) return null
  return new RegExp(`^${trailer}: ([0-9a-f]{64})$`, 'm').exec(message)?.[1] ?? null
}

const topic = 'base-locks'

/** What a pull request of ours brings, by its text; null for any other. */
export const digestOfBody = (body: string): string | null => markerOf(topic, body)

export function titleOfMoves(moves: readonly RequestedMove[]): string {
  const names = [...new Set(moves.map(({ image }) => image))]
  return `Move the base ${names.length === 1 ? 'lock' : 'locks'} of ${listed(names)}`
}

export const commitOfMoves = (moves: readonly RequestedMove[]): string =>
  `${titleOfMoves(moves)}\n\n${trailer}: ${movesDigest(moves)}\n`

/** That nothing checks it by itself is GitHub's rule for what a job's own token does; older servers of a company's own start nothing. */
const noChecks =
  '_A pull request by the token of a job starts no workflows by itself. To have this one checked approve its workflows in the merge box; where there are none, close it and open it again. By the token of a GitHub App they start at once. Closed without a merge it is not opened again before a base moves further._'

export const bodyOfMoves = (moves: readonly RequestedMove[]): string => {
  const lines = [
    'The publishers have newer bases. Until this is merged, images are built from those on the default branch.',
    '',
    noChecks,
    '',
    ...moves.map(({ target, markdown }) => markdown.replace(/^(### .*)$/m, `$1 (${target})`)),
  ]
  return marked(topic, movesDigest(moves), quietMarkdown(lines.join('\n')))
}

/** Ours below a pull request that was closed because nothing is left to move: nobody turned it down. */
export const nothingLeft = marked(
  topic,
  'nothing-left',
  'The locks on the default branch are up to date: nothing is left to move.',
)

export const saysNothingLeft = (body: string): boolean => markerOf(topic, body) === 'nothing-left'
