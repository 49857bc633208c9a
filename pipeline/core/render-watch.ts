import { codeSpan, markdownText } from './report/render-markdown.ts'
import { quietMarkdown } from './report/quiet-markdown.ts'
import { visible } from './show-value.ts'
import type { Concern } from './watch.ts'

const words = { overdue: 'overdue', unseen: 'could not be looked at', soon: 'soon' } as const
const signs = { overdue: '✗', unseen: '!', soon: '·' } as const

const nameOf = ({ image, variant }: Concern): string =>
  image === null ? 'all images' : variant === null ? image : `${image} ${variant}`

/** `2 overdue, 1 soon`, or that there is nothing. */
export function concernsInShort(concerns: readonly Concern[]): string {
  const counts = (['overdue', 'unseen', 'soon'] as const).flatMap((state) => {
    const count = concerns.filter((concern) => concern.state === state).length
    return count === 0 ? [] : [`${count} ${words[state]}`]
  })
  return counts.length === 0 ? 'nothing needs attention' : counts.join(', ')
}

/** Lines for a terminal. */
export const concernLines = (concern: Concern): readonly string[] => [
  visible(`${signs[concern.state]} ${nameOf(concern)}  ${concern.text}`),
  ...(concern.link === null ? [] : [visible(`    ${concern.link}`)]),
  visible(`    → ${concern.mend}`),
]

/** Only an address can be a link, and nothing in it ends it. */
const linkOf = (link: string | null): string =>
  link !== null && /^https?:\/\/[A-Za-z0-9._~:/?#%&=+-]+$/.test(link) ? ` ([log](${link}))` : ''

const cells = (concern: Concern): readonly string[] => [
  markdownText(nameOf(concern)),
  words[concern.state],
  `${markdownText(concern.text)}${linkOf(concern.link)}`,
  /^(?:\.\/mintmark|gh) /.test(concern.mend) ? codeSpan(concern.mend) : markdownText(concern.mend),
]

const table = (concerns: readonly Concern[]): readonly string[] => [
  '| image | | what | to do |',
  '|---|---|---|---|',
  ...concerns.map((concern) => `| ${cells(concern).join(' | ')} |`),
]

/** For the page of a run. */
export const watchMarkdown = (concerns: readonly Concern[]): string =>
  [
    `### Watch: ${concernsInShort(concerns)}`,
    '',
    ...(concerns.length === 0 ? [] : [...table(concerns), '']),
  ].join('\n')

export const watchTitle = 'Golden images need attention'

/** For the one issue: the same facts are the same text tomorrow. */
export function watchIssue(concerns: readonly Concern[]): string {
  const lines = [
    'What follows needs a person. This text is kept up to date, and the issue is closed when nothing is left.',
    '',
    ...table(concerns),
    '',
  ]
  return quietMarkdown(lines.join('\n'))
}

/** Closes that issue. */
export const watchOver = 'Nothing needs attention any more.'
