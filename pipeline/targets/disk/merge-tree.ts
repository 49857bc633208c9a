import { join } from 'node:path'
import { type FstabEntry, type Identity, namesFileSystem, parseFstab } from '../../core/parse-fstab.ts'
import { MintmarkError } from '../../errors.ts'
import type { World } from '../../ports/world.ts'
import type { DiskTree } from '../target.ts'

/** One file system of the image, copied into a folder of its own. */
export interface Copied {
  /** For messages, e.g. `partition 3` */
  readonly title: string
  readonly partition: number
  /** Group and name of a logical volume. */
  readonly volume: string | null
  readonly type: string
  /** Name of its folder below the reader's. */
  readonly folder: string
  readonly identity: Identity
  /** Where it goes when etc/fstab says nothing of it. */
  readonly usualMount: string | null
  /** Of btrfs: paths below its top, and the one that is mounted when none is named. */
  readonly subvolumes: readonly string[]
  readonly defaultSubvolume: string
}

/** What is mounted at one place: a file system, or one subvolume of it. */
interface Piece {
  readonly copied: Copied
  /** Empty for the whole. */
  readonly subvolume: string
  readonly mount: string
}

export const refuse = (message: string, hint = 'the image is not one that mintmark reads'): MintmarkError =>
  new MintmarkError('TOOL_FAILED', message, { hint })

/** Neither link nor file on the way: nothing of the host is ever reached through the tree. */
async function folderInTree(world: World, root: string, mount: string): Promise<string> {
  let path = root
  for (const part of mount.split('/').filter((name) => name !== '')) {
    path = join(path, part)
    const info = await world.files.info(path)
    if (info === null) await world.files.makeFolder(path)
    else if (info.kind !== 'folder') throw refuse(`mount point ${mount} leads through a ${info.kind}`)
  }
  return path
}

/** True when every part of the path is a folder of the tree itself, the last one of the kind that is asked for. */
async function isInTree(world: World, root: string, path: string, kind: 'file' | 'folder'): Promise<boolean> {
  const parts = path.split('/').filter((part) => part !== '')
  // Names of subvolumes are the image's own: none may lead out of it.
  if (parts.includes('..') || parts.includes('.')) return false
  let at = root
  for (const [index, part] of parts.entries()) {
    at = join(at, part)
    const info = await world.files.info(at)
    if (info?.kind !== (index === parts.length - 1 ? kind : 'folder')) return false
  }
  return true
}

async function isRoot(world: World, tree: string): Promise<boolean> {
  // Debian's etc/os-release is a link into usr/lib: that it is there is enough.
  return (
    (await world.files.info(join(tree, 'etc')))?.kind === 'folder' &&
    (await world.files.info(join(tree, 'etc/os-release'))) !== null
  )
}

async function findRoot(world: World, into: string, copies: readonly Copied[]): Promise<Piece> {
  const roots: Piece[] = []
  for (const copied of copies) {
    for (const subvolume of ['', ...copied.subvolumes]) {
      const top = join(into, copied.folder)
      if (subvolume !== '' && !(await isInTree(world, top, subvolume, 'folder'))) continue
      if (await isRoot(world, join(top, subvolume))) roots.push({ copied, subvolume, mount: '/' })
    }
  }
  const [first, second] = roots
  if (first === undefined) throw refuse('no file system of the image has etc/os-release')
  if (second !== undefined) {
    const [a, b] = [first, second].map(({ copied, subvolume }) =>
      subvolume === '' ? copied.title : `subvolume ${subvolume} of ${copied.title}`,
    )
    throw refuse(`${a} and ${b} both have etc/os-release`)
  }
  return first
}

function subvolumeOf(entry: FstabEntry, copied: Copied): string {
  const named = entry.options.find((option) => option.startsWith('subvol='))
  if (named !== undefined) return named.slice('subvol='.length).replace(/^\/+|\/+$/g, '')
  return entry.options.includes('subvolid=5') ? '' : copied.defaultSubvolume
}

