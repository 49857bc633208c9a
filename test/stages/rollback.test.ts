import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as releasesVerb } from '../../pipeline/cli/verbs/releases.ts'
import { run as rollbackVerb } from '../../pipeline/cli/verbs/rollback.ts'
import { run as verifyVerb } from '../../pipeline/cli/verbs/verify.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { readHistory } from '../../pipeline/stages/channel-history.ts'
import { promote } from '../../pipeline/stages/promote.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { rollback } from '../../pipeline/stages/rollback.ts'
import { began, type ChannelWorld, channelWorld, released } from '../helpers/channel-world.ts'
import { refusal } from '../helpers/refusal.ts'

const it = suite<{ at: ChannelWorld }>('rollback')

const bad = {
  id: 'CVE-2026-2222',
  package: 'openssl',
  installed: '3.0.15-1',
  fixed: '3.0.16-1',
  severity: 'HIGH',
  title: 'bad',
} as const
const worse = { ...bad, id: 'CVE-2026-3333' } as const
/** What lets a release with findings into the catalog. */
const emergency = (...findings: readonly { readonly id: string; readonly package: string }[]) => ({
  emergency: {
    reason: 'the fixtures need it',
    comparedWith: 'nothing',
    shipped: findings.map((item) => `${item.id} ${item.package}`),
  },
})

it.before.each(async (context) => {
  context.at = await channelWorld('{stable: {needs: {approvals: 0}}}')
})
it.after.each((context) => context.at.box.close())

async function toStable(at: ChannelWorld, version: string, world: World = at.world): Promise<void> {
  const { outcome, needs } = await promote(world, {
    ref: `debian-13@${version}`,
    channel: 'stable',
    by: 'alice',
    trust: await at.trust(),
    trivyDb: null,
    knownExploited: null,
    dryRun: false,
    update: () => undefined,
  })
  assert.is(outcome, 'moved', needs.map(({ text }) => text).join('; '))
}

async function back(
  at: ChannelWorld,
  options: Readonly<Record<string, string | boolean>> = {},
  channel = 'stable',
  world: World = at.world,
) {
  at.box.told.results.length = 0
  const all = { reason: 'ssh hangs', by: 'carol', ...options }
  const code = (await rollbackVerb({ world, args: ['debian-13', channel], options: all })) ?? 0
  return { code, text: at.box.told.results[0]?.text ?? '' }
}

const stable = async ({ world }: ChannelWorld): Promise<string> =>
  (await findRelease(world, 'debian-13@stable')).version

it('goes back one by one, or to a version that the channel had; the history tells who and why', async ({
  at,
}) => {
  for (const runId of ['r-1', 'r-2', 'r-3']) await toStable(at, await released(at.world, runId))
  assert.is(await stable(at), '1.0.2')
  const { code, text } = await back(at)
  assert.is(code, 0)
  assert.match(text, /^debian-13 stable: 1\.0\.2 → 1\.0\.1 {2}rolled back by carol: ssh hangs$/m)
  assert.is(await stable(at), '1.0.1')
  // The same once more, as after a lost connection, goes no further; another reason does.
  assert.match((await back(at)).text, /points to debian-13@1\.0\.1 already/)
  assert.match((await back(at, { reason: 'this one as well' })).text, /1\.0\.1 → 1\.0\.0/)
  const none = await refusal(back(at, { reason: 'all are bad' }))
  assert.equal([none.code, none.message], ['NOT_FOUND', 'stable of debian-13 had nothing before 1.0.2'])
  assert.match((await back(at, { to: '1.0.2', reason: 'it was not the image' })).text, /1\.0\.0 → 1\.0\.2/)
  const never = await refusal(back(at, { to: '1.0.9' }))
  assert.equal([never.code, never.hint], ['NOT_FOUND', 'it had: 1.0.0, 1.0.1, 1.0.2'])
  at.box.told.results.length = 0
  await releasesVerb({ world: at.world, args: ['debian-13'], options: { history: 'stable' } })
  assert.match(at.box.told.results[0]?.text ?? '', /1\.0\.2 → 1\.0\.1 +rolled back {2}by carol +ssh hangs$/m)
  assert.is(await verifyVerb({ world: at.world, args: ['debian-13@stable'], options: {} }), 0)
})

