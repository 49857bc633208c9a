import { chmod, cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as catalogVerb } from '../../../pipeline/cli/verbs/catalog.ts'
import { canonicalJson, sha256 } from '../../../pipeline/core/digest.ts'
import type { Catalog } from '../../../pipeline/ports/catalog.ts'
import { blobName } from '../../../pipeline/ports/catalog-key.ts'
import type { World } from '../../../pipeline/ports/world.ts'
import type { CatalogCheck } from '../../../pipeline/stages/catalog-check.ts'
import type { Repair } from '../../../pipeline/stages/catalog-repair.ts'
import type { StoredEvent } from '../../../pipeline/stages/chain.ts'
import { appendEvent } from '../../../pipeline/stages/events.ts'
import { findRelease, type Release } from '../../../pipeline/stages/read-release.ts'
import { damages } from '../../helpers/catalog-damages.ts'
import { folderStore, type Store } from '../../helpers/catalog-store.ts'
import { rescanned } from '../../helpers/events.ts'
import { refusal } from '../../helpers/refusal.ts'
import { type FixtureRelease, fixtureRelease } from '../../helpers/release-fixture.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

interface Context {
  box: TestWorld
  store: Store
  first: FixtureRelease
}

const it = suite<Context>('catalog check')

it.before.each(async (context) => {
  context.box = await testWorld()
  context.store = folderStore(context.box)
  context.first = await fixtureRelease(context.box.world, { runId: 'r-1' })
})
it.after.each((context) => context.box.close())

type Result = CatalogCheck & { readonly whole: boolean; readonly repairs: readonly Repair[] }

async function check(
  box: TestWorld,
  options: Readonly<Record<string, string | boolean>> = {},
): Promise<{ readonly exit: number | undefined; readonly text: string; readonly data: Result }> {
  const exit = await catalogVerb({ world: box.world, args: ['check'], options })
  const { text, data } = box.told.results.at(-1) ?? { text: '', data: null }
  return { exit, text, data: data as Result }
}

/** So many looks at the release, with their reports. */
async function noted(world: World, release: Release, count: number): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = []
  for (let look = 1; look <= count; look += 1) {
    await world.catalog.putBlob(Buffer.from(`report ${look}`))
    const stored = await appendEvent(world, release, { trust: [], onlyTrust: false }, async () =>
      rescanned(look),
    )
    if (stored !== null) events.push(stored)
  }
  return events
}

/** Every key and its text. */
async function textsOf(catalog: Catalog): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {}
  for (const key of await catalog.list('')) found[key] = (await catalog.read(key))?.value ?? ''
  return found
}

it('says that a catalog is whole, and what nothing names', async ({ box, store }) => {
  const { exit, text, data } = await check(box)
  assert.is(exit, 0, text)
  assert.is(data.whole, true)
  assert.ok(data.blobs > 5)
  assert.match(text, `${store.catalog.location} is whole: ${data.keys} keys and ${data.blobs} blobs`)
  await store.catalog.putBlob(Buffer.from('of a rejected run'))
  await store.put('incoming/half', 'x')
  await store.put('notes.txt', 'x')
  const again = await check(box)
  assert.is(again.exit, 0)
  assert.equal(again.data.orphans, { count: 1, bytes: 17 })
  assert.match(again.text, '1 blobs (17 B) are named by nothing')
  assert.match(again.text, 'not finished by a writer that was stopped, or is at work: incoming/half')
  assert.match(again.text, 'not a part of a catalog: notes.txt')
})

it('a catalog without a release is told as that; one that has lost every record is not whole', async () => {
  const box = await testWorld()
  try {
    const { code, message, hint } = await refusal(check(box))
    assert.is(`${code} ${message}`, `NOT_FOUND ${box.world.places.catalog} holds no release`)
    assert.match(hint, 'check MINTMARK_CATALOG')
    assert.is(await box.world.files.info(box.world.places.catalog), null, 'and is not made by looking')
    await box.world.catalog.putBlob(Buffer.from('image bytes'))
    const { exit, text } = await check(box)
    assert.is(exit, 9)
    assert.match(text, /✗ +releases\/ +no record is there, and 1 blobs are/)
  } finally {
    await box.close()
  }
})

