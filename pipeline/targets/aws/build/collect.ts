import { amiArtifact, amiChange, amiProblems, type SeenAmi, type WantedAmi } from '../../../core/made-ami.ts'
import { MintmarkError } from '../../../errors.ts'
import type { AmiArtifact } from '../../../model/artifact.ts'
import type { Arch } from '../../../model/ids.ts'
import type { World } from '../../../ports/world.ts'
import { requireAccount } from '../account.ts'
import type { AwsCalls } from '../client.ts'
import { until } from '../until.ts'
import { lookAtImage } from './look.ts'

const deadlineMs = 2 * 3_600_000
/** A new image may not be found yet. */
const unknownMs = 300_000

/** As the engine's manifest names it: eu-west-1:ami-0abc. @throws MintmarkError INTERNAL */
export function placeOfBuilt(built: string): { readonly region: string; readonly imageId: string } {
  const [, region, imageId] = /^([a-z0-9-]+):(ami-[0-9a-f]+)$/.exec(built) ?? []
  if (region !== undefined && imageId !== undefined) return { region, imageId }
  throw new MintmarkError('INTERNAL', `"${built}" is no region and id of an AMI`)
}

export interface CollectAmiInput {
  readonly world: Pick<World, 'clock' | 'signal'>
  /** Of the image's region. */
  readonly calls: AwsCalls
  readonly imageId: string
  readonly wanted: WantedAmi
  readonly arch: Arch
  readonly update: (text: string) => void
}

/** The image with all its snapshots, once it is available. */
async function whole({ world, calls, imageId, update }: CollectAmiInput): Promise<SeenAmi> {
  const began = world.clock.now().getTime()
  const failed = (what: string): MintmarkError =>
    new MintmarkError('BUILD_FAILED', `${imageId} in ${calls.region} ${what}`, {
      hint: 'run the same command again: it builds anew',
      where: { ami: imageId, region: calls.region },
    })
  const seen = await until(world, deadlineMs, async () => {
    const now = await lookAtImage(calls, imageId)
    if (now === null) {
      if (world.clock.now().getTime() - began > unknownMs) throw failed('is not there')
      return null
    }
    if (now.state === 'available' && now.snapshots.every(({ state }) => state === 'completed')) return now
    const lost = now.snapshots.find(({ state }) => state === 'error')
    if (lost !== undefined) throw failed(`can't be made: its disk ${lost.id} ended in an error`)
    if (now.state !== 'pending' && now.state !== 'available') throw failed(`is ${now.state}`)
    update(`${imageId} is ${now.state}`)
    return null
  })
  if (seen === null) throw failed(`is not available after ${deadlineMs / 3_600_000} hours`)
  return seen
}

/** Takes back whatever anybody gave. */
async function makePrivate({ ec2 }: AwsCalls, { imageId, snapshots }: SeenAmi): Promise<void> {
  await ec2.send('ResetImageAttribute', { ImageId: imageId, Attribute: 'launchPermission' })
  for (const { id } of snapshots)
    await ec2.send('ResetSnapshotAttribute', { SnapshotId: id, Attribute: 'createVolumePermission' })
}

/**
 * Takes over the image that a build made: available, of this account, encrypted with the right key, for IMDSv2 alone, tagged and private.
 * @throws MintmarkError BUILD_FAILED for anything else; an image that is shared is private by then
 */
export async function collectAmi(input: CollectAmiInput): Promise<AmiArtifact> {
  const { calls, imageId, wanted, arch } = input
  const seen = await whole(input)
  const problems = [...amiProblems(seen, wanted)]
  if (seen.sharedWith.length > 0) {
    await makePrivate(calls, seen)
    problems.push(...seen.sharedWith.map((whom) => `it was shared, and is private now: ${whom}`))
  }
  const [first] = problems
  if (first === undefined) return amiArtifact(seen, arch)
  throw new MintmarkError(
    'BUILD_FAILED',
    problems.length === 1
      ? `${imageId} in ${calls.region} is refused: ${first}`
      : `${imageId} in ${calls.region} is refused for ${problems.length} reasons`,
    {
      details: problems.length === 1 ? [] : problems,
      hint: 'find out who changed it, then run the same command again: it builds anew',
      where: { ami: imageId, region: calls.region },
    },
  )
}

/**
 * Looks at the artifact again.
 * @returns null while it is what was built, and not everybody's; else what it is now
 * @throws MintmarkError PROVIDER_REFUSED for credentials of another account, which find no image, and PROVIDER_UNREACHABLE
 */
export async function changeOf(calls: AwsCalls, artifact: AmiArtifact): Promise<string | null> {
  const { account, imageId } = artifact
  const seen = await lookAtImage(calls, imageId)
  if (seen === null) await requireAccount(calls, account, `what was built, ${imageId},`)
  return amiChange(artifact, seen)
}
