import * as z from 'zod'
import { AmiId, AwsAccount, AwsRegion, SnapshotId } from './ami.ts'
import { Arch, Sha256 } from './ids.ts'

const common = {
  /** What test, scan and gate name as their subject, and the record as its own. */
  sha256: Sha256,
  /** What it takes to keep it: of the file; of the snapshots' blocks. */
  bytes: z.int(),
  /** Of the disk that an instance gets. */
  virtualBytes: z.int(),
}

/** A file whose digest is its id; what was built before there was another format says none. */
export const Qcow2Artifact = z.strictObject({
  format: z.literal('qcow2').default('qcow2'),
  /** Absolute; the file that is tested, scanned, gated and published, unchanged. */
  path: z.string(),
  ...common,
})
export type Qcow2Artifact = z.infer<typeof Qcow2Artifact>

/** An image that its cloud keeps. `sha256` is the digest of the ids: AMIs and snapshots are never written to. */
export const AmiArtifact = z.strictObject({
  format: z.literal('ami'),
  account: AwsAccount,
  region: AwsRegion,
  imageId: AmiId,
  /** Of all its disks, sorted. */
  snapshotIds: z.array(SnapshotId).min(1),
  architecture: Arch,
  ...common,
})
export type AmiArtifact = z.infer<typeof AmiArtifact>

/** The one image that a build makes, as this machine can reach it. */
export const Artifact = z.union([Qcow2Artifact, AmiArtifact])
export type Artifact = z.infer<typeof Artifact>

/** The same in a record: a file by its digest alone. */
export const RecordedArtifact = z.discriminatedUnion('format', [
  z.strictObject({ format: z.literal('qcow2'), ...common }),
  AmiArtifact,
])
export type RecordedArtifact = z.infer<typeof RecordedArtifact>

/** As much of an artifact as it takes to start an instance of it or to read its disk. */
export type ArtifactPlace =
  | Pick<Qcow2Artifact, 'format' | 'path'>
  | Pick<AmiArtifact, 'format' | 'account' | 'region' | 'imageId' | 'snapshotIds'>
