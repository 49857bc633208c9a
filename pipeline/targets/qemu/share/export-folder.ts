import { dirname, join } from 'node:path'
import { MintmarkError } from '../../../errors.ts'
import type { World } from '../../../ports/world.ts'

/** A folder that its group may read, and the image's own folder in it. */
export interface ExportFolder {
  readonly path: string
  /** `<path>/<image>`; it may not be there yet. */
  readonly home: string
  /** The group's number. */
  readonly group: number
}

/** What the group may do: read files, look into folders. A new entry gets the folder's group. */
const fileMode = 0o640
const folderMode = 0o2750

/** A day: what another machine began and did not go on with for so long is given up. */
const abandonedMs = 24 * 3600_000

const refuse = (message: string, hint: string, where: Readonly<Record<string, string>>): MintmarkError =>
  new MintmarkError('TOOL_REFUSED', message, { hint, where })

/** Everybody may write into such a folder, and nobody may replace what another one has in it. */
const sticky = 0o1000

/**
 * Refuses a folder in which somebody else could put links in our way: we would write and delete through them, as root anywhere.
 * @returns false when it is not there
 */
async function refuseShared(
  world: World,
  path: string,
  options: { readonly around: boolean },
): Promise<boolean> {
  const where = { folder: path }
  const info = await world.files.info(path)
  if (info === null) return false
  if (info.kind !== 'folder') {
    const real = options.around ? 'name the real folder in the definition' : 'look at it and move it away'
    throw refuse(`${path} is a ${info.kind === 'other' ? 'device' : info.kind}, no folder`, real, where)
  }
  const { user, ours } = await world.files.ownership(path)
  if (!ours && user !== 0) {
    const take = options.around
      ? `make a folder of your own for it, or: chown "$(id -u)" ${path}`
      : `look at what is in it, then: chown -R "$(id -u)" ${path}`
    throw refuse(`${path} belongs to the user ${user}, who could change what is shared there`, take, where)
  }
  if ((info.mode & 0o022) !== 0 && (info.mode & sticky) === 0) {
    const who = (info.mode & 0o002) === 0 ? 'its group' : 'everybody'
    throw refuse(`${path} can be written to by ${who}`, `chmod g-w,o-w ${path}`, where)
  }
  return true
}

/**
 * The export folder of a principal, if files can be shared in it without anybody else changing them.
 * @throws MintmarkError TOOL_REFUSED with the command that mends it, TOOL_FAILED when it can't be looked at
 */
export async function openFolder(world: World, principal: string, image: string): Promise<ExportFolder> {
  const path = principal.replace(/^folder:/, '')
  const where = { folder: path }
  const parts = path.split('/')
  for (const end of parts.keys())
    if (end > 0) await refuseShared(world, parts.slice(0, end).join('/') || '/', { around: true })
  if (!(await refuseShared(world, path, { around: true }))) {
    const make = `make it for the group that may read it: install -d -m 2750 -g GROUP ${path}`
    throw refuse(`there is no folder ${path} on this machine`, make, where)
  }
  const mode = (await world.files.info(path))?.mode ?? 0
  if ((mode & 0o022) !== 0)
    throw refuse(
      `${path} can be written to by others`,
      `share in a folder of its own: install -d -m 2750 -g GROUP /srv/golden; or, where nobody else needs it: chmod g-w,o-w ${path}`,
      where,
    )
  const { group } = await world.files.ownership(path)
  const { code } = await world.exec.run(['getent', 'group', String(group)], { ok: 'any' })
  if (code !== 0) {
    const give = `chgrp GROUP ${path}`
    throw refuse(`the group ${group} of ${path} is not known on this machine`, give, where)
  }
  if (!(await world.files.accessible(path))) {
    const look = `look at its owner, its mode and how it is mounted: ls -ld ${path}; findmnt -T ${path}`
    throw refuse(`${path} can't be written to`, look, where)
  }
  const home = join(path, image)
  if (await refuseShared(world, home, { around: false }))
    for (const name of await world.files.list(home))
      if ((await world.files.info(join(home, name)))?.kind === 'folder')
        await refuseShared(world, join(home, name), { around: false })
  return { path, home, group }
}

