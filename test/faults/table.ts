import type { Killed } from './kill.ts'
import type { Refused } from './refusals.ts'

const row = (cells: readonly (string | number | null)[]): string => `| ${cells.join(' | ')} |`

const head = (cells: readonly string[]): readonly string[] => [row(cells), row(cells.map(() => '---'))]

/** What did not end as it should, for people. */
export const wrongLines = (name: string, wrong: readonly string[]): readonly string[] =>
  wrong.map((line) => `${name}: ${line}`)

export const nameOf = ({ way, at, when, request }: Killed): string => `${way} ${at}, ${when} ${request}`

/** Markdown: what it was killed at, what had happened by then, and what became of it. */
export const killedTable = (all: readonly Killed[]): readonly string[] => [
  ...head(['point', 'request', 'killed', 'exit code of the second run', 'same end']),
  ...all.map(({ way, at, request, when, exit, wrong }) =>
    row([`${way} ${at}`, request, `${when} the work`, exit, wrong.length === 0 ? 'yes' : 'NO']),
  ),
]

export const refusedTable = (all: readonly Refused[]): readonly string[] => [
  ...head(['refused for', 'exit code', 'message', 'nothing made']),
  ...all.map(({ name, exit, message, wrong }) =>
    row([name, exit, message.replaceAll('|', '\\|'), wrong.length === 0 ? 'yes' : 'NO']),
  ),
]
