import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../../pipeline/core/digest.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { publishStage } from '../../pipeline/stages/publish.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { recordStage } from '../../pipeline/stages/record.ts'
import { reserveVersion } from '../../pipeline/stages/reserve.ts'
import { publicKeyOf } from '../helpers/public-key-of.ts'
import { definition, facts, fixtureRelease, fixtureRun } from '../helpers/release-fixture.ts'
import { textOf } from '../helpers/sources.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

const it = suite<{ box: TestWorld }>('record')
const now = new Date('2026-11-22T03:00:00Z')

it.before.each(async (context) => {
  context.box = await testWorld({ now })
})
it.after.each((context) => context.box.close())

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'nothing thrown'
  } catch (cause) {
    return cause instanceof MintmarkError ? cause.code : String(cause)
  }
}

const pointerKey = 'channels/debian-13/nightly/qemu-x86_64.json'

async function pointsTo(world: World): Promise<string> {
  const entry = await world.catalog.read(pointerKey)
  return (JSON.parse(entry?.value ?? '{}') as { version?: string }).version ?? 'nothing'
}

it('writes the facts of the run and moves nightly', async ({ box }) => {
  const { version, recorded, published, line } = await fixtureRelease(box.world)
  assert.is(version, '1.0.0')
  assert.match(line, /^nightly → 1\.0\.0 {2}record sha256:[0-9a-f]{12}…$/)
  assert.is(recorded.keyid, (await publicKeyOf(box.world.keys)).keyid)
  const release = await findRelease(box.world, 'debian-13')
  assert.is(release.record, recorded.record)
  assert.equal(release.channels, ['nightly'])
  const { predicate, subject } = release.statement
  assert.equal(subject, [
    { name: 'debian-13-1.0.0-qemu-x86_64.qcow2', digest: { sha256: published.subject } },
  ])
  assert.is(predicate.created, now.toISOString())
  assert.is(predicate.run, 'r-1')
  assert.is(predicate.login, 'debian')
  assert.equal(predicate.controls, { total: 3, pass: 2, fail: 1, error: 0, notapplicable: 0 })
  assert.is(predicate.fingerprint?.bundle, predicate.source.bundle)
  assert.is(predicate.fingerprint?.base.from, 'archive')
  assert.equal(predicate.seconds, { base: 31, render: 2, build: 72 })
  assert.ok(predicate.base.from === 'archive')
  assert.is(predicate.base.suites.length, 2)
  assert.not.ok('disk' in predicate.base)
  assert.equal(predicate.gate.excepted, definition.hardening.exceptions)
})

it('stores every report, and no path of this machine', async ({ box }) => {
  await fixtureRelease(box.world)
  const { statement } = await findRelease(box.world, 'debian-13')
  const { reports } = statement.predicate
  assert.equal(Object.keys(reports).sort(), [
    'build',
    'bundle',
    'cyclonedx',
    'definition',
    'findings',
    'packages',
    'provenance',
    'sarif',
    'test',
  ])
  assert.not.ok(JSON.stringify(statement).includes(box.folder))
  for (const report of Object.values(reports)) {
    const text = Buffer.from(await box.world.catalog.getBlob(report.sha256)).toString()
    assert.is(text.length, report.bytes)
    assert.not.ok(text.includes(box.folder), text)
  }
})

it('names the commit of the checkout, and says when it has changes', async ({ box }) => {
  const { exec, files } = box.world
  const root = join(box.folder, 'checkout')
  await files.makeFolder(root)
  const git = ['git', '-C', root, '-c', 'user.name=test', '-c', 'user.email=test@example.org']
  await exec.run([...git, 'init', '--quiet'])
  await files.write(join(root, 'a'), 'a')
  const lock = 'images/debian-13.lock.json'
  for (const place of [root, box.folder]) {
    await files.write(join(place, lock), textOf(lock))
    await symlink(join(checkout, 'pipeline'), join(place, 'pipeline'))
  }
  await exec.run([...git, 'add', 'a', lock, 'pipeline'])
  await exec.run([...git, 'commit', '--quiet', '-m', 'a'])
  const head = (await exec.run([...git, 'rev-parse', 'HEAD'])).stdout.trim()
  const world: World = { ...box.world, places: { ...box.world.places, root } }
  await fixtureRelease(world, { runId: 'r-1' })
  await files.write(join(root, 'a'), 'b')
  await fixtureRelease(world, { runId: 'r-2' })
  await fixtureRelease({ ...world, places: { ...world.places, root: box.folder } }, { runId: 'r-3' })
  const source = async (version: string) => {
    const { commit, dirty } = (await findRelease(world, `debian-13@${version}`)).statement.predicate.source
    return { commit, dirty }
  }
  assert.equal(await source('1.0.0'), { commit: head, dirty: false })
  assert.equal(await source('1.0.1'), { commit: head, dirty: true })
  assert.equal(await source('1.0.2'), { commit: null, dirty: false })
})

