import { chmod, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { awsCalls } from '../../../../pipeline/targets/aws/client.ts'
import { copySnapshots, type SnapshotsInput } from '../../../../pipeline/targets/aws/disk/copy-snapshots.ts'
import type { Fault } from '../../../cloud/stand-in-types.ts'
import { snapshotOf, withStandIn } from '../../../cloud/under-test.ts'
import { refusal } from '../../../helpers/refusal.ts'
import { type TestWorld, testWorld } from '../../../helpers/world.ts'

const block = 512 * 1024
const region = 'us-east-1'

interface Context {
  t: TestWorld
  /** The disk that the snapshot was seeded with: 1 GiB, of which these blocks are in use. */
  disk: string
  snapshotId: string
}

const written: readonly number[] = [0, 1, 2, 7, ...Array.from({ length: 120 }, (_, at) => 500 + at), 2047]

const copying = suite<Context>('copying snapshots')
const { cloud, imageOf } = withStandIn(copying)

copying.before(async (context) => {
  context.t = await testWorld()
  context.disk = join(context.t.folder, 'disk.raw')
  const file = await open(context.disk, 'w')
  await file.truncate(2048 * block)
  for (const index of written)
    await file.write(Buffer.alloc(block, `block ${index} of the disk, `), 0, block, index * block)
  // Written, and empty: listed like any other.
  await file.write(Buffer.alloc(block), 0, block, 1000 * block)
  await file.close()
  await chmod(context.disk, 0o444)
  const image = { name: 'with a disk', owner: '136693071363', disk: context.disk }
  const [id] = await cloud().seed({ images: [image] })
  context.snapshotId = snapshotOf(await imageOf(id))
})
copying.after(({ t }) => t.close())

async function copied({ t, snapshotId }: Context, more: Partial<SnapshotsInput> = {}) {
  const { signal } = more.world ?? t.world
  const calls = awsCalls({ region, signal, attempts: 2 })
  const to = join(await t.world.files.tempFolder('copy-', t.folder), 'disk.raw')
  const told: string[] = []
  const update = (text: string): void => void told.push(text)
  try {
    const found = await copySnapshots(calls, {
      world: t.world,
      snapshotIds: [snapshotId],
      to,
      update,
      atOnce: 8,
      ...more,
    })
    return { to, told, found }
  } finally {
    calls.close()
  }
}

/** All that was written is there, and no more place is taken than that needs. */
async function same({ disk }: Context, to: string, start = 0): Promise<void> {
  const [one, other] = [await open(disk), await open(to)]
  try {
    for (const index of written) {
      const [a, b] = [Buffer.alloc(block), Buffer.alloc(block)]
      await one.read(a, 0, block, index * block)
      await other.read(b, 0, block, (start + index) * block)
      assert.ok(a.equals(b), `block ${index}`)
    }
  } finally {
    await one.close()
    await other.close()
  }
}

/** Blocks that take place on the disk; its file system needs a little of its own. */
const onDisk = async (path: string): Promise<number> => Math.floor(((await stat(path)).blocks * 512) / block)

const asked = async (action: string): Promise<number> =>
  (await cloud().calls()).filter((call) => call.action === action).length

copying('every byte is at its place, holes and empty blocks are holes', async (context) => {
  const { to, told, found } = await copied(context)
  assert.equal(found, { bytes: 126 * block, virtualBytes: 2048 * block, blocks: 126 })
  await same(context, to)
  const { mode, size } = await stat(to)
  assert.equal([mode & 0o777, size], [0o600, 2048 * block])
  assert.is(await onDisk(to), written.length)
  assert.match(told[0] ?? '', /^reading snap-[0-9a-f]+: \d+ (?:kB|MB) of 66 MB$/)
  assert.is(await asked('ListSnapshotBlocks'), 1)
})

copying('several disks follow each other in one file', async (context) => {
  const { to, found } = await copied(context, { snapshotIds: [context.snapshotId, context.snapshotId] })
  assert.equal(found, { bytes: 252 * block, virtualBytes: 4096 * block, blocks: 252 })
  await same(context, to)
  await same(context, to, 2048)
  assert.is(await onDisk(to), 2 * written.length)
})

const once = (kind: Fault['kind'], more: Partial<Fault> = {}): Fault => ({
  action: 'ebs:GetSnapshotBlock',
  at: 20,
  times: 6,
  kind,
  ...more,
})

for (const fault of [
  once('throttle', { times: 40 }),
  once('error'),
  once('cut-before'),
  once('cut-half', { times: 20 }),
  once('garble', { times: 1 }),
])
  copying(`${fault.kind} is outlived`, async (context) => {
    const before = await asked('GetSnapshotBlock')
    await cloud().change({ faults: [fault] })
    const { to } = await copied(context)
    await same(context, to)
    assert.ok((await asked('GetSnapshotBlock')) >= before + 126 + 1)
  })

copying('tokens that expire are listed anew, once for all that wait', async (context) => {
  const before = await asked('ListSnapshotBlocks')
  let changed: Promise<void> | null = null
  const update = (): void => {
    changed ??= cloud().change({ settings: { pageSecret: 'another' } })
  }
  const { to } = await copied(context, { update })
  await changed
  await same(context, to)
  const lists = (await asked('ListSnapshotBlocks')) - before
  assert.ok(lists >= 2 && lists <= 4, `${lists} lists`)
})

/** Nothing half is left, under any name. */
async function nothingIn(t: TestWorld): Promise<void> {
  const left = (await readdir(t.folder, { recursive: true })).filter((name) =>
    /copy-.*\.(?:tmp|raw)$/.test(name),
  )
  for (const name of left) assert.match(name, /^copy-[^/]*\/disk\.raw$/)
}

copying('bytes that never are what their checksum says: refused, nothing is left', async (context) => {
  await cloud().change({ faults: [once('garble', { at: 1, times: 100_000 })] })
  const to = join(context.t.folder, 'garbled.raw')
  const error = await refusal(copied(context, { to }))
  assert.is(error.code, 'PROVIDER_REFUSED')
  assert.match(error.message, /^block \d+ of snap-[0-9a-f]+ came with other bytes than its checksum is of$/)
  assert.is(await context.t.world.files.info(to), null)
  await nothingIn(context.t)
})

copying('a service that stays away is given up in time', async (context) => {
  await cloud().change({ faults: [once('cut-before', { times: 100_000 })] })
  const error = await refusal(copied(context, { patienceMs: 1500 }))
  assert.is(error.code, 'PROVIDER_UNREACHABLE')
  assert.match(error.message, /^ebs:GetSnapshotBlock in us-east-1 can't be reached/)
  await nothingIn(context.t)
})

copying('who is asked to stop stops', async (context) => {
  const stop = new AbortController()
  const world = { ...context.t.world, signal: stop.signal }
  await cloud().change({ faults: [once('throttle', { times: 100_000 })] })
  const began = performance.now()
  setTimeout(() => stop.abort(), 500)
  const error = await refusal(copied(context, { world }))
  assert.is(error.code, 'INTERRUPTED')
  assert.ok(performance.now() - began < 10_000)
  await nothingIn(context.t)
})

copying('what lacks is said with the statement to add', async (context) => {
  await cloud().change({ denials: [{ action: 'ebs:GetSnapshotBlock' }] })
  const denied = await refusal(copied(context))
  assert.is(denied.code, 'PROVIDER_REFUSED')
  assert.match(denied.message, /may not ebs:GetSnapshotBlock/)
  assert.match(denied.lines.join('\n'), /"Action":"ebs:GetSnapshotBlock"/)
  await cloud().change({ denials: [] })
  const missing = await refusal(copied(context, { snapshotIds: ['snap-00000000'] }))
  assert.is(missing.code, 'PROVIDER_REFUSED')
})

copying('a file that is larger than there is room for is not begun', async (context) => {
  const files = { ...context.t.world.files, freeBytes: async () => 1000 }
  const error = await refusal(copied(context, { world: { ...context.t.world, files } }))
  assert.is(error.code, 'NO_SPACE')
})

copying.run()
