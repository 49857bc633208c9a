import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../../pipeline/cli/verbs/clean.ts'
import { MintmarkError } from '../../../pipeline/errors.ts'
import type { Places } from '../../../pipeline/ports/places.ts'
import type { World } from '../../../pipeline/ports/world.ts'
import { fixtureRelease } from '../../helpers/release-fixture.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

interface Context {
  box: TestWorld
  world: World
}

const it = suite<Context>('clean')

it.before.each(async (context) => {
  context.box = await testWorld({ answer: true })
  context.world = within(context.box, {})
})
it.after.each(async ({ box }) => {
  // What a test left of the read-only folders can't be removed as it is, unless by root.
  await box.world.exec.run(['chmod', '-R', 'u+rwX', box.folder])
  await box.close()
})

/** No place of this machine is in it: the tools are below the temporary folder too, where others' killed runs may have left something. */
function within({ world, folder }: TestWorld, places: Partial<Places>): World {
  const own = { root: join(folder, 'checkout'), tools: join(folder, 'cache/mintmark/tools') }
  const env = { ...world.env, TMPDIR: join(folder, 'tmp') }
  return { ...world, env, places: { ...world.places, ...own, ...places } }
}

const interactive = (world: World, answer: boolean): World => ({
  ...world,
  report: { ...world.report, interactive: true, confirm: async () => answer },
})

interface Data {
  readonly plan: string
  readonly removed: boolean
  readonly bytes: number
  readonly items: readonly { readonly path: string; readonly bytes: number }[]
}

async function clean(
  box: TestWorld,
  world: World,
  options: Readonly<Record<string, string | boolean>> = {},
): Promise<{ readonly text: string; readonly data: Data }> {
  box.told.results.length = 0
  assert.is(await run({ world, args: [], options }), 0)
  const [result] = box.told.results
  return { text: result?.text ?? '', data: result?.data as Data }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'nothing thrown'
  } catch (cause) {
    return cause instanceof MintmarkError ? cause.code : String(cause)
  }
}

/** Something in every place, and something of somebody else beside them. */
async function fill({ world, box }: Context): Promise<void> {
  await fixtureRelease(world)
  await world.files.write(join(world.places.tools, 'packer/1/packer'), 'x'.repeat(5000))
  await world.files.write(join(world.places.tools, 'gomod/m/file.go'), 'package m')
  await chmod(join(world.places.tools, 'gomod/m'), 0o555)
  await world.files.write(join(world.places.bases, 'key/base.qcow2'), 'y'.repeat(5000))
  await world.files.write(join(world.places.databases, 'db/trivy.db'), 'z')
  await world.files.write(join(box.folder, 'cache/other/file'), 'not ours')
  await world.files.write(join(world.places.root, 'images/debian-13.yaml'), 'not ours either')
}

it('shows everything and removes nothing before it is asked to', async (context) => {
  await fill(context)
  const { box, world } = context
  const { text, data } = await clean(box, world)
  assert.is(data.removed, false)
  assert.match(text, new RegExp(`\\./mintmark clean --plan ${data.plan}`))
  const { runs, bases, databases, tools, keys, catalog } = world.places
  assert.equal(
    data.items.map((item) => item.path).sort(),
    [runs, bases, databases, tools, keys, catalog].sort(),
  )
  assert.ok(data.items.every((item) => item.bytes > 0))
  assert.is(
    data.bytes,
    data.items.reduce((sum, item) => sum + item.bytes, 0),
  )
  assert.is((await clean(box, world)).data.plan, data.plan, 'looking twice gives the same plan')
})

it('removes all that is ours by its plan, and nothing else', async (context) => {
  await fill(context)
  const { box, world } = context
  const { data } = await clean(box, world)
  assert.is((await clean(box, world, { plan: data.plan })).data.removed, true)
  const { stdout } = await world.exec.run(['find', box.folder, '-mindepth', '1'])
  assert.equal(stdout.trim().split('\n').sort(), [
    join(box.folder, 'cache'),
    join(box.folder, 'cache/other'),
    join(box.folder, 'cache/other/file'),
    join(box.folder, 'checkout'),
    join(box.folder, 'checkout/images'),
    join(box.folder, 'checkout/images/debian-13.yaml'),
    join(box.folder, 'data'),
    join(box.folder, 'state'),
  ])
  assert.match((await clean(box, world)).text, /holds nothing/)
})

