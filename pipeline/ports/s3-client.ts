import { setTimeout as sleep } from 'node:timers/promises'
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import { MintmarkError } from '../errors.ts'
import type { S3Address } from '../model/catalog-address.ts'
import { shownAddress } from '../model/shown-address.ts'
import { explainS3, failureOf } from './s3-errors.ts'

type Sdk = typeof import('@aws-sdk/client-s3')

export interface S3Options {
  readonly address: S3Address
  /** Of an S3-compatible server; null for AWS. */
  readonly endpoint: string | null
  /** Encrypts each object with this key of KMS; null: as the bucket does by default. */
  readonly kmsKey: string | null
  /** Ends every call. */
  readonly signal: AbortSignal
}

/** What a call came to. The three that are no errors to every caller come as they are. */
export type Answer<T> =
  | { readonly status: 200; readonly value: T }
  | { readonly status: 404 | 409 | 412; readonly attempts: number }

export interface CallOptions {
  /** As policies name it, e.g. s3:PutObject. */
  readonly action: string
  /** That may have to cross the wire. */
  readonly bytes?: number
}

type Work<T> = (sdk: Sdk, client: S3Client, options: { readonly abortSignal: AbortSignal }) => Promise<T>

export interface S3 {
  readonly bucket: string
  /** For people: s3://bucket/prefix */
  readonly location: string
  /** A name from the catalog's root as the object's key. */
  keyOf(name: string): string
  /** The reverse; null for what is not below the prefix. */
  nameOf(key: string): string | null
  /** What every object is stored with. */
  readonly encryption: { readonly ServerSideEncryption?: 'aws:kms'; readonly SSEKMSKeyId?: string }
  /** @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE, INTERRUPTED */
  call<T>(options: CallOptions, work: Work<T>): Promise<Answer<T>>
  /** Before another attempt. @throws MintmarkError INTERRUPTED */
  pause(ms: number): Promise<void>
}

/** A call with nothing to carry, its retries included. */
const callMs = 60_000
/** Slower than this is not at work any more. */
const leastBytesPerSecond = 128 * 1024
const attempts = 5

const silent = (): void => undefined

/** @throws MintmarkError USAGE */
function checkedEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const loopback = url !== null && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname)
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && loopback)
  if (url !== null && safe && url.username === '' && url.password === '' && url.search === '') return text
  throw new MintmarkError(
    'USAGE',
    `MINTMARK_S3_ENDPOINT is "${shownAddress(text)}": an https address without credentials (http on this machine alone)`,
  )
}

function configOf(endpoint: string | null): S3ClientConfig {
  const common: S3ClientConfig = {
    retryMode: 'adaptive',
    maxAttempts: attempts,
    followRegionRedirects: true,
    // We say which checksum, and compare what comes back ourselves.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // It would print by itself; what matters comes as an error.
    logger: { debug: silent, info: silent, warn: silent, error: silent },
    requestHandler: { connectionTimeout: 10_000, socketTimeout: 60_000 },
  }
  if (endpoint === null) return common
  // Such servers have no regions, and the SDK wants one.
  const region = process.env['AWS_REGION'] ? {} : { region: 'us-east-1' }
  return { ...common, ...region, endpoint: checkedEndpoint(endpoint), forcePathStyle: true }
}

/** Calls of one bucket, with a deadline each. The SDK is loaded, and credentials are looked for, at the first one. */
export function s3Calls({ address, endpoint, kmsKey, signal }: S3Options): S3 {
  const { bucket, prefix } = address
  const below = prefix === '' ? '' : `${prefix}/`
  const location = `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`
  const config = configOf(endpoint)
  let ready: Promise<{ readonly sdk: Sdk; readonly client: S3Client }> | null = null
  const load = async () => {
    const sdk = await import('@aws-sdk/client-s3')
    return { sdk, client: new sdk.S3Client(config) }
  }

  async function call<T>({ action, bytes = 0 }: CallOptions, work: Work<T>): Promise<Answer<T>> {
    const ms = callMs + Math.ceil(bytes / leastBytesPerSecond) * 1000
    // A signal of AbortSignal.timeout that only AbortSignal.any holds is collected between two tries.
    const late = new AbortController()
    const timer = setTimeout(
      () => late.abort(new DOMException('the deadline has passed', 'TimeoutError')),
      ms,
    )
    const abortSignal = AbortSignal.any([signal, late.signal])
    try {
      ready ??= load()
      const { sdk, client } = await ready
      return { status: 200, value: await work(sdk, client, { abortSignal }) }
    } catch (cause) {
      if (signal.aborted) throw new MintmarkError('INTERRUPTED', 'stopped', { cause })
      const { name, status, attempts: tried } = failureOf(cause)
      const missing = status === 404 && name !== 'NoSuchBucket' && name !== 'NoSuchUpload'
      if (missing) return { status: 404, attempts: tried }
      if (status === 409 || status === 412) return { status, attempts: tried }
      throw explainS3(cause, { location, bucket, action, seconds: Math.round(ms / 1000) })
    } finally {
      clearTimeout(timer)
    }
  }

  async function pause(ms: number): Promise<void> {
    try {
      await sleep(ms, undefined, { signal })
    } catch (cause) {
      throw new MintmarkError('INTERRUPTED', 'stopped', { cause })
    }
  }

  return {
    bucket,
    location,
    keyOf: (name) => `${below}${name}`,
    nameOf: (key) => (key.startsWith(below) ? key.slice(below.length) : null),
    encryption: kmsKey === null ? {} : { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKey },
    call,
    pause,
  }
}
