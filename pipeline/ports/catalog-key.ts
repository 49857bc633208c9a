import { createHash } from 'node:crypto'
import { MintmarkError } from '../errors.ts'
import { keyTops } from '../model/catalog-names.ts'

const hexDigest = /^[0-9a-f]{64}$/
const keySegment = /^[A-Za-z0-9][A-Za-z0-9._+-]*$/

/** @throws MintmarkError USAGE */
export function checkedDigest(sha256: string): string {
  if (!hexDigest.test(sha256)) throw new MintmarkError('USAGE', `"${sha256}" is not a sha256`)
  return sha256
}

/** Only such names are keys: no way out of the catalog, and no temporary file of a killed writer. */
export function isKey(key: string): boolean {
  const segments = key.split('/')
  const [top] = segments
  return (
    segments.length >= 3 &&
    keyTops.some((name) => name === top) &&
    segments.every((segment) => keySegment.test(segment) && !segment.includes('..')) &&
    key.endsWith('.json')
  )
}

/** @throws MintmarkError USAGE */
export function checkedKey(key: string): string {
  if (!isKey(key)) throw new MintmarkError('USAGE', `"${key}" is not a key of the catalog`)
  return key
}

/** Where a blob is, from the catalog's root. @throws MintmarkError USAGE */
export const blobName = (sha256: string): string =>
  `blobs/sha256/${checkedDigest(sha256).slice(0, 2)}/${sha256}`

/** The digest that a name from the catalog's root is the blob of; null when it is no blob's. */
export function blobOf(name: string): string | null {
  const digest = name.split('/').at(-1) ?? ''
  return hexDigest.test(digest) && blobName(digest) === name ? digest : null
}

/** Lower-case hex. */
export const digest = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('hex')

/** The pieces as they are; `found` gets the digest of all of them before the last one is handed on, and may throw. */
export async function* hashed(
  pieces: AsyncIterable<Uint8Array>,
  found: (sha256: string, bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  let bytes = 0
  let held: Uint8Array | null = null
  for await (const piece of pieces) {
    if (held !== null) yield held
    hash.update(piece)
    bytes += piece.byteLength
    held = piece
  }
  found(hash.digest('hex'), bytes)
  if (held !== null) yield held
}
