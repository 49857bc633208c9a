import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { distributionData, distributionExit, distributionLines } from '../../pipeline/cli/distribution.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { Definition } from '../../pipeline/model/definition.ts'
import type { World } from '../../pipeline/ports/world.ts'
import type { Trust } from '../../pipeline/stages/chain.ts'
import { distributeChannels, distributeMove, nowhere } from '../../pipeline/stages/distribute.ts'
import { eventsOf, readEvents } from '../../pipeline/stages/events.ts'
import { moveChannel } from '../../pipeline/stages/move-channel.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { trustedKeys } from '../../pipeline/stages/verify-release.ts'
import type { Distributed, DistributeInput } from '../../pipeline/targets/distributing.ts'
import type { Target } from '../../pipeline/targets/target.ts'
import { ami, amiBase, cloudTarget } from '../helpers/ami-release.ts'
import { type ChannelWorld, channelWorld } from '../helpers/channel-world.ts'
import { fixtureRelease, definition as plain } from '../helpers/release-fixture.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

// Real catalog, signatures and channels; a cloud that answers from memory.
const it = suite<{ box: TestWorld }>('distribute')

it.before.each(async (context) => {
  context.box = await testWorld()
})
it.after.each((context) => context.box.close())

const definition = Definition.parse({
  ...plain,
  targets: {
    aws: {
      account: ami.account,
      build: { region: ami.region },
      regions: [ami.region, 'us-east-1'],
      encrypt: { key: 'alias/golden' },
    },
  },
})

const copyIn = (region: string, digit: string) => ({
  account: ami.account,
  region,
  imageId: `ami-${digit.repeat(17)}`,
  snapshotIds: [`snap-${digit.repeat(17)}`],
  keyArn: `arn:aws:kms:${region}:${ami.account}:key/golden`,
})

const reaching = (distribute: (input: DistributeInput) => Promise<Partial<Distributed>>): Target => ({
  ...cloudTarget(),
  distribute: async (input) => ({
    copies: [],
    done: [],
    moved: [],
    left: [],
    notes: [],
    ...(await distribute(input)),
  }),
})

const untouched = async (): Promise<Partial<Distributed>> => {
  throw new Error('it was asked')
}

const trustOf = async ({ world }: TestWorld) => ({
  trust: await trustedKeys(world, null),
  onlyTrust: false,
})

const release = (box: TestWorld, runId = 'r-1') =>
  fixtureRelease(box.world, { target: cloudTarget(), base: amiBase, built: ami, runId })

const query = (target: Target, channels: readonly string[] | null = null) => ({
  image: 'debian-13',
  definition,
  target,
  channels,
  update: () => undefined,
})

it('a target that has no places but the catalog is asked nothing', async ({ box }) => {
  await fixtureRelease(box.world)
  const trust = await trustOf(box)
  const { distribute: _none, ...local } = reaching(untouched)
  assert.equal(await distributeChannels(box.world, query(local), trust), nowhere)
  const moved = { image: 'debian-13', channel: 'nightly', update: () => undefined }
  const variants = [{ release: await findRelease(box.world, 'debian-13') }]
  assert.equal(await distributeMove(box.world, { ...moved, variants }, trust), nowhere)
  assert.equal(
    [distributionData(nowhere), distributionLines(nowhere), distributionExit(nowhere)],
    [{}, [], 0],
  )
})

it('each copy is an event, once, and the record names the channels that point to it', async ({ box }) => {
  const { version } = await release(box)
  const seen: DistributeInput[] = []
  const target = reaching(async (input) => {
    seen.push(input)
    return { copies: [copyIn('us-east-1', 'a')], done: ['copying to us-east-1'] }
  })
  const trust = await trustOf(box)
  for (let time = 0; time < 2; time += 1) {
    const { images, behind } = await distributeChannels(box.world, query(target), trust)
    assert.equal(
      images.map((item) => [item.region, item.imageId, item.version]),
      [
        [ami.region, ami.imageId, version],
        ['us-east-1', copyIn('us-east-1', 'a').imageId, version],
      ],
      'where it was built comes first',
    )
    assert.equal(behind, [])
  }
  assert.equal(
    seen.map(({ channels, record }) => [channels, record.version, record.artifact.sha256]),
    [
      [['nightly'], version, ami.sha256],
      [['nightly'], version, ami.sha256],
    ],
  )
  const found = await findRelease(box.world, 'debian-13')
  const { events, broken } = await readEvents(box.world, found, trust)
  assert.is(broken, null)
  const [event, ...more] = eventsOf(events, 'copied')
  assert.equal(more, [])
  const { by, ...copy } = event?.event.data ?? { by: '' }
  assert.equal(copy, copyIn('us-east-1', 'a'))
  assert.ok(by)
})

