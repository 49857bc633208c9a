import { join } from 'node:path'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'

/** Its path on this machine; null when it is not there or a link lies on the way. */
export async function placeInTree(
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

/**
 * Regular files of the tree in which grep finds what its arguments ask for; paths without a leading slash. No link is followed,
 * no device read.
 * @param doing "searched", for the message
 * @throws MintmarkError TOOL_FAILED when a file can't be read: that is not "nothing found"
 */
export async function grepTree(
  { exec }: Pick<World, 'exec'>,
  root: string,
  wanted: readonly string[],
  doing: string,
): Promise<readonly string[]> {
  const argv = ['grep', '-rlaZ', '-D', 'skip', ...wanted, '.']
  // Bytes, not characters: an image has files in any encoding.
  const run = await exec.run(argv, { cwd: root, env: { LC_ALL: 'C' }, ok: 'any', leash: 'child' })
  // 1 is "nothing found".
  if (run.code !== 0 && run.code !== 1) throw notAll(doing, run.stderr)
  return run.stdout
    .split('\0')
    .filter((name) => name !== '')
    .map((name) => name.replace(/^\.\//, ''))
}

/** The error for files that can't be read. */
export const notAll = (doing: string, stderr: string): MintmarkError =>
  new MintmarkError('TOOL_FAILED', `not all of the image's files could be ${doing}`, {
    details: stderr.split('\n').slice(0, 5),
    hint: 'what can not be read can not be called clean: see who owns the files named above',
  })

/** Names in a folder of the tree, sorted; none when it is not there or a link lies on the way. */
export async function listInTree(world: World, root: string, path: string): Promise<readonly string[]> {
  const place = await placeInTree(world, root, path, 'folder')
  return place === null ? [] : world.files.list(place)
}
