import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { parseS3Address } from '../../pipeline/model/catalog-address.ts'
import type { Catalog } from '../../pipeline/ports/catalog.ts'
import { blobName } from '../../pipeline/ports/catalog-key.ts'
import { type S3CatalogOptions, s3Catalog } from '../../pipeline/ports/s3-catalog.ts'
import type { MotoServer } from './moto-server.ts'
import type { TestWorld } from './world.ts'

/** A catalog that a test may damage behind its back. */
export interface Store {
  readonly catalog: Catalog
  /** Folder or s3://bucket/prefix. */
  readonly address: string
  /** Puts text at a name from the catalog's root, whatever is there. */
  put(name: string, text: string): Promise<void>
  drop(name: string): Promise<void>
}

export const damage = (store: Store, sha256: string, text: string): Promise<void> =>
  store.put(blobName(sha256), text)

/** The catalog of the box, in its folder. */
export function folderStore(box: TestWorld): Store {
  const root = box.world.places.catalog
  const drop = (name: string): Promise<void> => rm(join(root, name), { force: true })
  return {
    catalog: box.world.catalog,
    address: root,
    drop,
    async put(name, text) {
      const path = join(root, name)
      await drop(name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, text)
      await chmod(path, 0o600)
    },
  }
}

export const testBucket = 'mintmark-test'

export async function makeBucket({ client }: MotoServer, bucket = testBucket): Promise<void> {
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
}

/** A catalog of the server's bucket; the box has the cache. */
export function s3Store(
  box: TestWorld,
  moto: MotoServer,
  prefix: string,
  options: Partial<S3CatalogOptions> = {},
): Store {
  const address = `s3://${testBucket}/${prefix}`
  const parsed = parseS3Address(address)
  if (parsed === null) throw new Error(`${address} is no address`)
  const keyOf = (name: string): { readonly Bucket: string; readonly Key: string } => ({
    Bucket: testBucket,
    Key: `${prefix}/${name}`,
  })
  return {
    catalog: s3Catalog({
      address: parsed,
      endpoint: moto.endpoint,
      kmsKey: null,
      files: box.world.files,
      cache: box.world.places.blobs,
      signal: box.world.signal,
      warn: (text) => void box.told.lines.push(`warning: ${text}`),
      ...options,
    }),
    address,
    async put(name, text) {
      await moto.client.send(new PutObjectCommand({ ...keyOf(name), Body: text }))
    },
    async drop(name) {
      await moto.client.send(new DeleteObjectCommand(keyOf(name)))
    },
  }
}