it('a place that stays behind: what it has, why, what to do, exit 10', async ({ box }) => {
  const first = await release(box)
  const trust = await trustOf(box)
  const up = reaching(async () => ({ copies: [copyIn('us-east-1', 'a')] }))
  await distributeChannels(box.world, query(up), trust)
  const second = await release(box, 'r-2')
  assert.not.equal(second.version, first.version)
  const down = reaching(async () => ({
    copies: [copyIn('us-west-2', 'b')],
    left: [
      { place: 'us-east-1', why: "can't be reached\nsecond line", hint: 'wait' },
      { place: 'eu-north-1', why: 'there is no key', hint: 'make one' },
    ],
  }))
  const distribution = await distributeChannels(box.world, query(down), trust)
  assert.equal(
    distribution.behind.map(({ place, stays, version }) => [place, stays, version]),
    [
      ['us-east-1', first.version, second.version],
      ['eu-north-1', null, second.version],
    ],
  )
  assert.is(distributionExit(distribution), 10)
  assert.equal(distributionLines(distribution), [
    `✓ ${ami.region}  ${second.version}  ${ami.imageId}`,
    `✓ us-west-2  ${second.version}  ${copyIn('us-west-2', 'b').imageId}`,
    `✗ us-east-1 stays ${first.version}, not ${second.version} (nightly): can't be reached`,
    '    second line',
    '    → wait',
    `✗ eu-north-1 stays behind, not ${second.version} (nightly): there is no key`,
    '    → make one',
    'what is left is done by the same command, run again',
  ])
})

it('a channel that moves meanwhile is followed', async ({ box }) => {
  const first = await release(box)
  const seen: string[] = []
  const target = reaching(async ({ record }) => {
    seen.push(record.version)
    if (seen.length === 1) await release(box, 'r-2')
    return {}
  })
  await distributeChannels(box.world, query(target), await trustOf(box))
  const now = await findRelease(box.world, 'debian-13')
  assert.equal(seen, [first.version, now.version])
})

/** A world whose own key everybody trusts. */
async function anchored(test: (at: ChannelWorld) => Promise<void>): Promise<void> {
  const at = await channelWorld()
  await test(at).finally(() => at.box.close())
}

/** Takes the channel stable to a release. */
const mover =
  (world: World, trust: () => Promise<Trust>) =>
  async (ref: string, why: 'promoted' | 'rolled-back' = 'promoted'): Promise<unknown> =>
    moveChannel(
      world,
      {
        release: await findRelease(world, ref),
        channel: 'stable',
        data: { why, by: 'alice', diff: null, approvals: [], reason: null },
        decide: () => true,
      },
      await trust(),
    )

it('a place that is down while a bad release is taken back stays with the bad one', () =>
  anchored(async ({ world, trust }) => {
    const move = mover(world, trust)
    const versions: string[] = []
    for (const runId of ['r-1', 'r-2', 'r-3']) {
      const options = { target: cloudTarget(), base: amiBase, built: ami, runId }
      const { version } = await fixtureRelease(world, options)
      versions.push(version)
      await move(`debian-13@${version}`)
      const up = reaching(async () => ({ copies: [copyIn('us-east-1', runId.slice(-1))] }))
      await distributeChannels(world, query(up, ['stable']), await trust())
    }
    await move(`debian-13@${versions[1]}`, 'rolled-back')
    const down = reaching(async () => ({ left: [{ place: 'us-east-1', why: 'down', hint: 'wait' }] }))
    const { behind } = await distributeChannels(world, query(down, ['stable']), await trust())
    assert.equal(
      behind.map(({ version, stays }) => [version, stays]),
      [[versions[1], versions[2]]],
    )
  }))

