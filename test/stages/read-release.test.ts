import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { findRelease, locateAll } from '../../pipeline/stages/read-release.ts'
import { reserveVersion } from '../../pipeline/stages/reserve.ts'
import { refusal } from '../helpers/refusal.ts'
import { type FixtureRelease, facts, fixtureRelease } from '../helpers/release-fixture.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const it = suite<{ box: TestWorld; first: FixtureRelease; second: FixtureRelease }>('read-release')

it.before(async (context) => {
  const box = await testWorld()
  const world = { ...box.world, places: { ...box.world.places, root: box.folder } }
  context.box = { ...box, world }
  context.first = await fixtureRelease(world, { runId: 'r-1' })
  context.second = await fixtureRelease(world, { runId: 'r-2' })
  await fixtureRelease(world, { image: 'web-base', runId: 'r-3' })
  await reserveVersion(world, { image: 'debian-13', runId: 'rejected', facts, given: '4.0.0' })
})
it.after((context) => context.box.close())

it('understands every way to name a release', async ({ box, first, second }) => {
  const { world } = box
  const copy = join(box.folder, 'copy.qcow2')
  await world.files.copy(world.catalog.blobPath(first.published.subject) ?? '', copy)
  const refs: readonly (readonly [ref: string, version: string])[] = [
    ['debian-13', '1.0.1'],
    ['debian-13@nightly', '1.0.1'],
    ['debian-13@1.0.0', '1.0.0'],
    ['debian-13@1.0.1', '1.0.1'],
    [first.published.subject, '1.0.0'],
    [`sha256:${first.published.subject}`, '1.0.0'],
    [first.published.subject.slice(0, 8), '1.0.0'],
    [second.published.subject.slice(0, 12), '1.0.1'],
    [`sha256:${second.recorded.record.slice(0, 12)}`, '1.0.1'],
    [copy, '1.0.0'],
  ]
  for (const [ref, version] of refs) {
    const release = await findRelease(world, ref)
    assert.is(`${release.image}@${release.version}`, `debian-13@${version}`, ref)
  }
})

it('tells which channels point to it, and which one was asked for', async ({ box }) => {
  const newest = await findRelease(box.world, 'debian-13')
  assert.equal([newest.channels, newest.via], [['nightly'], 'nightly'])
  const older = await findRelease(box.world, 'debian-13@1.0.0')
  assert.equal([older.channels, older.via], [[], null])
})

it('says what there is when there is no such thing', async ({ box, first }) => {
  const cases: readonly (readonly [ref: string, code: string, said: RegExp])[] = [
    ['debian-31', 'NOT_FOUND', /did you mean debian-13\? there are: debian-13, web-base/],
    ['web', 'NOT_FOUND', /there are: debian-13, web-base/],
    ['debian-13@nigthly', 'NOT_FOUND', /did you mean debian-13@nightly\?/],
    ['debian-13@stable', 'NOT_FOUND', /its channels: nightly/],
    ['debian-13@9.9.9', 'NOT_FOUND', /there are: 1\.0\.0, 1\.0\.1/],
    ['debian-13@4.0.0', 'NOT_FOUND', /made no release/],
    ['debian-13@1.0.0@x', 'NOT_FOUND', /debian-13/],
    ['00000000', 'NOT_FOUND', /no record is about sha256:00000000/],
    ['./absent.qcow2', 'NOT_FOUND', /there is no file/],
    ['../../etc', 'NOT_FOUND', /there is no file/],
    ['debian-13@../1.0.0', 'NOT_FOUND', /no channel/],
    [first.run.context.folder, 'NOT_FOUND', /there is no file/],
    ['', 'NOT_FOUND', /there are/],
  ]
  for (const [ref, code, said] of cases) {
    const error = await refusal(findRelease(box.world, ref))
    assert.is(error.code, code, ref)
    assert.match(`${error.message} ${error.hint}`, said)
  }
})

it('rejects a file that no record is about', async ({ box }) => {
  const path = join(box.folder, 'strange.qcow2')
  await box.world.files.write(path, 'another image')
  const error = await refusal(findRelease(box.world, path))
  assert.is(error.code, 'VERIFY_FAILED')
  assert.match(error.hint, /do not use this file/)
})

it('lists by name, the newest first', async ({ box }) => {
  const all = await locateAll(box.world)
  assert.equal(
    all.map((item) => `${item.image}@${item.version}`),
    ['debian-13@1.0.1', 'debian-13@1.0.0', 'web-base@1.0.0'],
  )
})

it('a lost record is not an empty catalog', async ({ box }) => {
  for (const key of await box.world.catalog.list('releases/'))
    if (key.endsWith('.dsse.json') && !key.includes('/events/'))
      await box.world.files.remove(join(box.world.places.catalog, key))
  const error = await refusal(findRelease(box.world, 'debian-13'))
  assert.is(error.code, 'VERIFY_FAILED')
  assert.match(error.hint, 'catalog check')
})

it.run()
