import type { AmiArtifact, RecordedArtifact } from '../model/artifact.ts'
import type { Arch } from '../model/ids.ts'
import type { RecordPredicate } from '../model/release.ts'
import { variantOf } from './statement.ts'

/** What those who get a release are told of it. */
export interface SharedImage {
  readonly image: string
  readonly version: string
  readonly variant: string
  readonly arch: Arch
  readonly sha256: string
  readonly bytes: number
  readonly virtualBytes: number
  readonly format: RecordedArtifact['format']
  /** Where its cloud keeps it; left out for a file. */
  readonly ami?: AmiArtifact
  readonly login: string
  /** For people: debian 13.7. */
  readonly os: string
  /** When its record was made. */
  readonly made: string
  /** Digest of its record. */
  readonly record: string
  /** The commit of its definition; null when the checkout was none, or changed. */
  readonly revision: string | null
}

/** @param record digest of the record's envelope */
export function sharedImage(predicate: RecordPredicate, record: string): SharedImage {
  const { image, version, arch, artifact, login, scan, created, source } = predicate
  return {
    image,
    version,
    variant: variantOf(predicate),
    arch,
    sha256: artifact.sha256,
    bytes: artifact.bytes,
    virtualBytes: artifact.virtualBytes,
    format: artifact.format,
    ...(artifact.format === 'ami' ? { ami: artifact } : {}),
    login,
    os: `${scan.os.family} ${scan.os.release}`,
    made: created,
    record,
    revision: source.dirty ? null : source.commit,
  }
}
