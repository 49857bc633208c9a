import { createHash, randomBytes } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import writeFileAtomic from 'write-file-atomic'
import { MintmarkError } from '../errors.ts'

export interface FileInfo {
  readonly kind: 'file' | 'folder' | 'link' | 'other'
  /** Bytes. */
  readonly size: number
  /** Bytes that it takes on the disk (a sparse file takes less than its size). */
  readonly onDisk: number
  readonly mode: number
  readonly modifiedMs: number
}

/** Every touch of the file system that a stage makes. Writes are temp + fsync + rename. */
export interface Files {
  readText(path: string): Promise<string>
  readBytes(path: string): Promise<Uint8Array>
  /** The file's bytes in order, in pieces of at most 4 MiB. */
  chunks(path: string): AsyncIterable<Uint8Array>
  /** Whole or not at all; makes the folder. Mode 0600 when `secret`. */
  write(path: string, content: string | Uint8Array, options?: { readonly mode?: number }): Promise<void>
  /** Like write, but false (and nothing changed) when the path is already there. */
  createOnly(
    path: string,
    content: string | Uint8Array,
    options?: { readonly mode?: number },
  ): Promise<boolean>
  /** Hard link where possible, else a copy; whole or not at all. */
  place(from: string, to: string): Promise<void>
  copy(from: string, to: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  makeFolder(path: string, options?: { readonly mode?: number }): Promise<void>
  /** A new folder for this process alone; the caller removes it. */
  tempFolder(prefix: string, parent?: string): Promise<string>
  setMode(path: string, mode: number): Promise<void>
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

function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined
}

/** Gives disk-full and read-only their own error; all else is passed on as it is. */
async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const code = codeOf(cause)
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new MintmarkError('NO_SPACE', `no space left to write ${path}`, { cause })
    if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
      throw new MintmarkError('TOOL_FAILED', `${path} can't be written (${code})`, {
        cause,
        hint: 'check who owns that folder and how it is mounted',
      })
    }
    throw cause
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
    throw cause
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

const besides = (path: string): string => `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`

export const nodeFiles: Files = {
  readText: (path) => fs.readFile(path, 'utf8'),
  readBytes: (path) => fs.readFile(path),
  chunks: (path) => createReadStream(path, { highWaterMark: 4 << 20 }),
  write: (path, content, options = {}) =>
    guarded(path, async () => {
      await fs.mkdir(dirname(path), { recursive: true })
      await writeFileAtomic(path, typeof content === 'string' ? content : Buffer.from(content), {
        mode: options.mode ?? 0o644,
      })
    }),
  createOnly: (path, content, options = {}) =>
    guarded(path, async () => {
      await fs.mkdir(dirname(path), { recursive: true })
      const temp = besides(path)
      try {
        await fs.writeFile(temp, content, { mode: options.mode ?? 0o644, flag: 'wx', flush: true })
        await fs.link(temp, path)
        return true
      } catch (cause) {
        if (codeOf(cause) === 'EEXIST') return false
        throw cause
      } finally {
        await fs.rm(temp, { force: true })
      }
    }),
  place: (from, to) =>
    guarded(to, async () => {
      await fs.mkdir(dirname(to), { recursive: true })
      const temp = besides(to)
      try {
        await fs.link(from, temp).catch(() => fs.copyFile(from, temp, constants.COPYFILE_FICLONE))
        await syncFile(temp)
        await fs.rename(temp, to)
      } finally {
        await fs.rm(temp, { force: true }) // rename of two links to one file leaves the first behind
      }
    }),
  copy: (from, to) =>
    guarded(to, async () => {
      await fs.mkdir(dirname(to), { recursive: true })
      await fs.copyFile(from, to, constants.COPYFILE_FICLONE)
    }),
  rename: (from, to) => guarded(to, () => fs.rename(from, to)),
  remove: (path) => guarded(path, () => fs.rm(path, { recursive: true, force: true })),
  makeFolder: (path, options = {}) =>
    guarded(path, async () => {
      await fs.mkdir(path, { recursive: true, mode: options.mode ?? 0o755 })
    }),
  tempFolder: (prefix, parent) =>
    guarded(parent ?? tmpdir(), async () => {
      if (parent !== undefined) await fs.mkdir(parent, { recursive: true })
      return fs.mkdtemp(join(parent ?? tmpdir(), prefix))
    }),
  setMode: (path, mode) => guarded(path, () => fs.chmod(path, mode)),
  async list(folder) {
    try {
      return (await fs.readdir(folder)).sort()
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return []
      throw cause
    }
  },
  info,
  readLink: (path) => fs.readlink(path),
  async sha256(path) {
    const hash = createHash('sha256')
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
    return hash.digest('hex')
  },
  async freeBytes(path) {
    let at = path
    while (!(await exists(at)) && dirname(at) !== at) at = dirname(at)
    const stat = await fs.statfs(at)
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
