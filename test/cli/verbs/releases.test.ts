import { chmod, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../../pipeline/cli/verbs/releases.ts'
import { MintmarkError } from '../../../pipeline/errors.ts'
import type { World } from '../../../pipeline/ports/world.ts'
import { reserveVersion } from '../../../pipeline/stages/reserve.ts'
import { refusal } from '../../helpers/refusal.ts'
import { facts, fixtureRelease } from '../../helpers/release-fixture.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

interface Context {
  box: TestWorld
  world: World
}

const it = suite<Context>('releases')

it.before.each(async (context) => {
  context.box = await testWorld({ now: new Date('2026-11-22T03:00:00Z') })
  const { world, folder } = context.box
  context.world = { ...world, places: { ...world.places, root: join(folder, 'checkout') } }
})
it.after.each((context) => context.box.close())

async function releases({ box, world }: Context, ...args: string[]) {
  box.told.results.length = 0
  assert.is(await run({ world, args, options: {} }), 0)
  const [result] = box.told.results
  const data = result?.data as {
    readonly releases: readonly Readonly<Record<string, unknown>>[]
    readonly incomplete: readonly Readonly<Record<string, unknown>>[]
  }
  return { text: result?.text ?? '', data }
}

it('says how to make the first one', async (context) => {
  const { text, data } = await releases(context)
  assert.match(text, /\.\/mintmark release debian-13/)
  assert.equal(data.releases, [])
})

it('lists what there is, the newest first, with its channel and its state', async (context) => {
  await fixtureRelease(context.world, { runId: 'r-1', database: false })
  await fixtureRelease(context.world, { runId: 'r-2' })
  await fixtureRelease(context.world, { runId: 'r-3', image: 'web-base' })
  const { text, data } = await releases(context)
  const [header, ...lines] = text.split('\n')
  assert.match(header ?? '', /^image +version +channel +made +size +vulnerabilities +controls$/)
  assert.match(
    lines[0] ?? '',
    /^debian-13 +1\.0\.1 +nightly +2026-11-2\d \d\d:\d\d [+-]\d\d:\d\d +12 B +2 high, 4 low \(1 fixable\) +2\/3$/,
  )
  assert.match(lines[1] ?? '', /^debian-13 +1\.0\.0 +- .* unknown +2\/3$/)
  assert.match(lines[2] ?? '', /^web-base +1\.0\.0 +nightly/)
  assert.is(data.releases[0]?.['created'], '2026-11-22T03:00:00.000Z', 'files and programs get UTC')
  assert.is(data.releases[1]?.['vulnerability'], 'unknown')
  const one = await releases(context, 'web-base')
  assert.is(one.data.releases.length, 1)
})

it('shows what is incomplete: a variant that is missing, a version without any', async (context) => {
  const { world } = context
  const variants = ['qemu-aarch64', 'qemu-x86_64']
  await reserveVersion(world, { image: 'debian-13', runId: 'r-1', facts, given: null, variants })
  await fixtureRelease(world, { runId: 'r-1' })
  for (let index = 2; index < 9; index += 1)
    await reserveVersion(world, { image: 'debian-13', runId: `r-${index}`, facts, given: null })
  const { text, data } = await releases(context)
  assert.match(
    text,
    /^debian-13 +1\.0\.0 +INCOMPLETE: no qemu-aarch64, only qemu-x86_64 +run r-1 took it 2026-/m,
  )
  assert.match(text, /^debian-13 +1\.0\.7 +no release +run r-8 took it/m)
  assert.match(text, /^2 more versions without a release: see --json$/m)
  assert.is(data.incomplete.length, 8)
  assert.equal(data.incomplete.at(-1), {
    image: 'debian-13',
    version: '1.0.0',
    run: 'r-1',
    reserved: '2026-11-22T03:00:00.000Z',
    there: ['qemu-x86_64'],
    missing: ['qemu-aarch64'],
  })
  await reserveVersion(world, { image: 'only-tried', runId: 'r-1', facts, given: null })
  assert.match((await releases(context, 'only-tried')).text, /^only-tried +1\.0\.0 +no release/)
})

it('--history: of nightly, of a channel of before, of none', async (context) => {
  const { world, box } = context
  await fixtureRelease(world, { runId: 'r-1' })
  const history = async (channel: string | true) => {
    box.told.results.length = 0
    const code = await run({ world, args: ['debian-13'], options: { history: channel } })
    return { code, text: box.told.results[0]?.text ?? '' }
  }
  const all = await history(true)
  assert.is(all.code, 0)
  assert.match(
    all.text,
    /^debian-13 nightly \(qemu-x86_64\) {2}✓ 1 move unchanged\n {2}2026-.* nothing → 1\.0\.0 {2}released {2}by /,
  )
  const folder = join(world.places.catalog, 'history/debian-13/nightly/qemu-x86_64')
  await rm(join(folder, '000001.dsse.json'))
  const dropped = await history('nightly')
  assert.is(dropped.code, 9)
  assert.match(dropped.text, /✗ event 1 is missing, 1 was written/)
  await rm(join(folder, 'head.json'))
  assert.match(
    (await history('nightly')).text,
    /points to 1\.0\.0 and has no history: \.\/mintmark verify debian-13@nightly says/,
  )
  const wrong = await refusal(history('nightli'))
  assert.match(wrong.hint, 'did you mean nightly')
  assert.is(
    (await refusal(Promise.resolve(run({ world, args: [], options: { history: true } })))).code,
    'USAGE',
  )
})

it('--history: a lost head is no whole history, and no text of others moves the terminal', async (context) => {
  const { world, box } = context
  await fixtureRelease(world, { runId: 'r-1' })
  await fixtureRelease(world, { runId: 'r-2' })
  const folder = join(world.places.catalog, 'history/debian-13/nightly/qemu-x86_64')
  const history = async () => {
    box.told.results.length = 0
    const code = await run({ world, args: ['debian-13'], options: { history: true } })
    return { code, text: box.told.results[0]?.text ?? '' }
  }
  assert.is((await history()).code, 0)
  await rm(join(folder, 'head.json'))
  const headless = await history()
  assert.is(headless.code, 9)
  assert.match(headless.text, '✗ the head of its history is missing: nobody can say that no later move is')
  await world.files.write(join(folder, 'x\u001b[2J.json'), '{}')
  assert.not.match((await history()).text, '\u001b')
})

it('says that there is no such image', async (context) => {
  await fixtureRelease(context.world)
  try {
    await releases(context, 'debian-12')
    assert.unreachable()
  } catch (cause) {
    assert.ok(cause instanceof MintmarkError && cause.code === 'NOT_FOUND', String(cause))
    assert.match(cause.hint, /did you mean debian-13/)
  }
})

it('shows a damaged record as such, among the others', async (context) => {
  await fixtureRelease(context.world, { runId: 'r-1' })
  await fixtureRelease(context.world, { runId: 'r-2' })
  const path = join(context.world.places.catalog, 'releases/debian-13/1.0.0/qemu-x86_64.dsse.json')
  await chmod(path, 0o600)
  await writeFile(path, '{"half":')
  const { text, data } = await releases(context)
  assert.match(text, /debian-13 {2}1\.0\.0 {2}damaged: /)
  assert.match(text, /debian-13 +1\.0\.1 +nightly/)
  assert.is(data.releases.length, 2)
})

it.run()
