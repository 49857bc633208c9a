import { createHash, randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { MintmarkError } from '../errors.ts'
import type { BlobState, Catalog, Entry } from './catalog.ts'
import type { Files } from './files.ts'
import { withLock } from './lock.ts'

/** Longest wait for another writer; a swap itself takes some milliseconds. */
const lockWaitMs = 20_000

const tops = ['channels', 'history', 'releases'] as const

const hexDigest = /^[0-9a-f]{64}$/
const keySegment = /^[A-Za-z0-9][A-Za-z0-9._+-]*$/

function checkedDigest(sha256: string): string {
  if (!hexDigest.test(sha256)) throw new MintmarkError('USAGE', `"${sha256}" is not a sha256`)
  return sha256
}

/** Only such names are keys: no way out of the folder, and no temporary file of a killed writer. */
function isKey(key: string): boolean {
  const segments = key.split('/')
  const [top] = segments
  return (
    segments.length >= 3 &&
    tops.some((name) => name === top) &&
    segments.every((segment) => keySegment.test(segment) && !segment.includes('..')) &&
    key.endsWith('.json')
  )
}

function checkedKey(key: string): string {
  if (!isKey(key)) throw new MintmarkError('USAGE', `"${key}" is not a key of the catalog`)
  return key
}

const digest = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex')

/**
 * A catalog in a folder, private to its owner:
 * `blobs/sha256/ab/<hex>`, `releases/<image>/<version>/...`, `channels/<image>/<channel>/<variant>.json`,
 * `history/<image>/<channel>/<variant>/...`.
 */
export function folderCatalog(root: string, files: Files): Catalog {
  const lockPath = join(root, 'lock')
  const pathOf = (key: string): string => join(root, checkedKey(key))
  const blobPath = (sha256: string): string =>
    join(root, 'blobs', 'sha256', checkedDigest(sha256).slice(0, 2), sha256)

  async function prepare(): Promise<void> {
    if ((await files.info(root)) !== null) return
    await files.makeFolder(dirname(root))
    await files.makeFolder(root, { mode: 0o700 })
    await files.setMode(root, 0o700)
  }

  async function checkBlob(sha256: string): Promise<BlobState> {
    const path = blobPath(sha256)
    const info = await files.info(path)
    if (info?.kind !== 'file') return { status: 'missing' }
    const found = await files.sha256(path)
    return found === sha256 ? { status: 'intact', bytes: info.size } : { status: 'corrupt', found }
  }

  async function getBlob(sha256: string): Promise<Uint8Array> {
    const path = blobPath(sha256)
    if ((await files.info(path)) === null) {
      throw new MintmarkError('VERIFY_FAILED', `the catalog has no blob sha256:${sha256}`, {
        where: { catalog: root },
      })
    }
    const bytes = await files.readBytes(path)
    const found = digest(bytes)
    if (found === sha256) return bytes
    throw new MintmarkError('VERIFY_FAILED', `blob sha256:${sha256} now has the digest sha256:${found}`, {
      where: { path },
    })
  }

  async function putBlob(
    source: string | Uint8Array,
    options: { readonly expected?: string } = {},
  ): Promise<{ readonly sha256: string; readonly bytes: number }> {
    await prepare()
    const incoming = join(root, 'incoming', randomBytes(8).toString('hex'))
    try {
      // The digest is taken of the stored file, after it became read-only: what is hashed is what is kept.
      if (typeof source === 'string') {
        const info = await files.info(source)
        if (info?.kind !== 'file') throw new MintmarkError('CHAIN_BROKEN', `${source} is not there as a file`)
        await files.place(source, incoming)
        await files.setMode(incoming, 0o444)
      } else {
        await files.write(incoming, source, { mode: 0o444 })
      }
      const sha256 = await files.sha256(incoming)
      const { expected = sha256 } = options
      if (sha256 !== expected) {
        throw new MintmarkError('CHAIN_BROKEN', `sha256:${expected} was expected, found sha256:${sha256}`, {
          where: typeof source === 'string' ? { path: source } : {},
        })
      }
      const path = blobPath(sha256)
      await files.makeFolder(dirname(path))
      await files.rename(incoming, path)
      const info = await files.info(path)
      return { sha256, bytes: info?.size ?? 0 }
    } finally {
      // Renaming one link of a file onto another link of it leaves the first behind.
      await files.remove(incoming)
    }
  }

  async function read(key: string): Promise<Entry | null> {
    const path = pathOf(key)
    if ((await files.info(path)) === null) return null
    const value = await files.readText(path)
    return { value, etag: digest(value) }
  }

  async function createOnly(key: string, text: string): Promise<boolean> {
    const path = pathOf(key)
    await prepare()
    return files.createOnly(path, text, { mode: 0o444 })
  }

  async function compareAndSwap(key: string, expectedEtag: string | null, text: string): Promise<boolean> {
    const path = pathOf(key)
    await prepare()
    return withLock(lockPath, lockWaitMs, async () => {
      const now = await read(key)
      if ((now?.etag ?? null) !== expectedEtag) return false
      await files.write(path, text, { mode: 0o600 })
      return true
    })
  }

  async function list(prefix: string): Promise<readonly string[]> {
    const found: string[] = []
    const walk = async (relative: string): Promise<void> => {
      const info = await files.info(join(root, relative))
      if (info?.kind === 'file' && isKey(relative) && relative.startsWith(prefix)) found.push(relative)
      if (info?.kind !== 'folder') return
      for (const name of await files.list(join(root, relative))) {
        const child = `${relative}/${name}`
        // Only what lies on the way to the prefix, or below it.
        if (child.startsWith(prefix) || prefix.startsWith(`${child}/`)) await walk(child)
      }
    }
    for (const top of tops) {
      if (top.startsWith(prefix) || prefix.startsWith(`${top}/`)) await walk(top)
    }
    return found.sort()
  }

  return { location: root, getBlob, checkBlob, putBlob, blobPath, read, createOnly, compareAndSwap, list }
}
