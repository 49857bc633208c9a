import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MintmarkError } from '../../pipeline/errors.ts'
import { findRun, openNamedRun, openRun, saveRun } from '../../pipeline/stages/runs.ts'
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

runs('a run of a given name is made, gone on with, and never taken for another', async () => {
  const { world, close } = await testWorld({ now: new Date('2026-11-22T03:00:00Z') })
  try {
    const first = await openNamedRun(world, wanted, 'ci-7')
    assert.equal([first.run.runId, first.resumed], ['ci-7', false])
    assert.is((await openNamedRun(world, wanted, 'ci-7')).resumed, true)
    const code = (cause: MintmarkError) => `${cause.code} ${cause.message}`
    const refused = (change: Partial<typeof wanted>) =>
      openNamedRun(world, { ...wanted, ...change }, 'ci-7').then(() => 'taken', code)
    assert.match(await refused({ bundle: 'c'.repeat(64) }), /^USAGE run ci-7 .* was begun with other inputs/)
    assert.match(await refused({ fresh: true }), /^USAGE run ci-7 .* has begun/)
    for (const at of ['2026-11-22T15:00:00Z', '2026-11-22T02:00:00Z']) {
      const then = { ...world, clock: { ...world.clock, now: () => new Date(at) } }
      assert.match(
        await openNamedRun(then, wanted, 'ci-7').then(() => 'taken', code),
        `USAGE run ci-7 of debian-13 was begun at 2026-11-22T03:00:00.000Z, and this machine's clock says ${at.replace('Z', '.000Z')}`,
      )
    }
    await saveRun(world, { ...first.run, state: 'rejected' })
    assert.match(await refused({}), /^USAGE run ci-7 .* is rejected/)
  } finally {
    await close()
  }
})

runs.run()