it('two channels: one that goes elsewhere while the other is served is not taken back', () =>
  anchored(async ({ world, trust }) => {
    const options = { target: cloudTarget(), base: amiBase, built: ami }
    const first = await fixtureRelease(world, { ...options, runId: 'r-1' })
    const second = await fixtureRelease(world, { ...options, runId: 'r-2' })
    const move = mover(world, trust)
    await move(`debian-13@${first.version}`)
    const seen: unknown[] = []
    const target = reaching(async ({ record, channels, stillPoints }) => {
      // Whichever comes first: meanwhile stable goes to where nightly is.
      if (seen.length === 0) await move(`debian-13@${second.version}`)
      const pointing = await Promise.all(channels.map(stillPoints))
      seen.push([record.version, channels, pointing])
      return {}
    })
    const { behind } = await distributeChannels(world, query(target), await trust())
    assert.equal(behind, [])
    const [begun] = seen as readonly (readonly unknown[])[]
    const { version } = second
    assert.equal(
      seen,
      begun?.[0] === version
        ? [
            [version, ['nightly'], [true]],
            [version, ['stable'], [true]],
          ]
        : [
            [first.version, ['stable'], [false]],
            [version, ['nightly', 'stable'], [true, true]],
          ],
    )
  }))

it('copies are told where releases are signed, and nowhere else; once told the history is read once', () =>
  anchored(async ({ world, trust }) => {
    await fixtureRelease(world, { target: cloudTarget(), base: amiBase, built: ami })
    const found = await findRelease(world, 'debian-13')
    const target = reaching(async () => ({ copies: [copyIn('us-east-1', 'a')] }))
    const stranger = await testWorld()
    try {
      const home = { ...world, keys: stranger.world.keys }
      const { behind, images } = await distributeChannels(home, query(target), await trust())
      assert.is(images.length, 2)
      assert.equal(
        behind.map(({ place, hint }) => [place, hint]),
        [[`the events of debian-13@${found.version}`, 'run the same command where releases are signed']],
      )
    } finally {
      await stranger.close()
    }
    assert.equal((await readEvents(world, found, await trust())).events, [])
    assert.equal((await distributeChannels(world, query(target), await trust())).behind, [])
    const reads: string[] = []
    const read = async (key: string) => {
      if (/\/events\/\d/.test(key)) reads.push(key)
      return world.catalog.read(key)
    }
    const watched = { ...world, catalog: { ...world.catalog, read } }
    assert.equal((await distributeChannels(watched, query(target), await trust())).behind, [])
    assert.is(reads.length, 1)
  }))

it('a region that got another copy is told so, also when it is one of before', async ({ box }) => {
  await release(box)
  const trust = await trustOf(box)
  const told: unknown[] = []
  for (const digit of ['a', 'b', 'a', 'a']) {
    const target = reaching(async (input) => {
      told.push(input.told.find(({ region }) => region === 'us-east-1')?.imageId ?? null)
      return { copies: [copyIn('us-east-1', digit)] }
    })
    await distributeChannels(box.world, query(target), trust)
  }
  const id = (digit: string): string => copyIn('us-east-1', digit).imageId
  assert.equal(told, [null, id('a'), id('b'), id('a')])
  const found = await findRelease(box.world, 'debian-13')
  const { events } = await readEvents(box.world, found, trust)
  assert.is(eventsOf(events, 'copied').length, 3)
})

it('a catalog that can not be listed, and a target that gives up, are told; nothing is thrown', async ({
  box,
}) => {
  await release(box)
  const down = async (): Promise<never> => {
    throw new MintmarkError('PROVIDER_UNREACHABLE', 'the bucket does not answer')
  }
  const trust = await trustOf(box)
  const away = { ...box.world, catalog: { ...box.world.catalog, list: down } }
  const listed = await distributeChannels(away, query(reaching(untouched)), trust)
  assert.equal(
    listed.behind.map(({ place, why }) => [place, why]),
    [['debian-13', 'the bucket does not answer']],
  )
  const given = await distributeChannels(box.world, query(reaching(down)), trust)
  assert.equal(
    given.behind.map(({ place, why }) => [place, why]),
    [['debian-13@nightly', 'the bucket does not answer']],
  )
})

it('a channel whose release can not be believed is told, and goes nowhere', async ({ box }) => {
  const { version } = await release(box)
  const key = `releases/debian-13/${version}/aws-x86_64.dsse.json`
  const text = (await box.world.catalog.read(key))?.value ?? ''
  const path = `${box.world.places.catalog}/${key}`
  await box.world.files.remove(path)
  await box.world.files.write(path, text.replace('"payload":"', '"payload":"AAAA'))
  const target = reaching(untouched)
  const { behind } = await distributeChannels(box.world, query(target), await trustOf(box))
  assert.equal(
    behind.map(({ place, channels }) => [place, channels]),
    [['debian-13@nightly', ['nightly']]],
  )
})

it.run()