it('findings that the older release has and the newer has not are told and have to be accepted', async ({
  at,
}) => {
  await released(at.world, 'r-1', { findings: [bad, worse], gate: emergency(bad, worse) })
  await toStable(at, '1.0.0')
  await released(at.world, 'r-2', { findings: [bad], gate: emergency(bad) })
  await toStable(at, '1.0.1')
  const error = await refusal(back(at))
  assert.is(error.code, 'PROMOTION_REFUSED')
  assert.match(error.message, '1 finding that reject it today, and 1.0.1 has not')
  assert.is(error.lines[0], 'CVE-2026-3333 openssl', 'what both have is no reason to stay')
  assert.match(error.hint, '--accept-findings')
  const { text } = await back(at, { acceptFindings: true })
  assert.match(text, /accepted, and recorded: CVE-2026-3333 openssl/)
  const place = { image: 'debian-13', channel: 'stable', variant: 'qemu-x86_64' }
  const { moves } = await readHistory(at.world, place, await at.trust())
  assert.equal(moves.at(-1)?.event.data.accepted, ['CVE-2026-3333 openssl'])
})

it('neither age nor a missing database stops anybody at night', async ({ at }) => {
  await released(at.world, 'r-1')
  await toStable(at, '1.0.0')
  await released(at.world, 'r-2')
  await toStable(at, '1.0.1')
  const night = {
    ...at.world,
    clock: { ...at.world.clock, now: () => new Date(began.getTime() + 200 * 86_400_000) },
  }
  const { code, text } = await back(at, { trivyDb: '/nowhere', knownExploited: '/nowhere' }, 'stable', night)
  assert.is(code, 0)
  assert.match(text, /note: judged by the findings of .* as no newer database is at hand/)
  assert.match(text, /1\.0\.1 → 1\.0\.0/)
})

it('nor does a mistake in what it would be judged by', async ({ at }) => {
  await released(at.world, 'r-1')
  await toStable(at, '1.0.0')
  await released(at.world, 'r-2')
  await toStable(at, '1.0.1')
  await at.world.files.write(
    `${at.world.places.root}/scans/policies/default.yaml`,
    'schema: 1\nrejectFixible: []\n',
  )
  const { code, text } = await back(at)
  assert.is(code, 0)
  assert.match(text, /note: 1\.0\.0 could not be judged today: /)
})

it('a damaged image is nothing to go back to', async ({ at }) => {
  await released(at.world, 'r-1')
  await toStable(at, '1.0.0')
  await released(at.world, 'r-2')
  await toStable(at, '1.0.1')
  const { predicate } = (await findRelease(at.world, 'debian-13@1.0.0')).statement
  const path = at.world.catalog.blobPath(predicate.artifact.sha256) ?? ''
  await at.world.files.remove(path)
  const error = await refusal(back(at))
  assert.is(error.code, 'VERIFY_FAILED')
  assert.match(error.lines.join('\n'), /artifact: image sha256:.* is missing/)
  assert.is(await stable(at), '1.0.1')
})

it('nightly, and the next release goes on from there', async ({ at }) => {
  for (const runId of ['r-1', 'r-2']) await released(at.world, runId)
  await back(at, {}, 'nightly')
  assert.is((await findRelease(at.world, 'debian-13')).version, '1.0.0')
  assert.is(await released(at.world, 'r-3'), '1.0.2')
  assert.is((await findRelease(at.world, 'debian-13')).version, '1.0.2')
})

it('of two who go back at once one is told that it was done', async ({ at }) => {
  for (const runId of ['r-1', 'r-2']) await released(at.world, runId)
  const go = async (by: string) =>
    rollback(at.world, {
      image: 'debian-13',
      channel: 'nightly',
      to: '1.0.0',
      reason: by,
      by,
      trust: await at.trust(),
      trivyDb: null,
      knownExploited: null,
      acceptFindings: false,
      update: () => undefined,
    })
  const both = await Promise.all([go('ann'), go('ben')])
  assert.equal(both.map(({ already }) => already).sort(), [false, true])
  const place = { image: 'debian-13', channel: 'nightly', variant: 'qemu-x86_64' }
  assert.is((await readHistory(at.world, place, await at.trust())).moves.length, 3)
})

it('nightly of before it had a history', async ({ at }) => {
  for (const runId of ['r-1', 'r-2', 'r-3']) await released(at.world, runId)
  await at.world.files.remove(`${at.world.places.catalog}/history/debian-13/nightly`)
  assert.match((await back(at, {}, 'nightly')).text, /1\.0\.2 → 1\.0\.1/)
  assert.match((await back(at, { to: '1.0.0', reason: 'another' }, 'nightly')).text, /1\.0\.1 → 1\.0\.0/)
})

it('without a reason, with a release for the image, without such a channel', async ({ at }) => {
  await released(at.world, 'r-1')
  assert.is((await refusal(back(at, { reason: ' ' }))).code, 'USAGE')
  const ref = await refusal(
    Promise.resolve(rollbackVerb({ world: at.world, args: ['debian-13@1.0.0', 'stable'], options: {} })),
  )
  assert.match(ref.hint, 'rollback debian-13 stable --to 1.0.0')
  assert.match((await refusal(back(at))).hint, /its channels: nightly/)
})

it.run()
