import { asWritten, marked, markerOf } from '../core/github-marker.ts'
import type { GitHub, Issue } from '../ports/github.ts'

/** What one issue is to say. */
export interface IssueText {
  /** What it is about, e.g. an image; empty where there is one issue of the topic. */
  readonly about: string
  readonly title: string
  /** Markdown, without a marker. Nothing that changes with each run: a new text is a new message to all who watch. */
  readonly body: string
}

export interface KeptIssues {
  /** One word that no other verb uses, e.g. `rescan`. */
  readonly topic: string
  /** All that is to be open now. */
  readonly open: readonly IssueText[]
  /** Markdown of the comment that closes what is open and not named above. @param about of that issue */
  readonly over: (about: string) => string
}

/** What became of an issue. */
export interface KeptIssue {
  readonly about: string
  readonly did: 'opened' | 'updated' | 'unchanged' | 'closed'
  readonly number: number
  readonly url: string
}

/** What a person filters our issues by; they are found again by it. */
const label = 'mintmark'

const oldestFirst = (issues: readonly Issue[]): readonly Issue[] =>
  [...issues].sort((a, b) => a.number - b.number)

/** The comment comes first, so that a stop between the two closes it by the next run, with no second comment. */
async function close(github: GitHub, issue: Issue, me: string, text: string): Promise<void> {
  const last = (await github.comments(issue.number)).at(-1)
  const body = github.fit(marked('closed', '', text))
  if (last === undefined || last.author !== me || asWritten(last.body) !== asWritten(body))
    await github.createComment(issue.number, body)
  await github.updateIssue(issue.number, { open: false })
}

/**
 * Makes the open issues of a topic say what they are to say, each once, whatever an earlier run that was stopped left behind. Ours is
 * what bears the label, our marker and our own name: what others wrote is left alone, marker or not. An issue that was closed is never
 * opened again; a new one names it.
 */
export async function keepIssues(
  github: GitHub,
  { topic, open, over }: KeptIssues,
): Promise<readonly KeptIssue[]> {
  const me = await github.me()
  const all = await github.issues(label)
  const byAbout = new Map<string, Issue[]>()
  for (const issue of oldestFirst(all)) {
    const about = issue.author === me ? markerOf(topic, issue.body) : null
    if (about !== null) byAbout.set(about, [...(byAbout.get(about) ?? []), issue])
  }
  const kept: KeptIssue[] = []
  for (const { about, title, body: text } of open) {
    const ours = byAbout.get(about) ?? []
    const [now, ...twins] = ours.filter((issue) => issue.open)
    const before = ours
      .filter((issue) => !issue.open && (now === undefined || issue.number < now.number))
      .at(-1)
    const body = github.fit(
      marked(topic, about, before === undefined ? text : `${text}\n\nThe same before: #${before.number}`),
    )
    const wanted = { title, body, labels: [label] }
    if (now === undefined) {
      const { number, url } = await github.createIssue(wanted)
      kept.push({ about, did: 'opened', number, url })
    } else {
      const same = now.title === title && asWritten(now.body) === asWritten(body)
      if (!same) await github.updateIssue(now.number, { title, body })
      kept.push({ about, did: same ? 'unchanged' : 'updated', number: now.number, url: now.url })
      // Two runs at once, or an answer that was lost.
      for (const twin of twins) await close(github, twin, me, `The same as #${now.number}.`)
    }
  }
  const wanted = new Set(open.map(({ about }) => about))
  for (const [about, ours] of byAbout) {
    if (wanted.has(about)) continue
    for (const issue of ours.filter((item) => item.open)) {
      await close(github, issue, me, over(about))
      kept.push({ about, did: 'closed', number: issue.number, url: issue.url })
    }
  }
  return kept
}

/** The one issue of a topic says this, or there is none. Null when there was nothing to do and nothing to keep. */
export async function keepIssue(
  github: GitHub,
  input: {
    readonly topic: string
    readonly says: Omit<IssueText, 'about'> | null
    /** Markdown of the comment that closes it. */
    readonly over: string
  },
): Promise<KeptIssue | null> {
  const { topic, says, over } = input
  const open = says === null ? [] : [{ about: '', ...says }]
  const [kept = null] = await keepIssues(github, { topic, open, over: () => over })
  return kept
}
