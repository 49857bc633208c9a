import { createHash, randomBytes } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { systemClock } from './clock.ts'
import { codeOf, type Doing, explained } from './file-errors.ts'
import { ownerOf, processTag } from './process-tag.ts'

export interface FileInfo {
  readonly kind: 'file' | 'folder' | 'link' | 'other'
  /** Bytes. */
  readonly size: number
  /** Bytes that it takes on the disk (a sparse file takes less than its size). */
  readonly onDisk: number
  readonly mode: number
  readonly modifiedMs: number
}

type Content = string | Uint8Array

/** Writes bytes from `at` on; they may be changed once it is done. */
export type PutBytes = (bytes: Uint8Array, at: number) => Promise<void>

/** Whose a path is, by the system's numbers. */
export interface Ownership {
  readonly user: number
  readonly group: number
  /** True when its user is the one that this process runs as. */
  readonly ours: boolean
}

export interface WriteOptions {
  readonly mode?: number
  /** Folder of the same file system for what is not whole yet; beside the file when left out. */
  readonly staging?: string
}

/**
 * Every touch of the file system that a stage makes. Writes are temp + fsync + rename. What is not whole yet bears the
 * process's tag in its name, so that `dropAbandoned` finds what a killed one left.
 */
export interface Files {
  readText(path: string): Promise<string>
  readBytes(path: string): Promise<Uint8Array>
  /** The file's bytes in order, in pieces of at most 4 MiB. */
  chunks(path: string): AsyncIterable<Uint8Array>
  /** Whole or not at all; makes the folder. Mode 0600 when `secret`. Pieces are written as they come: fit for images. */
  write(path: string, content: Content | AsyncIterable<Uint8Array>, options?: WriteOptions): Promise<void>
  /** Like write, of a file of `size` bytes that is one hole at first: `fill` puts bytes at their places, in any order. */
  writeSparse<T>(
    path: string,
    size: number,
    fill: (put: PutBytes) => Promise<T>,
    options?: WriteOptions,
  ): Promise<T>
  /** Like write, but false (and nothing changed) when the path is already there. */
  createOnly(path: string, content: Content, options?: WriteOptions): Promise<boolean>
  /** Hard link where possible, else a copy; whole or not at all. */
  place(from: string, to: string): Promise<void>
  copy(from: string, to: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  makeFolder(path: string, options?: { readonly mode?: number }): Promise<void>
  /** A new folder for this process alone; the caller removes it. */
  tempFolder(prefix: string, parent?: string): Promise<string>
  /** A path in the folder that nobody else has, for a file that this process moves away or removes. */
  tempPath(folder: string): string
  /**
   * What directly in the folder was begun by a process of this user that is over, and never became whole: paths, sorted. Another
   * machine's counts when it was not changed since `before` (a day ago when left out).
   */
  abandoned(folder: string, before?: Date): Promise<readonly string[]>
  setMode(path: string, mode: number): Promise<void>
  /** Gives the path to a group, by its number. */
  setGroup(path: string, group: number): Promise<void>
  /** Of the path itself (links are not followed). */
  ownership(path: string): Promise<Ownership>
  /** Names in the folder, sorted; none when it is not there. */
  list(folder: string): Promise<readonly string[]>
  /** Of the path itself (links are not followed); null when absent. */
  info(path: string): Promise<FileInfo | null>
  readLink(path: string): Promise<string>
  /** Lower-case hex. */
  sha256(path: string): Promise<string>
  /** Bytes free for an ordinary user where this path is or will be. */
  freeBytes(path: string): Promise<number>
  /** True when this process may read and write the path. */
  accessible(path: string): Promise<boolean>
}

async function guarded<T>(path: string, work: () => Promise<T>, doing: Doing = 'written'): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw explained(path, doing, cause)
  }
}

const reading = <T>(path: string, work: () => Promise<T>): Promise<T> => guarded(path, work, 'read')

