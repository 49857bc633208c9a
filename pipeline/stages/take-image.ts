import { MintmarkError } from '../errors.ts'
import type { Artifact, RecordedArtifact } from '../model/artifact.ts'
import type { World } from '../ports/world.ts'

/**
 * A release's image as a file of this machine, once its bytes are known to be what was signed: where the catalog has it, or
 * fetched into the cache. Nobody may write to it.
 * @param what for the message, e.g. "the image of debian-13@1.0.0"
 * @returns an absolute path
 * @throws MintmarkError VERIFY_FAILED when it is missing or another one; NO_SPACE, PROVIDER_REFUSED, PROVIDER_UNREACHABLE
 */
export async function takeImage(world: World, what: string, sha256: string): Promise<string> {
  const taken = await world.catalog.takeBlob(sha256)
  if (taken.status === 'intact') return taken.path
  const why =
    taken.status === 'missing'
      ? 'is no longer in the catalog'
      : `has sha256:${taken.found}, not what was signed`
  throw new MintmarkError('VERIFY_FAILED', `${what} ${why}`, {
    hint: './mintmark catalog check --repair restores it where a copy is left',
    where: { blob: world.catalog.blobAddress(sha256) },
  })
}

/**
 * A release's artifact as this machine can reach it: a file once its bytes are known to be what was signed; what a cloud keeps as it
 * is.
 * @throws MintmarkError as takeImage
 */
export async function takeArtifact(
  world: World,
  what: string,
  artifact: RecordedArtifact,
): Promise<Artifact> {
  if (artifact.format === 'ami') return artifact
  return { ...artifact, path: await takeImage(world, what, artifact.sha256) }
}
