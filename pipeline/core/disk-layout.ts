import { MintmarkError } from '../errors.ts'
import type { Definition } from '../model/definition.ts'

export type DiskLayout = Definition['disk']['layout']

/** Least size of an instance's disk in GiB: the file systems beside the root's keep their size, root gets the rest. */
const leastGiB: Readonly<Record<DiskLayout, number>> = { simple: 3, cis: 8 }

/**
 * Refuses a disk that its layout does not fit on, and a layout that the base does not have.
 * @throws MintmarkError CONFIG_INVALID
 */
export function checkDiskLayout(image: string, definition: Definition): void {
  const { size, layout } = definition.disk
  const file = `images/${image}.yaml`
  const least = leastGiB[layout]
  if (Number.parseInt(size, 10) < least) {
    throw new MintmarkError(
      'CONFIG_INVALID',
      `${file} disk.size is "${size}": the layout ${layout} needs at least ${least}G`,
      { hint: `write disk: {size: ${least}G, layout: ${layout}} in ${file}`, where: { file } },
    )
  }
  const { base } = definition
  if (layout !== 'simple' && 'from' in base && base.from !== 'archive') {
    throw new MintmarkError(
      'CONFIG_INVALID',
      `${file} disk.layout is "${layout}": an official image keeps the layout that its publisher gave it`,
      { hint: `write disk: {layout: simple} or base: {from: archive} in ${file}`, where: { file } },
    )
  }
}
