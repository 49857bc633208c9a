import { MintmarkError } from '../errors.ts'
import { Published } from '../model/release.ts'
import type { Stage } from './stage.ts'

/** Keeps the artifact, private and under its digest; only a passed gate can be handed to the target. */
export const publishStage: Stage<'publish'> = {
  id: 'publish',
  needs: ['gate', 'build'],
  output: Published,
  async run({ world, image, target, need, step }) {
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
    const output = await target.publish({ world, gate, artifact })
    const where = output.blob === null ? 'is kept where it was built' : 'is in the catalog'
    return { output, line: `image sha256:${output.subject.slice(0, 12)}… ${where}, private` }
  },
}
