import type { AmiArtifact, Artifact, ArtifactPlace, RecordedArtifact } from '../model/artifact.ts'
import { digestOf } from './digest.ts'

/** What stands for an image that has no bytes of ours: the digest of where it is and what it is made of. */
export const digestOfAmi = ({
  account,
  region,
  imageId,
  snapshotIds,
}: Pick<AmiArtifact, 'account' | 'region' | 'imageId' | 'snapshotIds'>): string =>
  digestOf({ account, region, imageId, snapshotIds: [...snapshotIds].sort() })

/** An artifact for people: its path, or its id and where that is. */
export const nameOfArtifact = (artifact: ArtifactPlace): string =>
  artifact.format === 'qcow2'
    ? artifact.path
    : `${artifact.imageId} in ${artifact.region} of the account ${artifact.account}`

/** What a record says of it: where a file lay on the build machine is nobody's business later. */
export function recordedArtifact(artifact: Artifact): RecordedArtifact {
  if (artifact.format === 'ami') return artifact
  const { path: _path, ...recorded } = artifact
  return recorded
}
