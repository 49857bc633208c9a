/** Control and format characters (bidi overrides, zero-width, line separators) written as `\u{202E}`: a terminal must not act on them. */
export const visible = (text: string): string =>
  text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\p{Cn}]/gu,
    (sign) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}}`,
  )

/** The same for text of several lines: newlines and tabs stay. */
export const visibleLines = (text: string): string => text.replace(/[^\n\t]+/g, visible)

/** A found value for a message: as JSON, on one line, at most 60 characters, nothing that a terminal acts on. */
export function showValue(value: unknown): string {
  // Credentials of an address are nobody's to read in a log.
  const text = visible(JSON.stringify(value) ?? 'nothing').replace(/:\/\/[^/@\s"]*@/g, '://…@')
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
