import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BaseLock } from '../../pipeline/model/base.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { findLock, keepLock, loadLock } from '../../pipeline/stages/base-lock.ts'
import { amiLock } from '../helpers/ami-release.ts'
import { refusal } from '../helpers/refusal.ts'
import { textOf } from '../helpers/sources.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const locks = suite<{ box: TestWorld; world: World; path: string }>('base-lock')

const image = 'debian-13'
const text = textOf('images/debian-13.lock.json')
const archive = BaseLock.parse(JSON.parse(text))

locks.before.each(async (context) => {
  context.box = await testWorld()
  const root = join(context.box.folder, 'checkout')
  context.world = { ...context.box.world, places: { ...context.box.world.places, root } }
  context.path = join(root, `images/${image}.lock.json`)
})
locks.after.each(({ box }) => box.close())

locks('none at all, and none for that target, are told apart', async ({ world }) => {
  assert.is(await findLock(world, image, 'qemu'), null)
  const none = await refusal(loadLock(world, image, 'qemu'))
  assert.equal(
    [none.code, none.message],
    [
      'LOCK_MISSING',
      'images/debian-13.lock.json is not there: nothing says what debian-13 may be built from',
    ],
  )
  await keepLock(world, image, 'qemu', archive)
  const other = await refusal(loadLock(world, image, 'aws'))
  assert.equal(
    [other.code, other.message, other.hint],
    [
      'LOCK_MISSING',
      'images/debian-13.lock.json pins a base for qemu, and none for aws',
      './mintmark base update debian-13 --target aws',
    ],
  )
})

locks('of qemu alone it is the file that it ever was, to the byte', async ({ world, path }) => {
  await keepLock(world, image, 'qemu', archive)
  assert.is(await world.files.readText(path), text)
  assert.equal(await loadLock(world, image, 'qemu'), archive)
})

locks('of two targets each is read and moved by itself', async ({ world, path }) => {
  await keepLock(world, image, 'qemu', archive)
  await keepLock(world, image, 'aws', amiLock)
  const written = JSON.parse(await world.files.readText(path))
  assert.equal([written.schema, Object.keys(written).sort()], [2, ['aws', 'qemu', 'schema']])
  assert.equal(await loadLock(world, image, 'qemu'), archive)
  assert.equal((await loadLock(world, image, 'aws')).name, amiLock.name)
  await keepLock(world, image, 'qemu', { ...archive, updated: '2026-11-22T04:00:00.000Z' })
  assert.is((await loadLock(world, image, 'qemu')).updated, '2026-11-22T04:00:00.000Z')
  assert.equal(await loadLock(world, image, 'aws'), amiLock)
})

locks('two that are moved at the same moment are both kept', async ({ world }) => {
  await Promise.all([keepLock(world, image, 'qemu', archive), keepLock(world, image, 'aws', amiLock)])
  assert.equal(await loadLock(world, image, 'qemu'), archive)
  assert.equal(await loadLock(world, image, 'aws'), amiLock)
})

locks('an AMI alone, and a file with what is no lock', async ({ world, path }) => {
  await keepLock(world, image, 'aws', amiLock)
  assert.equal(await loadLock(world, image, 'aws'), amiLock)
  assert.is((await refusal(loadLock(world, image, 'qemu'))).code, 'LOCK_MISSING')
  for (const broken of ['{"schema": 2, "qemo": {}}', '{"schema": 2, "aws": {}}', '{"schema": 3}', '{']) {
    await world.files.write(path, broken)
    assert.is((await refusal(loadLock(world, image, 'aws'))).code, 'CONFIG_INVALID', broken)
  }
})

locks.run()
