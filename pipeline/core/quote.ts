import { MintmarkError } from '../errors.ts'

/** Half of a surrogate pair: JavaScript can hold it, UTF-8 can't, and writing it would make another character of it. */
const halfPair = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

const shown = (text: string): string => {
  const quoted = JSON.stringify(text)
  return quoted.length > 80 ? `${quoted.slice(0, 77)}...` : quoted
}

/** The refusal of a text that a language can't hold, with the text. */
export const unholdable = (text: string, what: string, language: string): MintmarkError =>
  new MintmarkError('CONFIG_INVALID', `${shown(text)} has ${what} in it, which ${language} can't hold`, {
    hint: 'take it out of the file that the text comes from',
  })

/**
 * The text as it is, when it can be written as UTF-8.
 * @throws MintmarkError CONFIG_INVALID for half a surrogate pair
 */
export function asUtf8(text: string, language: string): string {
  if (halfPair.test(text)) throw unholdable(text, 'half a surrogate pair', language)
  return text
}

/**
 * One word of a POSIX shell that stands for exactly this text, whatever is in it.
 * @throws MintmarkError CONFIG_INVALID for a NUL or half a surrogate pair, which no shell script can hold
 */
export function shellQuote(text: string): string {
  if (text.includes('\0')) throw unholdable(text, 'a NUL', 'a shell')
  return `'${asUtf8(text, 'a shell script').replaceAll("'", "'\\''")}'`
}
