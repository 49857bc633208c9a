import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Concern } from '../../pipeline/core/watch.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { type ChannelChange, moveChannel } from '../../pipeline/stages/move-channel.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { watch } from '../../pipeline/stages/watch.ts'
import { type ChannelWorld, channelWorld, released } from '../helpers/channel-world.ts'
import { refusal } from '../helpers/refusal.ts'
import { textOf } from '../helpers/sources.ts'

const watching = suite<{ fixture: ChannelWorld; world: World }>('watch')

const image = 'debian-13'

watching.before.each(async (context) => {
  context.fixture = await channelWorld()
  context.world = context.fixture.world
  const path = join(context.world.places.root, `images/${image}.lock.json`)
  await context.world.files.write(path, textOf(`images/${image}.lock.json`))
})
watching.after.each(({ fixture }) => fixture.box.close())

const look = (world: World, ...images: readonly string[]): Promise<readonly Concern[]> =>
  watch(world, { images, channelAge: '45d', nights: null, update: () => undefined })

const told = (concerns: readonly Concern[]): readonly string[] =>
  concerns.map(({ kind, state, variant, text }) => `${kind} ${state} ${variant}: ${text}`)

const days = ({ later }: ChannelWorld, count: number): World => later(count * 24)

async function promoted(fixture: ChannelWorld, version: string): Promise<void> {
  const { world } = fixture
  const release = await findRelease(world, `${image}@${version}`)
  const change: ChannelChange = {
    release,
    channel: 'stable',
    data: { why: 'promoted', by: 'octocat', diff: null, approvals: [], reason: null },
    decide: () => true,
  }
  await moveChannel(world, change, await fixture.trust())
}

watching('a fresh release on a fresh lock needs nobody', async ({ fixture, world }) => {
  await released(world, 'r-1')
  assert.equal(await look(world), [])
  assert.equal(await look(days(fixture, 45), image), [])
})

watching('lock and channels age, each by its own limit', async ({ fixture, world }) => {
  await promoted(fixture, await released(world, 'r-1'))
  await released(days(fixture, 40), 'r-2', { artifact: 'another image' })
  assert.equal(told(await look(days(fixture, 46))), [
    'channel overdue qemu-x86_64: stable points to 1.0.0 of 2026-11-22, too old since 2027-01-06 (watch.channelAge: 45d); nightly has 1.0.1 of 2027-01-01',
  ])
  const all = told(await look(days(fixture, 131)))
  // The floor of the lock is of 2026-11-20; nightly is 91 days old then, and base.maxAge is 90d.
  assert.equal(
    all.map((line) => line.slice(0, line.indexOf(' too old'))),
    [
      'base overdue qemu-x86_64: its base (debian 13 from the signed archive) of 2026-11-20 is',
      'channel overdue qemu-x86_64: nightly points to 1.0.1 of 2027-01-01,',
      'channel overdue qemu-x86_64: stable points to 1.0.0 of 2026-11-22,',
    ],
  )
})

watching('what can not be looked at is told, and stops nothing else', async ({ fixture, world }) => {
  const { root } = world.places
  await promoted(fixture, await released(world, 'r-1'))
  await world.files.write(join(root, 'images/broken.yaml'), 'schema: 1\n')
  await world.files.copy(join(root, `images/${image}.yaml`), join(root, 'images/web.yaml'))
  const pointer = `channels/${image}/nightly/qemu-x86_64.json`
  const now = await world.catalog.read(pointer)
  await world.catalog.compareAndSwap(pointer, now?.etag ?? null, '{}')
  const concerns = await look(days(fixture, 60))
  assert.equal(
    concerns.map(({ kind, state, image: of, variant }) => `${kind} ${state} ${of} ${variant}`),
    [
      'base overdue web qemu-x86_64',
      'definition unseen broken null',
      // A damaged pointer of a variant makes doubtful what all its channels point to.
      'channel unseen debian-13 qemu-x86_64',
      'channel unseen debian-13 qemu-x86_64',
    ],
  )
  assert.match(told(concerns)[0] ?? '', 'images/web.lock.json pins no base for qemu')
  assert.is(concerns[0]?.mend, './mintmark base update web --target qemu')
})

watching(
  'an image on another of ours is as old as what that channel points to',
  async ({ fixture, world }) => {
    const path = (name: string): string => join(world.places.root, 'images', name)
    const text = await world.files.readText(path(`${image}.yaml`))
    const base = `base: {image: ${image}, channel: nightly, maxAge: 30d}`
    await world.files.write(path('web.yaml'), text.replace(/^base:.*$/m, base))
    const before = told(await look(world, 'web'))
    assert.match(before.join('\n'), /^base unseen qemu-x86_64: the catalog has no release of "debian-13"/)
    await released(world, 'r-1')
    assert.equal(await look(world, 'web'), [])
    assert.equal(told(await look(days(fixture, 31), 'web')), [
      'base overdue qemu-x86_64: its base debian-13@nightly (1.0.0) of 2026-11-22 is too old since 2026-12-22 (base.maxAge: 30d)',
    ])
  },
)

watching(
  'exceptions and waivers that end; a channel whose definition is gone still ages',
  async ({ fixture, world }) => {
    const { root } = world.places
    await released(world, 'r-1')
    const path = join(root, `images/${image}.yaml`)
    const text = await world.files.readText(path)
    const exception =
      '{control: ssh-tcp-forwarding, reason: needed by the bastion, owner: team-security, expires: 2026-11-30}'
    await world.files.write(
      path,
      text.replace(
        /^hardening:\n(?: .*\n)+/m,
        `hardening: {profiles: [baseline], exceptions: [${exception}]}\n`,
      ),
    )
    const waiver = `{vulnerability: CVE-2026-1111, package: zlib1g, status: affected, reason: not reachable here, owner: team-platform, expires: 2026-11-20}`
    await world.files.write(join(root, 'scans/waivers/zlib.yaml'), `schema: 1\nwaivers: [${waiver}]\n`)
    assert.equal(told(await look(world)), [
      'waiver overdue null: the waiver for CVE-2026-1111 in zlib1g ended with 2026-11-20 (team-platform)',
      'exception soon null: the exception for ssh-tcp-forwarding ends with 2026-11-30 (team-security)',
    ])
    await world.files.remove(path)
    await world.files.write(join(root, 'scans/waivers/zlib.yaml'), 'schema: 1\nwaivers: []\n')
    assert.match(
      told(await look(days(fixture, 46))).join('\n'),
      /^channel overdue .*nightly points to 1\.0\.0/,
    )
  },
)

watching('a name that there is not; a job without a catalog that stays', async ({ world }) => {
  const unknown = await refusal(look(world, 'debian-31'))
  assert.equal([unknown.code, unknown.hint], ['NOT_FOUND', 'did you mean debian-13?'])
  const job = {
    run: 'gh-1-1',
    ephemeral: true,
    output: async () => undefined,
    summary: async () => undefined,
    error: () => undefined,
  }
  assert.is((await refusal(look({ ...world, job }))).code, 'CONFIG_INVALID')
})

watching.run()
