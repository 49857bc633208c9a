import { spawn } from 'node:child_process'
import { chmod, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../../pipeline/core/digest.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

const it = suite<{ box: TestWorld }>('folder catalog')

it.before.each(async (context) => {
  context.box = await testWorld()
})
it.after.each((context) => context.box.close())

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'nothing thrown'
  } catch (cause) {
    return cause instanceof MintmarkError ? cause.code : `not ours: ${String(cause)}`
  }
}

const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777

it('is private and keeps blobs read-only under their digest', async ({ box }) => {
  const { catalog, places } = box.world
  const blob = await catalog.putBlob(Buffer.from('a report'))
  assert.equal(blob, { sha256: sha256('a report'), bytes: 8 })
  const path = join(places.catalog, 'blobs/sha256', blob.sha256.slice(0, 2), blob.sha256)
  assert.is(catalog.blobPath(blob.sha256), path)
  assert.is(await mode(places.catalog), 0o700)
  assert.is(await mode(path), 0o444)
  assert.is(Buffer.from(await catalog.getBlob(blob.sha256)).toString(), 'a report')
  assert.equal(await catalog.checkBlob(blob.sha256), { status: 'intact', bytes: 8 })
  assert.equal(await box.world.files.list(join(places.catalog, 'incoming')), [])
})

it('stores a file without a second copy, and the same blob twice as one', async ({ box }) => {
  const { catalog, places, files } = box.world
  const path = join(box.folder, 'image.qcow2')
  await files.write(path, 'image bytes')
  const first = await catalog.putBlob(path, { expected: sha256('image bytes') })
  const second = await catalog.putBlob(path)
  assert.equal(first, second)
  const stored = await stat(catalog.blobPath(first.sha256) ?? '')
  assert.is(stored.ino, (await stat(path)).ino)
  assert.is(await mode(path), 0o444, 'the run folder has the same file: nobody may write to it any more')
  assert.equal(await files.list(join(places.catalog, 'incoming')), [])
})

it('stores nothing that is not what was expected', async ({ box }) => {
  const { catalog } = box.world
  const path = join(box.folder, 'image.qcow2')
  await writeFile(path, 'other bytes')
  assert.is(await codeOf(catalog.putBlob(path, { expected: sha256('image bytes') })), 'CHAIN_BROKEN')
  assert.equal(await catalog.checkBlob(sha256('other bytes')), { status: 'missing' })
  await box.world.exec.run(['ln', '-s', path, `${path}.link`])
  assert.is(await codeOf(catalog.putBlob(`${path}.link`)), 'CHAIN_BROKEN')
  assert.is(await codeOf(catalog.putBlob(join(box.folder, 'absent'))), 'CHAIN_BROKEN')
})

it('finds corruption, and heals it when the right bytes come again', async ({ box }) => {
  const { catalog } = box.world
  const { sha256: digest } = await catalog.putBlob(Buffer.from('a report'))
  const path = catalog.blobPath(digest) ?? ''
  await chmod(path, 0o600)
  await writeFile(path, 'A report')
  assert.equal(await catalog.checkBlob(digest), { status: 'corrupt', found: sha256('A report') })
  assert.is(await codeOf(catalog.getBlob(digest)), 'VERIFY_FAILED')
  await catalog.putBlob(Buffer.from('a report'))
  assert.equal(await catalog.checkBlob(digest), { status: 'intact', bytes: 8 })
  assert.is(await codeOf(catalog.getBlob(sha256('never stored'))), 'VERIFY_FAILED')
})

it('creates a key once', async ({ box }) => {
  const { catalog } = box.world
  const key = 'releases/debian-13/1.0.0/reservation.json'
  assert.is(await catalog.read(key), null)
  assert.is(await catalog.createOnly(key, 'one'), true)
  assert.is(await catalog.createOnly(key, 'two'), false)
  assert.equal(await catalog.read(key), { value: 'one', etag: sha256('one') })
})

