import { join } from 'node:path'

/** Where a run keeps the disk that had to be fetched for a look, until the last look is done. */
export const keptDisk = (folder: string): string => join(folder, 'fetched-disk')
