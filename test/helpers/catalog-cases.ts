import { spawn } from 'node:child_process'
import { readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { sha256 } from '../../pipeline/core/digest.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { blobName } from '../../pipeline/ports/catalog-key.ts'
import { damage, type Store } from './catalog-store.ts'
import { checkout, type TestWorld } from './world.ts'

export interface Input {
  readonly store: Store
  readonly box: TestWorld
  /** For processes that open the same catalog. */
  readonly env: Readonly<Record<string, string>>
}

/** What every catalog has to do, wherever it keeps its things. */
export interface Case {
  readonly title: string
  readonly run: (input: Input) => Promise<void>
}

export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'nothing thrown'
  } catch (cause) {
    return cause instanceof MintmarkError ? cause.code : `not ours: ${String(cause)}`
  }
}

const reservation = 'releases/debian-13/1.0.0/reservation.json'
const pointer = 'channels/debian-13/nightly/qemu-x86_64.json'

interface Told {
  readonly created: number
  readonly swapped: number
}

/** A real process of its own that writes as fast as it can. */
async function writer(input: Input, name: string, start: number): Promise<Told> {
  const script = fileURLToPath(new URL('catalog-writer.ts', import.meta.url))
  const args = [script, input.store.address, name, String(start), join(input.box.folder, name)]
  const child = spawn(join(checkout, 'node_modules/.bin/tsx'), args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...input.env },
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  assert.is(code, 0)
  return JSON.parse(output) as Told
}

