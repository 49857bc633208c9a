import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MintmarkError } from '../../pipeline/errors.ts'
import { findRun, openRun, saveRun } from '../../pipeline/stages/runs.ts'
import { testWorld } from '../helpers/world.ts'

const runs = suite('runs')
const wanted = {
  image: 'debian-13',
  definition: 'a'.repeat(64),
  bundle: 'b'.repeat(64),
  asked: null,
  fresh: false,
}

runs('a stopped run of the same inputs is gone on with; any other begins anew', async () => {
  const { world, close } = await testWorld({ now: new Date('2026-11-22T03:00:00Z') })
  try {
    const first = await openRun(world, wanted)
    assert.is(first.resumed, false)
    assert.is(first.run.runId, '20261122-030000')
    const again = await openRun(world, wanted)
    assert.is(again.resumed, true)
    assert.is(again.run.runId, first.run.runId)
    for (const other of [
      { bundle: 'c'.repeat(64) },
      { definition: 'd'.repeat(64) },
      { asked: '2.0.0' },
      { fresh: true },
    ]) {
      const { run, resumed } = await openRun(world, { ...wanted, ...other })
      assert.is(resumed, false)
      await saveRun(world, { ...run, state: 'rejected' })
    }
  } finally {
    await close()
  }
})

runs('a finished, a rejected and an old run are not gone on with', async () => {
  const { world, close } = await testWorld({ now: new Date('2026-11-22T03:00:00Z') })
  try {
    for (const state of ['done', 'rejected'] as const) {
      const { run } = await openRun(world, { ...wanted, image: `image-${state}` })
      await saveRun(world, { ...run, state })
      assert.is((await openRun(world, { ...wanted, image: `image-${state}` })).resumed, false)
    }
    await openRun(world, wanted)
    const later = { ...world, clock: { ...world.clock, now: () => new Date('2026-11-22T16:00:00Z') } }
    assert.is((await openRun(later, wanted)).resumed, false)
  } finally {
    await close()
  }
})

runs('a run that is not there is told, with those that are', async () => {
  const { world, close } = await testWorld({ now: new Date('2026-11-22T03:00:00Z') })
  try {
    const refused = async (runId: string | null): Promise<string> => {
      try {
        await findRun(world, 'debian-13', runId)
      } catch (cause) {
        assert.is((cause as MintmarkError).code, 'NOT_FOUND')
        return (cause as MintmarkError).hint
      }
      throw new Error('found')
    }
    assert.match(await refused(null), './mintmark release debian-13')
    await openRun(world, wanted)
    assert.match(await refused('nosuch'), '20261122-030000')
  } finally {
    await close()
  }
})

runs.run()
