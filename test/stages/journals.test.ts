import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { workDigest } from '../../pipeline/core/fingerprint.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { findRun, listRuns, openRun } from '../../pipeline/stages/runs.ts'
import { runSpine } from '../../pipeline/stages/spine.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import { plainDefinition } from '../helpers/plain-definition.ts'
import { refusal } from '../helpers/refusal.ts'
import { base } from '../helpers/release-fixture.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

/** Run folders of other versions of mintmark, written by hand. */
const journals = suite<{ t: TestWorld; world: World }>('journals')
journals.before.each(async (context) => {
  context.t = await testWorld({ now: new Date('2026-11-22T03:00:00Z') })
  context.world = context.t.world
})
journals.after.each(({ t }) => t.close())

const image = 'debian-13'
const target = 'qemu' as const
const wanted = {
  image,
  target,
  definition: 'a'.repeat(64),
  bundle: 'b'.repeat(64),
  asked: null,
  fresh: false,
}
const runId = '20261122-020000'
const run = {
  schema: 1,
  image,
  runId,
  created: '2026-11-22T02:00:00.000Z',
  definition: wanted.definition,
  bundle: wanted.bundle,
  asked: null,
  version: '1.0.0',
  state: 'open',
}

const put = (world: World, value: unknown, id = runId): Promise<void> =>
  world.files.write(
    join(world.places.runs, image, id, 'run.json'),
    typeof value === 'string' ? value : JSON.stringify(value),
  )

journals('a run of before there was a schema is gone on with', async ({ world }) => {
  const { schema: _, ...older } = run
  for (const value of [older, { ...older, schema: 0 }]) {
    await put(world, value)
    const opened = await openRun(world, wanted)
    assert.is(opened.resumed, true)
    assert.equal(opened.run, run)
  }
})

journals('a run of a newer mintmark is refused, and --fresh begins another', async ({ world }) => {
  await put(world, { ...run, schema: 2, shards: [] })
  const error = await refusal(openRun(world, wanted))
  assert.is(error.code, 'CHAIN_BROKEN')
  assert.is(error.message, `run ${runId} of ${image} was made by a newer mintmark (schema 2)`)
  assert.match(error.hint, `./mintmark release ${image} --fresh`)
  assert.is((await refusal(findRun(world, image, runId))).code, 'CHAIN_BROKEN')
  assert.is((await refusal(findRun(world, image, null))).code, 'CHAIN_BROKEN')
  assert.is((await openRun(world, { ...wanted, fresh: true })).resumed, false)
  assert.is((await openRun(world, wanted)).resumed, true, 'the newest is ours again')
})

journals(
  "a run.json that can't be read is left, with the reason, and a new run begins",
  async ({ t, world }) => {
    const cases = [
      ['{"schema": 1, "ima', /has a run.json that is no JSON/],
      [{ ...run, state: 'half' }, /state: /],
      [{ ...run, runId: '20200101-000000' }, /says that it is run 20200101-000000/],
    ] as const
    for (const [value, said] of cases) {
      await world.files.remove(join(world.places.runs, image))
      await put(world, value)
      t.told.lines.length = 0
      const { run: opened, resumed } = await openRun(world, wanted)
      assert.is(resumed, false)
      assert.is(opened.runId, '20261122-030000')
      assert.match(t.told.lines.join('\n'), said)
      assert.is((await refusal(findRun(world, image, runId))).code, 'CHAIN_BROKEN')
      assert.is((await listRuns(world, image)).length, 1)
    }
  },
)

journals('a folder that was made and never written to is no run', async ({ world }) => {
  await world.files.makeFolder(join(world.places.runs, image, runId))
  assert.is((await openRun(world, wanted)).resumed, false)
})

journals('a run of a day to come is told and not gone on with', async ({ t, world }) => {
  await put(
    world,
    { ...run, runId: '20261123-020000', created: '2026-11-23T02:00:00.000Z' },
    '20261123-020000',
  )
  const first = await openRun(world, wanted)
  assert.is(first.resumed, false)
  assert.match(
    t.told.lines.join('\n'),
    /run 20261123-020000 is of 2026-11-23.*clock says 2026-11-22.*is the clock right\?/,
  )
  const again = await openRun(world, wanted)
  assert.equal(
    [again.resumed, again.run.runId],
    [true, first.run.runId],
    'what this clock began is gone on with',
  )
})

/** Runs the base stage's place in the spine over a stage file that is there. */
async function spineOver(t: TestWorld, file: unknown): Promise<readonly string[]> {
  const { world } = t
  const folder = join(world.places.runs, image, runId)
  await put(world, run)
  await world.files.write(join(folder, 'base.json'), typeof file === 'string' ? file : JSON.stringify(file))
  t.told.lines.length = 0
  await runSpine({
    // Without a lock the stage ends at once: it is enough that it began.
    world: { ...world, places: { ...world.places, root: join(t.folder, 'nowhere') } },
    image,
    definition,
    target: targets.qemu,
    runId,
    folder,
    version: '1.0.0',
    options: { trivyDb: null, knownExploited: null, emergency: null },
    until: 'base',
    again: null,
  }).catch((cause: unknown) => {
    t.told.lines.push(String(cause))
  })
  return t.told.lines
}

const definition = plainDefinition()
const stageFile = {
  schema: 1,
  stage: 'base',
  inputs: { definition: workDigest(definition), version: '1.0.0' },
  seconds: 1,
  children: 1,
  line: 'the base of before',
  output: base,
}

journals('a stage file of this mintmark holds', async ({ t }) => {
  assert.equal(await spineOver(t, stageFile), ['base skipped: the base of before'])
})

journals('one of an older mintmark, or an edited one, is made anew from there', async ({ t }) => {
  const { schema: _, ...older } = stageFile
  const { bootstrapped: __, ...less } = base as Record<string, unknown>
  for (const file of [
    older,
    { ...stageFile, output: less },
    '{"schema": 1, "sta',
    { ...stageFile, stage: 'render' },
  ]) {
    const said = (await spineOver(t, file)).join('\n')
    assert.match(said, 'base.json is of an older mintmark or was edited: going on from base')
    assert.not.match(said, 'skipped')
  }
})

journals('one of a newer mintmark is refused, and stays', async ({ t, world }) => {
  const said = (await spineOver(t, { ...stageFile, schema: 2 })).join('\n')
  assert.match(said, /base\.json was made by a newer mintmark \(schema 2\)/)
  assert.ok(await world.files.info(join(world.places.runs, image, runId, 'base.json')))
})

journals.run()
