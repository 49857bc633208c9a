import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../../pipeline/cli/verbs/base.ts'
import { MintmarkError } from '../../../pipeline/errors.ts'
import { ArchiveLock } from '../../../pipeline/model/base.ts'
import type { World } from '../../../pipeline/ports/world.ts'
import { fixtureDay, testMirror } from '../../helpers/mirror.ts'
import { checkout, type Told, testWorld } from '../../helpers/world.ts'

const verb = suite('base show, base update')

interface Bench {
  readonly world: World
  readonly told: Told
  readonly lockPath: string
  lock(): Promise<ArchiveLock>
  call(...args: readonly string[]): Promise<number | undefined>
}

/** A checkout with one definition, and the archive as it was on the day of the fixtures. */
async function withBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  const test = await testWorld({ now: fixtureDay })
  const mirror = await testMirror()
  try {
    const root = join(test.folder, 'checkout')
    const world: World = {
      ...test.world,
      env: { ...test.world.env, ...mirror.env },
      places: { ...test.world.places, root },
    }
    await world.files.copy(join(checkout, 'images/debian-13.yaml'), join(root, 'images/web.yaml'))
    const lockPath = join(root, 'images/web.lock.json')
    await work({
      world,
      told: test.told,
      lockPath,
      lock: async () => ArchiveLock.parse(JSON.parse(await world.files.readText(lockPath))),
      call: (...args) => run({ world, args, options: {} }),
    })
  } finally {
    await mirror.close()
    await test.close()
  }
}

async function failure(work: Promise<unknown>): Promise<MintmarkError> {
  try {
    await work
  } catch (error) {
    assert.instance(error, MintmarkError)
    return error as MintmarkError
  }
  return assert.unreachable('no error') as never
}

verb('the first update writes a lock with keys and floors, the second changes nothing', () =>
  withBench(async ({ call, lock, told, world, lockPath }) => {
    assert.is(await call('update', 'web'), undefined)
    const first = await lock()
    assert.equal(
      [first.codename, first.keys.length, first.floor['trixie-security']],
      ['trixie', 3, '2026-11-20T00:12:42.000Z'],
    )
    assert.match(told.results[0]?.text ?? '', 'images/web.lock.json is written: review it and commit it')
    assert.not.match(JSON.stringify(told.results), '127.0.0.1')
    const bytes = await world.files.readText(lockPath)
    await run({
      world: { ...world, clock: { ...world.clock, now: () => new Date('2026-11-23T00:00:00Z') } },
      args: ['update', 'web'],
      options: {},
    })
    assert.is(await world.files.readText(lockPath), bytes)
    assert.match(told.results[1]?.text ?? '', 'is up to date')
  }),
)

verb('show names suite, date, digest, signer and age', () =>
  withBench(async ({ call, told }) => {
    assert.is((await failure(call('show', 'web'))).code, 'LOCK_MISSING')
    await call('update', 'web')
    assert.is(await call('show', 'web'), undefined)
    const { text, data } = told.results[1] ?? { text: '', data: null }
    for (const part of [
      'trixie-security',
      '70 d',
      'sha256:0584fba32e13',
      '762F67A0B2C39DE4',
      'Debian Stable Release Key (13/trixie)',
    ])
      assert.match(text, part)
    assert.match(JSON.stringify(data), '0584fba32e13e0ab8285fb16c27adea1ec03a73669c18702821094fd6ca86675')
  }),
)

verb('update raises the floor and never lowers it', () =>
  withBench(async ({ call, lock, world, lockPath }) => {
    await call('update', 'web')
    const now = await lock()
    const older = { ...now, floor: { ...now.floor, trixie: '2026-01-01T00:00:00.000Z' } }
    await world.files.write(lockPath, JSON.stringify(older))
    await call('update', 'web')
    assert.equal((await lock()).floor, now.floor)
    const ahead = { ...now, floor: { ...now.floor, trixie: '2026-10-01T00:00:00.000Z' } }
    await world.files.write(lockPath, JSON.stringify(ahead))
    const error = await failure(call('update', 'web'))
    assert.is(error.code, 'BASE_REFUSED')
    assert.match(error.message, '2026-09-12T07:55:41.000Z, older than 2026-10-01T00:00:00.000Z')
    assert.equal(await lock(), ahead, 'a refused update leaves the lock as it was')
  }),
)

