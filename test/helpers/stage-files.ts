import { join } from 'node:path'
import { digestOf } from '../../pipeline/core/digest.ts'
import { workDigest } from '../../pipeline/core/fingerprint.ts'
import type { Definition } from '../../pipeline/model/definition.ts'
import type { BuildResult, TestReport } from '../../pipeline/model/stages.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { spine } from '../../pipeline/stages/spine.ts'
import type { StageOutputs } from '../../pipeline/stages/stage.ts'

/** What a build and a test of a good image leave, when these controls were applied. */
export function goodImage(
  artifact: BuildResult['artifact'],
  controls: readonly string[],
): { readonly build: BuildResult; readonly test: TestReport } {
  const results = controls.map((control) => ({
    control,
    status: 'pass' as const,
    expected: '1',
    found: '1',
  }))
  return {
    build: {
      artifact,
      accelerator: artifact.format === 'ami' ? 'cloud' : 'tcg',
      steps: [{ name: 'provision', seconds: 41 }],
      controls: results,
      tools: { packer: '1.11.2', qemu: '7.2.22' },
      secrets: [],
    },
    test: {
      subject: artifact.sha256,
      facts: [
        { id: 'login', title: 'the login user can log in', status: 'pass', expected: 'yes', found: 'yes' },
      ],
      boots: [{ instance: 'a', secondsToLogin: 20, purpose: 'new' }],
      controls: [
        { where: 'boot-a', results },
        { where: 'sealed', results },
      ],
    },
  }
}

/** The files of stages in a run folder, as if they had ended well. The outputs of all stages that these need have to be given. */
export async function writeStages(
  world: Pick<World, 'files'>,
  folder: string,
  { definition, version }: { readonly definition: Definition; readonly version: string },
  outputs: Partial<StageOutputs>,
): Promise<void> {
  for (const { id, needs } of spine) {
    if (outputs[id] === undefined) continue
    const inputs = Object.fromEntries(needs.map((need) => [need, digestOf(outputs[need])]))
    const file = {
      schema: 1,
      stage: id,
      inputs: { definition: workDigest(definition), version, ...inputs },
      seconds: 1,
      children: 1,
      line: `${id} of the fixture`,
      output: outputs[id],
    }
    await world.files.write(join(folder, `${id}.json`), `${JSON.stringify(file, null, 2)}\n`, {
      mode: 0o600,
    })
  }
}

/** `run.json` of a release that was begun. */
export async function writeRun(
  world: Pick<World, 'files'>,
  folder: string,
  run: {
    readonly image: string
    readonly runId: string
    readonly created: Date
    readonly definition: Definition
    readonly bundle: string
    /** Left out for qemu. */
    readonly target?: 'aws'
  },
): Promise<void> {
  const text = { schema: 1, ...run, definition: workDigest(run.definition), asked: null, version: null }
  await world.files.write(
    join(folder, 'run.json'),
    `${JSON.stringify({ ...text, state: 'open' }, null, 2)}\n`,
    {
      mode: 0o600,
    },
  )
}