async function* chunks(path: string): AsyncIterable<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: 4 << 20 })
  } catch (cause) {
    throw explained(path, 'read', cause)
  }
}

async function exists(path: string): Promise<boolean> {
  return (await info(path)) !== null
}

async function info(path: string): Promise<FileInfo | null> {
  try {
    const stat = await fs.lstat(path)
    const kind = stat.isFile()
      ? 'file'
      : stat.isDirectory()
        ? 'folder'
        : stat.isSymbolicLink()
          ? 'link'
          : 'other'
    return {
      kind,
      size: stat.size,
      onDisk: stat.blocks * 512,
      mode: stat.mode & 0o7777,
      modifiedMs: stat.mtimeMs,
    }
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') return null
    throw explained(path, 'read', cause)
  }
}

async function syncFile(path: string): Promise<void> {
  const handle = await fs.open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A folder that is gone, not for us to read, or of a file system that knows no such thing: the change itself is done. */
const notSynced = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EINVAL', 'EBADF', 'ENOTSUP', 'ENOSYS'])

/** A name is on the disk only once its folder is: a power cut would take back a rename that was told as done. */
async function syncFolder(path: string): Promise<void> {
  try {
    await syncFile(path)
  } catch (cause) {
    if (!notSynced.has(codeOf(cause) ?? '')) throw cause
  }
}

/** With the folders above it that are missing; each new name is on the disk. */
async function makeFolders(folder: string, mode?: number): Promise<void> {
  // From the root: above a relative path there is `.`, for ever.
  const path = resolve(folder)
  const first = await fs.mkdir(path, { recursive: true, ...(mode === undefined ? {} : { mode }) })
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
}

const tempPath = (folder: string, name = ''): string =>
  join(folder, `${name}.${processTag()}.${randomBytes(4).toString('hex')}.tmp`)

const besides = (path: string): string => tempPath(dirname(path), basename(path))

/** A system may take less than it was given at once. */
async function writeAll(handle: fs.FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten
  }
}

async function fillSparse<T>(
  temp: string,
  size: number,
  fill: (put: PutBytes) => Promise<T>,
  mode: number,
): Promise<T> {
  const handle = await fs.open(temp, 'wx', mode)
  try {
    await handle.truncate(size)
    const result = await fill((bytes, at) => writeAll(handle, bytes, at))
    await handle.sync()
    return result
  } finally {
    await handle.close()
  }
}

/** Writes the whole of it to a temporary file, gives that to `put`, and removes it if it is still there. */
async function staged<T>(
  path: string,
  content: Content | AsyncIterable<Uint8Array>,
  { mode = 0o644, staging }: WriteOptions,
  put: (temp: string) => Promise<T>,
): Promise<T> {
  await makeFolders(dirname(path))
  if (staging !== undefined) await makeFolders(staging)
  const temp = staging === undefined ? besides(path) : tempPath(staging)
  try {
    await fs.writeFile(temp, content, { mode, flag: 'wx', flush: true })
    // Not cut by the umask, as what is written over an older file would not be.
    await fs.chmod(temp, mode)
    const result = await put(temp)
    await syncFolder(dirname(path))
    return result
  } finally {
    await fs.rm(temp, { force: true })
  }
}

/** What another machine began is nobody's after a day: nothing of ours takes that long over one file. */
const abandonedAfterMs = 24 * 3_600_000

async function abandoned(folder: string, before?: Date): Promise<readonly string[]> {
  const beforeMs = before?.getTime() ?? systemClock.now().getTime() - abandonedAfterMs
  const left: string[] = []
  for (const name of await list(folder)) {
    const owner = ownerOf(name)
    if (owner !== 'dead' && owner !== 'elsewhere') continue
    const path = join(folder, name)
    const stat = await fs.lstat(path).catch(() => null)
    // Anybody may give any name to a folder in /tmp: what another user made is for that user to remove.
    if (stat === null || stat.uid !== process.getuid?.()) continue
    if (owner === 'dead' || stat.ctimeMs < beforeMs) left.push(path)
  }
  return left
}

