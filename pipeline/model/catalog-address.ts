/** A place in an S3 bucket. */
export interface S3Address {
  readonly bucket: string
  /** Without slashes at its ends; empty for the whole bucket. */
  readonly prefix: string
}

const address =
  /^s3:\/\/([a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9])(?:\/((?:[A-Za-z0-9][A-Za-z0-9._=-]*)(?:\/[A-Za-z0-9][A-Za-z0-9._=-]*)*)?\/?)?$/

/** Whether a catalog's address means a bucket and no folder; whether it is well written is for `parseS3Address`. */
export const isS3Address = (text: string): boolean => text.startsWith('s3:')

/** `s3://bucket/prefix`; null when it is not written so. */
export function parseS3Address(text: string): S3Address | null {
  const [, bucket, prefix = ''] = address.exec(text) ?? []
  return bucket === undefined ? null : { bucket, prefix }
}
