/**
 * Promise.all that ends only when each has: what still writes to a folder must not outlive its removal.
 * Rejects with the first rejection, in the order of the list.
 */
export async function allEnded<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
  const ended = await Promise.allSettled(work)
  return ended.map((item) => {
    if (item.status === 'rejected') throw item.reason
    return item.value
  })
}

/** The work for each item, so many at once; results in the order of the items. Begins no more after a rejection. */
export async function inTurns<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = []
  for (let start = 0; start < items.length; start += atOnce)
    results.push(...(await allEnded(items.slice(start, start + atOnce).map(work))))
  return results
}
