import { dirname, join } from 'node:path'
import { MintmarkError } from '../errors.ts'
import { keyTops } from '../model/catalog-names.ts'
import type { BlobState, Catalog, Entry, StoredBlob, Survey, TakenBlob } from './catalog.ts'
import { blobName, blobOf, checkedKey, digest, isKey } from './catalog-key.ts'
import type { Files } from './files.ts'
import { withLock } from './lock.ts'

/** Longest wait for another writer; a swap itself takes some milliseconds. */
const lockWaitMs = 20_000

/** A file before it has its name, of this mintmark or of one that wrote beside the key. */
const temporary = /(?:\.tmp|\.json\.\d+)$/

/**
 * A catalog in a folder, private to its owner:
 * `blobs/sha256/ab/<hex>`, `releases/<image>/<version>/...`, `channels/<image>/<channel>/<variant>.json`,
 * `history/<image>/<channel>/<variant>/...`, `runs/<image>/<run>/<turn>.json`, `shares/<image>/<digest>.json`; `damaged/` keeps corrupt blobs that a repair replaced.
 */
export function folderCatalog(root: string, files: Files): Catalog {
  const lockPath = join(root, 'lock')
  const pathOf = (key: string): string => join(root, checkedKey(key))
  const blobPath = (sha256: string): string => join(root, blobName(sha256))

  /** Where everything is written first: what a killed writer left is nowhere else. */
  const staging = join(root, 'incoming')
  let swept = false

  async function sweep(): Promise<void> {
    if (swept) return
    swept = true
    for (const path of await files.abandoned(staging)) await files.remove(path)
  }

  async function prepare(): Promise<void> {
    await sweep()
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

  async function takeBlob(sha256: string): Promise<TakenBlob> {
    const state = await checkBlob(sha256)
    return state.status === 'intact' ? { ...state, path: blobPath(sha256) } : state
  }

  async function statBlob(sha256: string): Promise<number | null> {
    const info = await files.info(blobPath(sha256))
    return info?.kind === 'file' ? info.size : null
  }

  async function getBlob(sha256: string): Promise<Uint8Array> {
    const path = blobPath(sha256)
    if ((await files.info(path)) === null) {
      throw new MintmarkError('VERIFY_FAILED', `the catalog has no blob sha256:${sha256}`, {
        hint: './mintmark catalog check --repair',
        where: { catalog: root },
      })
    }
    const bytes = await files.readBytes(path)
    const found = digest(bytes)
    if (found === sha256) return bytes
    throw new MintmarkError('VERIFY_FAILED', `blob sha256:${sha256} now has the digest sha256:${found}`, {
      hint: './mintmark catalog check --repair',
      where: { path },
    })
  }

  async function putBlob(
    source: string | Uint8Array,
    options: { readonly expected?: string } = {},
  ): Promise<StoredBlob> {
    await prepare()
    const arrived = files.tempPath(staging)
    try {
      // The digest is taken of the stored file, after it became read-only: what is hashed is what is kept.
      if (typeof source === 'string') {
        const info = await files.info(source)
        if (info?.kind !== 'file') throw new MintmarkError('CHAIN_BROKEN', `${source} is not there as a file`)
        await files.place(source, arrived)
        await files.setMode(arrived, 0o444)
      } else {
        await files.write(arrived, source, { mode: 0o444, staging })
      }
      const sha256 = await files.sha256(arrived)
      const { expected = sha256 } = options
      if (sha256 !== expected) {
        throw new MintmarkError('CHAIN_BROKEN', `sha256:${expected} was expected, found sha256:${sha256}`, {
          where: typeof source === 'string' ? { path: source } : {},
        })
      }
      const path = blobPath(sha256)
      await files.makeFolder(dirname(path))
      await files.rename(arrived, path)
      const info = await files.info(path)
      return { sha256, bytes: info?.size ?? 0 }
    } finally {
      // Renaming one link of a file onto another link of it leaves the first behind.
      await files.remove(arrived)
    }
  }

  async function restoreBlob(sha256: string, source: string | Uint8Array): Promise<string | null> {
    await prepare()
    const target = blobPath(sha256)
    const arrived = files.tempPath(staging)
    try {
      // Never a link: what comes from a run folder or another catalog can be written to by others.
      await files.write(arrived, typeof source === 'string' ? files.chunks(source) : source, {
        mode: 0o444,
        staging,
      })
      const found = await files.sha256(arrived)
      if (found !== sha256)
        throw new MintmarkError('CHAIN_BROKEN', `sha256:${sha256} can't be restored by sha256:${found}`)
      let aside: string | null = null
      const info = await files.info(target)
      if (info?.kind === 'file') {
        const corrupt = await files.sha256(target)
        if (corrupt === sha256) return null
        aside = join(root, 'damaged', `${sha256}.is-${corrupt.slice(0, 12)}`)
        await files.place(target, aside)
      }
      await files.makeFolder(dirname(target))
      await files.rename(arrived, target)
      return aside
    } finally {
      await files.remove(arrived)
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
    return files.createOnly(path, text, { mode: 0o444, staging })
  }

  async function compareAndSwap(key: string, expectedEtag: string | null, text: string): Promise<boolean> {
    const path = pathOf(key)
    await prepare()
    return withLock(lockPath, lockWaitMs, async () => {
      const now = await read(key)
      if ((now?.etag ?? null) !== expectedEtag) return false
      await files.write(path, text, { mode: 0o600, staging })
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
    for (const top of keyTops) {
      if (top.startsWith(prefix) || prefix.startsWith(`${top}/`)) await walk(top)
    }
    return found.sort()
  }

  async function survey(): Promise<Survey> {
    const blobs: StoredBlob[] = []
    const leftovers: string[] = []
    const strays: string[] = []
    const sort = (name: string, bytes: number): void => {
      const sha256 = blobOf(name)
      if (sha256 !== null) blobs.push({ sha256, bytes })
      else if (name.startsWith('incoming/') || temporary.test(name)) leftovers.push(name)
      else if (name !== 'lock' && !name.startsWith('damaged/') && !isKey(name)) strays.push(name)
    }
    const walk = async (relative: string): Promise<void> => {
      const info = await files.info(join(root, relative))
      if (info?.kind === 'folder')
        for (const name of await files.list(join(root, relative))) await walk(join(relative, name))
      else if (info !== null) sort(relative, info.size)
    }
    await walk('')
    return { blobs: blobs.sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1)), leftovers, strays }
  }

  return {
    location: root,
    getBlob,
    checkBlob,
    statBlob,
    takeBlob,
    putBlob,
    restoreBlob,
    blobPath,
    blobAddress: blobPath,
    read,
    createOnly,
    compareAndSwap,
    list,
    survey,
  }
}
