import type { RecordedArtifact } from '../model/artifact.ts'
import type { RegionalCopy, ReleaseEvent } from '../model/event.ts'
import { compare } from './lists.ts'

/** A release's image in one region. */
export interface RegionalImage extends Omit<RegionalCopy, 'keyArn'> {
  /** Null for the image that was built: its record does not say. */
  readonly keyArn: string | null
}

/** Every region that has the release, by its record and its events; none for a file. The region of the build comes first. */
export function regionalImages(
  artifact: RecordedArtifact,
  events: readonly ReleaseEvent[],
): readonly RegionalImage[] {
  if (artifact.format !== 'ami') return []
  const { account, region, imageId, snapshotIds } = artifact
  const copies = new Map<string, RegionalImage>()
  // A region that lost its copy was given another one: the last counts.
  for (const event of events)
    if (event.kind === 'copied') {
      const { by: _by, ...copy } = event.data
      copies.set(copy.region, copy)
    }
  copies.delete(region)
  return [
    { account, region, imageId, snapshotIds, keyArn: null },
    ...[...copies.values()].sort((a, b) => compare(a.region, b.region)),
  ]
}
