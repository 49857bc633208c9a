import { markdownText } from './report/render-markdown.ts'
import { quietMarkdown } from './report/quiet-markdown.ts'

/** One release that a channel points to, as today's look at it came out. */
export interface LookedAt {
  readonly version: string
  readonly variant: string
  readonly channels: readonly string[]
  readonly status: 'passed' | 'rejected' | 'unseen'
  /** What the policy says, or why nobody could look. */
  readonly line: string
  /** Why, and what mends it, line by line. */
  readonly reasons: readonly string[]
}

const nameOf = (image: string, { version, variant, channels }: LookedAt): string =>
  markdownText(`${image}@${version} (${channels.join(', ') || 'no channel'}; ${variant})`)

/**
 * What the issue of an image says; null when all is well with it. Nothing in it changes but with the verdicts and their reasons.
 * @param items all of its releases that channels point to
 */
export function rescanIssue(
  image: string,
  items: readonly LookedAt[],
): { readonly title: string; readonly body: string } | null {
  const bad = items.filter(({ status }) => status !== 'passed')
  if (bad.length === 0) return null
  const rejected = bad.some(({ status }) => status === 'rejected')
  const parts = bad.flatMap((item) => [
    `### ${nameOf(image, item)}`,
    '',
    `${markdownText(item.line)}`,
    '',
    ...item.reasons.map((text) => `- ${markdownText(text)}`),
    ...(item.reasons.length === 0 ? [] : ['']),
  ])
  const body = [
    rejected
      ? "A release that a channel points to would be rejected by today's advisories and policy."
      : 'A release that a channel points to could not be looked at.',
    '',
    ...parts,
    'The newest run of the workflow `rescan` has the details. It rewrites this text when the verdict changes, and closes this issue when all that',
    'the channels of the image point to passes again.',
  ]
  return {
    title: rejected ? `${image} would be rejected today` : `${image} could not be looked at`,
    body: quietMarkdown(body.join('\n')),
  }
}

/** What closes it. @param items none when no channel points to a release of the image any more */
export function rescanOver(image: string, items: readonly LookedAt[]): string {
  if (items.length === 0)
    return quietMarkdown(`No channel points to a release of ${markdownText(image)} any more.`)
  const names = items.map((item) => `- ${nameOf(image, item)}`)
  return quietMarkdown(['All that its channels point to passes today:', '', ...names].join('\n'))
}
