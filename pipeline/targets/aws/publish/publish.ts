import { digestOfAmi, nameOfArtifact } from '../../../core/artifact.ts'
import { MintmarkError } from '../../../errors.ts'
import type { AmiArtifact } from '../../../model/artifact.ts'
import type { PassedGate } from '../../../model/gate.ts'
import type { Published } from '../../../model/release.ts'
import { requireAccount } from '../account.ts'
import type { AwsCalls } from '../client.ts'
import { requirePrivate } from './private.ts'

/**
 * The image that the gate let pass stays where it was built: looked at once more, available, of the same disks and private.
 * @param calls of the region of the artifact
 * @throws MintmarkError CHAIN_BROKEN when it is another one by now, or shared; PROVIDER_REFUSED, PROVIDER_UNREACHABLE
 */
export async function publishAmi(
  calls: AwsCalls,
  gate: PassedGate,
  artifact: AmiArtifact,
): Promise<Published> {
  const { imageId, snapshotIds } = artifact
  const broken = (what: string): MintmarkError =>
    new MintmarkError('CHAIN_BROKEN', `${nameOfArtifact(artifact)} ${what}`, {
      where: { ami: imageId, region: calls.region },
    })
  if (digestOfAmi(artifact) !== gate.subject)
    throw broken(`is not what the gate let pass, sha256:${gate.subject}`)
  const hint = 'find out who shared it, then release again with --fresh'
  const found = await requirePrivate(calls, imageId, hint)
  if (found === null) await requireAccount(calls, artifact.account, `what was built, ${imageId},`)
  if (found?.state !== 'available') throw broken(`is ${found?.state ?? 'gone'} by now`)
  if (found.snapshotIds.join() !== [...snapshotIds].sort().join())
    throw broken(`has other disks by now: ${found.snapshotIds.join(', ')}`)
  return { subject: artifact.sha256, bytes: artifact.bytes, blob: null }
}
