import { dirname } from 'node:path'
import { rpmDatabases } from '../core/rpm-files.ts'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'
import { placeInTree } from './read-in-tree.ts'

/**
 * Asks rpm's database in a tree, without running anything of the tree.
 * @param asOwned argv before a program that has to see the image's own modes
 * @returns the database's path below the root with rpm's answer; null when the tree has none
 * @throws MintmarkError TOOL_MISSING without rpm, TOOL_FAILED when it can't read the database
 */
export async function askRpm(
  world: World,
  root: string,
  query: string,
  asOwned: readonly string[] = [],
): Promise<{ readonly database: string; readonly text: string } | null> {
  const { exec } = world
  for (const database of rpmDatabases) {
    const place = await placeInTree(world, root, database, 'file')
    if (place === null) continue
    if ((await exec.which('rpm')) === null)
      throw new MintmarkError(
        'TOOL_MISSING',
        'rpm is not on this machine, and only it reads the packages of this image',
        {
          hint: 'apt-get install --no-install-recommends rpm',
        },
      )
    const argv = ['rpm', '--dbpath', dirname(place), '-qa', '--qf', query]
    const { stdout } = await exec.run([...asOwned, ...argv], { env: { LC_ALL: 'C' }, timeoutMs: 120_000 })
    return { database, text: stdout }
  }
  return null
}
