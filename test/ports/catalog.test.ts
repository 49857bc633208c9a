import { spawn } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../../pipeline/core/digest.ts'
import { catalogCases } from '../helpers/catalog-cases.ts'
import { damage, folderStore } from '../helpers/catalog-store.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const it = suite<{ box: TestWorld }>('folder catalog')

it.before.each(async (context) => {
  context.box = await testWorld()
})
it.after.each((context) => context.box.close())

for (const { title, run } of catalogCases)
  it(title, ({ box }) => run({ store: folderStore(box), box, env: {} }))

const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777

it('is private and keeps blobs read-only', async ({ box }) => {
  const { catalog, places } = box.world
  const blob = await catalog.putBlob(Buffer.from('a report'))
  const path = join(places.catalog, 'blobs/sha256', blob.sha256.slice(0, 2), blob.sha256)
  assert.is(catalog.blobPath(blob.sha256), path)
  assert.is(await mode(places.catalog), 0o700)
  assert.is(await mode(path), 0o444)
  assert.equal(await box.world.files.list(join(places.catalog, 'incoming')), [])
})

it('stores a file without a second copy', async ({ box }) => {
  const { catalog, places, files } = box.world
  const path = join(box.folder, 'image.qcow2')
  await files.write(path, 'image bytes')
  const first = await catalog.putBlob(path)
  await catalog.putBlob(path)
  const stored = await stat(catalog.blobPath(first.sha256) ?? '')
  assert.is(stored.ino, (await stat(path)).ino)
  assert.is(await mode(path), 0o444, 'the run folder has the same file: nobody may write to it any more')
  assert.equal(await files.list(join(places.catalog, 'incoming')), [])
})

it('keeps the corrupt bytes that a repair replaces, and links nothing to the copy', async ({ box }) => {
  const { catalog, places } = box.world
  const { sha256: digest } = await catalog.putBlob(Buffer.from('a report'))
  await damage(folderStore(box), digest, 'A report')
  const copy = join(box.folder, 'copy')
  await writeFile(copy, 'a report')
  const aside = await catalog.restoreBlob(digest, copy)
  assert.is(aside, join(places.catalog, 'damaged', `${digest}.is-${sha256('A report').slice(0, 12)}`))
  assert.is(await readFile(aside ?? '', 'utf8'), 'A report')
  assert.is.not((await stat(catalog.blobPath(digest) ?? '')).ino, (await stat(copy)).ino)
  assert.is(await catalog.restoreBlob(digest, copy), null, 'what is whole stays as it is')
  assert.equal((await catalog.survey()).strays, [])
})

it('tells what a killed writer left apart from keys', async ({ box }) => {
  const { catalog, places } = box.world
  const key = 'releases/debian-13/1.0.0/reservation.json'
  await catalog.createOnly(key, '{}')
  const left = ['incoming/half', `${key}.12.ab.tmp`, `${key}.271828`]
  for (const name of left) await box.world.files.write(join(places.catalog, name), 'half')
  assert.equal(await catalog.list(''), [key])
  assert.equal([...(await catalog.survey()).leftovers].sort(), [...left].sort())
})

it('is free again when a writer is killed in the middle of a swap', async ({ box }) => {
  const { catalog, places } = box.world
  const key = 'channels/debian-13/nightly/qemu-x86_64.json'
  await catalog.compareAndSwap(key, null, 'one')
  const holder = spawn('flock', ['--exclusive', join(places.catalog, 'lock'), 'cat'], { stdio: 'pipe' })
  holder.stdin.write('\n')
  await new Promise((resolve) => holder.stdout.once('data', resolve))
  const waiting = catalog.compareAndSwap(key, sha256('one'), 'two')
  await box.world.clock.sleep(200)
  assert.is((await catalog.read(key))?.value, 'one', 'it waits for the lock')
  // A killed process closes its end of the pipe; that alone frees the lock.
  holder.stdin.destroy()
  assert.is(await waiting, true)
})

it.run()
