import { nameOfArtifact } from '../core/artifact.ts'
import { MintmarkError } from '../errors.ts'
import type { Artifact } from '../model/artifact.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'

/**
 * What a stage looks at has to be what the build made.
 * @param what for the message, after the artifact's name
 * @throws MintmarkError CHAIN_BROKEN
 */
export async function checkArtifact(
  { world, target }: { readonly world: World; readonly target: Pick<Target, 'unchanged'> },
  artifact: Artifact,
  what = 'is not the image that was built',
): Promise<void> {
  const found = await target.unchanged({ world, artifact })
  if (found === null) return
  throw new MintmarkError('CHAIN_BROKEN', `${nameOfArtifact(artifact)} ${what}`, {
    details: [`built: sha256:${artifact.sha256}`, `found: ${found}`],
  })
}