/** Where the parts of one file system go; none is left out. */
function piecesOf(copied: Copied, root: Piece, fstab: readonly FstabEntry[]): readonly Piece[] {
  const own = copied === root.copied ? [root] : []
  const entries = fstab.filter(
    ({ source, mount }) => mount !== '/' && namesFileSystem(source, copied.identity),
  )
  if (copied.subvolumes.length > 0) {
    for (const entry of entries) {
      const subvolume = subvolumeOf(entry, copied)
      if (own.some((piece) => piece.subvolume === subvolume)) continue
      own.push({ copied, subvolume, mount: entry.mount })
    }
  } else if (own.length === 0) {
    const mount =
      fstab.find(({ source }) => namesFileSystem(source, copied.identity))?.mount ?? copied.usualMount
    if (mount !== null) own.push({ copied, subvolume: '', mount })
  }
  if (own.length === 0)
    throw refuse(`${copied.title} (${copied.type}) is in no line of the image's etc/fstab`)
  return own
}

/** What no subvolume that is mounted holds would otherwise go unseen. */
async function checkRest(world: World, into: string, copied: Copied): Promise<void> {
  const path = join(into, copied.folder)
  if ((await world.files.info(path)) === null) return
  const { stdout } = await world.exec.run([
    'find',
    path,
    '-mindepth',
    '1',
    '!',
    '-type',
    'd',
    '-printf',
    String.raw`%P\0`,
  ])
  const [first] = stdout.split('\0').filter((name) => name !== '')
  if (first !== undefined) {
    throw refuse(
      `${copied.title} (${copied.type}) holds "${first}" in no subvolume that the image's etc/fstab mounts`,
    )
  }
  await world.files.remove(path)
}

/**
 * Puts the copies below `into` together as the image's own etc/fstab mounts them, in the folder `root` there.
 * @throws MintmarkError TOOL_FAILED when there is no root or more than one, or something has no place in it
 */
export async function mergeTree(
  world: World,
  into: string,
  copies: readonly Copied[],
): Promise<Pick<DiskTree, 'root' | 'fileSystems'>> {
  const { files } = world
  const first = await findRoot(world, into, copies)
  const top = join(into, first.copied.folder, first.subvolume)
  const fstab = (await isInTree(world, top, 'etc/fstab', 'file'))
    ? parseFstab(await files.readText(join(top, 'etc/fstab')))
    : []
  const pieces = copies.flatMap((copied) => piecesOf(copied, first, fstab))
  const placed: { readonly piece: Piece; readonly from: string }[] = []
  // A subvolume in another one is taken out before that.
  const inner = [...pieces].sort((a, b) => b.subvolume.length - a.subvolume.length)
  for (const [index, piece] of inner.entries()) {
    const path = join(into, piece.copied.folder)
    if (piece.subvolume !== '' && !(await isInTree(world, path, piece.subvolume, 'folder'))) {
      throw refuse(`${piece.copied.title} has no subvolume ${piece.subvolume}, which etc/fstab mounts`)
    }
    const from = join(into, `piece-${index}`)
    await files.rename(join(path, piece.subvolume), from)
    placed.push({ piece, from })
  }
  for (const copied of copies) await checkRest(world, into, copied)

  const root = join(into, 'root')
  placed.sort((a, b) => a.piece.mount.length - b.piece.mount.length) // /var before /var/log
  for (const { piece, from } of placed) {
    if (piece === first) {
      await files.rename(from, root)
      continue
    }
    const { mount } = piece
    const place = await folderInTree(world, root, mount)
    const hidden = (await files.list(place)).length
    if (mount === '/' || hidden > 0) {
      throw refuse(`${hidden} names lie hidden under the mount point ${mount}`)
    }
    await files.remove(place)
    await files.rename(from, place)
  }
  return {
    root,
    fileSystems: placed.map(({ piece: { copied, subvolume, mount } }) => {
      const volume = [copied.volume, subvolume === '' ? null : subvolume]
        .filter((name) => name !== null)
        .join(':')
      return { mount, type: copied.type, partition: copied.partition, ...(volume === '' ? {} : { volume }) }
    }),
  }
}
