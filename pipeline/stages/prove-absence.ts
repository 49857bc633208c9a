import { join, relative } from 'node:path'
import { type Pattern, type Sighting, searchChunks } from '../core/secret-search.ts'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'

async function sightingsIn(
  world: World,
  path: string,
  patterns: readonly Pattern[],
): Promise<readonly Sighting[]> {
  const search = searchChunks(patterns)
  for await (const chunk of world.files.chunks(path)) search.push(chunk)
  return search.found
}

/** Regular files below a folder; links are not followed. */
async function filesBelow(world: World, folder: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const name of await world.files.list(folder)) {
    const path = join(folder, name)
    const kind = (await world.files.info(path))?.kind
    if (kind === 'folder') found.push(...(await filesBelow(world, path)))
    else if (kind === 'file') found.push(path)
  }
  return found
}

/** A file of the run that holds a secret is removed; what is told names secret and place, never the value. */
export async function dropLeaks(
  world: World,
  folder: string,
  patterns: readonly Pattern[],
  except: readonly string[] = [],
): Promise<readonly string[]> {
  if (patterns.length === 0) return []
  const told: string[] = []
  for (const path of await filesBelow(world, folder)) {
    if (except.includes(path)) continue
    const found = await sightingsIn(world, path, patterns)
    if (found.length === 0) continue
    await world.files.remove(path)
    for (const { secret, encoding } of found)
      told.push(`secret ${secret} (${encoding}) was in ${relative(folder, path)}, which is removed now`)
  }
  return told
}

/**
 * Searches every byte of the disk that was built and of the run's files for the secrets of the build.
 * @throws MintmarkError BUILD_FAILED with secret and place; the image and leaking files are removed
 */
export async function proveAbsence(
  { world, target }: { readonly world: World; readonly target: Pick<Target, 'rawDisk' | 'discard'> },
  input: { readonly folder: string; readonly built: string; readonly patterns: readonly Pattern[] },
): Promise<void> {
  const { folder, built, patterns } = input
  if (patterns.length === 0) return
  const { files } = world
  const raw = join(folder, 'build', 'search.raw')
  const told: string[] = []
  try {
    await files.remove(raw)
    await target.rawDisk({ world, built, to: raw })
    for (const { secret, encoding, offset } of await sightingsIn(world, raw, patterns))
      told.push(`secret ${secret} (${encoding}) is in the image's disk, at byte ${offset}`)
  } finally {
    await files.remove(raw)
  }
  told.push(...(await dropLeaks(world, folder, patterns, [built])))
  if (told.length === 0) return
  await target.discard({ world, built })
  throw new MintmarkError('BUILD_FAILED', 'a secret of the build stayed behind: the image is removed', {
    details: told,
    hint: 'mend the step that uses it: it must neither store nor print the value',
  })
}
