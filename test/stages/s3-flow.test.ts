import { readFile, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { RunVerb } from '../../pipeline/cli/verb.ts'
import { run as catalogVerb } from '../../pipeline/cli/verbs/catalog.ts'
import { run as diffVerb } from '../../pipeline/cli/verbs/diff.ts'
import { run as outputsVerb } from '../../pipeline/cli/verbs/outputs.ts'
import { run as releasesVerb } from '../../pipeline/cli/verbs/releases.ts'
import { run as rescanVerb } from '../../pipeline/cli/verbs/rescan.ts'
import { run as showVerb } from '../../pipeline/cli/verbs/show.ts'
import { run as verifyVerb } from '../../pipeline/cli/verbs/verify.ts'
import { sha256 } from '../../pipeline/core/digest.ts'
import { Definition } from '../../pipeline/model/definition.ts'
import { blobName } from '../../pipeline/ports/catalog-key.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { makeBucket, type Store, s3Store } from '../helpers/catalog-store.ts'
import { type FlakyProxy, flakyProxy } from '../helpers/flaky-s3.ts'
import { type MotoServer, startMoto } from '../helpers/moto-server.ts'
import { refusal } from '../helpers/refusal.ts'
import { base, definition, type FixtureRelease, fixtureRelease } from '../helpers/release-fixture.ts'
import { textOf } from '../helpers/sources.ts'
import { earlierDb, fixtureDb } from '../helpers/trivy-db-registry.ts'
import { bash, look, makeTree, oldSsh } from '../helpers/trivy-tree.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

interface Context {
  box: TestWorld
  moto: MotoServer
  proxy: FlakyProxy
  /** With the catalog in a bucket, which a folder catalog was copied to. */
  world: World
  store: Store
  first: FixtureRelease
}

// One story: each test goes on with the catalog as the one before left it.
const flow = suite<Context>('a catalog in a bucket')
const now = new Date('2026-11-22T06:00:00Z')
const debian12 = Definition.parse({ ...definition, os: { ...definition.os, release: '12' } })

flow.before(async (context) => {
  const box = await testWorld({ now })
  context.box = box
  context.moto = await startMoto(box.world)
  context.proxy = await flakyProxy(context.moto.endpoint)
  await makeBucket(context.moto)
  const tree = await makeTree(box, { release: '12', packages: [bash, oldSsh] })
  const looked = await look(box, tree, '12', earlierDb)
  const root = join(box.folder, 'root')
  await box.world.files.makeFolder(root)
  for (const name of ['pipeline', 'templates', 'hardening'])
    await symlink(join(checkout, name), join(root, name))
  const policy = 'scans/policies/default.yaml'
  await box.world.files.write(join(root, policy), textOf(policy))
  const world = { ...box.world, places: { ...box.world.places, root } }
  const { os, findings, database } = looked.report
  for (const runId of ['r-1', 'r-2'])
    context.first = await fixtureRelease(world, {
      image: 'debian-12',
      runId,
      definition: debian12,
      base: { ...base, release: '12' },
      cyclonedx: await looked.text('cyclonedx'),
      policy: sha256(textOf('scans/policies/default.yaml')),
      scan: { os, findings, database },
    })
  context.store = s3Store(box, context.moto, 'flow', { endpoint: context.proxy.endpoint })
  const { catalog } = context.store
  for (const key of await world.catalog.list(''))
    await catalog.createOnly(key, (await world.catalog.read(key))?.value ?? '')
  await box.world.files.remove(box.world.places.runs)
  context.world = { ...world, catalog }
})
flow.after(async ({ box, moto, proxy }) => {
  await proxy.stop()
  await moto.stop()
  await box.close()
})

async function ran(
  { box, world }: Context,
  run: RunVerb,
  args: readonly string[],
  options: Readonly<Record<string, string | boolean>> = {},
) {
  const exit = await run({ world, args, options })
  const { text = '', data } = box.told.results.at(-1) ?? {}
  // biome-ignore lint/suspicious/noExplicitAny: what a program reads
  return { exit, text, data: JSON.parse(JSON.stringify(data ?? null)) as any }
}

const fetched = ({ proxy, first }: Context): number =>
  proxy.seen.filter((item) => item.startsWith('GET') && item.endsWith(first.published.subject)).length

flow('is filled with the blobs of a folder by a repair', async (context) => {
  const folder = context.box.world.places.catalog
  assert.is((await ran(context, catalogVerb, ['check'])).exit, 9)
  const { exit, text } = await ran(context, catalogVerb, ['check'], { repair: true, from: folder })
  assert.is(exit, 0, text)
  assert.match(text, /restored from .*catalog\/blobs\/sha256/)
  const again = await ran(context, catalogVerb, ['check'])
  assert.is(again.exit, 0)
  assert.match(again.text, 's3://mintmark-test/flow is whole')
})

flow('answers what needs no image without reading it', async (context) => {
  const before = fetched(context)
  assert.match((await ran(context, releasesVerb, [])).text, /debian-12/)
  const shown = await ran(context, showVerb, ['debian-12'])
  assert.match(shown.text, `s3://mintmark-test/flow/${blobName(context.first.published.subject)}`)
  assert.is((await ran(context, diffVerb, ['debian-12@1.0.0', 'debian-12@1.0.1'])).exit ?? 0, 0)
  assert.is(fetched(context), before)
})

flow('is verified to the last byte', async (context) => {
  const { exit, text } = await ran(context, verifyVerb, ['debian-12'])
  assert.is(exit, 0, text)
})

flow('gives the image as a file, fetched once', async (context) => {
  const { subject } = context.first.published
  const before = fetched(context)
  for (const look of ['first', 'again']) {
    const { data } = await ran(context, outputsVerb, ['debian-12'])
    assert.is(data.path, join(context.world.places.blobs, subject), look)
    assert.is(sha256(await readFile(data.path)), subject)
    assert.is((await stat(data.path)).mode & 0o777, 0o444)
  }
  assert.is(fetched(context) - before, 1)
})

flow('takes the events of a re-scan', async (context) => {
  assert.is((await ran(context, rescanVerb, [], { trivyDb: earlierDb })).exit, 0)
  const { exit } = await ran(context, rescanVerb, [], { trivyDb: fixtureDb })
  assert.is(exit, 5, 'an advisory has come that rejects it')
  const keys = await context.world.catalog.list('releases/debian-12/1.0.1/qemu-x86_64/events/')
  assert.is(keys.length, 2, 'the event and the head')
  assert.is((await ran(context, verifyVerb, ['debian-12'])).exit, 0)
  assert.is((await ran(context, catalogVerb, ['check'])).exit, 0)
})

flow('takes a new release', async (context) => {
  const { version } = await fixtureRelease(context.world, {
    image: 'debian-12',
    runId: 'r-3',
    definition: debian12,
    base: { ...base, release: '12' },
  })
  assert.is(version, '1.0.2')
  const { exit, text } = await ran(context, verifyVerb, ['debian-12'])
  assert.is(exit, 0, text)
  assert.match(text, 'nightly → 1.0.2')
})

flow('is what MINTMARK_CATALOG names, for a process of its own', async ({ box, moto, world, store }) => {
  const cli = [process.execPath, '--import', 'tsx', join(checkout, 'pipeline/main.ts')]
  const env = {
    ...moto.env,
    MINTMARK_CATALOG: store.address,
    XDG_DATA_HOME: join(box.folder, 'data'),
    XDG_CACHE_HOME: join(box.folder, 'cache'),
    XDG_STATE_HOME: join(box.folder, 'state'),
  }
  const { stdout } = await world.exec.run([...cli, 'verify', 'debian-12', '--json'], { cwd: checkout, env })
  assert.is((JSON.parse(stdout) as { ok: boolean }).ok, true)
  const plain = await world.exec.run([...cli, 'releases'], { cwd: checkout, env })
  assert.is(plain.stderr, '', 'nothing is told of the bucket when nothing is written')
  assert.match(plain.stdout, '1.0.2')
})

flow('a lost or changed image is found when it is asked for', async (context) => {
  const { store, world } = context
  const subject = (await ran(context, showVerb, ['debian-12'])).data.facts.artifact.sha256
  await store.put(blobName(subject), 'x'.repeat(16))
  await world.files.remove(world.places.blobs)
  const outputs = () => refusal(outputsVerb({ world, args: ['debian-12'], options: {} }) as Promise<unknown>)
  assert.is((await outputs()).code, 'VERIFY_FAILED')
  await store.drop(blobName(subject))
  assert.is((await outputs()).code, 'VERIFY_FAILED')
  const checked = await ran(context, catalogVerb, ['check'], { repair: true })
  assert.is(checked.exit, 0, 'the run folder has a copy')
  assert.is((await ran(context, verifyVerb, ['debian-12'])).exit, 0)
})

flow.run()
