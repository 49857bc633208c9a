import type { ListMultipartUploadsCommandInput, ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3'
import { MintmarkError } from '../errors.ts'
import { keyTops } from '../model/catalog-names.ts'
import type { Catalog, Entry, StoredBlob, Survey } from './catalog.ts'
import { blobName, blobOf, checkedKey, digest, isKey } from './catalog-key.ts'
import type { Files } from './files.ts'
import { s3Blobs } from './s3-blobs.ts'
import { type Answer, type S3Options, s3Calls } from './s3-client.ts'
import { failureOf } from './s3-errors.ts'
import { mostInOneRequest } from './s3-upload.ts'

export interface S3CatalogOptions extends S3Options {
  readonly files: Files
  /** Absolute folder for fetched blobs. */
  readonly cache: string
  /** Told at most once a process what is risky about the bucket. */
  readonly warn: (text: string) => void
  /** Bytes in one request, at most; larger files go in parts. Default: what S3 allows. */
  readonly inOneRequest?: number
}

/** S3 answers 409 while another write of the same key is under way; that takes milliseconds. */
const attempts = 8
const longestPauseMs = 2000

type Condition = { readonly IfNoneMatch: '*' } | { readonly IfMatch: string }

interface Listed {
  readonly name: string
  readonly bytes: number
}

/**
 * A catalog in an S3 bucket, below a prefix: the names are those of a folder catalog. Nobody needs a lock: keys are written by
 * conditional writes. It never deletes anything.
 */
export function s3Catalog(catalogOptions: S3CatalogOptions): Catalog {
  const { files, cache, warn, inOneRequest = mostInOneRequest } = catalogOptions
  const s3 = s3Calls(catalogOptions)
  const Bucket = s3.bucket

  /** What is risky about the bucket; empty when nothing is, or the server does not know such settings. */
  async function risksOf(): Promise<readonly string[]> {
    const versioning = await s3.call({ action: 's3:GetBucketVersioning' }, async (sdk, client, options) => {
      const { Status } = await client.send(new sdk.GetBucketVersioningCommand({ Bucket }), options)
      return Status === 'Enabled'
        ? null
        : 'versioning is off: what somebody overwrites or deletes there is lost'
    })
    const blocked = await s3.call(
      { action: 's3:GetBucketPublicAccessBlock' },
      async (sdk, client, options) => {
        const { PublicAccessBlockConfiguration: block } = await client.send(
          new sdk.GetPublicAccessBlockCommand({ Bucket }),
          options,
        )
        const { BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets } = block ?? {}
        return BlockPublicAcls && IgnorePublicAcls && BlockPublicPolicy && RestrictPublicBuckets
      },
    )
    const open = blocked.status === 404 || (blocked.status === 200 && blocked.value !== true)
    return [
      ...(versioning.status === 200 && versioning.value !== null ? [versioning.value] : []),
      ...(open
        ? ['it does not block public access itself (a block of the whole account is not seen here)']
        : []),
    ]
  }

  async function lookAtBucket(): Promise<void> {
    try {
      for (const risk of await risksOf()) warn(`the bucket ${Bucket}: ${risk}`)
    } catch (cause) {
      if (!(cause instanceof MintmarkError) || cause.code === 'INTERRUPTED') throw cause
      const { name } = failureOf(cause.cause)
      warn(
        `the bucket ${Bucket}: whether it keeps versions and blocks public access could not be looked at (${name}); it takes s3:GetBucketVersioning and s3:GetBucketPublicAccessBlock`,
      )
    }
  }
  let looked: Promise<void> | null = null
  const prepare = (): Promise<void> => {
    looked ??= lookAtBucket()
    return looked
  }

  const blobs = s3Blobs({ s3, files, cache, prepare, inOneRequest, signal: catalogOptions.signal })

  async function read(key: string): Promise<Entry | null> {
    const Key = s3.keyOf(checkedKey(key))
    const answer = await s3.call({ action: 's3:GetObject' }, async (sdk, client, options) => {
      const { Body, ETag = '' } = await client.send(new sdk.GetObjectCommand({ Bucket, Key }), options)
      return { value: (await Body?.transformToString('utf8')) ?? '', etag: ETag }
    })
    return answer.status === 200 ? answer.value : null
  }

  /** False when the condition does not hold. */
  async function write(key: string, text: string, condition: Condition): Promise<boolean> {
    const Key = s3.keyOf(checkedKey(key))
    await prepare()
    const ChecksumSHA256 = Buffer.from(digest(text), 'hex').toString('base64')
    let unsure = false
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      const answer = await s3.call({ action: 's3:PutObject' }, (sdk, client, options) =>
        client.send(
          new sdk.PutObjectCommand({
            Bucket,
            Key,
            Body: text,
            ContentType: 'application/json',
            ChecksumAlgorithm: 'SHA256',
            ChecksumSHA256,
            ...condition,
            ...s3.encryption,
          }),
          options,
        ),
      )
      if (answer.status === 200) return true
      unsure ||= answer.attempts > 1
      if (answer.status !== 409) {
        // An earlier attempt may have been done and its answer lost: then what is there is ours.
        return unsure && (await read(key))?.value === text
      }
      if (attempt < attempts) await s3.pause(Math.min(50 * 2 ** attempt, longestPauseMs))
    }
    throw new MintmarkError(
      'CONFLICT',
      `${key} was written by others ${attempts} times while it was to be written`,
    )
  }

  async function listed(prefix: string): Promise<readonly Listed[]> {
    const found: Listed[] = []
    let token: string | undefined
    do {
      const input = {
        Bucket,
        Prefix: s3.keyOf(prefix),
        ...(token === undefined ? {} : { ContinuationToken: token }),
      }
      const answer = await s3.call({ action: 's3:ListBucket' }, (sdk, client, options) =>
        client.send(new sdk.ListObjectsV2Command(input), options),
      )
      if (answer.status !== 200)
        throw new MintmarkError('PROVIDER_REFUSED', `${s3.location} can't be listed (${answer.status})`)
      for (const { Key = '', Size = 0 } of answer.value.Contents ?? []) {
        const name = s3.nameOf(Key)
        if (name !== null) found.push({ name, bytes: Size })
      }
      token = answer.value.NextContinuationToken
    } while (token !== undefined)
    return found
  }

  async function list(prefix: string): Promise<readonly string[]> {
    const found: string[] = []
    for (const top of keyTops) {
      if (!`${top}/`.startsWith(prefix) && !prefix.startsWith(`${top}/`)) continue
      const below = prefix.startsWith(`${top}/`) ? prefix : `${top}/`
      for (const { name } of await listed(below)) if (isKey(name)) found.push(name)
    }
    return found.sort()
  }

  /** What a writer that was killed, or one that is at work, has sent in parts. */
  async function unfinishedUploads(): Promise<readonly string[]> {
    const found: string[] = []
    let from: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } | null = {}
    while (from !== null) {
      const input: ListMultipartUploadsCommandInput = { Bucket, Prefix: s3.keyOf('blobs/'), ...from }
      const page: Answer<ListMultipartUploadsCommandOutput> = await s3.call(
        { action: 's3:ListBucketMultipartUploads' },
        (sdk, client, options) => client.send(new sdk.ListMultipartUploadsCommand(input), options),
      )
      if (page.status !== 200) return found
      const { Uploads = [], IsTruncated, NextKeyMarker, NextUploadIdMarker } = page.value
      for (const { Key = '', Initiated } of Uploads)
        found.push(`${Key}: an upload of ${Initiated?.toISOString() ?? 'some time'} that is not finished`)
      const more = IsTruncated === true && NextKeyMarker !== undefined
      from = !more
        ? null
        : { KeyMarker: NextKeyMarker, ...(NextUploadIdMarker ? { UploadIdMarker: NextUploadIdMarker } : {}) }
    }
    return found
  }

  /** Whoever may not list uploads still may check the rest. */
  async function leftovers(): Promise<readonly string[]> {
    try {
      return await unfinishedUploads()
    } catch (cause) {
      if (!(cause instanceof MintmarkError) || cause.code !== 'PROVIDER_REFUSED') throw cause
      return [`unfinished uploads could not be looked at: ${cause.message}`]
    }
  }

  async function survey(): Promise<Survey> {
    const stored: StoredBlob[] = []
    const strays: string[] = []
    for (const { name, bytes } of await listed('')) {
      const sha256 = blobOf(name)
      if (sha256 !== null) stored.push({ sha256, bytes })
      else if (!isKey(name)) strays.push(name)
    }
    return {
      blobs: stored.sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1)),
      leftovers: await leftovers(),
      strays,
    }
  }

  return {
    location: s3.location,
    ...blobs,
    blobPath: (sha256) => {
      blobName(sha256)
      return null
    },
    blobAddress: (sha256) => `${s3.location}/${blobName(sha256)}`,
    read,
    createOnly: (key, text) => write(key, text, { IfNoneMatch: '*' }),
    compareAndSwap: (key, expectedEtag, text) =>
      write(key, text, expectedEtag === null ? { IfNoneMatch: '*' } : { IfMatch: expectedEtag }),
    list,
    survey,
  }
}
