import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parentOf } from '../../pipeline/core/base-facts.ts'
import { type ErrorCode, MintmarkError } from '../../pipeline/errors.ts'
import { ParentBase, RecordedBase } from '../../pipeline/model/base.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { baseStage } from '../../pipeline/stages/base.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import type { StageContext } from '../../pipeline/stages/stage.ts'
import { fileOf } from '../../pipeline/targets/qemu/artifact.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import { fixtureRelease } from '../helpers/release-fixture.ts'
import { checkout, type Told, testWorld } from '../helpers/world.ts'

// Real records, signatures and blobs; no image of them ever boots. What an archive or a publisher's image goes through is in
// test/targets/qemu.
const stage = suite('base')
const now = new Date('2026-11-22T12:00:00Z')

interface Bench {
  readonly world: World
  readonly told: Told
  /** Writes a definition; `base` and `os` are YAML. */
  define(image: string, base: string, os?: string): Promise<void>
  run(image: string, world?: World): Promise<ParentBase>
}

async function withBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  const test = await testWorld({ now })
  try {
    const root = join(test.folder, 'checkout')
    const world: World = { ...test.world, places: { ...test.world.places, root } }
    const debian13 = await world.files.readText(join(checkout, 'images/debian-13.lock.json'))
    await world.files.write(join(root, 'images/debian-13.lock.json'), debian13)
    await world.files.write(join(root, 'images/corp-base.lock.json'), debian13)
    // A record says by which recipe its base was bootstrapped.
    for (const name of ['inside.sh', 'make-disk.sh']) {
      const path = `pipeline/targets/qemu/archive/${name}`
      await world.files.copy(join(checkout, path), join(root, path))
    }
    await work({
      world,
      told: test.told,
      define: (image, base, os = '{family: debian, release: "13", arch: [x86_64]}') =>
        world.files.write(
          join(root, `images/${image}.yaml`),
          `schema: 1\nowner: team-platform\nos: ${os}\nbase: ${base}\nhardening: {profiles: [baseline]}\ntargets: {qemu: {}}\n`,
        ),
      run: async (image, as = world) => {
        const definition = await loadDefinition(as, image)
        const step = as.report.step('base')
        const { output } = await baseStage.run({
          world: as,
          image,
          definition,
          target: targets.qemu,
          step,
        } as StageContext)
        return ParentBase.parse(output)
      },
    })
  } finally {
    await test.close()
  }
}

async function refused(
  work: Promise<unknown>,
  code: ErrorCode,
  say: string | RegExp,
): Promise<MintmarkError> {
  try {
    await work
  } catch (error) {
    assert.instance(error, MintmarkError, String(error))
    const found = error as MintmarkError
    assert.is(found.code, code, found.message)
    assert.match(`${found.message}\n${found.lines.join('\n')}\nfix: ${found.hint}`, say)
    return found
  }
  return assert.unreachable('not refused') as never
}

stage('a release past its life is refused at its place, before anything is looked at', () =>
  withBench(async ({ define, run }) => {
    await define('old', '{from: archive}', '{family: debian, release: "11", arch: [x86_64]}')
    await refused(
      run('old'),
      'BASE_REFUSED',
      /^images\/old\.yaml:3:31 os\.release: debian 11 .*ended on 2026-08-31/,
    )
    await define('odd', '{from: image}', '{family: ubuntu, release: "23.10", arch: [x86_64]}')
    await refused(
      run('odd'),
      'BASE_REFUSED',
      'images/odd.yaml:3:31 os.release: ubuntu "23.10" is not in the lifecycle data',
    )
  }),
)

stage('a release in long-term support is built, and that is said', () =>
  withBench(async ({ define, run, told }) => {
    await define('lts', '{from: archive}', '{family: debian, release: "12", arch: [x86_64]}')
    // It gets as far as its lock.
    await refused(run('lts'), 'LOCK_MISSING', './mintmark base update lts')
    assert.ok(
      told.lines.some((line) =>
        line.startsWith('warning: debian 12 is past its regular support (2026-07-11)'),
      ),
    )
  }),
)

stage('a lock of another base', () =>
  withBench(async ({ world, define, run }) => {
    await define('web', '{from: image}')
    const lock = await world.files.readText(join(checkout, 'images/debian-13.lock.json'))
    await world.files.write(join(world.places.root, 'images/web.lock.json'), lock)
    await refused(
      run('web'),
      'CONFIG_INVALID',
      'pins debian 13 from archive, and images/web.yaml asks for debian 13 from image',
    )
  }),
)

