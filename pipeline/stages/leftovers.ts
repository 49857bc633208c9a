import { basename, join } from 'node:path'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'
import { targets } from '../targets/registry.ts'
import type { Leftover } from '../targets/target.ts'
import { waiversFolder } from './load-waivers.ts'
import { secretsPrefix } from './secrets.ts'

/** In a run folder, only while a stage runs: overlays, consoles and disks of the test's machines; Packer's half image. */
const inRun = ['test', 'build/output'] as const

const plain = (world: World, what: string, paths: readonly string[]): readonly Leftover[] =>
  paths.map((path) => ({ what, path, remove: (at) => world.files.remove(at) }))

/** The folders below a run folder that stages write files to. */
const foldersOfRun = ['', 'reports', 'build', 'bundle'] as const

/**
 * What killed runs of the image left in its run folders. Only for the holder of the image's lock: then no stage of it runs.
 */
async function leftInRuns(world: World, image: string): Promise<readonly Leftover[]> {
  const { files, places } = world
  const found: string[] = []
  for (const name of await files.list(join(places.runs, image))) {
    const run = join(places.runs, image, name)
    if ((await files.info(run))?.kind !== 'folder') continue
    for (const folder of foldersOfRun)
      if ((await files.info(join(run, folder)))?.kind === 'folder')
        found.push(...(await files.abandoned(join(run, folder))))
    for (const path of inRun) if ((await files.info(join(run, path))) !== null) found.push(join(run, path))
  }
  return plain(world, 'what a killed run was working with', found)
}

/** What killed processes of any image left beside the run folders: all of it bears the tag of a process that is over. */
async function leftElsewhere(world: World): Promise<readonly Leftover[]> {
  const { files, places, env } = world
  const folders = [
    places.runs,
    places.databases,
    places.bases,
    places.helpers,
    places.indices,
    places.tools,
    places.keys,
    places.blobs,
    // Of commands that write into the checkout.
    join(places.root, 'images'),
    join(places.root, waiversFolder),
  ]
  for (const name of await files.list(places.databases)) folders.push(join(places.databases, name))
  const ours: string[] = []
  for (const folder of folders)
    if ((await files.info(folder))?.kind === 'folder') ours.push(...(await files.abandoned(folder)))
  const secrets: string[] = []
  // That of another user, after su or sudo, is not for us to look into.
  for (const folder of [env['XDG_RUNTIME_DIR'] ?? '', '/dev/shm'])
    if (folder.startsWith('/') && (await files.accessible(folder)))
      if ((await files.info(folder))?.kind === 'folder') secrets.push(...(await files.abandoned(folder)))
  return [
    ...plain(world, 'files that were not whole yet', ours),
    ...plain(
      world,
      'secrets of a build that was killed',
      secrets.filter((path) => basename(path).startsWith(secretsPrefix)),
    ),
    ...(await Promise.all(Object.values(targets).map((target) => target.leftovers(world)))).flat(),
  ]
}

/** Everything that killed runs left; `images` are those whose lock is held, or whose runs are only looked at. */
export async function findLeftovers(world: World, images: readonly string[]): Promise<readonly Leftover[]> {
  const inRuns = await Promise.all(images.map((image) => leftInRuns(world, image)))
  return [...inRuns.flat(), ...(await leftElsewhere(world))]
}

/**
 * Removes what killed runs left, and says so. Only for the holder of the image's lock. What is another user's stays where it is.
 */
export async function dropLeftovers(world: World, image: string): Promise<void> {
  const dropped: string[] = []
  for (const { path, remove } of await findLeftovers(world, [image])) {
    try {
      await remove(path)
      dropped.push(path)
    } catch (cause) {
      if (!(cause instanceof MintmarkError) || cause.code !== 'TOOL_FAILED') throw cause
    }
  }
  if (dropped.length > 0)
    world.report.note(
      `removed what a killed run left: ${dropped.length === 1 ? dropped[0] : `${dropped.length} files and folders`}`,
    )
}
