/** What a look at a stored blob found. */
export type BlobState =
  | { readonly status: 'intact'; readonly bytes: number }
  | { readonly status: 'missing' }
  /** The stored bytes have another digest than their name says. */
  | { readonly status: 'corrupt'; readonly found: string }

/** A key's text and the tag that a compare-and-swap has to name. */
export interface Entry {
  readonly value: string
  readonly etag: string
}

/**
 * Where images, reports, records and channels live. Blobs are named by their digest (lower-case hex); keys are
 * `releases/...json`, `channels/...json` and `history/...json`.
 */
export interface Catalog {
  /** For people: the folder or the bucket. */
  readonly location: string
  /** The whole blob, for reports. @throws MintmarkError VERIFY_FAILED when it is gone or its digest is another one */
  getBlob(sha256: string): Promise<Uint8Array>
  /** Reads the blob through, without keeping it: fit for images. */
  checkBlob(sha256: string): Promise<BlobState>
  /**
   * Stores a file (by its absolute path) or bytes under their digest, read-only. A file may be stored by hard
   * link, so nothing may write to it afterwards.
   * @throws MintmarkError CHAIN_BROKEN, with nothing stored, when the digest is not `expected`
   */
  putBlob(
    source: string | Uint8Array,
    options?: { readonly expected?: string },
  ): Promise<{ readonly sha256: string; readonly bytes: number }>
  /** Absolute path that the blob has or would have; null when the catalog is not on this machine. */
  blobPath(sha256: string): string | null
  read(key: string): Promise<Entry | null>
  /** False, and nothing changed, when the key is already there. */
  createOnly(key: string, text: string): Promise<boolean>
  /** Writes only if the key still has this etag (null: still absent); false when it has not. */
  compareAndSwap(key: string, expectedEtag: string | null, text: string): Promise<boolean>
  /** All keys that begin with the prefix, sorted. */
  list(prefix: string): Promise<readonly string[]>
}
