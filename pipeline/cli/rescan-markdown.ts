import { changesInShort, verdictLines } from '../core/render-rescan.ts'
import { markdownText } from '../core/report/render-markdown.ts'
import type { KeptIssue } from '../stages/keep-issue.ts'
import type { Rescanned } from '../stages/rescan.ts'

function row(item: Rescanned): readonly string[] {
  const channels = item.channels.join(', ')
  const name = `${item.image}@${item.version}`
  if (item.status === 'failed')
    return [name, channels, 'could not be looked at', [item.error.message, item.error.hint].join(' · ')]
  const { reasons } = verdictLines(item.image, item.gate)
  const since = item.changed ? changesInShort(item.changes) : 'unchanged'
  return [
    name,
    channels,
    item.gate.verdict === 'passed' ? 'passes' : 'would be rejected',
    [...reasons.map((text) => text.trim()), since].filter((text) => text !== '').join(' · '),
  ]
}

/** What a look at released images came to, for the page of a CI run. */
export const rescanMarkdown = (
  summary: string,
  items: readonly Rescanned[],
  issues: readonly KeptIssue[],
): string =>
  [
    `### Rescan: ${markdownText(summary)}`,
    '',
    ...(items.length === 0
      ? ['Nothing is released.']
      : ['| release | channels | today | why, and what is new |', '|---|---|---|---|']),
    ...items.map((item) => `| ${row(item).map(markdownText).join(' | ')} |`),
    ...issues.map(
      ({ about, did, number, url }, index) =>
        `${index === 0 ? '\n' : ''}- [issue ${number}](${url}) of ${markdownText(about)}: ${did}`,
    ),
    '',
  ].join('\n')
