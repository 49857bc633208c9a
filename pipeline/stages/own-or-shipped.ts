import { join } from 'node:path'
import type { World } from '../ports/world.ts'

/** Where a policy of scans/ is: the team's own where there is one, else the one that mintmark brings. Absolute; it may be missing in both. */
export async function ownOrShipped(
  { files, places }: Pick<World, 'files' | 'places'>,
  path: string,
): Promise<string> {
  const own = join(places.root, path)
  return (await files.info(own)) === null ? join(places.installation, path) : own
}
