import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  killedThenAgain as killedOr,
  momentOf,
  type Reference,
  reference,
  scanned,
  stopAt,
} from '../helpers/crash.ts'
import { preparedRun } from '../helpers/prepared-run.ts'
import type { Started } from '../helpers/real-cli.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

/**
 * The real command line killed at every change that it makes of the file system after its scan, at every boundary of a step, and at random
 * moments of the scan. The last few come after the release is there: the same command then asks the archive whether anything is new.
 */
interface Context {
  t: TestWorld
  fromScan: Reference
  afterScan: Reference
}

/** SEED=... repeats the moments of a run that failed. */
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
function randomFrom(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** For moments that come for certain: the process has to have been killed, and not to have ended before. */
async function killedThenAgain(...args: Parameters<typeof killedOr>): Promise<void> {
  const { moment, killed } = await killedOr(...args)
  assert.is(killed.signal, 'SIGKILL', `${moment}; it had said:\n${killed.stderr}`)
}

const crashing = suite<Context>('killed at every moment')

crashing.before(async (context) => {
  context.t = await testWorld()
  const prepared = await preparedRun(context.t)
  context.fromScan = await reference(prepared)
  context.afterScan = await reference(await scanned(prepared))
})
crashing.after(({ t }) => t.close())

/** Runs all of them and tells of each that fails, so that one run shows every moment that is wrong. */
async function each(moments: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failed: string[] = []
  for (const moment of moments)
    try {
      await moment()
    } catch (cause) {
      failed.push(
        cause instanceof Error
          ? `${cause.message}\n${'details' in cause ? cause.details : ''}`
          : String(cause),
      )
    }
  assert.is(failed.length, 0, `${failed.length} of ${moments.length} moments:\n\n${failed.join('\n\n')}`)
}

crashing('instead of each change of the file system', async ({ afterScan }) => {
  const { changes } = afterScan
  assert.ok(changes.length >= 60, `${changes.length} changes`)
  await each(
    changes.map(
      (_, index) => () => killedThenAgain(afterScan, stopAt(index + 1), momentOf(afterScan, index + 1)),
    ),
  )
})

crashing('after half of each file was written', async ({ afterScan }) => {
  const writes = afterScan.changes.flatMap((change, index) =>
    change.startsWith('writeFile ') ? [index + 1] : [],
  )
  await each(
    writes.map((at) => () => killedThenAgain(afterScan, stopAt(at, 'torn'), momentOf(afterScan, at))),
  )
})

crashing('at each boundary of a step, and whenever it says something', async ({ fromScan }) => {
  const lines = [
    /going on with run/,
    /^✓ test /m,
    /reading the disk/,
    /getting the vulnerability database/,
    /scanning packages/,
    /writing the SBOMs/,
    /searching every file/,
    /^✓ scan /m,
    /^✓ gate /m,
    /storing the image/,
    /^✓ publish /m,
    /signing the record/,
  ]
  await each(
    lines.map(
      (line) => () =>
        killedThenAgain(fromScan, {}, async ({ child, says }) => {
          assert.ok(await says(line), `it never said ${line}`)
          child.kill('SIGKILL')
          return `at the line ${line}`
        }),
    ),
  )
})

crashing(`at random moments (SEED=${seed})`, async ({ fromScan }) => {
  const random = randomFrom(seed)
  const killAfter =
    (ms: number) =>
    async ({ child, ended }: Started): Promise<string> => {
      const timer = setTimeout(() => child.kill('SIGKILL'), ms)
      // A fast machine may be done before.
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, ms))])
      clearTimeout(timer)
      child.kill('SIGKILL')
      return `after ${Math.round(ms)} ms (SEED=${seed})`
    }
  await each(
    Array.from({ length: 20 }, () => {
      const ms = 300 + random() * 4500
      return () => killedOr(fromScan, {}, killAfter(ms))
    }),
  )
})

crashing.run()