/** Makes a folder for the group, or sees to it that it is one. */
export async function groupFolder(world: World, path: string, group: number): Promise<void> {
  const { files } = world
  if (!(await refuseShared(world, path, { around: false }))) await files.makeFolder(path, { mode: 0o750 })
  if ((await files.ownership(path)).group !== group) await files.setGroup(path, group)
  if ((await files.info(path))?.mode !== folderMode) await files.setMode(path, folderMode)
}

/** True for a file, or a folder, that the group may read and nobody else. */
export async function isForGroup(world: World, { group }: ExportFolder, path: string): Promise<boolean> {
  const info = await world.files.info(path)
  if (info === null || info.mode !== (info.kind === 'folder' ? folderMode : fileMode)) return false
  return (await world.files.ownership(path)).group === group
}

/** Sees to it that the group may read a file, and nobody else; what is no file is left alone. */
export async function giveToGroup(world: World, folder: ExportFolder, path: string): Promise<void> {
  const { files } = world
  const info = await files.info(path)
  if (info?.kind !== 'file') return
  // The group first: what it may do is for the right one alone.
  if ((await files.ownership(path)).group !== folder.group) await files.setGroup(path, folder.group)
  if (info.mode !== fileMode) await files.setMode(path, fileMode)
}

/** Writes a file for the group: whole or not at all, and not at all when it says so already. */
export async function writeShared(
  world: World,
  folder: ExportFolder,
  name: string,
  content: string | Uint8Array,
): Promise<void> {
  const { files } = world
  const path = join(folder.home, name)
  const info = await files.info(path)
  if (info?.kind === 'file' && info.mode === fileMode) {
    const same = Buffer.from(await files.readBytes(path)).equals(Buffer.from(content))
    if (same && (await files.ownership(path)).group === folder.group) return
  }
  if (info !== null && info.kind !== 'file') await files.remove(path)
  await files.write(path, content, { mode: fileMode })
  await giveToGroup(world, folder, path)
}

/** Writes pieces for the group, below the image's folder: whole or not at all, and not at all when they throw. */
export async function writePieces(
  world: World,
  folder: ExportFolder,
  name: string,
  pieces: AsyncIterable<Uint8Array>,
): Promise<void> {
  const path = join(folder.home, name)
  await groupFolder(world, dirname(path), folder.group)
  await world.files.write(path, pieces, { mode: fileMode })
  await giveToGroup(world, folder, path)
}

/** Runs `work` while no other process changes the image's folder, which is there by then. @throws MintmarkError BUSY after ten minutes */
export async function whileLocked<T>(world: World, folder: ExportFolder, work: () => Promise<T>): Promise<T> {
  const { files } = world
  await groupFolder(world, folder.home, folder.group)
  const lock = join(folder.home, '.lock')
  // Not for the group: who can open it can hold it.
  await files.createOnly(lock, '', { mode: 0o600 })
  // The holder's name is written into it: through a link, into whatever that names.
  const kind = (await files.info(lock))?.kind
  if (kind !== 'file')
    throw refuse(`${lock} is a ${kind ?? 'missing file'}, no file`, `look at it, then: rm ${lock}`, {
      folder: folder.path,
    })
  return world.withLock(lock, 600_000, async () => {
    await sweep(world, folder)
    return work()
  })
}

/** Removes what killed runs left half-written. */
async function sweep(world: World, { home }: ExportFolder): Promise<void> {
  const { files, clock } = world
  const before = new Date(clock.now().getTime() - abandonedMs)
  const folders = [home]
  for (const name of await files.list(home)) {
    const path = join(home, name)
    if ((await files.info(path))?.kind === 'folder') folders.push(path)
  }
  for (const folder of folders)
    for (const path of await files.abandoned(folder, before)) await files.remove(path)
}
