import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MintmarkError } from '../../pipeline/errors.ts'
import { buildStage } from '../../pipeline/stages/build.ts'
import type { StageContext } from '../../pipeline/stages/stage.ts'
import type { SweepInput } from '../../pipeline/targets/building.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import type { Target } from '../../pipeline/targets/target.ts'
import { amiBase } from '../helpers/ami-release.ts'
import { plainDefinition } from '../helpers/plain-definition.ts'
import { refusal } from '../helpers/refusal.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const building = suite<{ box: TestWorld }>('build')

building.before.each(async (context) => {
  context.box = await testWorld()
})
building.after.each(({ box }) => box.close())

const failed = new MintmarkError('BUILD_FAILED', 'the machine never answered', { details: ['ssh: timeout'] })

interface Outside {
  readonly fails: MintmarkError
  /** Whether something was made before it failed; left out: yes. */
  readonly begins?: boolean
  readonly console: () => Promise<readonly string[]>
  readonly sweep: (input: SweepInput) => Promise<void>
}

/** A build stage whose target fails before there is any machine of this machine's own. */
async function built(
  { world, folder }: TestWorld,
  { fails, begins = true, console, sweep }: Outside,
  definition = plainDefinition(),
): Promise<MintmarkError> {
  const target: Target = {
    ...targets.qemu,
    buildVariables: async ({ began }) => {
      if (begins) began()
      throw fails
    },
    buildConsole: console,
    sweep,
  }
  const outputs = { render: { digest: '0'.repeat(64), files: [], controls: [] }, base: amiBase }
  const context: StageContext = {
    world,
    image: 'web',
    definition,
    target,
    folder: join(folder, 'run'),
    runId: 'run-1',
    version: '1.0.0',
    seconds: {},
    options: { trivyDb: null, knownExploited: null, emergency: null },
    step: world.report.step('build'),
    need: ((id: 'render' | 'base') => outputs[id]) as StageContext['need'],
  }
  await world.files.makeFolder(context.folder)
  return refusal(buildStage.run(context))
}

building('a build that failed leaves nothing, and tells what the machine said', async ({ box }) => {
  const swept: SweepInput[] = []
  const error = await built(box, {
    fails: failed,
    console: async () => ['Kernel panic'],
    sweep: async (input) => void swept.push(input),
  })
  assert.equal([error.code, error.message], ['BUILD_FAILED', 'the machine never answered'])
  assert.equal(error.lines, ['ssh: timeout', "the machine's console ends with:", 'Kernel panic'])
  assert.equal(
    swept.map(({ image, runId, version, keep }) => [image, runId, version, keep]),
    [['web', 'run-1', '1.0.0', null]],
  )
})

building('what keeps the console or the sweep from working hides nothing', async ({ box }) => {
  const gone = async (): Promise<never> => {
    throw new MintmarkError('PROVIDER_UNREACHABLE', 'no answer')
  }
  const error = await built(box, { fails: failed, console: gone, sweep: gone })
  assert.is(error, failed)
  assert.ok(
    box.told.lines.includes(
      'warning: what the build of run run-1 left could not all be removed: no answer; ./mintmark clean --target qemu removes it later',
    ),
  )
})

building('what was refused before it made anything is not swept', async ({ box }) => {
  let swept = 0
  const refused = new MintmarkError('PROVIDER_REFUSED', 'another account')
  const sweep = async (): Promise<void> => {
    swept += 1
  }
  assert.is(await built(box, { fails: refused, begins: false, console: async () => [], sweep }), refused)
  assert.is(swept, 0)
})

building("a secret on the machine's console is not told", async ({ box }) => {
  const world = { ...box.world, env: { ...box.world.env, AGENT_TOKEN: 'correct-horse-battery' } }
  const definition = plainDefinition({
    content: { steps: [{ run: 'scripts/agent.sh', secrets: ['agent-token'] }] },
    secrets: { 'agent-token': { env: 'AGENT_TOKEN' } },
  })
  const said = 'agent: correct-horse-battery is my token'
  const console = async (): Promise<readonly string[]> => [said]
  const error = await built(
    { ...box, world },
    { fails: failed, console, sweep: async () => undefined },
    definition,
  )
  assert.is(error.lines.length, 3)
  assert.not.match(error.lines.join('\n'), 'correct-horse')
})

building('a refusal of the provider is told as it is', async ({ box }) => {
  const refused = new MintmarkError('PROVIDER_REFUSED', 'another account')
  let asked = 0
  const error = await built(box, {
    fails: refused,
    console: async () => {
      asked += 1
      return ['x']
    },
    sweep: async () => undefined,
  })
  assert.is(error, refused)
  assert.is(asked, 0)
})

building.run()
