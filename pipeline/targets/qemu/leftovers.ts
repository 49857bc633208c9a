import { basename, dirname, join } from 'node:path'
import type { World } from '../../ports/world.ts'
import { socketsPrefix } from '../guest/ssh-client.ts'
import type { Leftover } from '../target.ts'
import { abandonedScratch, removeScratch } from './archive/scratch.ts'

/** What killed runs of this target left outside their run folders. */
export async function leftovers(world: World): Promise<readonly Leftover[]> {
  const { files, env, places } = world
  const named = (what: string, paths: readonly string[], remove: Leftover['remove']): readonly Leftover[] =>
    paths.map((path) => ({ what, path, remove }))
  const shared = env['TMPDIR'] || '/tmp'
  const temporary = (await files.accessible(shared)) ? await files.abandoned(shared) : []
  const machines = await files.abandoned(join(dirname(places.runs), 'machines'))
  return [
    ...named(
      'sockets of machines that were killed',
      temporary.filter((path) => basename(path).startsWith(socketsPrefix)),
      (path) => files.remove(path),
    ),
    ...named('machines that were killed', machines, (path) => files.remove(path)),
    ...named('half-made bases', await abandonedScratch(world), (path) => removeScratch(world, path)),
  ]
}
