import { MintmarkError } from '../errors.ts'
import { isS3Address, parseS3Address } from '../model/catalog-address.ts'
import { shownAddress } from '../model/shown-address.ts'
import type { OpenCatalog } from './catalog.ts'
import type { Files } from './files.ts'
import { folderCatalog } from './folder-catalog.ts'
import { s3Catalog } from './s3-catalog.ts'

export interface OpenOptions {
  readonly files: Files
  readonly env: Readonly<Record<string, string | undefined>>
  /** Absolute folder for fetched blobs. */
  readonly cache: string
  readonly signal: AbortSignal
  readonly warn: (text: string) => void
}

/** Catalogs by their address; nothing is looked at before it is used. */
export function catalogOpener({ files, env, cache, signal, warn }: OpenOptions): OpenCatalog {
  return (text) => {
    if (!isS3Address(text)) {
      if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text))
        throw new MintmarkError('USAGE', `"${shownAddress(text)}" is no place for a catalog`, {
          hint: 'a folder, or s3://BUCKET/PREFIX: MINTMARK_CATALOG, or catalog in mintmark.yaml',
        })
      return folderCatalog(text, files)
    }
    const address = parseS3Address(text)
    if (address === null) {
      throw new MintmarkError('USAGE', `"${text}" is no place for a catalog`, {
        hint: 'write s3://BUCKET/PREFIX, the prefix of letters, digits, ".", "_", "=", "-" and "/"',
      })
    }
    const endpoint = env['MINTMARK_S3_ENDPOINT'] || null
    const kmsKey = env['MINTMARK_S3_KMS_KEY'] || null
    return s3Catalog({ address, endpoint, kmsKey, files, cache, signal, warn })
  }
}
