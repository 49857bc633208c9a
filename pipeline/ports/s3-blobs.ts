import { join } from 'node:path'
import { MintmarkError } from '../errors.ts'
import type { BlobState, StoredBlob, TakenBlob } from './catalog.ts'
import { blobName, digest, hashed } from './catalog-key.ts'
import type { Files } from './files.ts'
import { lockUntil } from './lock.ts'
import type { S3 } from './s3-client.ts'
import { type Condition, type Source, s3Upload, streamAttempts } from './s3-upload.ts'

/** For another process of this machine that fetches the same image. */
const cacheWaitMs = 60 * 60_000

/** For others who store the same blob at the same time. */
const putAttempts = 10

export interface S3BlobOptions {
  readonly s3: S3
  readonly files: Files
  /** Absolute folder for fetched blobs. */
  readonly cache: string
  /** Looks at the bucket before the first write. */
  readonly prepare: () => Promise<void>
  /** Bytes in one request, at most. */
  readonly inOneRequest: number
  /** Ends a wait for another process. */
  readonly signal: AbortSignal
}

/** How the object that is there compares with the blob; nothing is read but its headers. */
interface Stored {
  readonly etag: string
  readonly bytes: number
  /** Of the whole object, as S3 itself computed it; null where it has none. */
  readonly sha256: string | null
  /** Sent in parts: then S3 has no digest of the whole. */
  readonly inParts: boolean
}