for (const { title, by, key, says } of damages) {
  it(`finds ${title}`, async (context) => {
    const { box } = context
    const release = await findRelease(box.world, 'debian-13@1.0.0')
    await noted(box.world, release, 2)
    assert.is((await check(box)).exit, 0)
    await by(context)
    const before = await textsOf(context.store.catalog)
    const { exit, data } = await check(box, { repair: true })
    assert.is(exit, 9)
    const problem = data.problems.find((item) => item.key === key)
    assert.ok(problem !== undefined, JSON.stringify(data.problems))
    assert.match(problem.text, says)
    assert.equal(await textsOf(context.store.catalog), before, 'no key is mended or made')
  })
}

/** Digest -> name of each blob that the record names. */
async function namedBlobs({ box }: Context): Promise<ReadonlyMap<string, string>> {
  const { artifact, reports } = (await findRelease(box.world, 'debian-13')).statement.predicate
  return new Map([
    [artifact.sha256, 'image'],
    ...Object.entries(reports).map(([name, { sha256: digest }]): [string, string] => [digest, name]),
  ])
}

/** What stages leave in a run folder, which the fixture has no need of. */
async function stageFiles({ box, first }: Context): Promise<void> {
  for (const [stage, output] of Object.entries(first.run.outputs))
    await box.world.files.write(
      join(first.run.context.folder, `${stage}.json`),
      JSON.stringify({ schema: 1, stage, output }),
    )
}

it('restores every blob of a release from its run folder', async (context) => {
  const { box, store } = context
  await stageFiles(context)
  const named = await namedBlobs(context)
  for (const [index, digest] of [...named.keys()].entries()) {
    // The image is one file with that of the run: what stays in the run folder must not be written to.
    await store.drop(blobName(digest))
    if (index % 2 === 1) await store.put(blobName(digest), 'wrong')
  }
  const broken = await check(box)
  assert.is(broken.exit, 9)
  assert.is(broken.data.broken.length, named.size)
  assert.match(broken.text, /✗ +debian-13@1\.0\.0 qemu-x86_64: image .* is missing/)
  assert.match(broken.text, '→ ./mintmark catalog check --repair restores what has a copy')
  const { data, text } = await check(box, { repair: true })
  const lost = data.repairs.filter((item) => item.from === null).map((item) => named.get(item.sha256))
  assert.equal([...lost].sort(), ['definition', 'provenance'], text)
  assert.match(
    text,
    /✓ +debian-13@1\.0\.0 qemu-x86_64: image .* was missing; restored from .*r-1\/image\.qcow2/,
  )
})

it('restores from the cache, keeps the wrong bytes, and ends whole', async ({ box, store, first }) => {
  const digest = first.published.subject
  const { files, places } = box.world
  await files.remove(places.runs)
  const bytes = await store.catalog.getBlob(digest)
  await store.put(blobName(digest), 'wrong')
  const { exit, text } = await check(box, { repair: true })
  assert.is(exit, 9)
  assert.match(text, 'and no copy was found')
  assert.match(text, '--from s3://BUCKET/PREFIX')
  await files.write(join(places.blobs, digest), 'wrong as well')
  assert.is((await check(box, { repair: true })).exit, 9)
  await files.write(join(places.blobs, digest), bytes)
  const mended = await check(box, { repair: true })
  assert.is(mended.exit, 0, mended.text)
  const [repair] = mended.data.repairs
  assert.is(repair?.from, join(places.blobs, digest))
  assert.is(await readFile(repair?.aside ?? '', 'utf8'), 'wrong')
  assert.match(mended.text, 'what was there is kept')
  assert.is((await check(box)).exit, 0)
})

