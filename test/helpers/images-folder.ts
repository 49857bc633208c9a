import { cp, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { World } from '../../pipeline/ports/world.ts'
import { checkout } from './world.ts'

/** The fixture's folder of definitions becomes images/ of a checkout of its own, with the lock of debian-13 for `image`. */
export async function withImages(
  world: World,
  folder: string,
  fixture: string,
  image: string,
): Promise<World> {
  const root = join(folder, 'checkout')
  await cp(join(checkout, 'test/fixtures/images', fixture), join(root, 'images'), { recursive: true })
  await cp(join(checkout, 'images/debian-13.lock.json'), join(root, `images/${image}.lock.json`))
  await mkdir(join(root, 'scans'))
  for (const name of ['hardening', 'templates', 'scans/policies', 'pipeline'])
    await symlink(join(checkout, name), join(root, name))
  return { ...world, places: { ...world.places, root } }
}
