import { distance } from 'fastest-levenshtein'

const letters = (word: string): string => [...word].sort().join('')

/** Slips of the finger between two words; letters in another order are one. */
const slips = (word: string, item: string): number =>
  word !== item && letters(word) === letters(item) ? 1 : distance(word, item)

/** The nearest of the known words, when it is near enough to be a slip of the finger. */
export function didYouMean(word: string, known: readonly string[]): string | null {
  // The distance of long words takes time, and no known word is long.
  if (word.length < 3 || word.length > 100) return null
  const [best] = known.map((item) => ({ item, far: slips(word, item) })).sort((a, b) => a.far - b.far)
  const near = Math.max(1, Math.floor(word.length / 3))
  return best !== undefined && best.far <= near ? best.item : null
}