verb('show of an archive that is refused says why and exits with 5', () =>
  withBench(async ({ call, lock, world, lockPath, told }) => {
    await call('update', 'web')
    const now = await lock()
    await world.files.write(
      lockPath,
      JSON.stringify({ ...now, floor: { ...now.floor, trixie: '2026-10-01T00:00:00.000Z' } }),
    )
    assert.is(await call('show', 'web'), 5)
    assert.match(told.results[1]?.text ?? '', 'trixie is refused')
    assert.match(told.results[1]?.text ?? '', '  fix: ')
  }),
)

verb('a lock of another release is replaced when the definition moves on', () =>
  withBench(async ({ call, lock, world, lockPath }) => {
    await call('update', 'web')
    const now = await lock()
    await world.files.write(
      lockPath,
      JSON.stringify({
        ...now,
        release: '12',
        codename: 'bookworm',
        floor: { bookworm: '2026-01-01T00:00:00.000Z' },
      }),
    )
    await call('update', 'web')
    assert.equal(await lock(), now)
  }),
)

verb('--pr says what moved, for a pull request, or that nothing did', () =>
  withBench(async ({ world, lock, told, lockPath }) => {
    const update = () => run({ world, args: ['update', 'web'], options: { pr: true } })
    await update()
    const now = await lock()
    const older = { ...now, floor: { ...now.floor, trixie: '2026-07-01T00:00:00.000Z' } }
    await world.files.write(lockPath, JSON.stringify(older))
    await update()
    await update()
    const [first = '', moved = '', same = ''] = told.results.map((result) => result.text)
    assert.match(first, '| trixie | - | 2026-09-12T07:55:41.000Z (70 d) |')
    assert.match(moved, '| trixie | 2026-07-01T00:00:00.000Z | 2026-09-12T07:55:41.000Z (70 d) |')
    assert.match(moved, '- trixie: InRelease sha256 `0584fba32e13')
    assert.match(moved, '- lifecycle: regular until 2028-08-09')
    assert.match(same, '### Base of web: nothing moved')
  }),
)

verb('show without a name: all definitions, and how far into its life each is', () =>
  withBench(async ({ world, call, told }) => {
    await world.files.copy(
      join(checkout, 'images/debian-12.yaml'),
      join(world.places.root, 'images/old.yaml'),
    )
    await call('update', 'web')
    assert.is(await call('show'), undefined)
    const lines = told.results[1]?.text.split('\n').map((line) => line.split(/ {2,}/)) ?? []
    assert.equal(lines, [
      ['image', 'os', 'base', 'lifecycle', 'until', 'pinned'],
      ['old', 'debian 12', 'archive', 'lts', '2028-06-30', '-'],
      ['web', 'debian 13', 'archive', 'regular', '2028-08-09', 'lock of 2026-11-22'],
    ])
  }),
)

verb('show says the lifecycle with its source', () =>
  withBench(async ({ call, told }) => {
    await call('update', 'web')
    await call('show', 'web')
    assert.match(
      told.results[1]?.text ?? '',
      'lifecycle: regular (regular until 2028-08-09, lts until 2030-06-30',
    )
    assert.match(told.results[1]?.text ?? '', '  by package distro-info-data 0.66+deb13u2')
  }),
)

verb('anything else is a usage error', () =>
  withBench(async ({ call }) => {
    for (const args of [[], ['update'], ['shwo', 'web']])
      assert.is((await failure(call(...args))).code, 'USAGE')
    assert.is((await failure(call('show', 'wbe'))).code, 'NOT_FOUND')
  }),
)

verb.run()
