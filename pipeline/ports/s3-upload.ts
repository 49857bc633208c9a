import { Readable } from 'node:stream'
import { MintmarkError } from '../errors.ts'
import { blobName, hashed } from './catalog-key.ts'
import type { Files } from './files.ts'
import type { Answer, S3 } from './s3-client.ts'

/** S3 takes no more in one request. */
export const mostInOneRequest = 5 * 2 ** 30
const leastPart = 16 * 2 ** 20
/** S3 allows 10,000. */
const mostParts = 9000

/** A stream that broke off is begun again so often; the SDK repeats only what it has in memory. */
export const streamAttempts = 3

/** A file by its absolute path, or bytes. */
export type Source = string | Uint8Array

/** When the object may be written; nothing: whatever is there. */
export type Condition = { readonly IfNoneMatch: '*' } | { readonly IfMatch: string } | Record<string, never>

const base64Of = (sha256: string): string => Buffer.from(sha256, 'hex').toString('base64')

export interface S3UploadOptions {
  readonly s3: S3
  readonly files: Files
  /** Bytes in one request, at most; larger files go in parts. */
  readonly inOneRequest: number
}

/** Sends blobs to a bucket; what is sent has to have the digest that is named. */
export function s3Upload({ s3, files, inOneRequest }: S3UploadOptions) {
  const encoded = (sha256: string) => ({
    Bucket: s3.bucket,
    Key: s3.keyOf(blobName(sha256)),
    ContentType: 'application/octet-stream',
    ...s3.encryption,
  })

  /** The file's bytes; ends with an error when they are not those that were hashed before. */
  const piecesOf = (path: string, sha256: string): AsyncIterable<Uint8Array> =>
    hashed(files.chunks(path), (found) => {
      if (found !== sha256)
        throw new MintmarkError('CHAIN_BROKEN', `${path} was written to while it was stored: sha256:${found}`)
    })

  async function sendWhole(sha256: string, source: Source, bytes: number, condition: Condition) {
    return s3.call({ action: 's3:PutObject', bytes }, async (sdk, client, { abortSignal }) => {
      const broken = new AbortController()
      const Body = typeof source === 'string' ? Readable.from(piecesOf(source, sha256)) : source
      let why: unknown = null
      // The SDK pipes the stream, which passes no error on: the request would wait for the rest for ever.
      if (Body instanceof Readable)
        Body.once('error', (cause) => {
          why = cause
          broken.abort()
        })
      const command = new sdk.PutObjectCommand({
        ...encoded(sha256),
        ...condition,
        Body,
        ContentLength: bytes,
        ChecksumAlgorithm: 'SHA256',
        ChecksumSHA256: base64Of(sha256),
      })
      try {
        await client.send(command, { abortSignal: AbortSignal.any([abortSignal, broken.signal]) })
      } catch (cause) {
        throw why ?? cause
      } finally {
        if (Body instanceof Readable) Body.destroy()
      }
    })
  }

  async function sendInParts(sha256: string, path: string, bytes: number, condition: Condition) {
    return s3.call({ action: 's3:PutObject', bytes }, async (_sdk, client, { abortSignal }) => {
      const { Upload } = await import('@aws-sdk/lib-storage')
      const upload = new Upload({
        client,
        params: {
          ...encoded(sha256),
          ...condition,
          Body: Readable.from(piecesOf(path, sha256)),
          ChecksumAlgorithm: 'SHA256',
        },
        partSize: Math.max(leastPart, Math.ceil(bytes / mostParts)),
        leavePartsOnError: false,
      })
      const stop = (): void => void upload.abort()
      abortSignal.addEventListener('abort', stop, { once: true })
      try {
        await upload.done()
      } finally {
        abortSignal.removeEventListener('abort', stop)
      }
    })
  }

  async function send(
    sha256: string,
    source: Source,
    bytes: number,
    condition: Condition,
  ): Promise<Answer<void>> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return typeof source === 'string' && bytes > inOneRequest
          ? await sendInParts(sha256, source, bytes, condition)
          : await sendWhole(sha256, source, bytes, condition)
      } catch (cause) {
        const again = cause instanceof MintmarkError && cause.code === 'PROVIDER_UNREACHABLE'
        if (!again || attempt === streamAttempts) throw cause
        await s3.pause(500 * attempt)
      }
    }
  }

  return send
}
