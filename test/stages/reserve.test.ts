import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MintmarkError } from '../../pipeline/errors.ts'
import { Reservation } from '../../pipeline/model/release.ts'
import { reserveVersion, takenVersions } from '../../pipeline/stages/reserve.ts'
import { refusal } from '../helpers/refusal.ts'
import { facts, fixtureRelease } from '../helpers/release-fixture.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

const it = suite<{ box: TestWorld }>('reserve')
const now = new Date('2026-11-22T03:00:00Z')

it.before.each(async (context) => {
  context.box = await testWorld({ now })
})
it.after.each((context) => context.box.close())

const image = 'debian-13'
const ask = (
  box: TestWorld,
  runId: string,
  more: { given?: string; bundle?: string } = {},
): Promise<string> =>
  reserveVersion(box.world, {
    image,
    runId,
    facts: { ...facts, bundle: more.bundle ?? facts.bundle },
    given: more.given ?? null,
  })

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'nothing thrown'
  } catch (cause) {
    return cause instanceof MintmarkError ? cause.code : String(cause)
  }
}

it('writes down who took the version, when, and for what', async ({ box }) => {
  assert.is(await ask(box, 'r-1'), '1.0.0')
  const entry = await box.world.catalog.read('releases/debian-13/1.0.0/reservation.json')
  assert.equal(Reservation.parse(JSON.parse(entry?.value ?? '')), {
    schema: 1,
    image,
    version: '1.0.0',
    run: 'r-1',
    facts,
    reserved: now.toISOString(),
  })
})

it('looks at many versions at once, and no more than a bucket takes', async ({ box }) => {
  for (let minor = 1; minor <= 20; minor += 1) await ask(box, `r-${minor}`, { given: `1.${minor}.0` })
  let reading = 0
  let most = 0
  const read = async (key: string) => {
    reading += 1
    most = Math.max(most, reading)
    try {
      return await box.world.catalog.read(key)
    } finally {
      reading -= 1
    }
  }
  const taken = await takenVersions({ ...box.world, catalog: { ...box.world.catalog, read } }, image)
  assert.is(taken.length, 20)
  assert.is(taken[0]?.reservation.version, '1.20.0')
  assert.is(most, 16)
})

it('gives the same run the same version again', async ({ box }) => {
  assert.is(await ask(box, 'r-1'), '1.0.0')
  assert.is(await ask(box, 'r-2'), '1.0.1')
  assert.is(await ask(box, 'r-1'), '1.0.0')
  assert.is(await ask(box, 'r-1', { given: '1.0.0' }), '1.0.0')
  assert.is(await codeOf(ask(box, 'r-1', { given: '5.0.0' })), 'USAGE')
})

it('never gives the version of a run that came to nothing', async ({ box }) => {
  assert.is(await ask(box, 'rejected'), '1.0.0')
  assert.is((await fixtureRelease(box.world, { runId: 'r-2' })).version, '1.0.1')
  assert.is(await ask(box, 'also-rejected', { bundle: 'ee'.repeat(32) }), '1.1.0')
  // Compared with 1.0.1, the last release, this is a patch; yet 1.1.0 is taken.
  assert.is(await ask(box, 'r-3'), '1.1.1')
})

it('compares with the last release, not with the last attempt', async ({ box }) => {
  await fixtureRelease(box.world, { runId: 'r-1' })
  const other = { ...facts, bundle: 'ee'.repeat(32) }
  assert.is((await fixtureRelease(box.world, { runId: 'r-2', facts: other })).version, '1.1.0')
  assert.is((await fixtureRelease(box.world, { runId: 'r-3', facts: other })).version, '1.1.1')
  const closed = { ...other, ports: [] }
  assert.is((await fixtureRelease(box.world, { runId: 'r-4', facts: closed })).version, '2.0.0')
})

it('takes a given version only above all others', async ({ box }) => {
  assert.is(await ask(box, 'r-1', { given: '3.0.0' }), '3.0.0')
  assert.is(await codeOf(ask(box, 'r-2', { given: '3.0.0' })), 'USAGE')
  assert.is(await codeOf(ask(box, 'r-2', { given: '2.9.9' })), 'USAGE')
  assert.is(await codeOf(ask(box, 'r-2', { given: 'newest' })), 'USAGE')
  assert.is(await ask(box, 'r-2'), '3.0.1')
})

it('gives runs that ask at the same moment a version each', async ({ box }) => {
  const versions = await Promise.all(Array.from({ length: 8 }, (_, index) => ask(box, `r-${index}`)))
  assert.is(new Set(versions).size, 8)
})

