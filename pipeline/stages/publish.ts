import { MintmarkError } from '../errors.ts'
import type { PassedGate } from '../model/gate.ts'
import { Published } from '../model/release.ts'
import type { BuildResult } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import type { Stage } from './stage.ts'

/** Stores exactly the file that the gate let pass; only a passed gate can be handed in. */
async function publish(
  world: World,
  gate: PassedGate,
  artifact: BuildResult['artifact'],
): Promise<Published> {
  const { sha256, bytes } = await world.catalog.putBlob(artifact.path, { expected: gate.subject })
  return { subject: sha256, bytes, blob: `blobs/sha256/${sha256.slice(0, 2)}/${sha256}` }
}

/** Puts the artifact into the catalog, private and under its digest. */
export const publishStage: Stage<'publish'> = {
  id: 'publish',
  needs: ['gate', 'build'],
  output: Published,
  async run({ world, image, need, step }) {
    const gate = need('gate')
    if (gate.verdict !== 'passed') {
      throw new MintmarkError('GATE_REJECTED', `${image} was rejected and can't be published`, {
        details: gate.reasons.map((reason) => reason.text),
        where: { image },
      })
    }
    const { artifact } = need('build')
    if (artifact.sha256 !== gate.subject) {
      throw new MintmarkError(
        'CHAIN_BROKEN',
        `the gate judged sha256:${gate.subject}, the build made sha256:${artifact.sha256}`,
        { where: { image } },
      )
    }
    step.update('storing the image under its digest')
    const output = await publish(world, gate, artifact)
    return { output, line: `image sha256:${output.subject.slice(0, 12)}… is in the catalog, private` }
  },
}
