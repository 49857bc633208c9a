const line = (topic: string, about: string): string =>
  `<!-- mintmark:${topic}${about === '' ? '' : ` ${about}`} -->`

/** Markdown below the hidden line by which we know it again. @param about a name without spaces, or empty */
export const marked = (topic: string, about: string, markdown: string): string =>
  `${line(topic, about)}\n${markdown.trim()}\n`

/** GitHub's editor ends lines as a browser does. */
export const asWritten = (markdown: string): string => markdown.replaceAll('\r\n', '\n').trimEnd()

/** What a text of that topic is about, empty for the only one; null for any other text. Only its first line counts. */
export function markerOf(topic: string, markdown: string): string | null {
  const [first = ''] = asWritten(markdown).split('\n', 1)
  const [, about = ''] = /^<!-- mintmark:\S+(?: (\S+))? -->$/.exec(first) ?? []
  return first === line(topic, about) ? about : null
}
