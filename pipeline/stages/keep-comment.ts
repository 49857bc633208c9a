import { asWritten, marked, markerOf } from '../core/github-marker.ts'
import type { GitHub } from '../ports/github.ts'

export interface KeptComment {
  /** Of the issue or pull request. */
  readonly number: number
  /** One word that no other verb uses, e.g. `review`. */
  readonly topic: string
  /** Markdown, without a marker. */
  readonly body: string
}

/**
 * The one comment of ours on that topic says this: written once, and again only when its text is another. What others wrote is left
 * alone, marker or not.
 */
export async function keepComment(
  github: GitHub,
  { number, topic, body: text }: KeptComment,
): Promise<'written' | 'updated' | 'unchanged'> {
  const me = await github.me()
  const body = github.fit(marked(topic, '', text))
  const all = await github.comments(number)
  const ours = all.find((item) => item.author === me && markerOf(topic, item.body) !== null)
  if (ours === undefined) {
    await github.createComment(number, body)
    return 'written'
  }
  if (asWritten(ours.body) === asWritten(body)) return 'unchanged'
  await github.updateComment(ours.id, body)
  return 'updated'
}
