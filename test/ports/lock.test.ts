import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { lockUntil, withLock } from '../../pipeline/ports/lock.ts'
import { refusal } from '../helpers/refusal.ts'

const locks = suite<{ path: string; folder: string }>('lock')
locks.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'mintmark-lock-'))
  context.path = join(context.folder, 'deep/lock')
})
locks.after.each(({ folder }) => rm(folder, { recursive: true, force: true }))

locks('who waits in vain is told who holds it, and at what', async ({ path }) => {
  await withLock(path, 1000, async (say) => {
    const first = await refusal(withLock(path, 100, async () => undefined))
    assert.is(first.code, 'BUSY')
    assert.match(first.message, `another run has held ${path} for 0.1 s: process ${process.pid}`)
    await say('run 20261122-030000')
    const second = await refusal(withLock(path, 100, async () => undefined))
    assert.match(second.message, `process ${process.pid}, run 20261122-030000`)
  })
  assert.is(await withLock(path, 1000, async () => 'mine'), 'mine')
})

locks('a wait ends at once when it is stopped', async ({ path }) => {
  const stop = new AbortController()
  await withLock(path, 1000, async () => {
    setTimeout(() => stop.abort(), 100)
    const began = performance.now()
    const error = await refusal(lockUntil(stop.signal)(path, 60_000, async () => undefined))
    assert.is(error.code, 'INTERRUPTED')
    assert.ok(performance.now() - began < 2000)
  })
  const stopped = await refusal(lockUntil(stop.signal)(path, 60_000, async () => undefined))
  assert.is(stopped.code, 'INTERRUPTED')
})

locks('what the work throws is passed on, and the lock is free', async ({ path }) => {
  const cause = await withLock(path, 1000, async () => {
    throw new Error('of the work')
  }).catch((error: unknown) => error)
  assert.match(String(cause), 'of the work')
  assert.is(await withLock(path, 1000, async () => 1), 1)
})

locks.run()
