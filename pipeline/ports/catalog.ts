/** What a look at a stored blob found. */
export type BlobState =
  | { readonly status: 'intact'; readonly bytes: number }
  | { readonly status: 'missing' }
  /** The stored bytes have another digest than their name says. */
  | { readonly status: 'corrupt'; readonly found: string }

/** A blob as a file of this machine. */
export type TakenBlob =
  | {
      readonly status: 'intact'
      readonly bytes: number
      /** Absolute. Others use the file too: nobody may write to it. */
      readonly path: string
    }
  | Exclude<BlobState, { readonly status: 'intact' }>

/** A key's text and the tag that a compare-and-swap has to name. */
export interface Entry {
  readonly value: string
  readonly etag: string
}

export interface StoredBlob {
  readonly sha256: string
  readonly bytes: number
}

/** What lies in a catalog besides its keys. */
export interface Survey {
  /** Sorted by digest; by their names alone, nothing is read. */
  readonly blobs: readonly StoredBlob[]
  /** For people: what killed writers left, or running ones have not finished yet. */
  readonly leftovers: readonly string[]
  /** For people: names that are no part of a catalog. */
  readonly strays: readonly string[]
}

/**
 * Where images, reports, records and channels live. Blobs are named by their digest (lower-case hex); keys are
 * `releases/...json`, `channels/...json`, `history/...json`, `runs/...json` and `shares/...json`.
 */
export interface Catalog {
  /** For people: the folder or the bucket. */
  readonly location: string
  /** The whole blob, for reports. @throws MintmarkError VERIFY_FAILED when it is gone or its digest is another one */
  getBlob(sha256: string): Promise<Uint8Array>
  /** Reads the blob through, without keeping it: fit for images. */
  checkBlob(sha256: string): Promise<BlobState>
  /** Bytes of the stored blob, none of which is read; null when it is missing. */
  statBlob(sha256: string): Promise<number | null>
  /** The blob as a file of this machine, read through: where it lies, or fetched once into the cache. */
  takeBlob(sha256: string): Promise<TakenBlob>
  /**
   * Stores a file (by its absolute path) or bytes under their digest, read-only. A file may be stored by hard
   * link, so nothing may write to it afterwards.
   * @throws MintmarkError CHAIN_BROKEN, with nothing stored, when the digest is not `expected`
   */
  putBlob(source: string | Uint8Array, options?: { readonly expected?: string }): Promise<StoredBlob>
  /**
   * Stores a copy of the file (by its absolute path) or the bytes over a blob that was seen to be missing or corrupt.
   * @returns where the corrupt bytes are now; null when they are not kept, or there were none
   * @throws MintmarkError CHAIN_BROKEN, with nothing changed, when they have another digest; CONFLICT when somebody else writes it now
   */
  restoreBlob(sha256: string, source: string | Uint8Array): Promise<string | null>
  /** Absolute path that the blob has or would have; null when the catalog is not on this machine. */
  blobPath(sha256: string): string | null
  /** For people: where the blob is or would be, also when that is no path. */
  blobAddress(sha256: string): string
  read(key: string): Promise<Entry | null>
  /** False, and nothing changed, when the key is already there. */
  createOnly(key: string, text: string): Promise<boolean>
  /** Writes only if the key still has this etag (null: still absent); false when it has not. */
  compareAndSwap(key: string, expectedEtag: string | null, text: string): Promise<boolean>
  /** All keys that begin with the prefix, sorted. */
  list(prefix: string): Promise<readonly string[]>
  survey(): Promise<Survey>
}

/** Opens a catalog by its address: an absolute folder, or s3://bucket/prefix. @throws MintmarkError USAGE */
export type OpenCatalog = (address: string) => Catalog
