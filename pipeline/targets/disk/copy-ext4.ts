import { join } from 'node:path'
import { MintmarkError } from '../../errors.ts'
import type { World } from '../../ports/world.ts'
import { walk } from './walk.ts'

const rootInode = 2

/** One name in the file system, as its own metadata tell it. */
interface Inode {
  /** Below the file system's root, without a leading slash. */
  readonly path: string
  readonly inode: number
  /** Type and permission bits. */
  readonly mode: number
  readonly size: number
}

const typeBits = 0o170000
const folder = 0o040000
const regular = 0o100000
const link = 0o120000

interface Source {
  readonly world: World
  /** Holds the raw disk and all that is copied out; the tools run in it, so no path of ours is ever quoted. */
  readonly folder: string
  /** For libext2fs: file, and the byte where the file system begins. */
  readonly device: string
  /** For messages. */
  readonly partition: number
}

const broken = (source: Source, what: string, details: readonly string[] = []): MintmarkError =>
  new MintmarkError('TOOL_FAILED', `the ext4 file system of partition ${source.partition} ${what}`, {
    hint: 'the image is damaged or was not shut down cleanly; build it again with --fresh',
    details,
  })

/** Every line that debugfs writes to stderr beside its banner is a failure: its exit code is 0 all the same. */
async function debugfs(
  source: Source,
  args: readonly string[],
  prefix: readonly string[] = [],
): Promise<string> {
  const ran = await source.world.exec.run([...prefix, 'debugfs', ...args, source.device], {
    cwd: source.folder,
    env: { DEBUGFS_PAGER: '__none__' },
    leash: 'child',
  })
  const complaints = ran.stderr.split('\n').filter((line) => line !== '' && !/^debugfs [0-9]/.test(line))
  if (complaints.length > 0) throw broken(source, 'could not be read whole', complaints.slice(0, 12))
  return ran.stdout
}

/**
 * Replays the journal on our private copy, then lets e2fsck prove the structure. This also rules out names with a
 * slash and double names, by which a made-up file system could have led rdump out of its folder.
 * @returns how many names of each kind e2fsck counted
 */
async function prove(
  source: Source,
): Promise<{ readonly files: number; readonly folders: number; readonly links: number }> {
  const { exec } = source.world
  const options = { cwd: source.folder, leash: 'child', ok: 'any' } as const
  const replay = await exec.run(['e2fsck', '-p', '-E', 'journal_only', source.device], options)
  if (replay.code !== 0 && replay.code !== 1) {
    throw broken(source, 'has a journal that can not be replayed', replay.stdout.split('\n').slice(0, 12))
  }
  const checked = await exec.run(['e2fsck', '-f', '-n', '-v', source.device], options)
  if (checked.code !== 0) {
    throw broken(
      source,
      `is damaged (e2fsck exit code ${checked.code})`,
      checked.stdout.split('\n').slice(0, 12),
    )
  }
  const count = (what: RegExp): number => {
    const digits = what.exec(checked.stdout)?.[1]
    if (digits === undefined) throw broken(source, 'was checked, but e2fsck printed no counts')
    return Number(digits)
  }
  return {
    // e2fsck counts inodes: further names of one file are its "links".
    files: count(/^\s*(\d+) regular files?$/m) + count(/^\s*(\d+) links?$/m),
    folders: count(/^\s*(\d+) director(?:y|ies)$/m),
    links: count(/^\s*(\d+) symbolic links?\b/m),
  }
}

/** One entry of `ls -p`: a name holds any byte but `/`, so that this can't be misread. */
const entry = /\/(\d+)\/(\d{6})\/\d+\/\d+\/([^/]*)\/(\d*)\/\n/y
const heading = /debugfs: {1,2}ls -p <(\d+)>\n/y

function parseListing(source: Source, text: string): ReadonlyMap<number, readonly Inode[]> {
  const found = new Map<number, Inode[]>()
  let current: Inode[] | undefined
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match !== null) at = pattern.lastIndex
    return match
  }
  while (at < text.length) {
    const row = take(entry)
    if (row !== null && current !== undefined) {
      const [, inode = '', mode = '', name = '', size = ''] = row
      if (name !== '..' && (name !== '.' || Number(inode) === rootInode)) {
        current.push({
          path: name,
          inode: Number(inode),
          mode: Number.parseInt(mode, 8),
          size: Number(size || 0),
        })
      }
      continue
    }
    const head = take(heading)
    if (head !== null) {
      current = []
      found.set(Number(head[1]), current)
    } else if (text[at] === '\n') {
      at += 1
    } else {
      throw broken(source, 'has a listing that can not be understood', [
        JSON.stringify(text.slice(at, at + 120)),
      ])
    }
  }
  return found
}

interface Listed {
  /** The file system's own root folder. */
  readonly root: Inode
  readonly inodes: readonly Inode[]
}

