import { isAbsolute, join } from 'node:path'
import { MintmarkError } from '../../../errors.ts'
import type { World } from '../../../ports/world.ts'

/** The path of a definition's own image: absolute, or below images/. */
export const localPath = (world: World, file: string): string =>
  isAbsolute(file) ? file : join(world.places.root, 'images', file)

/** @throws MintmarkError NOT_FOUND */
export async function needFile(world: World, path: string, image: string): Promise<void> {
  if ((await world.files.info(path))?.kind === 'file') return
  throw new MintmarkError('NOT_FOUND', `there is no file ${path}`, {
    hint: `put it there, or change base.file in images/${image}.yaml (a link is not followed)`,
  })
}