async function list(folder: string): Promise<readonly string[]> {
  try {
    return (await fs.readdir(folder)).sort()
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return []
    throw explained(folder, 'read', cause)
  }
}

export const nodeFiles: Files = {
  readText: (path) => reading(path, () => fs.readFile(path, 'utf8')),
  readBytes: (path) => reading(path, () => fs.readFile(path)),
  chunks,
  write: (path, content, options = {}) =>
    guarded(path, async () => {
      // A link stays one: what it names is replaced.
      const real = await fs.realpath(path).catch(() => path)
      await staged(real, content, options, (temp) => fs.rename(temp, real))
    }),
  writeSparse: (path, size, fill, { mode = 0o644, staging } = {}) =>
    guarded(path, async () => {
      for (const folder of [dirname(path), staging]) if (folder !== undefined) await makeFolders(folder)
      const temp = staging === undefined ? besides(path) : tempPath(staging)
      try {
        const result = await fillSparse(temp, size, fill, mode)
        await fs.rename(temp, path)
        await syncFolder(dirname(path))
        return result
      } finally {
        await fs.rm(temp, { force: true })
      }
    }),
  createOnly: (path, content, options = {}) =>
    guarded(path, () =>
      staged(path, content, options, async (temp) => {
        try {
          await fs.link(temp, path)
          return true
        } catch (cause) {
          if (codeOf(cause) === 'EEXIST') return false
          throw cause
        }
      }),
    ),
  place: (from, to) =>
    guarded(to, async () => {
      await makeFolders(dirname(to))
      const temp = besides(to)
      try {
        await fs.link(from, temp).catch(() => fs.copyFile(from, temp, constants.COPYFILE_FICLONE))
        await syncFile(temp)
        await fs.rename(temp, to)
        await syncFolder(dirname(to))
      } finally {
        await fs.rm(temp, { force: true }) // rename of two links to one file leaves the first behind
      }
    }),
  copy: (from, to) =>
    guarded(to, async () => {
      await makeFolders(dirname(to))
      await fs.copyFile(from, to, constants.COPYFILE_FICLONE)
    }),
  rename: (from, to) =>
    guarded(to, async () => {
      await fs.rename(from, to)
      for (const folder of new Set([dirname(to), dirname(from)])) await syncFolder(folder)
    }),
  remove: (path) =>
    guarded(path, async () => {
      await fs.rm(path, { recursive: true, force: true })
      await syncFolder(dirname(path))
    }),
  makeFolder: (path, options = {}) => guarded(path, () => makeFolders(path, options.mode ?? 0o755)),
  tempFolder: (prefix, parent) =>
    guarded(parent ?? tmpdir(), async () => {
      if (parent !== undefined) await makeFolders(parent)
      return fs.mkdtemp(join(parent ?? tmpdir(), `${prefix}${processTag()}-`))
    }),
  tempPath: (folder) => tempPath(folder),
  abandoned,
  setMode: (path, mode) => guarded(path, () => fs.chmod(path, mode)),
  setGroup: (path, group) => guarded(path, () => fs.lchown(path, -1, group)),
  ownership: (path) =>
    reading(path, async () => {
      const { uid, gid } = await fs.lstat(path)
      return { user: uid, group: gid, ours: uid === process.getuid?.() }
    }),
  list,
  info,
  readLink: (path) => reading(path, () => fs.readlink(path)),
  sha256: (path) =>
    reading(path, async () => {
      const hash = createHash('sha256')
      await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
      return hash.digest('hex')
    }),
  async freeBytes(path) {
    let at = path
    while (!(await exists(at)) && dirname(at) !== at) at = dirname(at)
    const stat = await reading(at, () => fs.statfs(at))
    return stat.bavail * stat.bsize
  },
  async accessible(path) {
    try {
      await fs.access(path, constants.R_OK | constants.W_OK)
      return true
    } catch (cause) {
      void cause // no such path, or not for us: both mean no
      return false
    }
  },
}
