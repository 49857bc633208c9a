import { cp, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../../pipeline/core/digest.ts'
import { hashesOfRelease, indexFilesOf, renderIndex } from '../../pipeline/core/packages-file.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { release } from '../../pipeline/stages/release.ts'
import { renderedBundle } from '../../pipeline/stages/render.ts'
import { reserveVersion } from '../../pipeline/stages/reserve.ts'
import { listRuns, saveRun } from '../../pipeline/stages/runs.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import { fixtureDay, type TestMirror, testMirror } from '../helpers/mirror.ts'
import { facts, fixtureRelease } from '../helpers/release-fixture.ts'
import { textOf } from '../helpers/sources.ts'
import { fixtureDb } from '../helpers/trivy-db-registry.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

const it = suite<{ box: TestWorld; mirror: TestMirror; world: World }>('release')
const image = 'debian-13'

it.before.each(async (context) => {
  context.box = await testWorld({ now: fixtureDay })
  context.mirror = await testMirror()
  const { world } = context.box
  context.world = { ...world, env: { ...world.env, ...context.mirror.env } }
  for (const path of [
    'debian/dists/trixie',
    'debian/dists/trixie-updates',
    'debian-security/dists/trixie-security',
  ]) {
    const hashes = hashesOfRelease(textOf(`test/fixtures/archive/${path}/InRelease`))
    const { served } = indexFilesOf(hashes, path, 'main')
    await world.files.write(join(world.places.indices, `${served.sha256}.tsv`), renderIndex(new Map()))
  }
  const definition = await loadDefinition(world, image)
  const { bundle } = await renderedBundle(world, image, definition, targets.qemu)
  await fixtureRelease(context.world, {
    definition,
    facts: { ...facts, bundle: bundle.digest },
    packages: 'chrony\t4.6.1-3\tamd64\n',
    database: { sha256: sha256(await world.files.readBytes(join(fixtureDb, 'trivy.db'))) },
    allPass: true,
  })
})
it.after.each(async ({ box, mirror }) => {
  await mirror.close()
  await box.close()
})

const prepared = new Error('it would build')
const again = (world: World, fresh: boolean, run: string | null = null) =>
  release(world, {
    image,
    target: null,
    trivyDb: fixtureDb,
    knownExploited: null,
    emergency: null,
    asked: null,
    fresh,
    run,
    prepare: () => Promise.reject(prepared),
  })

it('an unchanged image: nothing is prepared, no run is begun', async ({ world }) => {
  const result = await again(world, false)
  assert.ok(result.unchanged && result.release.version === '1.0.0')
  assert.equal(await listRuns(world, image), [])
})

it('another owner, other needs and other people to share with make no build', async ({ box, world }) => {
  const root = join(box.folder, 'checkout')
  await cp(join(checkout, 'images'), join(root, 'images'), { recursive: true })
  await world.files.makeFolder(join(root, 'scans'))
  for (const name of ['pipeline', 'templates', 'hardening', 'scans/policies'])
    await symlink(join(checkout, name), join(root, name))
  const path = join(root, 'images/debian-13.yaml')
  const changed = textOf('images/debian-13.yaml')
    .replace('owner: team-platform', 'owner: team-other')
    .replace(
      /^channels:.*$/m,
      'channels: {stable: {needs: {approvals: 2, soak: 7d}, share: {qemu: [folder:/srv/golden]}}}',
    )
  await writeFile(path, changed)
  const elsewhere = { ...world, places: { ...world.places, root } }
  const before = await renderedBundle(world, image, await loadDefinition(world, image), targets.qemu)
  const now = await loadDefinition(elsewhere, image)
  assert.is(now.owner, 'team-other')
  assert.is((await renderedBundle(elsewhere, image, now, targets.qemu)).bundle.digest, before.bundle.digest)
  const result = await again(elsewhere, false)
  assert.ok(result.unchanged, JSON.stringify(result))
})

it('the run of other jobs that lacks this variant is gone on with, unchanged or not', async ({ world }) => {
  const input = { image, runId: 'ci-7', facts, given: null, variants: ['qemu-aarch64', 'qemu-x86_64'] }
  await reserveVersion(world, input)
  try {
    await again(world, false, 'ci-7')
    assert.unreachable()
  } catch (cause) {
    assert.is(cause, prepared)
  }
  assert.ok((await again(world, false, 'ci-8')).unchanged)
})

it('--fresh builds it all the same', async ({ world }) => {
  try {
    await again(world, true)
    assert.unreachable()
  } catch (cause) {
    assert.is(cause, prepared)
  }
})

it('a run that was killed after its last write is not gone on with', async ({ world }) => {
  const run = {
    schema: 1 as const,
    image,
    runId: 'r-1',
    created: fixtureDay.toISOString(),
    definition: 'a'.repeat(64),
    bundle: 'b'.repeat(64),
    asked: null,
    version: '1.0.0',
    state: 'open' as const,
  }
  await saveRun(world, run)
  assert.ok((await again(world, false)).unchanged)
  assert.equal(
    (await listRuns(world, image)).map(({ state }) => state),
    ['done'],
  )
})

it.run()