/** The blobs of a bucket: part of a catalog. */
export function s3Blobs({ s3, files, cache, prepare, inOneRequest, signal }: S3BlobOptions) {
  const missing = (sha256: string): MintmarkError =>
    new MintmarkError('VERIFY_FAILED', `the catalog has no blob sha256:${sha256}`, {
      hint: './mintmark catalog check --repair',
      where: { catalog: s3.location },
    })

  async function look(sha256: string): Promise<Stored | null> {
    const Key = s3.keyOf(blobName(sha256))
    const answer = await s3.call({ action: 's3:GetObject' }, (sdk, client, options) =>
      client.send(new sdk.HeadObjectCommand({ Bucket: s3.bucket, Key, ChecksumMode: 'ENABLED' }), options),
    )
    if (answer.status !== 200) return null
    const { ETag = '', ContentLength = 0, ChecksumSHA256 } = answer.value
    // That of an upload in parts is the digest of digests, with the number of parts at its end.
    const whole = ChecksumSHA256 !== undefined && !ChecksumSHA256.includes('-')
    return {
      etag: ETag,
      bytes: ContentLength,
      inParts: /-\d+"?$/.test(ETag),
      sha256: whole ? Buffer.from(ChecksumSHA256, 'base64').toString('hex') : null,
    }
  }

  /** Reads the object's bytes in order. Null when it is missing. What `use` does is begun again when the stream breaks off. */
  async function stream<T>(
    sha256: string,
    use: (pieces: AsyncIterable<Uint8Array>, bytes: number) => Promise<T>,
  ): Promise<T | null> {
    const stored = await look(sha256)
    if (stored === null) return null
    const Key = s3.keyOf(blobName(sha256))
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await s3.call(
          { action: 's3:GetObject', bytes: stored.bytes },
          async (sdk, client, options) => {
            const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket: s3.bucket, Key }), options)
            return use(Body as AsyncIterable<Uint8Array>, stored.bytes)
          },
        )
        return answer.status === 200 ? answer.value : null
      } catch (cause) {
        const again = cause instanceof MintmarkError && cause.code === 'PROVIDER_UNREACHABLE'
        if (!again || attempt === streamAttempts) throw cause
        await s3.pause(500 * attempt)
      }
    }
  }

  async function readThrough(pieces: AsyncIterable<Uint8Array>): Promise<{ found: string; bytes: number }> {
    let result = { found: '', bytes: 0 }
    const looked = hashed(pieces, (found, bytes) => {
      result = { found, bytes }
    })
    for await (const piece of looked) void piece
    return result
  }

  async function checkBlob(sha256: string): Promise<BlobState> {
    const read = await stream(sha256, readThrough)
    if (read === null) return { status: 'missing' }
    if (read.found === sha256) return { status: 'intact', bytes: read.bytes }
    return { status: 'corrupt', found: read.found }
  }

  async function statBlob(sha256: string): Promise<number | null> {
    return (await look(sha256))?.bytes ?? null
  }

  async function getBlob(sha256: string): Promise<Uint8Array> {
    const bytes = await stream(sha256, async (pieces) => {
      const all: Uint8Array[] = []
      for await (const piece of pieces) all.push(piece)
      return Buffer.concat(all)
    })
    if (bytes === null) throw missing(sha256)
    const found = digest(bytes)
    if (found === sha256) return bytes
    throw new MintmarkError('VERIFY_FAILED', `blob sha256:${sha256} now has the digest sha256:${found}`, {
      hint: './mintmark catalog check --repair',
      where: { catalog: s3.location },
    })
  }

  /** Into the cache, whole or not at all; only while the lock of this blob is held. */
  async function fetchBlob(sha256: string, path: string): Promise<TakenBlob> {
    for (const left of await files.abandoned(cache)) await files.remove(left)
    let corrupt: string | null = null
    const whole = await stream(sha256, async (pieces, bytes) => {
      if ((await files.freeBytes(cache)) < bytes)
        throw new MintmarkError('NO_SPACE', `the image needs ${bytes} bytes, more than are free at ${cache}`)
      const checked = hashed(pieces, (found) => {
        if (found === sha256) return
        corrupt = found
        throw new MintmarkError('VERIFY_FAILED', `blob sha256:${sha256} now has the digest sha256:${found}`)
      })
      try {
        await files.write(path, checked, { mode: 0o444 })
        return true
      } catch (cause) {
        if (corrupt !== null) return false
        throw cause
      }
    })
    if (whole === null) return { status: 'missing' }
    if (corrupt !== null) return { status: 'corrupt', found: corrupt }
    return { status: 'intact', path, bytes: (await files.info(path))?.size ?? 0 }
  }

  async function takeBlob(sha256: string): Promise<TakenBlob> {
    blobName(sha256)
    const path = join(cache, sha256)
    await files.makeFolder(cache, { mode: 0o700 })
    return lockUntil(signal)(join(cache, `${sha256}.lock`), cacheWaitMs, async () => {
      const info = await files.info(path)
      if (info?.kind === 'file' && (await files.sha256(path)) === sha256)
        return { status: 'intact', path, bytes: info.size }
      return fetchBlob(sha256, path)
    })
  }

  const send = s3Upload({ s3, files, inOneRequest })

  async function measured(source: Source): Promise<StoredBlob> {
    if (typeof source !== 'string') return { sha256: digest(source), bytes: source.byteLength }
    const info = await files.info(source)
    if (info?.kind !== 'file') throw new MintmarkError('CHAIN_BROKEN', `${source} is not there as a file`)
    return { sha256: await files.sha256(source), bytes: info.size }
  }

  async function putBlob(source: Source, options: { readonly expected?: string } = {}): Promise<StoredBlob> {
    const blob = await measured(source)
    const { sha256, bytes } = blob
    const { expected = sha256 } = options
    if (sha256 !== expected) {
      throw new MintmarkError('CHAIN_BROKEN', `sha256:${expected} was expected, found sha256:${sha256}`, {
        where: typeof source === 'string' ? { path: source } : {},
      })
    }
    await prepare()
    for (let attempt = 1; attempt <= putAttempts; attempt += 1) {
      const stored = await look(sha256)
      const same = stored?.bytes === bytes && (stored.sha256 === sha256 || stored.inParts)
      if (same) return blob
      const condition: Condition = stored === null ? { IfNoneMatch: '*' } : { IfMatch: stored.etag }
      const answer = await send(sha256, source, bytes, condition)
      if (answer.status === 200) return blob
      // Somebody else stores the same: look again at what is there now.
      if (attempt < putAttempts) await s3.pause(100 * attempt)
    }
    throw new MintmarkError('CONFLICT', `the blob sha256:${sha256} is written by others all the time`)
  }

  async function restoreBlob(sha256: string, source: Source): Promise<string | null> {
    const blob = await measured(source)
    if (blob.sha256 !== sha256)
      throw new MintmarkError('CHAIN_BROKEN', `sha256:${sha256} can't be restored by sha256:${blob.sha256}`)
    await prepare()
    const answer = await send(sha256, source, blob.bytes, {})
    if (answer.status !== 200)
      throw new MintmarkError('CONFLICT', `the blob sha256:${sha256} is written by somebody else just now`)
    return null
  }

  return { getBlob, checkBlob, statBlob, takeBlob, putBlob, restoreBlob }
}
