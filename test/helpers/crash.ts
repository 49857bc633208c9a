import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { image, type Prepared } from './prepared-run.ts'
import {
  type Ended,
  listing,
  orphansAfter,
  type RealCli,
  restore,
  run,
  type Started,
  snapshotOf,
  start,
} from './real-cli.ts'
import { checkout } from './world.ts'

/** How long after a SIGKILL a process of ours may still be there: the kernel tells the children, one generation after the other. */
export const orphanMs = 1500

/** What a process that works leaves nowhere when it is done. */
export const unfinished = /\.tmp$|p[0-9a-f]{6}-[0-9a-z]+-[0-9a-z]+|\.partial$|overlay|\/scan-|\/test$/

/** Data and state as they have to be: all of it. Caches and scratch: only that nothing half-made is in them. */
async function shape(cli: RealCli): Promise<readonly string[]> {
  const all = await listing(cli)
  return all.filter((path) => /^(?:data|state)\b/.test(path) || unfinished.test(path))
}

/** What one list has too much or too little of, each item by itself. */
export function differences(found: readonly string[], expected: readonly string[]): readonly string[] {
  const rest = [...found]
  const missing = expected.filter((path) => {
    const at = rest.indexOf(path)
    if (at >= 0) rest.splice(at, 1)
    return at < 0
  })
  return [...rest.map((path) => `too much: ${path}`), ...missing.map((path) => `missing: ${path}`)]
}

/** What an undisturbed release makes of a prepared run. */
export interface Reference {
  readonly prepared: Prepared
  readonly shape: readonly string[]
  /** Each change of the file system that it made itself, in order: what it was and the path. */
  readonly changes: readonly string[]
}

/** Options that end the command line instead of its `at`th change of the file system; with 0 never. */
export const stopAt = (at: number, how: 'kill' | 'torn' = 'kill') => ({
  env: {
    NODE_OPTIONS: `--import=${join(checkout, 'test/helpers/stop-at-write.mjs')}`,
    STOP_AT: String(at),
    STOP_HOW: how,
  },
})

export async function reference(prepared: Prepared): Promise<Reference> {
  const { cli, start: before } = prepared
  await restore(before)
  const counted = `${before.saved}.changes`
  const ended = await run(cli, prepared.args(), { env: { ...stopAt(0).env, STOP_COUNT: counted } })
  assert.is(ended.code, 0, ended.stderr)
  const changes = (await readFile(counted, 'utf8')).trim().split('\n')
  return { prepared, shape: await shape(cli), changes }
}

/** The same run, stopped by SIGKILL once its scan is done: what is left of it takes a second. */
export async function scanned(prepared: Prepared): Promise<Prepared> {
  const { cli, start: before } = prepared
  await restore(before)
  const started = start(cli, prepared.args())
  assert.ok(await started.says(/^✓ scan /m), started.said())
  started.child.kill('SIGKILL')
  await started.ended
  return { ...prepared, start: await snapshotOf(cli, `${before.saved}-scanned`) }
}

/**
 * Starts the release in the prepared folder, lets `kill` end it, and runs the same command again. Nothing may be left running, and
 * the end must be that of an undisturbed run.
 * @param kill ends the process; what it returns names the moment
 */
export async function killedThenAgain(
  { prepared, shape: expected }: Reference,
  options: Parameters<typeof start>[2],
  kill: (started: Started) => Promise<string>,
): Promise<{ readonly moment: string; readonly killed: Ended }> {
  const { cli } = prepared
  await restore(prepared.start)
  const started = start(cli, prepared.args(), options)
  const moment = await kill(started)
  const killed = await started.ended
  const where = `${moment}; it had said:\n${killed.stderr}`
  assert.equal(await orphansAfter(cli.folder, orphanMs), [], where)

  const again = await run(cli, [...prepared.args(), '--json'])
  const then = `${where}\nthen:\n${again.stderr}`
  assert.is(again.code, 0, then)
  assert.is(JSON.parse(again.stdout).version, '1.0.0', then)
  const wrong = differences(await shape(cli), expected)
  // Killed after the channel pointed to it: the catalog has all of it, and the next run asks what is new since and begins no stage of it.
  const told = /^missing: state\/.*\/record\.json$/
  const late = JSON.parse(again.stdout).unchanged === true
  assert.equal(
    wrong.filter((line) => !(late && told.test(line))),
    [],
    then,
  )
  const verified = await run(cli, ['verify', image])
  assert.is(verified.code, 0, `${where}\n${verified.stderr}${verified.stdout}`)
  assert.equal(await orphansAfter(cli.folder, orphanMs), [], where)
  return { moment, killed }
}

/** Waits for the process to end itself; says at which change. */
export const momentOf =
  ({ changes }: Reference, at: number) =>
  async ({ ended }: Started): Promise<string> => {
    await ended
    return `change ${at} of ${changes.length}, ${changes[at - 1]}`
  }

/** Another definition with a prepared run of its own, for two releases at once. */
export const sharedImages = ['other-12'] as const
