import type { World } from '../../ports/world.ts'

/** Kind and size of each name, as `find -printf '%y %s %P\0'` prints them; folders have no size of their own. */
export function parseNames(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const row of text.split('\0')) {
    const match = /^(\S+) (\d+) (.*)$/s.exec(row)
    if (match !== null) found.set(match[3] ?? '', match[1] === 'd' ? 'd' : `${match[1]} ${match[2]}`)
  }
  return found
}

/** What is really in the folder `into` below `folder`: path -> kind and size. */
export async function walk(world: World, folder: string, into: string): Promise<ReadonlyMap<string, string>> {
  const ran = await world.exec.run(['find', into, '-mindepth', '1', '-printf', String.raw`%y %s %P\0`], {
    cwd: folder,
  })
  return parseNames(ran.stdout)
}
