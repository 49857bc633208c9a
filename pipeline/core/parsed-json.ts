/** The value, or null for text that is no JSON: cut off by a full disk, or edited. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    return null
  }
}