/** All names, level by level: one process a level, a dozen for a whole system. */
async function listAll(source: Source): Promise<Listed> {
  const all: Inode[] = []
  let root: Inode | null = null
  const script = join(source.folder, 'listing.debugfs')
  let level: readonly { readonly inode: number; readonly path: string }[] = [{ inode: rootInode, path: '' }]
  while (level.length > 0) {
    await source.world.files.write(script, level.map(({ inode }) => `ls -p <${inode}>\n`).join(''))
    const listed = parseListing(source, await debugfs(source, ['-f', 'listing.debugfs']))
    const next: { inode: number; path: string }[] = []
    for (const parent of level) {
      const rows = listed.get(parent.inode)
      if (rows === undefined) throw broken(source, `has a folder that was not listed: "/${parent.path}"`)
      for (const row of rows) {
        if (row.path === '.') {
          root = row
          continue
        }
        const path = parent.path === '' ? row.path : `${parent.path}/${row.path}`
        all.push({ ...row, path })
        if ((row.mode & typeBits) === folder) next.push({ inode: row.inode, path })
      }
    }
    level = next
  }
  await source.world.files.remove(script)
  if (root === null) throw broken(source, 'lists no root folder')
  return { root, inodes: all }
}

const asCopied = (inode: Inode): string | null => {
  switch (inode.mode & typeBits) {
    case folder:
      return 'd'
    case regular:
      return `f ${inode.size}`
    case link:
      return `l ${inode.size}`
    default:
      return null // devices, pipes and sockets hold nothing: they are not copied
  }
}

/** rdump sets the mode before the owner, which takes set-user-ID, set-group-ID and sticky bits away again. */
async function restoreModes(
  source: Source,
  into: string,
  inodes: readonly Inode[],
  prefix: readonly string[],
): Promise<void> {
  const special = new Map<string, string[]>()
  for (const inode of inodes) {
    if ((inode.mode & 0o7000) === 0 || (inode.mode & typeBits) === link || asCopied(inode) === null) continue
    const mode = (inode.mode & 0o7777).toString(8)
    special.set(mode, [...(special.get(mode) ?? []), `${into}/${inode.path}`])
  }
  for (const [mode, paths] of special) {
    for (let from = 0; from < paths.length; from += 500) {
      const some = paths.slice(from, from + 500)
      await source.world.exec.run([...prefix, 'chmod', mode, '--', ...some], { cwd: source.folder })
    }
  }
}

/**
 * Copies an ext2, ext3 or ext4 file system out of a raw disk, with modes and (as `prefix` allows) owners, and proves that
 * all of it came: what e2fsck counted, what the folders list and what lies in `into` must agree.
 * @param into name of a folder below `source.folder`, which is made here
 * @throws MintmarkError TOOL_FAILED for a damaged or half-read file system, NO_SPACE before copying when it would not fit
 */
export async function copyExt4(source: Source, into: string, prefix: readonly string[]): Promise<void> {
  const { files } = source.world
  const counted = await prove(source)
  const { root, inodes } = await listAll(source)
  const wanted = new Map<string, string>()
  for (const inode of inodes) {
    const kind = asCopied(inode)
    if (kind !== null) wanted.set(inode.path, kind)
  }
  const kinds = [...wanted.values()]
  const listed = {
    files: kinds.filter((kind) => kind.startsWith('f')).length,
    folders: kinds.filter((kind) => kind === 'd').length + 1, // the root itself
    links: kinds.filter((kind) => kind.startsWith('l')).length,
  }
  for (const kind of ['files', 'folders', 'links'] as const) {
    if (listed[kind] !== counted[kind]) {
      throw broken(source, `lists ${listed[kind]} ${kind}, but e2fsck counted ${counted[kind]}`)
    }
  }
  const bytes = inodes.reduce((sum, inode) => sum + ((inode.mode & typeBits) === regular ? inode.size : 0), 0)
  const free = await files.freeBytes(source.folder)
  if (bytes > free) {
    throw new MintmarkError('NO_SPACE', `reading the image takes ${bytes} bytes, ${free} are free`, {
      where: { folder: source.folder },
    })
  }
  await files.makeFolder(join(source.folder, into), { mode: 0o755 })
  await debugfs(source, ['-R', `rdump / ${into}`], prefix)
  const copied = await walk(source.world, source.folder, into)
  for (const [path, kind] of wanted) {
    if (copied.get(path) !== kind) {
      throw broken(source, `was copied wrongly: "/${path}" is ${copied.get(path) ?? 'missing'}, not ${kind}`)
    }
  }
  if (copied.size !== wanted.size)
    throw broken(source, `has ${wanted.size} names, but ${copied.size} were copied`)
  await restoreModes(source, into, inodes, prefix)
  // The root folder's own: a mount point that all may write to has the sticky bit.
  const mode = (root.mode & 0o7777).toString(8)
  await source.world.exec.run([...prefix, 'chmod', mode, '--', into], { cwd: source.folder })
}
