import { lchown } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { firstLock } from '../../../../pipeline/core/debian-archive.ts'
import { sha256 } from '../../../../pipeline/core/digest.ts'
import { MintmarkError } from '../../../../pipeline/errors.ts'
import type { ArchiveBase } from '../../../../pipeline/model/base.ts'
import { processTag } from '../../../../pipeline/ports/process-tag.ts'
import type { World } from '../../../../pipeline/ports/world.ts'
import { loadDefinition } from '../../../../pipeline/stages/load-definition.ts'
import { observeBase } from '../../../../pipeline/targets/qemu/archive/observe-base.ts'
import { baseId, recipeDigest } from '../../../../pipeline/targets/qemu/archive/recipe.ts'
import { resolveBase } from '../../../../pipeline/targets/qemu/archive/resolve-base.ts'
import { fixtureDay, testMirror } from '../../../helpers/mirror.ts'
import { testWorld } from '../../../helpers/world.ts'

// Whether a cached base is taken. The mirror has no packages and the disk no space, so that nothing is bootstrapped here:
// test/e2e/base.test.ts does that.
const cache = suite('the cache of bases')
const lock = firstLock('13', fixtureDay)

interface Cached {
  readonly world: World
  readonly base: ArchiveBase
  readonly folder: string
  resolve(world?: World): Promise<ArchiveBase>
}

async function withCached(work: (cached: Cached) => Promise<void>): Promise<void> {
  const test = await testWorld({ now: fixtureDay })
  const mirror = await testMirror()
  try {
    const files = { ...test.world.files, freeBytes: async () => 3 * 1024 ** 3 }
    const world: World = {
      ...test.world,
      files,
      env: { ...test.world.env, ...mirror.env, TMPDIR: join(test.folder, 'scratch') },
    }
    const definition = await loadDefinition(world, 'debian-13')
    const sights = await observeBase({ world, image: 'debian-13', lock })
    const suites = sights.flatMap((sight) => ('seen' in sight ? [sight.seen] : []))
    const id = baseId(await recipeDigest(world, lock), suites)
    const folder = join(world.places.bases, id)
    const disk = join(folder, 'disk.qcow2')
    await world.files.write(disk, 'a disk')
    const base: ArchiveBase = {
      from: 'archive',
      id,
      distribution: 'debian',
      release: '13',
      version: '13.7',
      codename: 'trixie',
      arch: 'x86_64',
      suites,
      packages: { count: 1, sha256: '0'.repeat(64) },
      disk: { path: disk, sha256: await world.files.sha256(disk), virtualBytes: 1, format: 'qcow2' },
      bootstrapped: '2026-11-21T00:00:00.000Z',
      tools: {},
    }
    await world.files.write(join(folder, 'base.json'), JSON.stringify(base))
    const resolve: Cached['resolve'] = (as = world) =>
      resolveBase({ world: as, image: 'debian-13', definition, lock, step: { update: () => undefined } })
    await work({ world, base, folder, resolve })
  } finally {
    await mirror.close()
    await test.close()
  }
}

const noSpace = (error: unknown): boolean =>
  error instanceof MintmarkError &&
  error.code === 'NO_SPACE' &&
  error.message.includes('3.0 GiB free') &&
  error.message.includes('needs 4 GiB')

async function remade(cached: Cached, world?: World): Promise<void> {
  try {
    await cached.resolve(world)
  } catch (error) {
    assert.ok(noSpace(error), String(error))
    return
  }
  assert.unreachable('the cached base was taken')
}

cache('the same archive, keys and recipe: the disk that is there', () =>
  withCached(async (cached) => {
    assert.equal(await cached.resolve(), cached.base)
    assert.equal(
      await cached.resolve({
        ...cached.world,
        clock: { ...cached.world.clock, now: () => new Date('2026-11-26T00:00:00Z') },
      }),
      cached.base,
    )
  }),
)

cache('a changed disk, a damaged or foreign base.json: made again', () =>
  withCached(async (cached) => {
    const { world, folder, base } = cached
    await world.files.write(join(folder, 'disk.qcow2'), 'b disk')
    await remade(cached)
    await world.files.write(join(folder, 'disk.qcow2'), 'a disk')
    await world.files.write(join(folder, 'base.json'), JSON.stringify(base).slice(0, 100))
    await remade(cached)
    await world.files.write(join(folder, 'base.json'), JSON.stringify({ ...base, id: '1'.repeat(64) }))
    await remade(cached)
  }),
)

cache('older than the definition’s maxAge: made again', () =>
  withCached(async (cached) => {
    const { world, folder, base } = cached
    await world.files.write(
      join(folder, 'base.json'),
      JSON.stringify({ ...base, bootstrapped: '2026-08-24T03:30:01.000Z' }),
    )
    assert.is((await cached.resolve()).bootstrapped, '2026-08-24T03:30:01.000Z')
    await world.files.write(
      join(folder, 'base.json'),
      JSON.stringify({ ...base, bootstrapped: '2026-08-24T03:29:59.000Z' }),
    )
    await remade(cached)
  }),
)

cache('what a killed run left is swept, what is not ours is not', () =>
  withCached(async (cached) => {
    const { world } = cached
    const scratch = world.env['TMPDIR'] ?? ''
    const dead = processTag().replace(/[^-]+$/, 'zz')
    const half = join(world.places.bases, `${'2'.repeat(64)}.tmp`)
    const foreign = join(scratch, 'mintmark-base-000000000000-abc')
    const own = `mintmark-base-${sha256(world.places.bases).slice(0, 12)}-`
    await world.files.write(join(scratch, `${own}${dead}-abcdef`, 'root.tar'), 'of a killed run')
    const stranger = `${own}${dead}-planted`
    await world.files.write(join(scratch, stranger, 'root.tar'), "another user's")
    if (world.exec.isRoot) await lchown(join(scratch, stranger), 65534, 65534)
    await world.files.write(join(half, 'disk.qcow2'), 'half')
    await world.files.write(join(foreign, 'root.tar'), 'of another cache')
    await cached.resolve()
    assert.is(await world.files.info(half), null)
    assert.ok(await world.files.info(foreign))
    const kept = world.exec.isRoot ? [stranger] : []
    assert.equal(await world.files.list(scratch), ['mintmark-base-000000000000-abc', ...kept].sort())
  }),
)

cache('the id follows the archive, the keys and the recipe, and not the mirror', () =>
  withCached(async ({ world, base }) => {
    const recipe = await recipeDigest(world, lock)
    const [first, ...rest] = base.suites
    assert.ok(first)
    assert.is.not(baseId(recipe, [{ ...first, inRelease: '3'.repeat(64) }, ...rest]), base.id)
    assert.is.not(await recipeDigest(world, { ...lock, keys: lock.keys.slice(1) }), recipe)
    assert.is.not(await recipeDigest(world, lock, 'cis'), recipe)
    assert.is(await recipeDigest(world, { ...lock, updated: '2027-01-01T00:00:00.000Z' }), recipe)
    assert.not.match(JSON.stringify(base), '127.0.0.1')
  }),
)

cache.run()
