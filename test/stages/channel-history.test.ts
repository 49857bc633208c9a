import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { canonicalJson } from '../../pipeline/core/digest.ts'
import { eventKey, headKey, historyPrefix } from '../../pipeline/core/events.ts'
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { signing } from '../../pipeline/ports/signing.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { lastMove, readHistory } from '../../pipeline/stages/channel-history.ts'
import { ensureMovable, pointsTo } from '../../pipeline/stages/move-channel.ts'
import { locateRelease } from '../../pipeline/stages/read-release.ts'
import { verifyRelease } from '../../pipeline/stages/verify-release.ts'
import { type ChannelWorld, channelWorld, released, trustOwnKey } from '../helpers/channel-world.ts'
import { publicKeyOf } from '../helpers/public-key-of.ts'
import { refusal } from '../helpers/refusal.ts'

const it = suite<{ at: ChannelWorld }>('channel-history')
const place = { image: 'debian-13', channel: 'nightly', variant: 'qemu-x86_64' }
const prefix = historyPrefix('debian-13', 'nightly', 'qemu-x86_64')
const pointer = 'channels/debian-13/nightly/qemu-x86_64.json'

it.before.each(async (context) => {
  context.at = await channelWorld('{}', { trusted: false })
  for (const runId of ['r-1', 'r-2', 'r-3']) await released(context.at.world, runId)
})
it.after.each((context) => context.at.box.close())

const pathOf = ({ world }: ChannelWorld, key: string): string => join(world.places.catalog, key)

async function links(at: ChannelWorld, ref = 'debian-13', blobs = true): Promise<readonly string[]> {
  const found = await verifyRelease(at.world, await locateRelease(at.world, ref), {
    ...(await at.trust()),
    blobs,
  })
  return found.links.flatMap(({ name, right, text }) =>
    name === 'channel' ? [`${right ? '✓' : '✗'} ${text}`] : [],
  )
}

it('every release is a move of nightly, by whom and in a chain', async ({ at }) => {
  const { moves, broken } = await readHistory(at.world, place, await at.trust())
  assert.is(broken, null)
  assert.equal(
    moves.map(({ event }) => [event.version, event.data.from, event.data.why, event.sequence]),
    [
      ['1.0.0', null, 'released', 1],
      ['1.0.1', '1.0.0', 'released', 2],
      ['1.0.2', '1.0.1', 'released', 3],
    ],
  )
  const by = moves[0]?.event.data.by
  assert.equal(await links(at), [`✓ nightly → 1.0.2, released by ${by}`])
  assert.equal(await links(at, 'debian-13@1.0.0'), [])
  const named = { ...at.world, env: { GITHUB_ACTOR: 'octocat' } }
  await released(named, 'r-4')
  assert.equal(await links(at), ['✓ nightly → 1.0.3, released by octocat'])
})

it('a pointer that somebody moved back is found, by a whole look and by a short one; the next move sets it right', async ({
  at,
}) => {
  const { moves } = await readHistory(at.world, place, await at.trust())
  const [first] = moves
  const old = {
    schema: 1,
    ...place,
    version: '1.0.0',
    sha256: first?.event.subject,
    record: first?.event.record,
    moved: first?.event.at,
  }
  await writeFile(pathOf(at, pointer), canonicalJson(old))
  for (const blobs of [true, false]) {
    const [link] = await links(at, 'debian-13', blobs)
    assert.match(
      link ?? '',
      /^✗ nightly → 1\.0\.0, but its history ends with 1\.0\.2 \(released by .*somebody moved it by hand/,
    )
  }
  assert.is((await pointsTo(at.world, place, await at.trust()))?.version, '1.0.2')
  await released(at.world, 'r-4')
  assert.match((await links(at))[0] ?? '', /^✓ nightly → 1\.0\.3/)
})

it('moves that are dropped, changed, or signed by another', async ({ at }) => {
  const trust = await at.trust()
  const text = await readFile(pathOf(at, eventKey(prefix, 3)), 'utf8')
  await rm(pathOf(at, eventKey(prefix, 3)))
  for (const whole of [true, false])
    assert.is(
      (await lastMove(at.world, place, trust, whole)).broken?.text,
      'event 3 is missing, 3 were written',
    )
  assert.match(
    (await links(at))[0] ?? '',
    /^✗ nightly → 1\.0\.2, but its history can't be trusted: event 3 is missing/,
  )
  await writeFile(pathOf(at, eventKey(prefix, 3)), text)
  await rm(pathOf(at, eventKey(prefix, 1)))
  assert.match((await lastMove(at.world, place, trust, false)).broken?.text ?? '', /event 1 is missing/)
  const error = await refusal(released(at.world, 'r-4'))
  assert.is(error.code, 'CHAIN_BROKEN')
  // All of it gone: a record of now was never in a channel without one.
  for (const sequence of [2, 3]) await rm(pathOf(at, eventKey(prefix, sequence)))
  await rm(pathOf(at, headKey(prefix)))
  assert.equal(await links(at), [
    '✗ nightly → 1.0.2, but it has no history: somebody moved it by hand, or removed its history',
  ])
  await released(at.world, 'r-5')
  const { moves } = await readHistory(at.world, place, trust)
  assert.equal(
    moves.map(({ event }) => [event.version, event.data.from]),
    [['1.0.4', '1.0.2']],
  )
})

it('the last move is read alone, with the one before: a history of years costs as much as one of days', async ({
  at,
}) => {
  const trust = await at.trust()
  const asked: string[] = []
  const { catalog } = at.world
  const counting: World = {
    ...at.world,
    catalog: {
      ...catalog,
      read: (key) => {
        asked.push(key)
        return catalog.read(key)
      },
    },
  }
  const { last } = await lastMove(counting, place, trust, false)
  assert.is(last?.event.version, '1.0.2')
  assert.equal(asked, [headKey(prefix), eventKey(prefix, 2), eventKey(prefix, 3)])
})

it('a key that the others do not trust does not spoil their history', async ({ at }) => {
  await trustOwnKey(at.world)
  const trust = await at.trust()
  await ensureMovable(at.world, place, trust)
  const stranger: World = { ...at.world, keys: signing(join(at.box.folder, 'other'), nodeFiles) }
  assert.match((await refusal(ensureMovable(stranger, place, trust))).message, /has no key of its own/)
  await publicKeyOf(stranger.keys)
  const error = await refusal(ensureMovable(stranger, place, trust))
  assert.is(error.code, 'VERIFY_FAILED')
  assert.match(error.message, /debian-13@nightly can't be moved: this machine's key sha256:/)
  assert.match(error.hint, /trust\.yaml, or use a catalog of your own/)
  // Without any trust.yaml the history is a stranger's to who comes with another key.
  const alone = await refusal(ensureMovable(stranger, place, { trust: [], onlyTrust: false }))
  assert.match(alone.message, /the history of debian-13@nightly can't be trusted/)
  // Another channel needs a trusted key from its first move on.
  const stable = { ...place, channel: 'stable' }
  assert.is(
    (await refusal(ensureMovable(at.world, stable, { trust: [], onlyTrust: false }))).code,
    'VERIFY_FAILED',
  )
  await ensureMovable(at.world, stable, trust)
})

it.run()