it('gives the jobs of one run, each for its variant, one version: two processes at once', async ({ box }) => {
  const { places, exec } = box.world
  const start = String(Date.now() + 3000)
  const job = (runId: string) =>
    exec.run(
      [
        'node',
        '--import',
        'tsx',
        fileURLToPath(new URL('../helpers/reserve-writer.ts', import.meta.url)),
        places.catalog,
        runId,
        start,
      ],
      {
        cwd: checkout,
      },
    )
  const [one, other, stranger] = await Promise.all([job('ci-7'), job('ci-7'), job('ci-8')])
  const versions = ({ stdout }: { readonly stdout: string }): readonly string[] => stdout.trim().split('\n')
  assert.is(versions(one).length, 10)
  assert.equal(versions(one), versions(other))
  assert.is(new Set([...versions(one), ...versions(stranger)]).size, 20)
  const taken = await takenVersions(box.world, image)
  assert.is(taken.length, 20)
  for (const { there, missing } of taken)
    assert.equal([there, missing], [[], ['qemu-aarch64', 'qemu-x86_64']])
})

it('gives the jobs of one run one version, though they have other facts and saw other releases', async ({
  box,
}) => {
  await fixtureRelease(box.world, { runId: 'r-1' })
  const { catalog } = box.world
  // Both have read what is there before either writes a word.
  let waiting = 0
  let go = (): void => undefined
  const both = new Promise<void>((resolve) => {
    go = resolve
  })
  const list = async (prefix: string) => {
    const keys = await catalog.list(prefix)
    waiting += 1
    if (waiting === 2) go()
    await both
    return keys
  }
  const job = (more: object) =>
    reserveVersion(
      { ...box.world, catalog: { ...catalog, list } },
      { image, runId: 'ci-7', facts: { ...facts, ...more }, given: null },
    )
  const [one, other] = await Promise.all([job({}), job({ bundle: 'ee'.repeat(32) })])
  assert.is(one, other)
  const taken = await takenVersions(box.world, image)
  assert.equal(
    taken.map(({ reservation }) => reservation.run),
    ['ci-7', 'r-1'],
  )
})

it('goes on with what a killed job chose, unless a higher version is there by now', async ({ box }) => {
  const { catalog } = box.world
  const dying = {
    ...catalog,
    createOnly: async (key: string, text: string) => {
      if (key.endsWith('/reservation.json')) throw new Error('killed')
      return catalog.createOnly(key, text)
    },
  }
  const killed = (runId: string) =>
    codeOf(reserveVersion({ ...box.world, catalog: dying }, { image, runId, facts, given: null }))
  assert.is(await killed('r-1'), 'Error: killed')
  assert.is(await ask(box, 'r-1'), '1.0.0')
  assert.is(await killed('r-2'), 'Error: killed')
  await ask(box, 'r-3', { given: '2.0.0' })
  assert.is(await ask(box, 'r-2'), '2.0.1')
  assert.is(await ask(box, 'r-2'), '2.0.1')
  assert.is(await codeOf(ask(box, 'r-4', { given: '1.0.1' })), 'USAGE')
})

it('refuses a version asked for where another job of the run chose one', async ({ box }) => {
  assert.is(await ask(box, 'r-1'), '1.0.0')
  const choice = { schema: 1, image, run: 'ci-7', turn: 1, version: '1.0.1' }
  await box.world.catalog.createOnly('runs/debian-13/ci-7/000001.json', JSON.stringify(choice))
  assert.is(await codeOf(ask(box, 'ci-7', { given: '3.0.0' })), 'USAGE')
  assert.is(await ask(box, 'ci-7'), '1.0.1')
})

it('refuses a run id that was given to two different definitions', async ({ box }) => {
  assert.is(await ask(box, 'ci-7'), '1.0.0')
  // Another architecture has another bundle, and may have other controls.
  assert.is(await ask(box, 'ci-7', { bundle: 'ee'.repeat(32) }), '1.0.0')
  const other = { ...facts, ports: [22, 443] }
  const error = await refusal(reserveVersion(box.world, { image, runId: 'ci-7', facts: other, given: null }))
  assert.is(error.code, 'USAGE')
  assert.match(error.hint, 'MINTMARK_RUN')
})

it('tells what is there of a version and what is not', async ({ box }) => {
  const variants = ['qemu-aarch64', 'qemu-x86_64']
  await reserveVersion(box.world, { image, runId: 'r-1', facts, given: null, variants })
  await fixtureRelease(box.world, { runId: 'r-1' })
  await reserveVersion(box.world, { image, runId: 'r-2', facts, given: null })
  const taken = await takenVersions(box.world, image)
  assert.equal(
    taken.map(({ reservation, there, missing }) => [reservation.version, there, missing]),
    [
      ['1.0.1', [], []],
      ['1.0.0', ['qemu-x86_64'], ['qemu-aarch64']],
    ],
  )
})

it('counts every image for itself', async ({ box }) => {
  assert.is(await ask(box, 'r-1'), '1.0.0')
  assert.is(
    await reserveVersion(box.world, { image: 'debian-12', runId: 'r-2', facts, given: null }),
    '1.0.0',
  )
})

it.run()