export const catalogCases: readonly Case[] = [
  {
    title: 'keeps blobs under their digest',
    async run({ store: { catalog } }) {
      const blob = await catalog.putBlob(Buffer.from('a report'))
      assert.equal(blob, { sha256: sha256('a report'), bytes: 8 })
      assert.is(Buffer.from(await catalog.getBlob(blob.sha256)).toString(), 'a report')
      assert.equal(await catalog.checkBlob(blob.sha256), { status: 'intact', bytes: 8 })
      assert.is(await catalog.statBlob(blob.sha256), 8)
      assert.is(catalog.blobAddress(blob.sha256), `${catalog.location}/${blobName(blob.sha256)}`)
      const survey = await catalog.survey()
      assert.equal(survey, { blobs: [{ sha256: blob.sha256, bytes: 8 }], leftovers: [], strays: [] })
    },
  },
  {
    title: 'stores a file, and the same blob twice as one',
    async run({ store: { catalog }, box }) {
      const path = join(box.folder, 'image.qcow2')
      await writeFile(path, 'image bytes')
      const first = await catalog.putBlob(path, { expected: sha256('image bytes') })
      assert.equal(await catalog.putBlob(path), first)
      assert.equal(await catalog.putBlob(Buffer.from('image bytes')), first)
      assert.is((await catalog.survey()).blobs.length, 1)
      const empty = await catalog.putBlob(Buffer.from(''))
      assert.equal(await catalog.checkBlob(empty.sha256), { status: 'intact', bytes: 0 })
    },
  },
  {
    title: 'gives a blob as a file that nobody may write to',
    async run({ store, box }) {
      const { catalog } = store
      const { sha256: digest } = await catalog.putBlob(Buffer.from('image bytes'))
      for (const look of ['first', 'again']) {
        const taken = await catalog.takeBlob(digest)
        assert.is(taken.status, 'intact', look)
        if (taken.status !== 'intact') return
        assert.is(await readFile(taken.path, 'utf8'), 'image bytes')
        assert.is((await stat(taken.path)).mode & 0o777, 0o444)
        assert.is(taken.bytes, 11)
      }
      assert.equal(await catalog.takeBlob(sha256('never stored')), { status: 'missing' })
      const other = await catalog.putBlob(Buffer.from('other bytes'))
      await damage(store, other.sha256, 'ether bytes')
      assert.equal(await catalog.takeBlob(other.sha256), { status: 'corrupt', found: sha256('ether bytes') })
      const left = await box.world.files.list(box.world.places.blobs)
      assert.equal(
        left.filter((name) => !name.endsWith('.lock') && name !== digest),
        [],
      )
    },
  },
  {
    title: 'stores nothing that is not what was expected',
    async run({ store: { catalog }, box }) {
      const path = join(box.folder, 'image.qcow2')
      await writeFile(path, 'other bytes')
      assert.is(await codeOf(catalog.putBlob(path, { expected: sha256('image bytes') })), 'CHAIN_BROKEN')
      assert.equal(await catalog.checkBlob(sha256('other bytes')), { status: 'missing' })
      await symlink(path, `${path}.link`)
      assert.is(await codeOf(catalog.putBlob(`${path}.link`)), 'CHAIN_BROKEN')
      assert.is(await codeOf(catalog.putBlob(join(box.folder, 'absent'))), 'CHAIN_BROKEN')
      assert.equal((await catalog.survey()).leftovers, [])
    },
  },
  {
    title: 'finds what is missing or corrupt, and heals it when the right bytes come again',
    async run({ store }) {
      const { catalog } = store
      const { sha256: digest } = await catalog.putBlob(Buffer.from('a report'))
      for (const wrong of ['A report', 'a rep', '']) {
        await damage(store, digest, wrong)
        assert.equal(await catalog.checkBlob(digest), { status: 'corrupt', found: sha256(wrong) })
        assert.is(await codeOf(catalog.getBlob(digest)), 'VERIFY_FAILED')
        await catalog.putBlob(Buffer.from('a report'))
        assert.equal(await catalog.checkBlob(digest), { status: 'intact', bytes: 8 }, wrong)
      }
      await store.drop(blobName(digest))
      assert.equal(await catalog.checkBlob(digest), { status: 'missing' })
      assert.is(await catalog.statBlob(digest), null)
      assert.is(await codeOf(catalog.getBlob(digest)), 'VERIFY_FAILED')
    },
  },
  {
    title: 'restores a blob from a copy, and from nothing else',
    async run({ store, box }) {
      const { catalog } = store
      const { sha256: digest } = await catalog.putBlob(Buffer.from('a report'))
      const copy = join(box.folder, 'copy')
      await writeFile(copy, 'a report')
      const other = join(box.folder, 'other')
      await writeFile(other, 'another')
      for (const break_ of [() => damage(store, digest, 'A report'), () => store.drop(blobName(digest))]) {
        for (const source of [copy, Buffer.from('a report')]) {
          await break_()
          const before = await catalog.checkBlob(digest)
          assert.is(await codeOf(catalog.restoreBlob(digest, other)), 'CHAIN_BROKEN')
          assert.equal(await catalog.checkBlob(digest), before)
          await catalog.restoreBlob(digest, source)
          assert.equal(await catalog.checkBlob(digest), { status: 'intact', bytes: 8 })
        }
      }
      await writeFile(copy, 'written to')
      assert.equal(await catalog.checkBlob(digest), { status: 'intact', bytes: 8 })
    },
  },
  {
    title: 'creates a key once',
    async run({ store: { catalog } }) {
      assert.is(await catalog.read(reservation), null)
      assert.is(await catalog.createOnly(reservation, 'one'), true)
      assert.is(await catalog.createOnly(reservation, 'two'), false)
      assert.is(await catalog.createOnly(reservation, 'one'), false)
      assert.is((await catalog.read(reservation))?.value, 'one')
      const other = 'releases/debian-13/1.0.1/reservation.json'
      const won = await Promise.all(['a', 'b', 'c'].map((text) => catalog.createOnly(other, text)))
      assert.equal(won.filter(Boolean), [true])
    },
  },
  {
    title: 'swaps a key only from the state that was seen',
    async run({ store: { catalog } }) {
      const { etag: strange } = { etag: sha256('something') }
      assert.is(await catalog.compareAndSwap(pointer, strange, 'one'), false)
      assert.is(await catalog.read(pointer), null)
      assert.is(await catalog.compareAndSwap(pointer, null, 'one'), true)
      assert.is(await catalog.compareAndSwap(pointer, null, 'two'), false)
      const seen = await catalog.read(pointer)
      assert.is(await catalog.compareAndSwap(pointer, seen?.etag ?? null, 'zwei ü\n'), true)
      assert.is(await catalog.compareAndSwap(pointer, seen?.etag ?? null, 'three'), false)
      assert.is((await catalog.read(pointer))?.value, 'zwei ü\n')
    },
  },
  {
    title: 'lists keys by prefix, and tells what is none',
    async run({ store }) {
      const { catalog } = store
      const keys = [
        'channels/debian-13/nightly/qemu-x86_64.json',
        'history/debian-13/nightly/qemu-x86_64/000001.dsse.json',
        'releases/debian-12/1.0.0/qemu-x86_64.dsse.json',
        'releases/debian-13/1.0.0/qemu-x86_64.dsse.json',
        'releases/debian-13/1.0.0/reservation.json',
        'releases/debian-130/1.0.0/reservation.json',
      ]
      assert.equal(await catalog.list('releases/'), [])
      for (const key of keys) await catalog.createOnly(key, '{}')
      await catalog.putBlob(Buffer.from('x'))
      for (const stray of ['notes.txt', 'releases/a.json', 'blobs/sha256/00/x']) await store.put(stray, 'x')
      assert.equal(await catalog.list(''), keys)
      assert.equal(await catalog.list('releases/debian-13/'), keys.slice(3, 5))
      assert.equal(await catalog.list('releases/debian-13'), keys.slice(3))
      assert.equal(await catalog.list('releases/debian-13/1.0.0/res'), [keys[4]])
      assert.equal(await catalog.list('history/'), [keys[1]])
      assert.equal(await catalog.list('elsewhere/'), [])
      const { strays } = await catalog.survey()
      assert.equal([...strays].sort(), ['blobs/sha256/00/x', 'notes.txt', 'releases/a.json'])
    },
  },
  {
    title: 'refuses what is no key and no digest',
    async run({ store: { catalog } }) {
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
      for (const digest of ['../../../etc/passwd', 'AB'.repeat(32), '']) {
        assert.is(await codeOf(catalog.getBlob(digest)), 'USAGE', digest)
        assert.is(await codeOf(catalog.checkBlob(digest)), 'USAGE', digest)
        assert.is(await codeOf(catalog.takeBlob(digest)), 'USAGE', digest)
        assert.is(await codeOf(catalog.statBlob(digest)), 'USAGE', digest)
      }
    },
  },
  {
    title: 'lets exactly one of two racing processes win each write',
    async run(input) {
      const { catalog } = input.store
      const start = Date.now() + 3000
      const told = await Promise.all(['a', 'b'].map((name) => writer(input, name, start)))
      const created = told.reduce((sum, item) => sum + item.created, 0)
      assert.is(created, 40, 'each of the 40 keys was created by one of them')
      const swapped = told.reduce((sum, item) => sum + item.swapped, 0)
      const text = (await catalog.read('channels/race/nightly/counter.json'))?.value ?? '{}'
      const { count } = JSON.parse(text) as { count: number }
      assert.is(count, swapped, 'no swap was lost and none counted twice')
      assert.is(swapped, 40)
    },
  },
]
