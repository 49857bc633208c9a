/** What a catalog has keys below. */
export const keyTops = ['channels', 'history', 'releases', 'runs', 'shares'] as const

/** All that a catalog has at its top. Whatever else lies there is not ours. */
export const catalogNames: readonly string[] = ['blobs', 'damaged', 'incoming', 'lock', ...keyTops]
