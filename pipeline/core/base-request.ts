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

/** What a commit of ours brings, by its message; null for a commit of somebody else's. */
export const digestOfCommit = (message: string): string | null =>
  new RegExp(`^${trailer}: ([0-9a-f]{64})$`, 'm').exec(message)?.[1] ?? null

const topic = 'base-locks'

/** What a pull request of ours brings, by its text; null for any other. */
export const digestOfBody = (body: string): string | null => markerOf(topic, body)

export function titleOfMoves(moves: readonly RequestedMove[]): string {
  const names = [...new Set(moves.map(({ image }) => image))]
  return `Move the base ${names.length === 1 ? 'lock' : 'locks'} of ${listed(names)}`
}

export const commitOfMoves = (moves: readonly RequestedMove[]): string =>
  `${titleOfMoves(moves)}\n\n${trailer}: ${movesDigest(moves)}\n`

/** Why nothing checks it by itself is GitHub's rule for what a job's own token does. */
const noChecks =
  '_A pull request by the token of a job starts no workflows. To have this one checked close it and open it again, or run the job with the token of a GitHub App. Closed without a merge it is not opened again before a base moves further._'

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
