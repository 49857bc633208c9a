import { isSamePerson } from './channel-needs.ts'
import { digestOf } from './digest.ts'
import { compare } from './lists.ts'

/** Somebody's word on a job that waits at an environment, as the provider keeps it: without when, and of which attempt of the run. */
export interface Review {
  readonly environments: readonly string[]
  readonly state: 'approved' | 'rejected' | 'pending'
  /** Login. */
  readonly by: string
  /** It is the account of a person, and no bot's or app's. */
  readonly byPerson: boolean
  readonly comment: string
}

/** Who accepted what they saw. */
export interface Reviewer {
  readonly by: string
  /** At most 2000 characters; null when nothing was said. */
  readonly comment: string | null
}

/** What an event keeps of a comment, in characters. */
const mostComment = 2000

/** 16 hex digits for a review; two that say the same have the same. */
const digestOfReview = ({ environments, state, by, comment }: Review): string =>
  digestOf([[...environments].sort(compare), state, by, comment]).slice(0, 16)

/** No list is a word too: an output that got lost is not taken for it. */
const noReviews = 'none'

/** The reviews that there are, for a later job of the run: it has to know which came after what was shown. */
export const reviewList = (reviews: readonly Review[]): string =>
  reviews.length === 0 ? noReviews : reviews.map(digestOfReview).sort(compare).join(',')

/** The digests of such a list; null for what is none. */
export function readReviewList(text: string): readonly string[] | null {
  if (text === noReviews) return []
  return /^[0-9a-f]{16}(?:,[0-9a-f]{16})*$/.test(text) ? text.split(',') : null
}

/**
 * Reviews that were not there before: each that was is taken away once, so that the same word said again by the same person counts.
 * The order of the reviews, which is documented nowhere, decides nothing.
 */
export function reviewsSince(reviews: readonly Review[], before: readonly string[]): readonly Review[] {
  const left = [...before]
  return reviews.filter((review) => {
    const at = left.indexOf(digestOfReview(review))
    if (at < 0) return true
    left.splice(at, 1)
    return false
  })
}

const commentOf = (text: string): string | null => {
  const short = [...text.trim()].slice(0, mostComment).join('')
  // Signs outside of the basic plane count as two where the length is checked.
  return short === '' ? null : short.length <= mostComment ? short : short.slice(0, mostComment)
}

/**
 * Who let something into an environment and may be counted: a person, and not who asked for it. Each once. And who kept it out.
 * @param requesters logins of who started the run, and of who started this attempt
 */
export function judgeReviews(
  reviews: readonly Review[],
  { environment, requesters }: { readonly environment: string; readonly requesters: readonly string[] },
): {
  readonly reviewers: readonly Reviewer[]
  readonly own: readonly string[]
  readonly bots: readonly string[]
  readonly rejecters: readonly string[]
} {
  const reviewers: Reviewer[] = []
  const own: string[] = []
  const bots: string[] = []
  const rejecters: string[] = []
  for (const { environments, state, by, byPerson, comment } of reviews) {
    if (!environments.some((name) => isSamePerson(name, environment))) continue
    // Whoever says no: of the reviews of one page nobody knows which came last.
    if (state === 'rejected') rejecters.push(by)
    if (state !== 'approved') continue
    if (!byPerson) bots.push(by)
    else if (requesters.some((name) => isSamePerson(name, by))) own.push(by)
    else if (!reviewers.some((item) => isSamePerson(item.by, by)))
      reviewers.push({ by, comment: commentOf(comment) })
  }
  return { reviewers, own, bots, rejecters }
}
