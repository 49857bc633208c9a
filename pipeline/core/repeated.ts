import type { Finding } from './schema-findings.ts'

/** Each item that was there before, with the index of the first. */
export function repeated<T>(items: readonly T[], nameOf: (item: T) => string | number) {
  const firsts = new Map<string | number, number>()
  return items.flatMap((item, index) => {
    const name = nameOf(item)
    const first = firsts.get(name)
    if (first === undefined) firsts.set(name, index)
    return first === undefined ? [] : [{ name, index, first }]
  })
}

/** A finding for each value that the list has already. */
export function twice<T extends string | number>(
  path: readonly PropertyKey[],
  items: readonly T[],
): readonly Finding[] {
  return repeated(items, (item) => item).map(({ name, index }) => ({
    path: [...path, index],
    text: `is ${JSON.stringify(name)}, which the list has already: remove one of the two`,
  }))
}
