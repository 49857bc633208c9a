import { MintmarkError } from '../../../errors.ts'
import { lookAtImage } from '../build/look.ts'
import type { AwsCalls } from '../client.ts'

/**
 * Nobody else may launch the image or read its disks: each is asked by itself, for lists of images leave out what is shared with
 * organizations.
 * @param hint what to do about one that is shared
 * @returns its state and the ids of its snapshots, sorted; null when it, or a disk of it, is not there to be asked about
 * @throws MintmarkError CHAIN_BROKEN with everybody who may
 */
export async function requirePrivate(
  calls: AwsCalls,
  imageId: string,
  hint: string,
): Promise<{ readonly state: string; readonly snapshotIds: readonly string[] } | null> {
  const seen = await lookAtImage(calls, imageId)
  if (seen === null || seen.snapshots.some(({ state }) => state === 'gone')) return null
  if (seen.sharedWith.length > 0)
    throw new MintmarkError(
      'CHAIN_BROKEN',
      `${imageId} in ${calls.region} is shared, and was to be private from its birth`,
      { details: seen.sharedWith, hint },
    )
  return { state: seen.state, snapshotIds: seen.snapshots.map(({ id }) => id).sort() }
}
