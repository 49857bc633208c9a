import { join } from 'node:path'
import { ArchiveBase } from '../../pipeline/model/base.ts'
import type { Definition } from '../../pipeline/model/definition.ts'
import { placesFrom } from '../../pipeline/ports/places.ts'
import { loadLock } from '../../pipeline/stages/base-lock.ts'
import { resolveBase } from '../../pipeline/targets/qemu/archive/resolve-base.ts'
import { checkout, type TestWorld } from './world.ts'

/** The newest base that this machine has of the definition's release, whatever its layout; else a new one (about a minute). */
export async function baseDisk(
  test: TestWorld,
  image: string,
  definition: Definition,
  fits: (base: ArchiveBase) => boolean = () => true,
): Promise<ArchiveBase> {
  const bases = placesFrom(process.env, checkout).bases
  const world = { ...test.world, places: { ...test.world.places, bases } }
  const found: ArchiveBase[] = []
  for (const name of await world.files.list(bases)) {
    const path = join(bases, name, 'base.json')
    if ((await world.files.info(path)) === null) continue
    const base = ArchiveBase.parse(JSON.parse(await world.files.readText(path)))
    if (base.release === definition.os.release && fits(base)) found.push(base)
  }
  const [newest] = found.sort((a, b) => (a.bootstrapped < b.bootstrapped ? 1 : -1))
  if (newest !== undefined) return newest
  const lock = await loadLock(world, image, 'qemu')
  return resolveBase({ world, image, definition, lock, step: { update: () => undefined } })
}
