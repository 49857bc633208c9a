import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MintmarkError } from '../../pipeline/errors.ts'
import { findRun, openNamedRun, openRun, runFolder, saveRun, targetIdOf } from '../../pipeline/stages/runs.ts'
import { refusal } from '../helpers/refusal.ts'
import { testWorld } from '../helpers/world.ts'

const runs = suite('runs')
const wanted = {
  image: 'debian-13',
  target: 'qemu' as const,
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

runs('one run id may have a run for each target, in folders of their own', async () => {
  const { world, close } = await testWorld({ now: new Date('2026-11-22T03:00:00Z') })
  try {
    const local = await openNamedRun(world, wanted, 'ci-7')
    const cloud = await openNamedRun(world, { ...wanted, target: 'aws', bundle: 'c'.repeat(64) }, 'ci-7')
    assert.equal([local.run.runId, cloud.run.runId], ['ci-7', 'ci-7'])
    assert.equal([targetIdOf(local.run), targetIdOf(cloud.run)], ['qemu', 'aws'])
    assert.match(runFolder(world, local.run), /\/debian-13\/ci-7$/)
    assert.match(runFolder(world, cloud.run), /\/debian-13\/ci-7@aws$/)
    const kept = await world.files.readText(`${runFolder(world, local.run)}/run.json`)
    assert.not.ok('target' in JSON.parse(kept), 'an older mintmark reads it')

    assert.equal(await findRun(world, 'debian-13', 'ci-7', 'aws'), cloud.run)
    assert.equal(await findRun(world, 'debian-13', 'ci-7', 'qemu'), local.run)
    const error = await refusal(findRun(world, 'debian-13', 'ci-7'))
    assert.is(error.code, 'USAGE')
    assert.match(error.message, 'run ci-7 of debian-13 has a part for each of aws, qemu')

    const again = await openNamedRun(world, { ...wanted, target: 'aws', bundle: 'c'.repeat(64) }, 'ci-7')
    assert.is(again.resumed, true)
    await saveRun(world, { ...cloud.run, state: 'rejected' })
    assert.is((await findRun(world, 'debian-13', 'ci-7', 'qemu')).state, 'open')
  } finally {
    await close()
  }
})

runs("another target's run that can't be read stands in nobody's way", async () => {
  const { world, close } = await testWorld({ now: new Date('2026-11-22T03:00:00Z') })
  try {
    const { run } = await openRun(world, wanted)
    const newer = { ...run, schema: 99, runId: '20250101-000000', target: 'aws' }
    const path = join(world.places.runs, 'debian-13/20250101-000000@aws/run.json')
    await world.files.makeFolder(dirname(path))
    await world.files.write(path, JSON.stringify(newer))
    assert.equal(await findRun(world, 'debian-13', null), run)
  } finally {
    await close()
  }
})

runs(
  'a run without a name goes on with one of its own target alone, and takes no id of another',
  async () => {
    const { world, close } = await testWorld({ now: new Date('2026-11-22T03:00:00Z') })
    try {
      const local = await openRun(world, wanted)
      const cloud = await openRun(world, { ...wanted, target: 'aws' })
      assert.equal([cloud.resumed, cloud.run.runId], [false, '20261122-030000-2'])
      assert.equal((await openRun(world, wanted)).run.runId, local.run.runId)
      assert.equal((await openRun(world, { ...wanted, target: 'aws' })).run.runId, cloud.run.runId)
    } finally {
      await close()
    }
  },
)

runs.run()
