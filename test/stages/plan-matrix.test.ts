import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../../pipeline/core/digest.ts'
import { hashesOfRelease, indexFilesOf, renderIndex } from '../../pipeline/core/packages-file.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { type MatrixInput, planMatrix, planRelease } from '../../pipeline/stages/plan-matrix.ts'
import { versionFacts } from '../../pipeline/stages/release.ts'
import { renderedBundle } from '../../pipeline/stages/render.ts'
import { takenVersions } from '../../pipeline/stages/reserve.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import { fixtureDay, type TestMirror, testMirror } from '../helpers/mirror.ts'
import { refusal } from '../helpers/refusal.ts'
import { fixtureRelease } from '../helpers/release-fixture.ts'
import { textOf } from '../helpers/sources.ts'
import { fixtureDb } from '../helpers/trivy-db-registry.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

const it = suite<{ box: TestWorld; mirror: TestMirror; world: World }>('plan the matrix')

it.before.each(async (context) => {
  context.box = await testWorld({ now: fixtureDay })
  context.mirror = await testMirror()
  const { world, folder } = context.box
  const root = join(folder, 'root')
  await world.files.makeFolder(join(root, 'scans'))
  for (const name of ['pipeline', 'scans/policies', 'templates', 'hardening'])
    await symlink(join(checkout, name), join(root, name))
  for (const name of ['debian-13.yaml', 'debian-13.lock.json', 'debian-12.yaml', 'debian-12.lock.json'])
    await world.files.write(join(root, 'images', name), textOf(`images/${name}`))
  context.world = {
    ...world,
    env: { ...world.env, ...context.mirror.env },
    places: { ...world.places, root },
  }
})
it.after.each(async ({ box, mirror }) => {
  await mirror.close()
  await box.close()
})

const plan = (world: World, change: Partial<MatrixInput> = {}) =>
  planMatrix(world, {
    images: [],
    targets: [],
    run: 'gh-812-1',
    changed: false,
    reserve: false,
    trivyDb: fixtureDb,
    knownExploited: null,
    secondScanner: null,
    update: () => undefined,
    ...change,
  })

const job = (image: string) => ({
  image,
  target: 'qemu',
  arch: 'x86_64',
  runner: 'ubuntu-24.04',
  run: 'gh-812-1',
})

/** A release of debian-13 that nothing has happened to since. */
async function released(world: World): Promise<void> {
  for (const [name, folder] of [
    ['trixie', 'debian'],
    ['trixie-updates', 'debian'],
    ['trixie-security', 'debian-security'],
  ] as const) {
    const hashes = hashesOfRelease(textOf(`test/fixtures/archive/${folder}/dists/${name}/InRelease`))
    const path = join(world.places.indices, `${indexFilesOf(hashes, name, 'main').served.sha256}.tsv`)
    await world.files.write(path, renderIndex(new Map(name === 'trixie' ? [['chrony', '4.6.1-3']] : [])))
  }
  const image = 'debian-13'
  const definition = await loadDefinition(world, image)
  const { qemu: target } = targets
  const { bundle } = await renderedBundle(world, image, definition, target)
  await fixtureRelease(world, {
    definition,
    facts: await versionFacts(world, { image, target }, definition, bundle),
    packages: 'chrony\t4.6.1-3\tamd64\n',
    database: { sha256: sha256(await world.files.readBytes(join(fixtureDb, 'trivy.db'))) },
    policy: sha256(textOf('scans/policies/default.yaml')),
    allPass: true,
  })
}

it('every image, or those that are named, each once', async ({ world }) => {
  const all = await plan(world)
  assert.equal(
    all.map((item) => item.status === 'planned' && item.jobs),
    [[job('debian-12')], [job('debian-13')]],
  )
  const named = await plan(world, { images: ['debian-13', 'debian-13'] })
  assert.equal(
    named.map(({ image }) => image),
    ['debian-13'],
  )
})

it('an image that can not be planned does not keep the others from it', async ({ world }) => {
  const path = join(world.places.root, 'images/debian-12.yaml')
  await world.files.write(path, textOf('images/debian-12.yaml').replace('release: "12"', 'release: twelve'))
  const [broken, whole] = await plan(world)
  assert.is(broken?.status === 'failed' && broken.code, 'CONFIG_INVALID')
  assert.match(broken?.status === 'failed' ? broken.lines.join() : '', /images\/debian-12\.yaml:\d+:\d+/)
  assert.is(whole?.status, 'planned')
})

it('names that there are not', async ({ world }) => {
  const image = await refusal(plan(world, { images: ['debian-31'] }))
  assert.is(image.code, 'NOT_FOUND')
  assert.match(image.hint, /did you mean debian-13\?/)
  const target = await refusal(plan(world, { targets: ['qmeu'] }))
  assert.is(target.code, 'USAGE')
  assert.match(target.message, /did you mean "qemu"\?/)
})

