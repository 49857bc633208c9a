/** Text in which no password, token or query can be told from the rest of an address. */
const plain = /^[\w./-]{1,60}$/

/**
 * An address for a message: its scheme, host and port. A password or a token may be in any other part of it. What is no address is
 * shown when it can hold neither.
 */
export function shownAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url !== null && url.host !== '') return `${url.protocol}//${url.host}`
  return plain.test(text) ? text : '…'
}