it('swaps a key only from the state that was seen', async ({ box }) => {
  const { catalog } = box.world
  const key = 'channels/debian-13/nightly/qemu-x86_64.json'
  assert.is(await catalog.compareAndSwap(key, sha256('something'), 'one'), false)
  assert.is(await catalog.read(key), null)
  assert.is(await catalog.compareAndSwap(key, null, 'one'), true)
  assert.is(await catalog.compareAndSwap(key, null, 'two'), false)
  const seen = await catalog.read(key)
  assert.is(await catalog.compareAndSwap(key, seen?.etag ?? null, 'two'), true)
  assert.is(await catalog.compareAndSwap(key, seen?.etag ?? null, 'three'), false)
  assert.is((await catalog.read(key))?.value, 'two')
})

it('lists keys by prefix and no leftover of a killed writer', async ({ box }) => {
  const { catalog, places } = box.world
  const keys = [
    'channels/debian-13/nightly/qemu-x86_64.json',
    'releases/debian-12/1.0.0/qemu-x86_64.dsse.json',
    'releases/debian-13/1.0.0/qemu-x86_64.dsse.json',
    'releases/debian-13/1.0.0/reservation.json',
    'releases/debian-130/1.0.0/reservation.json',
  ]
  assert.equal(await catalog.list('releases/'), [])
  for (const key of keys) await catalog.createOnly(key, '{}')
  await catalog.putBlob(Buffer.from('x'))
  await writeFile(join(places.catalog, 'releases/debian-13/1.0.0/reservation.json.12.ab.tmp'), 'half')
  await writeFile(join(places.catalog, 'releases/debian-13/1.0.0/reservation.json.271828'), 'half')
  assert.equal(await catalog.list(''), keys)
  assert.equal(await catalog.list('releases/debian-13/'), keys.slice(2, 4))
  assert.equal(await catalog.list('releases/debian-13'), keys.slice(2))
  assert.equal(await catalog.list('releases/debian-13/1.0.0/res'), [keys[3]])
  assert.equal(await catalog.list('elsewhere/'), [])
})

it('refuses every key that is not below releases or channels', async ({ box }) => {
  const { catalog } = box.world
  const bad = [
    '',
    '/etc/passwd',
    'releases/../../x.json',
    'releases/a/..b/x.json',
    'releases/./x/y.json',
    'releases//x/y.json',
    'releases/.x/1/y.json',
    'blobs/sha256/x.json',
    'releases/a/b/c',
    'releases/a/b/c.json\n',
    'releases/a\0/b/c.json',
    'lock',
  ]
  for (const key of bad) {
    assert.is(await codeOf(catalog.read(key)), 'USAGE', JSON.stringify(key))
    assert.is(await codeOf(catalog.createOnly(key, 'x')), 'USAGE', JSON.stringify(key))
    assert.is(await codeOf(catalog.compareAndSwap(key, null, 'x')), 'USAGE', JSON.stringify(key))
  }
  assert.is(await codeOf(catalog.getBlob('../../../etc/passwd')), 'USAGE')
  assert.is(await codeOf(catalog.checkBlob('AB'.repeat(32))), 'USAGE')
})

interface Told {
  readonly created: number
  readonly swapped: number
}

/** A real process of its own that writes as fast as it can. */
async function writer(root: string, name: string, start: number): Promise<Told> {
  const script = fileURLToPath(new URL('../helpers/catalog-writer.ts', import.meta.url))
  const child = spawn(join(checkout, 'node_modules/.bin/tsx'), [script, root, name, String(start)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  assert.is(code, 0)
  return JSON.parse(output) as Told
}

it('lets exactly one of two racing processes win each write', async ({ box }) => {
  const { catalog, places } = box.world
  const start = Date.now() + 3000
  const told = await Promise.all(['a', 'b'].map((name) => writer(places.catalog, name, start)))
  const created = told.reduce((sum, item) => sum + item.created, 0)
  assert.is(created, 40, 'each of the 40 keys was created by one of them')
  const swapped = told.reduce((sum, item) => sum + item.swapped, 0)
  const counter = JSON.parse((await catalog.read('channels/race/nightly/counter.json'))?.value ?? '{}') as {
    count: number
  }
  assert.is(counter.count, swapped, 'no swap was lost and none counted twice')
  assert.is(swapped, 40)
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