it('a target that no definition names leaves nothing, and one image that does not name it is told', async ({
  world,
}) => {
  assert.equal(await plan(world, { targets: ['aws'] }), [])
  const [asked] = await plan(world, { targets: ['aws'], images: ['debian-13'] })
  assert.match(asked?.status === 'failed' ? asked.message : '', /images\/debian-13\.yaml names qemu/)
})

it('what has not changed is left out; the others get one version for all of their jobs', async ({
  world,
}) => {
  await released(world)
  const [old, same] = await plan(world, { changed: true, reserve: true })
  assert.equal(same?.status, 'unchanged', JSON.stringify(same))
  assert.match(same?.status === 'unchanged' ? same.because.join() : '', /^1\.0\.0, same base, definition/)
  assert.equal(old, {
    image: 'debian-12',
    status: 'planned',
    jobs: [job('debian-12')],
    work: 'build',
    version: '1.0.0',
    because: ['it has no release yet'],
  })
  const [taken] = await takenVersions(world, 'debian-12')
  assert.is(taken?.reservation.run, 'gh-812-1')
  assert.equal(taken?.missing, ['qemu-x86_64'])
  assert.is((await takenVersions(world, 'debian-13')).length, 1)
  // The same attempt of the same run, once more.
  const [again] = await plan(world, { changed: true, reserve: true, images: ['debian-12'] })
  assert.is(again?.status === 'planned' && again.version, '1.0.0')
})

const byHand = (world: World, channel: string | null, change: Partial<MatrixInput> = {}) =>
  planRelease(
    world,
    {
      images: ['debian-13'],
      targets: [],
      run: 'gh-813-1',
      changed: false,
      reserve: true,
      trivyDb: fixtureDb,
      knownExploited: null,
      secondScanner: null,
      update: () => undefined,
      ...change,
    },
    channel,
  )

it('by hand: one image, with the level or the version that a person asks for', async ({ world }) => {
  await released(world)
  const [patch] = (await byHand(world, null, { bump: 'patch' })).plan
  assert.is(patch?.status === 'planned' && patch.version, '1.0.1')
  // The same run asks again: it has its version, which is above the last one by now.
  const [again] = (await byHand(world, null, { bump: 'patch' })).plan
  assert.is(again?.status === 'planned' && again.version, '1.0.1')
  const [major] = (await byHand(world, null, { bump: 'major', run: 'gh-814-1' })).plan
  assert.is(major?.status === 'planned' && major.version, '2.0.0')
  const [given] = (await byHand(world, null, { asked: '7.1.0', run: 'gh-815-1' })).plan
  assert.is(given?.status === 'planned' && given.version, '7.1.0')
  const path = join(world.places.root, 'images/debian-13.yaml')
  const more = textOf('images/debian-13.yaml').replace('add: [curl,', 'add: [chrony, curl,')
  await world.files.write(path, more)
  const [small] = (await byHand(world, null, { bump: 'patch', run: 'gh-816-1' })).plan
  assert.match(
    small?.status === 'failed' ? small.message : '',
    /^--bump is "patch", and what changed since 1\.0\.0 calls for a (?:minor|major) version$/,
  )
})

it('by hand: what a channel would refuse after the build is refused before it', async ({ world }) => {
  const path = join(world.places.root, 'images/debian-13.yaml')
  const text = textOf('images/debian-13.yaml').replace(
    /^channels:.*$/m,
    'channels: {nightly: {}, stable: {}}',
  )
  await world.files.write(path, text)
  for (const [channel, kept] of [
    ['stable', 'stable'],
    ['nightly', null],
    [null, null],
  ] as const)
    assert.is((await byHand(world, channel)).channel, kept)
  const unknown = await refusal(byHand(world, 'stabel'))
  assert.is(unknown.hint, 'did you mean stable?')
  for (const images of [[], ['debian-12', 'debian-13']])
    assert.is((await refusal(byHand(world, null, { images }))).code, 'USAGE')
  const cloud = textOf('test/fixtures/images/cloud/cloud.yaml').replace('aws:', 'qemu: {}\n  aws:')
  await world.files.write(path, `${cloud}channels: {nightly: {}, stable: {}}\n`)
  const part = await refusal(byHand(world, 'stable', { targets: ['qemu'] }))
  assert.is(
    part.message,
    'stable takes whole versions alone, and aws of images/debian-13.yaml would not be built',
  )
})

it('a look takes no version', async ({ world }) => {
  await plan(world, { changed: true, images: ['debian-12'] })
  assert.equal(await takenVersions(world, 'debian-12'), [])
})

it.run()
