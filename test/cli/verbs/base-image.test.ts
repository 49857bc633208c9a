import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { baseVerb } from '../../../pipeline/cli/verbs/base.ts'
import { MintmarkError } from '../../../pipeline/errors.ts'
import { ImageLock } from '../../../pipeline/model/base.ts'
import type { World } from '../../../pipeline/ports/world.ts'
import { imageDay, imageName, type TestPublisher, testPublisher } from '../../helpers/image-publisher.ts'
import { fixtureRelease } from '../../helpers/release-fixture.ts'
import { checkout, type Told, testWorld } from '../../helpers/world.ts'

const verb = suite('base show and base update of images')

interface Bench {
  readonly world: World
  readonly told: Told
  readonly host: TestPublisher
  readonly folder: string
  define(base: string, os?: string): Promise<void>
  lock(): Promise<ImageLock>
  /** The text that it prints; the exit code is checked. */
  call(exit: number | undefined, ...args: readonly string[]): Promise<string>
}

async function withBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  const test = await testWorld({ now: imageDay })
  try {
    const host = await testPublisher(test.world, test.folder)
    const root = join(test.folder, 'checkout')
    const world: World = {
      ...test.world,
      env: { ...test.world.env, MINTMARK_IMAGE_MIRROR: host.mirror, TMPDIR: test.folder },
      places: { ...test.world.places, root },
    }
    const run = baseVerb({ publishers: [host.publisher], keys: host.keys })
    await work({
      world,
      told: test.told,
      host,
      folder: test.folder,
      define: (base, os = '{family: ubuntu, release: "24.04", arch: [x86_64]}') =>
        world.files.write(
          join(root, 'images/web.yaml'),
          `schema: 1\nowner: team-platform\nos: ${os}\nbase: ${base}\nhardening: {profiles: [baseline]}\ntargets: {qemu: {}}\n`,
        ),
      lock: async () =>
        ImageLock.parse(JSON.parse(await world.files.readText(join(root, 'images/web.lock.json')))),
      call: async (exit, ...args) => {
        const options = args.includes('--pr') ? { pr: true } : {}
        const rest = args.filter((item) => item !== '--pr')
        assert.is(await run({ world, args: rest, options }), exit)
        return test.told.results.at(-1)?.text ?? ''
      },
    })
  } finally {
    await test.close()
  }
}

verb('the lock moves from one build to the next, and only then', () =>
  withBench(async ({ host, define, lock, call, world }) => {
    await define('{from: image}')
    await host.build('20261101')
    assert.match(await call(undefined, 'update', 'web'), 'images/web.lock.json is written')
    const first = await lock()
    assert.match(await call(undefined, 'update', 'web'), 'is up to date')
    assert.equal(await lock(), first)
    await host.build('20261110')
    const shown = await call(undefined, 'show', 'web')
    for (const part of [
      'publisher  canonical',
      `https://cloud-images.ubuntu.com/releases/noble/release-20261101/${imageName}`,
      first.sha256,
      `SHA256SUMS sha256:${first.checksums?.sha256}`,
      `${first.signature?.fingerprint}  a key of this test`,
      'the key is from made by this test',
      '2026-11-01, 21 d of at most 90 d, 69 d left',
      'lifecycle: regular (regular until 2029-05-31, extended until 2034-04-25)',
      `newest of the publisher: ${imageName} of 2026-11-10`,
    ])
      assert.match(shown, part)
    assert.equal(await lock(), first, 'show moves nothing')
    const text = await call(undefined, 'update', 'web', '--pr')
    const second = await lock()
    assert.match(text, `| sha256 | \`${first.sha256}\` | \`${second.sha256}\` |`)
    assert.match(text, '| built | 2026-11-01 | 2026-11-10 (12 d) |')
    assert.match(text, '- fingerprint read from: made by this test')
    assert.not.match(text, host.mirror)
    // A mirror that went back is refused and moves nothing.
    await world.files.remove(join(host.mirror, 'releases/noble/release-20261110'))
    const run = baseVerb({ publishers: [host.publisher], keys: host.keys })
    try {
      await run({ world, args: ['update', 'web'], options: {} })
      assert.unreachable('not refused')
    } catch (error) {
      assert.ok(error instanceof MintmarkError && error.code === 'BASE_REFUSED', String(error))
    }
    assert.equal(await lock(), second)
    assert.match(await call(5, 'show', 'web'), 'is older than what the lock pins')
    await world.files.remove(host.mirror)
    assert.match(await call(undefined, 'show', 'web'), /there is no folder .*releases\/noble/)
  }),
)

verb('a file of the team’s own is pinned, loudly', () =>
  withBench(async ({ world, folder, told, define, lock, call }) => {
    const file = join(folder, 'own.qcow2')
    await world.exec.run(['qemu-img', 'create', '-q', '-f', 'qcow2', file, '1G'])
    await world.exec.run(['touch', '-d', '2026-11-20T00:00:00Z', file])
    await define(`{from: image, file: ${file}}`)
    assert.match(await call(undefined, 'update', 'web', '--pr'), '**No signature**')
    assert.ok(told.lines.some((line) => line.startsWith('warning: own.qcow2 is a file of your own')))
    assert.is((await lock()).signature, null)
    assert.match(await call(undefined, 'show', 'web'), 'NONE: no publisher vouches for these bytes')
  }),
)

verb('a release past its life moves no lock', () =>
  withBench(async ({ define, call }) => {
    await define('{from: image}', '{family: ubuntu, release: "20.04", arch: [x86_64]}')
    try {
      await call(undefined, 'update', 'web')
      assert.unreachable('not refused')
    } catch (error) {
      assert.ok(error instanceof MintmarkError && error.code === 'BASE_REFUSED', String(error))
      assert.match((error as MintmarkError).message, 'images/web.yaml:3:31 os.release: ubuntu 20.04')
    }
  }),
)

verb('a parent has no lock, and is shown with its chain', () =>
  withBench(async ({ world, define, call }) => {
    const { root } = world.places
    await world.files.copy(
      join(checkout, 'images/debian-13.lock.json'),
      join(root, 'images/corp-base.lock.json'),
    )
    for (const name of ['inside.sh', 'make-disk.sh']) {
      const path = `pipeline/targets/qemu/archive/${name}`
      await world.files.copy(join(checkout, path), join(root, path))
    }
    const parent = await fixtureRelease(world, { image: 'corp-base' })
    await define('{image: corp-base}', '{family: debian, release: "13", arch: [x86_64]}')
    assert.match(await call(undefined, 'update', 'web'), 'follows that channel and has no lock')
    const text = await call(undefined, 'show', 'web')
    assert.match(text, 'corp-base@1.0.0 (nightly), debian 13.7')
    assert.match(text, `record sha256:${parent.recorded.record}`)
    assert.match(text, 'on debian 13.7 (archive) sha256:')
  }),
)

verb.run()
