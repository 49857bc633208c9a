import fc from 'fast-check'

/** Pieces by which a value would break out of its place, were it not escaped. */
// biome-ignore format: a table
const pieces: readonly string[] = [
  "'", '"', '`', '\\', '\\\\', "'\\''", '$', '${', '$${', '%{', '%%{', '{{', '}}', '{{ .Vars }}', '}', '$(', '$(id)', '`id`', '$HOME', '$IFS',
  '\n', '\r', '\r\n', '\t', '\v', '\f', '\u0001', '\u0007', '\u001b[2J', '\u007f', '\u0085', '\u00a0', ' ', '  ', '-', '--', '-rf', '/', '../', '..', './',
  ';', '&', '|', '&&', '>', '<', '<<END', 'END', '#', '*', '?', '[', ']', '~', '!', '!!', '=', ':', ': ', '- ', ',', '@', '%', '^', '(', ')', '{', '\\0', '\\n', '\\u0000',
  '\u2028', '\u2029', '\u202e', '\u2066', '\u200b', '\ufeff', '\ufffe', '\uffff', 'é', '日本', '😀', '👨‍👩‍👧', 'e\u0301', 'true', 'null', '1e9', '0x1f', 'yes', '~', '---', '...', '*/', '//',
]

/** What only some languages can hold. */
export const impossible: readonly string[] = ['\0', 'a\0b', '\ud800', 'x\udc00', '\ud800\ud800', '\udfff-']

const random = fc.string({ unit: 'binary', maxLength: 12 })

/** Well-formed text without NUL that was made to do harm. */
export const hostileText: fc.Arbitrary<string> = fc
  .array(fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...pieces) }, { weight: 1, arbitrary: random }), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => parts.join(''))
  .filter((text) => !text.includes('\0'))

/** A value as it should be, with something hostile before, in or after it. */
export const spoiled = (good: string): fc.Arbitrary<string> =>
  fc
    .tuple(fc.oneof(hostileText, fc.constantFrom(...impossible)), fc.nat(good.length), fc.boolean())
    .map(([bad, at, alone]) => (alone ? bad : `${good.slice(0, at)}${bad}${good.slice(at)}`))

/** Texts of a fixed seed: every run of the tests sees the same. */
export const hostileTexts = (count: number): readonly string[] =>
  fc.sample(hostileText, { numRuns: count, seed: 7 })
