import { join } from 'node:path'
import type { World } from '../ports/world.ts'

/** Its path on this machine; null when it is not there or a link lies on the way. */
async function placeInTree(
  world: World,
  root: string,
  path: string,
  kind: 'file' | 'folder',
): Promise<string | null> {
  let at = root
  const parts = path.split('/')
  for (const [index, part] of parts.entries()) {
    at = join(at, part)
    const wanted = index === parts.length - 1 ? kind : 'folder'
    if ((await world.files.info(at))?.kind !== wanted) return null
  }
  return at
}

/** Text of a file in the tree, without following any link out of it; null when it is not there. */
export async function readInTree(world: World, root: string, path: string): Promise<string | null> {
  const place = await placeInTree(world, root, path, 'file')
  return place === null ? null : world.files.readText(place)
}

/** Names in a folder of the tree, sorted; none when it is not there or a link lies on the way. */
export async function listInTree(world: World, root: string, path: string): Promise<readonly string[]> {
  const place = await placeInTree(world, root, path, 'folder')
  return place === null ? [] : world.files.list(place)
}
