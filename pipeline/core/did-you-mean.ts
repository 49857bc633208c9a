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

/** The end of a sentence about an unknown word: what was meant, else another word of advice. */
export function suggestion(word: string, known: readonly string[], otherwise = ''): string {
  const meant = didYouMean(word, known)
  return meant === null ? otherwise : `; did you mean "${meant}"?`
}

/** What is wrong with an owner; null when it is a team, or any team may own something. */
export const unknownTeam = (owner: string, teams: readonly string[] | null): string | null =>
  teams === null || teams.includes(owner)
    ? null
    : `is "${owner}", which is no team of mintmark.yaml${suggestion(owner, teams, ` (teams: ${teams.join(', ')}): add it there, or name one of them`)}`