stage('another image of ours: verified, read through, and named with all that it stands on', () =>
  withBench(async ({ world, define, run }) => {
    const parent = await fixtureRelease(world, { image: 'corp-base' })
    await define('web', '{image: corp-base}')
    const base = await run('web')
    assert.equal(
      [base.image, base.imageVersion, base.channel, base.record, base.artifact, base.anchored],
      ['corp-base', '1.0.0', 'nightly', parent.recorded.record, parent.published.subject, false],
    )
    assert.is(fileOf(base.disk), world.catalog.blobPath(parent.published.subject))
    assert.is(base.lifecycle?.state, 'regular')
    assert.equal(
      base.ancestry.map(({ from, name }) => `${from} ${name}`),
      ['archive debian 13.7'],
    )
    const { disk, ...rest } = base
    const recorded = RecordedBase.parse({ ...rest, diskSha256: disk.sha256 })
    assert.equal(parentOf({ base: recorded }), {
      image: 'corp-base',
      version: '1.0.0',
      channel: 'nightly',
      record: parent.recorded.record,
      artifact: parent.published.subject,
    })
  }),
)

stage('a parent that is not there', () =>
  withBench(async ({ world, define, run }) => {
    await define('web', '{image: corp-base}')
    await refused(run('web'), 'NOT_FOUND', 'fix: ./mintmark release corp-base')
    await fixtureRelease(world, { image: 'corp-base' })
    await define('web', '{image: corp-base, channel: stable}')
    await refused(
      run('web'),
      'NOT_FOUND',
      'has no channel "stable" for qemu-x86_64\n\nfix: name a channel that it has: ./mintmark releases corp-base',
    )
  }),
)

stage('a parent that was changed: its bytes, its record', () =>
  withBench(async ({ world, define, run }) => {
    const { published } = await fixtureRelease(world, { image: 'corp-base' })
    await define('web', '{image: corp-base}')
    const path = world.catalog.blobPath(published.subject) ?? ''
    const bytes = await world.files.readBytes(path)
    await world.files.remove(path)
    await world.files.write(path, 'other bytes')
    await refused(run('web'), 'VERIFY_FAILED', 'not what was signed')
    await world.files.remove(path)
    await refused(run('web'), 'VERIFY_FAILED', 'corp-base@1.0.0 is no longer in the catalog')
    await world.files.write(path, bytes)
    await run('web')
    const key = join(world.places.catalog, 'releases/corp-base/1.0.0/qemu-x86_64.dsse.json')
    const text = await world.files.readText(key)
    await world.files.remove(key)
    await world.files.write(
      key,
      text.replace(/"sig":"(.)/, (_all, first) => `"sig":"${first === 'A' ? 'B' : 'A'}`),
    )
    await refused(run('web'), 'VERIFY_FAILED', /can't be trusted[\s\S]*signature: not made by the key/)
  }),
)

stage('another operating system, a smaller disk, too old, no anchor for a channel that needs one', () =>
  withBench(async ({ world, define, run }) => {
    const { recorded, published } = await fixtureRelease(world, { image: 'corp-base' })
    await define('web', '{image: corp-base}', '{family: debian, release: "12", arch: [x86_64]}')
    await refused(
      run('web'),
      'BASE_REFUSED',
      'images/web.yaml:4:15 base.image: corp-base@1.0.0 is debian 13, this image is debian 12',
    )
    await define('web', '{image: corp-base}\ndisk: {size: 3G}')
    await refused(
      run('web'),
      'BASE_REFUSED',
      'images/web.yaml:5:14 disk.size: corp-base@1.0.0 has a disk of 4 GiB',
    )
    await define('web', '{image: corp-base}\ndisk: {size: 12G, layout: cis}')
    await refused(
      run('web'),
      'BASE_REFUSED',
      'images/web.yaml:5:27 disk.layout: corp-base@1.0.0 has the layout simple, this image asks for cis',
    )
    await define('web', '{image: corp-base, maxAge: 5d}')
    const late = { ...world, clock: { ...world.clock, now: () => new Date('2026-11-28T12:00:01Z') } }
    const old = await refused(run('web', late), 'BASE_REFUSED', '6 days old, older than 5d')
    assert.is(old.hint, './mintmark release corp-base')
    await define('web', '{image: corp-base, channel: stable}')
    const pointer = {
      schema: 1,
      image: 'corp-base',
      channel: 'stable',
      variant: 'qemu-x86_64',
      version: '1.0.0',
      sha256: published.subject,
      record: recorded.record,
      moved: now.toISOString(),
    }
    await world.catalog.createOnly('channels/corp-base/stable/qemu-x86_64.json', JSON.stringify(pointer))
    await refused(run('web'), 'VERIFY_FAILED', 'stable → 1.0.0, but it has no history')
  }),
)

stage('a circle is named with all its images', () =>
  withBench(async ({ define, run }) => {
    await define('a', '{image: b}')
    await define('b', '{image: c}')
    await define('c', '{image: a}')
    await refused(
      run('a'),
      'CONFIG_INVALID',
      'images/a.yaml:4:15 base.image: a -> b -> c -> a goes in a circle',
    )
    // The circle need not go through the image itself.
    await define('d', '{image: b}')
    await define('c', '{image: b}')
    await refused(run('d'), 'CONFIG_INVALID', 'd -> b -> c -> b goes in a circle')
  }),
)

stage.run()