it('killed after any write and run again: the same result, nothing doubled', async ({ box }) => {
  // Every write to the catalog of one whole publish and record, one after the other.
  const killed = new Error('killed')
  const dying = (world: World, writes: number): World => {
    let left = writes
    const last = async <T>(work: () => Promise<T>): Promise<T> => {
      if (left === 0) throw killed
      left -= 1
      return work()
    }
    const { catalog } = world
    return {
      ...world,
      catalog: {
        ...catalog,
        putBlob: (source, options) => last(() => catalog.putBlob(source, options)),
        createOnly: (key, text) => last(() => catalog.createOnly(key, text)),
        compareAndSwap: (key, etag, text) => last(() => catalog.compareAndSwap(key, etag, text)),
      },
    }
  }
  const version = await reserveVersion(box.world, { image: 'debian-13', runId: 'r-1', facts, given: null })
  const { context, outputs } = await fixtureRun(box.world, version)
  const attempt = async (world: World) => {
    outputs.publish = (await publishStage.run({ ...context, world })).output
    return recordStage.run({ ...context, world })
  }
  let writes = 0
  let record: string | null = null
  for (;;) {
    try {
      const { output } = await attempt(dying(box.world, writes))
      record = output.record
      break
    } catch (cause) {
      if (cause !== killed) throw cause
      writes += 1
    }
  }
  assert.ok(writes >= 3, `it was killed ${writes} times`)
  const keys = await box.world.catalog.list('')
  assert.equal(keys, [
    pointerKey,
    'history/debian-13/nightly/qemu-x86_64/000001.dsse.json',
    'history/debian-13/nightly/qemu-x86_64/head.json',
    'releases/debian-13/1.0.0/qemu-x86_64.dsse.json',
    'releases/debian-13/1.0.0/reservation.json',
    'runs/debian-13/r-1/000001.json',
  ])
  const again = await attempt(box.world)
  assert.is(again.output.record, record)
  assert.equal(await box.world.catalog.list(''), keys)
  assert.is(await pointsTo(box.world), '1.0.0')
})

it('takes up the record that it wrote before it was killed', async ({ box }) => {
  const first = await fixtureRelease(box.world)
  await box.world.files.remove(join(box.world.places.catalog, pointerKey))
  const later: World = {
    ...box.world,
    clock: { ...box.world.clock, now: () => new Date('2026-11-22T09:00:00Z') },
  }
  const again = await recordStage.run({ ...first.run.context, world: later })
  assert.is(again.output.record, first.recorded.record, 'the time of the second try is in no record')
  assert.is(await pointsTo(later), '1.0.0')
})

it('never touches the record of another run, nor of another image', async ({ box }) => {
  const first = await fixtureRelease(box.world)
  const other = await fixtureRun(box.world, first.version, { runId: 'r-2' })
  other.outputs.publish = (await publishStage.run(other.context)).output
  assert.is(await codeOf(recordStage.run(other.context)), 'CONFLICT')
  const rebuilt = await fixtureRun(box.world, first.version, { runId: 'r-1', artifact: 'built again' })
  rebuilt.outputs.publish = (await publishStage.run(rebuilt.context)).output
  assert.is(await codeOf(recordStage.run(rebuilt.context)), 'CONFLICT')
})

it('moves nightly forward only', async ({ box }) => {
  const { world } = box
  const slow = await reserveVersion(world, { image: 'debian-13', runId: 'slow', facts, given: null })
  await fixtureRelease(world, { runId: 'fast' })
  assert.is(await pointsTo(world), '1.0.1')
  const late = await fixtureRelease(world, { runId: 'slow' })
  assert.is(late.version, slow)
  assert.match(late.line, /^nightly stays 1\.0\.1, which is newer/)
  assert.is(await pointsTo(world), '1.0.1')
})

it('ends at the newest when many releases end at once', async ({ box }) => {
  const { world } = box
  const runs = Array.from({ length: 5 }, (_, index) => `r-${index}`)
  for (const runId of runs) await reserveVersion(world, { image: 'debian-13', runId, facts, given: null })
  await Promise.all(runs.map((runId) => fixtureRelease(world, { runId })))
  assert.is(await pointsTo(world), '1.0.4')
  assert.is((await world.catalog.list('releases/')).filter((key) => key.endsWith('.dsse.json')).length, 5)
})

it('refuses results that are about different images', async ({ box }) => {
  for (const stage of ['test', 'scan', 'gate'] as const) {
    const { context, outputs } = await fixtureRun(box.world, '1.0.0')
    outputs.publish = (await publishStage.run(context)).output
    Object.assign(outputs, { [stage]: { ...outputs[stage], subject: sha256('another image') } })
    assert.is(await codeOf(recordStage.run(context)), 'CHAIN_BROKEN', stage)
  }
})

it('refuses a report that changed after the scan', async ({ box }) => {
  const { context, outputs } = await fixtureRun(box.world, '1.0.0')
  outputs.publish = (await publishStage.run(context)).output
  await box.world.files.write(outputs.scan?.files['sarif']?.path ?? '', '{}')
  assert.is(await codeOf(recordStage.run(context)), 'CHAIN_BROKEN')
  assert.equal(await box.world.catalog.list('releases/'), [])
})

it.run()
