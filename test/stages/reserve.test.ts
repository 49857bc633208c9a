import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MintmarkError } from '../../pipeline/errors.ts'
import { Reservation } from '../../pipeline/model/release.ts'
import { reserveVersion } from '../../pipeline/stages/reserve.ts'
import { facts, fixtureRelease } from '../helpers/release-fixture.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const it = suite<{ box: TestWorld }>('reserve')
const now = new Date('2026-11-22T03:00:00Z')

it.before.each(async (context) => {
  context.box = await testWorld({ now })
})
it.after.each((context) => context.box.close())

const image = 'debian-13'
const ask = (
  box: TestWorld,
  runId: string,
  more: { given?: string; bundle?: string } = {},
): Promise<string> =>
  reserveVersion(box.world, {
    image,
    runId,
    facts: { ...facts, bundle: more.bundle ?? facts.bundle },
    given: more.given ?? null,
  })

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'nothing thrown'
  } catch (cause) {
    return cause instanceof MintmarkError ? cause.code : String(cause)
  }
}

it('writes down who took the version, when, and for what', async ({ box }) => {
  assert.is(await ask(box, 'r-1'), '1.0.0')
  const entry = await box.world.catalog.read('releases/debian-13/1.0.0/reservation.json')
  assert.equal(Reservation.parse(JSON.parse(entry?.value ?? '')), {
    schema: 1,
    image,
    version: '1.0.0',
    run: 'r-1',
    facts,
    reserved: now.toISOString(),
  })
})

it('gives the same run the same version again', async ({ box }) => {
  assert.is(await ask(box, 'r-1'), '1.0.0')
  assert.is(await ask(box, 'r-2'), '1.0.1')
  assert.is(await ask(box, 'r-1'), '1.0.0')
  assert.is(await ask(box, 'r-1', { given: '1.0.0' }), '1.0.0')
  assert.is(await codeOf(ask(box, 'r-1', { given: '5.0.0' })), 'USAGE')
})

it('never gives the version of a run that came to nothing', async ({ box }) => {
  assert.is(await ask(box, 'rejected'), '1.0.0')
  assert.is((await fixtureRelease(box.world, { runId: 'r-2' })).version, '1.0.1')
  assert.is(await ask(box, 'also-rejected', { bundle: 'ee'.repeat(32) }), '1.1.0')
  // Compared with 1.0.1, the last release, this is a patch; yet 1.1.0 is taken.
  assert.is(await ask(box, 'r-3'), '1.1.1')
})

it('compares with the last release, not with the last attempt', async ({ box }) => {
  await fixtureRelease(box.world, { runId: 'r-1' })
  const other = { ...facts, bundle: 'ee'.repeat(32) }
  assert.is((await fixtureRelease(box.world, { runId: 'r-2', facts: other })).version, '1.1.0')
  assert.is((await fixtureRelease(box.world, { runId: 'r-3', facts: other })).version, '1.1.1')
  const closed = { ...other, ports: [] }
  assert.is((await fixtureRelease(box.world, { runId: 'r-4', facts: closed })).version, '2.0.0')
})

it('takes a given version only above all others', async ({ box }) => {
  assert.is(await ask(box, 'r-1', { given: '3.0.0' }), '3.0.0')
  assert.is(await codeOf(ask(box, 'r-2', { given: '3.0.0' })), 'USAGE')
  assert.is(await codeOf(ask(box, 'r-2', { given: '2.9.9' })), 'USAGE')
  assert.is(await codeOf(ask(box, 'r-2', { given: 'newest' })), 'USAGE')
  assert.is(await ask(box, 'r-2'), '3.0.1')
})

it('gives runs that ask at the same moment a version each', async ({ box }) => {
  const versions = await Promise.all(Array.from({ length: 8 }, (_, index) => ask(box, `r-${index}`)))
  assert.is(new Set(versions).size, 8)
})

it('counts every image for itself', async ({ box }) => {
  assert.is(await ask(box, 'r-1'), '1.0.0')
  assert.is(
    await reserveVersion(box.world, { image: 'debian-12', runId: 'r-2', facts, given: null }),
    '1.0.0',
  )
})

it.run()
