import { join } from 'node:path'
import { MintmarkError } from '../../../errors.ts'
import type { World } from '../../../ports/world.ts'
import { sweep } from '../archive/scratch.ts'

const gib = 2 ** 30
/** Official images have some 0.6 GiB. */
const neededBytes = 2 * gib

/** Where the image of this digest lies, or would lie. */
export const keptPath = (world: World, sha256: string): string =>
  join(world.places.bases, sha256, 'disk.qcow2')

/** The image of this digest from the cache, looked at again byte by byte; null when it is not there or was changed. */
async function kept(world: World, sha256: string): Promise<string | null> {
  const path = keptPath(world, sha256)
  if ((await world.files.info(path))?.kind !== 'file') return null
  return (await world.files.sha256(path)) === sha256 ? path : null
}

export interface KeepInput {
  readonly world: World
  /** What the image has to be; null when only the fetcher knows. */
  readonly sha256: string | null
  /** Puts the image at a path, and checks what it can. */
  fetch(to: string): Promise<void>
  /** The image's name, for messages. */
  readonly name: string
}

/**
 * The image in the cache: as it lies there, or fetched into it. Killed at any moment, it is fetched anew.
 * @throws MintmarkError BASE_REFUSED for another digest, NO_SPACE, BUSY, or what `fetch` throws
 */
export async function keepImage(
  input: KeepInput,
): Promise<{ readonly path: string; readonly sha256: string }> {
  const { world, sha256, name } = input
  const { bases } = world.places
  await world.files.makeFolder(bases)
  return world.withLock(join(bases, '.lock'), 40 * 60_000, async () => {
    await sweep(world)
    const there = sha256 === null ? null : await kept(world, sha256)
    if (there !== null && sha256 !== null) return { path: there, sha256 }
    const free = await world.files.freeBytes(bases)
    if (free < neededBytes)
      throw new MintmarkError(
        'NO_SPACE',
        `${bases} has ${(free / gib).toFixed(1)} GiB free, and an image needs ${neededBytes / gib} GiB there`,
      )
    const half = join(bases, 'image.tmp')
    await world.files.makeFolder(half)
    try {
      const disk = join(half, 'disk.qcow2')
      await input.fetch(disk)
      const found = await world.files.sha256(disk)
      if (sha256 !== null && found !== sha256) {
        throw new MintmarkError(
          'BASE_REFUSED',
          `${name} has sha256:${found}, and sha256:${sha256} is pinned`,
          {
            hint: 'the mirror or the file was changed: unset MINTMARK_IMAGE_MIRROR, or ./mintmark base update after you have found out why',
          },
        )
      }
      // Renaming makes it ours under its digest: what is there under that name is whole.
      await world.files.remove(join(bases, found))
      await world.files.rename(half, join(bases, found))
      return { path: keptPath(world, found), sha256: found }
    } finally {
      await world.files.remove(half)
    }
  })
}