it('restores from another catalog, and goes on where it was stopped', async ({ box, store }) => {
  const { files, places } = box.world
  const other = join(box.folder, 'other')
  await cp(places.catalog, other, { recursive: true })
  await files.remove(places.runs)
  await rm(join(places.catalog, 'blobs'), { recursive: true })
  const before = await textsOf(store.catalog)
  const { blobs } = (await check(box)).data

  let left = 3
  const stopping: Catalog = {
    ...store.catalog,
    restoreBlob: async (digest, source) => {
      if (left === 0) throw new Error('killed')
      left -= 1
      return store.catalog.restoreBlob(digest, source)
    },
  }
  try {
    const world = { ...box.world, catalog: stopping }
    await catalogVerb({ world, args: ['check'], options: { repair: true, from: other } })
    assert.unreachable()
  } catch (cause) {
    assert.is((cause as Error).message, 'killed')
  }
  const { exit, text, data } = await check(box, { repair: true, from: other })
  assert.is(exit, 0, text)
  assert.is(data.repairs.length, blobs - 3)
  assert.equal(await textsOf(store.catalog), before)
})

it('takes nothing wrong from another catalog', async ({ box, store, first }) => {
  const { places, files } = box.world
  const other = join(box.folder, 'other')
  await cp(places.catalog, other, { recursive: true })
  await files.remove(places.runs)
  const digest = first.published.subject
  await store.drop(blobName(digest))
  await chmod(join(other, blobName(digest)), 0o600)
  await writeFile(join(other, blobName(digest)), 'wrong')
  assert.is((await check(box, { repair: true, from: other })).exit, 9)
  assert.equal(await store.catalog.checkBlob(digest), { status: 'missing' })
})

it('finds the lost report of an event', async ({ box, store }) => {
  const release = await findRelease(box.world, 'debian-13@1.0.0')
  const [event] = await noted(box.world, release, 1)
  assert.is((await check(box)).exit, 0)
  const report = event?.event.kind === 'rescanned' ? event.event.data.report.sha256 : ''
  await store.drop(blobName(report))
  const { exit, text } = await check(box)
  assert.is(exit, 9)
  assert.match(text, 'debian-13@1.0.0 qemu-x86_64: report of event 1')
})

it('refuses what makes no sense', async ({ box }) => {
  const { world } = box
  const refused = async (args: readonly string[], options = {}): Promise<string> => {
    const { code, message, hint } = await refusal(catalogVerb({ world, args, options }) as Promise<unknown>)
    return `${code} ${message} → ${hint}`
  }
  assert.match(await refused(['chekc']), /USAGE there is no "catalog chekc" → did you mean check\?/)
  assert.match(await refused(['check'], { from: '/x' }), 'USAGE --from is for a repair')
  assert.match(
    await refused(['check'], { from: '/nowhere', repair: true }),
    'NOT_FOUND there is no folder /nowhere',
  )
  assert.match(
    await refused(['check'], { from: world.places.catalog, repair: true }),
    'is the catalog that is to be repaired',
  )
  assert.match(await refused(['check'], { from: 's3://Bad', repair: true }), 'USAGE "s3://Bad" is no place')
})

it('the definition of the checkout is a copy when it has not changed since', async (context) => {
  const { box, store, first } = context
  const { definition } = first.run.context
  const digest = sha256(canonicalJson(definition))
  assert.is((await namedBlobs(context)).get(digest), 'definition')
  const root = join(box.folder, 'checkout')
  await box.world.files.write(join(root, 'images/debian-13.yaml'), canonicalJson(definition))
  await cp(join(box.world.places.root, 'hardening'), join(root, 'hardening'), { recursive: true })
  await store.drop(blobName(digest))
  const world = { ...box.world, places: { ...box.world.places, root } }
  const exit = await catalogVerb({ world, args: ['check'], options: { repair: true } })
  assert.is(exit, 0, box.told.results.at(-1)?.text)
  assert.match(box.told.results.at(-1)?.text ?? '', 'restored from images/debian-13.yaml')
})

it.run()
