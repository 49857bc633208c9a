import { MintmarkError } from '../errors.ts'

/** The least that a writer of the catalog has to be allowed. */
export const neededActions = [
  's3:ListBucket',
  's3:GetObject',
  's3:PutObject',
  's3:AbortMultipartUpload',
] as const

const noCredentials = /CredentialsProviderError|CredentialsError|TokenProviderError/
const badCredentials =
  /^(?:ExpiredToken|TokenRefreshRequired|InvalidAccessKeyId|InvalidToken|SignatureDoesNotMatch|UnrecognizedClientException)/
const badChecksum = /^(?:BadDigest|XAmzContentChecksumMismatch|XAmzContentSHA256Mismatch|InvalidDigest)$/

/** What of an SDK's error is looked at. Its message is not: some quote headers of the request. */
export interface S3Failure {
  readonly name: string
  /** Of the answer; null when there was none. */
  readonly status: number | null
  /** How often the SDK tried. */
  readonly attempts: number
}

export function failureOf(cause: unknown): S3Failure {
  if (!(cause instanceof Error)) return { name: 'unknown', status: null, attempts: 1 }
  const metadata =
    '$metadata' in cause ? (cause.$metadata as Readonly<Record<string, unknown>> | undefined) : {}
  const { httpStatusCode: status, attempts } = metadata ?? {}
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  return {
    name: cause.name === 'Error' && code !== '' ? code : cause.name,
    status: typeof status === 'number' ? status : null,
    attempts: typeof attempts === 'number' ? attempts : 1,
  }
}

/** What an error of the SDK means to a person. @param action as policies name it, e.g. s3:PutObject */
export function explainS3(
  cause: unknown,
  about: {
    readonly location: string
    readonly bucket: string
    readonly action: string
    readonly seconds: number
  },
): MintmarkError {
  if (cause instanceof MintmarkError) return cause
  const { location, bucket, action, seconds } = about
  const { name, status } = failureOf(cause)
  const refused = (message: string, hint: string): MintmarkError =>
    new MintmarkError('PROVIDER_REFUSED', message, { hint, cause })
  if (noCredentials.test(name))
    return refused(
      `${location} needs AWS credentials, and none are to be had (${name})`,
      'set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached',
    )
  if (badCredentials.test(name))
    return refused(
      `${location} does not take these AWS credentials (${name})`,
      'sign in again, and check AWS_PROFILE',
    )
  if (cause instanceof Error && /region is missing/i.test(cause.message))
    return refused(
      `${location} needs a region, and none is set`,
      'set AWS_REGION to the region of the bucket',
    )
  if (name === 'NoSuchBucket')
    return refused(
      `there is no bucket ${bucket}`,
      'make it, private and with versioning, or correct MINTMARK_CATALOG',
    )
  if (name.startsWith('KMS.'))
    return refused(
      `${location}: the key of its encryption can't be used (${name})`,
      'check MINTMARK_S3_KMS_KEY, and allow kms:GenerateDataKey and kms:Decrypt on that key',
    )
  if (name === 'NotImplemented' || name === 'MethodNotAllowed')
    return refused(
      `${location} does not know ${action} (${name})`,
      'use a server with conditional writes, as S3 has them',
    )
  if (badChecksum.test(name))
    return new MintmarkError('CHAIN_BROKEN', `${location} got other bytes than were to be stored (${name})`, {
      hint: 'run the same command again',
      cause,
    })
  if (status === 403 || name === 'AccessDenied')
    return refused(
      `${location} refuses ${action} (${name})`,
      `allow ${neededActions.join(', ')} on the bucket and its objects, and the use of its key; without s3:ListBucket a missing object looks like a refused one`,
    )
  if (name === 'TimeoutError' || name === 'AbortError')
    return new MintmarkError(
      'PROVIDER_UNREACHABLE',
      `${location} did not answer ${action} within ${seconds} s`,
      { cause },
    )
  if (status !== null && status >= 300 && status < 500 && status !== 408 && status !== 429)
    return refused(
      `${location} refuses ${action} (${name}, ${status})`,
      'check the bucket, its region (AWS_REGION) and MINTMARK_S3_ENDPOINT',
    )
  return new MintmarkError('PROVIDER_UNREACHABLE', `${location} can't be reached for ${action} (${name})`, {
    hint: 'check the network, AWS_REGION and MINTMARK_S3_ENDPOINT, then run the same command again',
    cause,
  })
}
