import { createHash } from 'node:crypto'

/** Pieces that are hashed while they pass: they can be read once, and the digest is asked for afterwards. */
export interface HashedPieces {
  readonly pieces: AsyncIterable<Uint8Array>
  /** Lower-case hex, and the number of bytes, of what passed. */
  result(): { readonly sha256: string; readonly bytes: number }
}

/** Hashes the pieces of all sources, one source after the other. */
export function hashedPieces(
  ...sources: readonly (AsyncIterable<Uint8Array> | Iterable<Uint8Array>)[]
): HashedPieces {
  const hash = createHash('sha256')
  let bytes = 0
  async function* passed(): AsyncGenerator<Uint8Array> {
    for (const source of sources) {
      for await (const piece of source) {
        hash.update(piece)
        bytes += piece.length
        yield piece
      }
    }
  }
  return { pieces: passed(), result: () => ({ sha256: hash.digest('hex'), bytes }) }
}
