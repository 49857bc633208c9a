/** A line of the log that begins so is an order to GitHub's runner; what guests and mirrors say must not be one. */
export const defused = (text: string): string =>
  text.replace(/^([^\S\n]*):(?=:)/gm, '$1: ').replaceAll('##[', '## [')

const data = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')

const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')

/** An error as GitHub shows it on the page of the run; one line. */
export const errorAnnotation = (title: string, message: string): string =>
  `::error title=${property(title)}::${data(message)}\n`
