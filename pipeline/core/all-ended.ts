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
