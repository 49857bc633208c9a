import { chmod, lchown, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { processTag } from '../../pipeline/ports/process-tag.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { applyClean, planClean } from '../../pipeline/stages/clean.ts'
import { dropLeftovers, findLeftovers } from '../../pipeline/stages/leftovers.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const dead = processTag().replace(/[^-]+$/, 'zz')
const alive = processTag()

const left = suite<{ t: TestWorld; world: World }>('leftovers')
left.before.each(async (context) => {
  const t = await testWorld()
  const scratch = join(t.folder, 'scratch')
  await mkdir(scratch)
  const env = { TMPDIR: scratch, XDG_RUNTIME_DIR: join(t.folder, 'memory') }
  const root = join(t.folder, 'checkout')
  const places = { ...t.world.places, tools: join(t.folder, 'cache/mintmark/tools'), root }
  Object.assign(context, { t, world: { ...t.world, env, places } })
})
left.after.each(({ t }) => t.close())

async function put(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, 'x')
}

/** Of a process that is over, and the same of one that works. */
function placesOf(world: World, t: TestWorld, tag: string): readonly string[] {
  const { runs, databases, tools, keys, bases, blobs, root } = world.places
  return [
    join(runs, `debian-13/20261122-020000/scan-${tag}-abcdef/disk/root/etc/passwd`),
    join(runs, `debian-13/20261122-020000/gate.json.${tag}.ab.tmp`),
    join(runs, `debian-13/20261122-020000/reports/report.md.${tag}.ab.tmp`),
    join(runs, `diff-${tag}-abcdef/a/b`),
    join(dirname(runs), `machines/boot-${tag}-abcdef/overlay.qcow2`),
    join(databases, `look-${tag}-abcdef/cache/db/trivy.db`),
    join(databases, `default/trivy.db.${tag}.ab.tmp`),
    join(tools, `.packer-${tag}-abcdef/go.zip`),
    join(keys, `signing.pem.${tag}.ab.tmp`),
    join(bases, `x.${tag}.ab.tmp`),
    join(blobs, `0123.${tag}.ab.tmp`),
    join(root, `images/debian-13.lock.json.${tag}.ab.tmp`),
    join(root, `scans/waivers/team.yaml.${tag}.ab.tmp`),
    join(t.folder, `scratch/mm-${tag}-abcdef/ssh`),
    join(t.folder, `memory/mintmark-secrets-0123456789abcdef-${tag}-abcdef/token`),
  ]
}

left(
  'what a killed run left is removed before the next one, and what works is not touched',
  async ({ t, world }) => {
    const gone = placesOf(world, t, dead)
    const kept = [
      ...placesOf(world, t, alive),
      join(world.places.runs, 'debian-13/20261122-020000/gate.json'),
      join(world.places.runs, 'debian-12/20261122-020000/test/boot-a/overlay.qcow2'),
      join(t.folder, `scratch/other-${dead}-abcdef`),
      join(t.folder, `memory/other-${dead}-abcdef`),
    ]
    const work = join(world.places.runs, 'debian-13/20261122-020000/test/boot-a/overlay.qcow2')
    for (const path of [...gone, ...kept, work]) await put(path)
    await dropLeftovers(world, 'debian-13')
    for (const path of [...gone, work]) assert.is(await world.files.info(path), null, path)
    for (const path of kept) assert.ok(await world.files.info(path), path)
    assert.match(t.told.lines.join('\n'), /removed what a killed run left: 16 files and folders/)
    t.told.lines.length = 0
    await dropLeftovers(world, 'debian-13')
    assert.equal(t.told.lines, [], 'nothing is left to tell')
  },
)

left("what is another user's ends no run, and is neither planned nor removed", async ({ t, world }) => {
  if (process.getuid?.() !== 0) {
    const memory = join(t.folder, 'memory')
    await mkdir(memory, { mode: 0o000 })
    assert.equal(await findLeftovers(world, []), [])
    await chmod(memory, 0o700)
    return
  }
  const planted = [join(t.folder, `scratch/mm-${dead}-abcdef`), join(world.places.bases, `x.${dead}.ab.tmp`)]
  for (const path of planted) {
    await put(path)
    await lchown(path, 65534, 65534)
  }
  assert.equal(await findLeftovers(world, []), [])
  const denied: World = {
    ...world,
    files: {
      ...world.files,
      accessible: async (path) => path !== join(t.folder, 'memory'),
      abandoned: async (path) => {
        assert.not.ok(path.startsWith(join(t.folder, 'memory')), 'EACCES')
        return world.files.abandoned(path)
      },
    },
  }
  await mkdir(join(t.folder, 'memory'))
  assert.equal(await findLeftovers(denied, []), [])
  await rm(join(t.folder, 'memory'), { recursive: true })
})

left('clean shows what killed runs left elsewhere, and removes it by its plan', async ({ t, world }) => {
  for (const path of [...placesOf(world, t, dead), ...placesOf(world, t, alive)]) await put(path)
  const plan = await planClean(world, 'runs')
  const { runs, databases } = world.places
  const shown = plan.items.map(({ path }) => path)
  assert.ok(shown.includes(runs))
  assert.ok(shown.includes(join(databases, `look-${dead}-abcdef`)))
  assert.ok(shown.includes(join(t.folder, `scratch/mm-${dead}-abcdef`)))
  assert.ok(shown.includes(join(t.folder, `memory/mintmark-secrets-0123456789abcdef-${dead}-abcdef`)))
  assert.not.ok(shown.some((path) => path.includes(alive)))
  await applyClean(world, plan)
  for (const path of shown) assert.is(await world.files.info(path), null, path)
  assert.ok(
    await world.files.info(join(t.folder, `scratch/mm-${alive}-abcdef`)),
    'a machine that runs is left alone',
  )
  assert.equal(
    (await findLeftovers(world, [])).map(({ path }) => path),
    [],
  )
})

left.run()
