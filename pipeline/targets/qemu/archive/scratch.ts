import { basename, join } from 'node:path'
import { sha256 } from '../../../core/digest.ts'
import type { World } from '../../../ports/world.ts'

/** A bootstrap holds its root, the tar of it and the disk at once: some 3 GB, too much for a /tmp in memory. */
export const scratchParent = (world: World): string => world.env['TMPDIR'] || '/var/tmp'

const purposes = ['base', 'helper', 'look'] as const
type Purpose = (typeof purposes)[number]

/** Scratch of this cache alone: another user's or another cache's runs have theirs. */
const scratchPrefix = (world: World, purpose: Purpose): string =>
  `mintmark-${purpose}-${sha256(world.places.bases).slice(0, 12)}-`

/** Scratch of this cache and this user whose process is over. */
export async function abandonedScratch(
  world: World,
  of: readonly Purpose[] = purposes,
): Promise<readonly string[]> {
  const parent = scratchParent(world)
  if (!(await world.files.accessible(parent))) return []
  const prefixes = of.map((purpose) => scratchPrefix(world, purpose))
  const left = await world.files.abandoned(parent)
  return left.filter((path) => prefixes.some((prefix) => basename(path).startsWith(prefix)))
}

/**
 * Removes scratch, also of a bootstrap that was killed: as an ordinary user the half-made root belongs to subordinate
 * ids, and only root of a user namespace may empty it.
 */
export async function removeScratch(world: World, folder: string): Promise<void> {
  if (!world.exec.isRoot) {
    const roots = (await world.files.list(folder))
      .filter((name) => name.startsWith('mmdebstrap.'))
      .map((name) => join(folder, name))
    if (roots.length > 0) {
      await world.exec.run(
        ['mmdebstrap', '--unshare-helper', 'find', ...roots, '-mindepth', '1', '-delete'],
        {
          ok: 'any',
          leash: 'group',
          timeoutMs: 300_000,
        },
      )
    }
  }
  await world.files.remove(folder)
}

/**
 * Removes what killed runs left. Only for the holder of that cache's lock: nobody else works in the cache then. In the scratch folder,
 * which is everybody's, what others own or still work with stays.
 */
export async function sweep(world: World, purpose: 'base' | 'helper' = 'base'): Promise<void> {
  for (const path of await abandonedScratch(world, [purpose])) await removeScratch(world, path)
  const cache = purpose === 'base' ? world.places.bases : world.places.helpers
  for (const name of await world.files.list(cache)) {
    if (name.endsWith('.tmp')) await world.files.remove(join(cache, name))
  }
}

/**
 * Runs work with a new scratch folder that root of another user namespace may enter, and removes it.
 * @param purpose `base` and `helper` under the lock of their cache; `look` for what needs none
 */
export async function withScratch<T>(
  world: World,
  purpose: Purpose,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await world.files.tempFolder(scratchPrefix(world, purpose), scratchParent(world))
  try {
    await world.files.setMode(folder, 0o755)
    return await work(folder)
  } finally {
    await removeScratch(world, folder)
  }
}