it('refuses a plan that has changed since', async (context) => {
  await fill(context)
  const { box, world } = context
  const { data } = await clean(box, world)
  await fixtureRelease(world, { runId: 'r-2' })
  assert.is(await codeOf(clean(box, world, { plan: data.plan })), 'CONFLICT')
  assert.is(await codeOf(clean(box, world, { plan: 'nonsense' })), 'CONFLICT')
  assert.is((await clean(box, world)).data.items.length, 6, 'all is still there')
})

it('asks on a terminal', async (context) => {
  await fill(context)
  const { box, world } = context
  assert.is((await clean(box, interactive(world, false))).data.removed, false)
  assert.is((await clean(box, world)).data.items.length, 6)
  assert.ok(
    box.told.lines.some((line) => line.includes(world.places.keys)),
    'what goes is shown before',
  )
  assert.is((await clean(box, interactive(world, true))).data.removed, true)
})

it('--runs removes the run folders alone, and the release stays whole', async (context) => {
  await fill(context)
  const { box, world } = context
  const whole = await clean(box, world)
  const { data, text } = await clean(box, world, { runs: true })
  assert.equal(
    data.items.map((item) => item.path),
    [world.places.runs],
  )
  assert.match(text, /clean --runs --plan /)
  assert.is(await codeOf(clean(box, world, { runs: true, plan: whole.data.plan })), 'CONFLICT')
  await clean(box, world, { runs: true, plan: data.plan })
  assert.is(await world.files.info(world.places.runs), null)
  const blobs = await world.catalog.list('releases/')
  assert.is(blobs.length, 2)
})

it('counts a file that a run and the catalog share once', async (context) => {
  const { box, world } = context
  await fixtureRelease(world, { artifact: 'x'.repeat(3_000_000) })
  const all = (await clean(box, world)).data
  assert.ok(all.bytes > 3_000_000 && all.bytes < 4_000_000, String(all.bytes))
  const runs = (await clean(box, world, { runs: true })).data
  assert.ok(runs.bytes < 1_000_000, `the image stays in the catalog: ${runs.bytes}`)
})

it('waits for no release, and stops none', async (context) => {
  await fill(context)
  const { box, world } = context
  const lock = join(world.places.runs, 'debian-13/lock')
  await world.withLock(lock, 1000, async () => {
    const { data } = await clean(box, world)
    assert.is(await codeOf(clean(box, world, { plan: data.plan })), 'BUSY')
  })
  const { data } = await clean(box, world)
  assert.is(data.items.length, 6)
  assert.is((await clean(box, world, { plan: data.plan })).data.removed, true)
})

it('refuses places that can not be its own', async (context) => {
  const { box } = context
  const { folder } = box
  await mkdir(join(folder, 'home/me'), { recursive: true })
  await mkdir(join(folder, 'mintmark/target'), { recursive: true })
  await symlink(join(folder, 'mintmark/target'), join(folder, 'mintmark/runs'))
  await mkdir(join(folder, 'images'), { recursive: true })
  await writeFile(join(folder, 'images/thesis.txt'), 'not a catalog')
  const home = { HOME: join(folder, 'home/me') }
  const cases: readonly Partial<Places>[] = [
    { catalog: '/' },
    { catalog: '/usr' },
    { catalog: '/etc/..' },
    { catalog: join(folder, 'home') },
    { catalog: join(folder, 'home/me') },
    { catalog: join(folder, 'images') },
    { catalog: join(folder, '..') },
    { runs: join(folder, 'images') },
    { runs: join(folder, 'mintmark/runs') },
    { keys: join(folder, 'home/me') },
    { root: join(folder, 'images/a/checkout'), runs: join(folder, 'images') },
  ]
  for (const places of cases) {
    const world = { ...within(box, places), env: home }
    assert.is(await codeOf(clean(box, world)), 'USAGE', JSON.stringify(places))
  }
  assert.ok(await box.world.files.info(join(folder, 'images/thesis.txt')))
})

it('empties a catalog at a place of its own, and drops it', async (context) => {
  const { box } = context
  const catalog = join(box.folder, 'srv/catalog')
  const { folderCatalog } = await import('../../../pipeline/ports/folder-catalog.ts')
  const world = { ...within(box, { catalog }), catalog: folderCatalog(catalog, box.world.files) }
  await fixtureRelease(world)
  const { data } = await clean(box, world)
  await clean(box, world, { plan: data.plan })
  assert.is(await world.files.info(catalog), null)
  assert.ok(await world.files.info(join(box.folder, 'srv')))
})

it.run()
