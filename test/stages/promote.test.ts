import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as approveVerb } from '../../pipeline/cli/verbs/approve.ts'
import { run as promoteVerb } from '../../pipeline/cli/verbs/promote.ts'
import { run as releasesVerb } from '../../pipeline/cli/verbs/releases.ts'
import { run as verifyVerb } from '../../pipeline/cli/verbs/verify.ts'
import type { ReleaseDiff } from '../../pipeline/core/diff-releases.ts'
import { diffDigest } from '../../pipeline/core/diff-releases.ts'
import { Definition } from '../../pipeline/model/definition.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { readHistory } from '../../pipeline/stages/channel-history.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import {
  type ChannelWorld,
  channelWorld,
  released,
  secondVariant,
  trustOwnKey,
} from '../helpers/channel-world.ts'
import { approve, promote, told } from '../helpers/promote-by-verb.ts'
import { refusal } from '../helpers/refusal.ts'
import { definition } from '../helpers/release-fixture.ts'

const it = suite<{ at: ChannelWorld }>('promote')
const place = { image: 'debian-13', channel: 'stable', variant: 'qemu-x86_64' }

it.before.each(async (context) => {
  context.at = await channelWorld()
})
it.after.each((context) => context.at.box.close())

it('what a channel needs, one after the other; then it moves, once', async ({ at }) => {
  await released(at.world, 'r-1')
  const first = await promote(at, at.world, ['debian-13', 'stable'], { dryRun: true })
  assert.is(first.code, 5)
  assert.match(
    first.text,
    /^✗ {2}soak {13}48h in nightly are not over: there since 2026-11-22 \d\d:00 [+-]\d\d:\d\d$/m,
  )
  assert.match(first.text, /^✗ {2}approvals {8}0 of 1: nobody approved this diff$/m)
  assert.match(first.text, /→ promote it after 2026-11-2\d \d\d:00 [+-]\d\d:\d\d/)
  const error = await refusal(promote(at, at.world, ['debian-13', 'stable']))
  assert.is(error.code, 'PROMOTION_REFUSED')
  assert.match(error.message, "debian-13@1.0.0 can't be promoted to stable: soak, approvals")

  const digest = await approve(at, at.world, 'debian-13', 'bob')
  const soaked = at.later(48)
  const plan = await promote(at, soaked, ['debian-13@1.0.0', 'stable'], {
    dryRun: true,
    detailedExitcode: true,
  })
  assert.is(plan.code, 6)
  assert.match(
    plan.text,
    new RegExp(`would move {2}debian-13 stable: nothing → 1\\.0\\.0 {2}diff sha256:${digest}`),
  )
  assert.is((await readHistory(soaked, place, await at.trust())).moves.length, 0)

  const done = await promote(at, soaked, ['debian-13@1.0.0', 'stable'])
  assert.is(done.code, 0)
  assert.is(done.data.outcome, 'moved')
  const { moves, broken } = await readHistory(soaked, place, await at.trust())
  assert.is(broken, null)
  assert.is(moves.length, 1)
  const event = moves[0]?.event
  assert.equal(event?.data, {
    channel: 'stable',
    why: 'promoted',
    from: null,
    by: 'alice',
    diff: digest,
    approvals: [{ by: 'bob', event: event?.data.approvals[0]?.event }],
    reason: null,
  })
  assert.is((await findRelease(soaked, 'debian-13@stable')).version, '1.0.0')
  assert.is((await told(at, verifyVerb, soaked, ['debian-13@stable'])).code, 0)

  const again = await promote(at, soaked, ['debian-13@1.0.0', 'stable'])
  assert.equal([again.code, again.data.outcome], [0, 'done-before'])
  assert.is((await readHistory(soaked, place, await at.trust())).moves.length, 1)

  const history = await told(at, releasesVerb, soaked, ['debian-13'], { history: 'stable' })
  assert.match(history.text, /^debian-13 stable \(qemu-x86_64\) {2}✓ 1 move unchanged$/m)
  assert.match(history.text, /nothing → 1\.0\.0 {2}promoted {2}by alice {2}approved by bob$/m)
  assert.is(history.data.channels[0].moves[0].diff, digest)
})

it('an approval names the diff: another diff, the promoter, the same person twice do not count', async ({
  at,
}) => {
  await released(at.world, 'r-1')
  await approve(at, at.world, 'debian-13', 'bob')
  const soaked = at.later(60)
  assert.is((await promote(at, soaked, ['debian-13', 'stable'])).code, 0)
  const database = { updated: '2026-11-24T16:00:00.000Z', nextUpdate: '2026-11-25T16:00:00.000Z' }
  await released(at.later(61), 'r-2', { database, packages: 'bash\t5.2-1\tamd64\nchrony\t4.6.1-3\tamd64\n' })
  await released(at.later(61), 'r-3', { database, packages: 'bash\t5.2-2\tamd64\nchrony\t4.6.1-3\tamd64\n' })
  const now = at.later(70)
  const seen = await told(at, approveVerb, now, ['debian-13@1.0.2', 'stable'], { by: 'bob' })
  assert.match(seen.text, /^debian-13@1\.0\.0 -> debian-13@1\.0\.2$/m)
  assert.match(
    seen.text,
    new RegExp(`approve debian-13@1\\.0\\.2 stable --by 'bob' --diff ${seen.data.digest}`),
  )
  const diffs = (seen.data.variants as readonly { readonly diff: ReleaseDiff }[]).map(({ diff }) => diff)
  assert.is(diffDigest(diffs), seen.data.digest, 'by the printed data')
  await approve(at, now, 'debian-13@1.0.2', 'ALICE ')
  await approve(at, now, 'debian-13@1.0.2', 'bob')
  assert.is(
    (await told(at, approveVerb, now, ['debian-13@1.0.2', 'stable'], { by: 'Bob', diff: seen.data.digest }))
      .data.written,
    false,
  )

  // In between somebody else moves the channel.
  await approve(at, now, 'debian-13@1.0.1', 'carol')
  const late = at.later(110)
  assert.is((await promote(at, late, ['debian-13@1.0.1', 'stable'], { by: 'bob' })).code, 0)
  const stale = await promote(at, late, ['debian-13@1.0.2', 'stable'], { dryRun: true })
  assert.match(stale.text, /✗ {2}approvals {8}0 of 1/)
  assert.match(stale.text, /the approval of bob does not count: bob saw another diff, from 1\.0\.0/)
  const moved = await refusal(
    told(at, approveVerb, late, ['debian-13@1.0.2', 'stable'], { by: 'bob', diff: seen.data.digest }),
  )
  assert.is(moved.code, 'CONFLICT')
  assert.match(moved.hint, /was moved since: look at it: \.\/mintmark approve debian-13@1\.0\.2 stable/)
  const own = await approve(at, late, 'debian-13@1.0.2', 'alice')
  const mine = await promote(at, late, ['debian-13@1.0.2', 'stable'], { dryRun: true })
  assert.is(mine.data.diff, own)
  assert.match(mine.text, /the approval of alice does not count: alice promotes it/)
  // In a job that somebody else ran again, who asked for it first is who asked for it.
  const again = { ...late, env: { ...late.env, GITHUB_ACTOR: 'Alice', GITHUB_TRIGGERING_ACTOR: 'erin' } }
  const rerun = await promote(at, again, ['debian-13@1.0.2', 'stable'], { by: 'erin', dryRun: true })
  assert.match(rerun.text, /the approval of alice does not count: alice promotes it, or asked for that/)
  const others = await promote(at, late, ['debian-13@1.0.2', 'stable'], { by: 'erin', dryRun: true })
  assert.match(others.text, /✓ {2}approvals {8}1 of 1: alice/)
  assert.is((await promote(at, late, ['debian-13@1.0.2', 'stable'], { dryRun: true, by: 'dora' })).code, 0)
})

it('nothing unanchored: the record, and the key that would sign the move', async () => {
  const at = await channelWorld('{stable: {needs: {approvals: 0}}}', { trusted: false })
  try {
    await released(at.world, 'r-1')
    const { code, text } = await promote(at, at.world, ['debian-13', 'stable'], { dryRun: true })
    assert.is(code, 5)
    assert.match(text, /✗ {2}anchored .*only this machine vouches for debian-13@1\.0\.0/)
    assert.match(text, /✗ {2}key /)
    assert.match(text, /→ \.\/mintmark verify --print-key/)
    await trustOwnKey(at.world)
    assert.is((await promote(at, at.world, ['debian-13', 'stable'])).code, 0)
  } finally {
    await at.box.close()
  }
})

it('nothing unknown, nothing that the policy rejects today', async () => {
  const at = await channelWorld('{stable: {needs: {approvals: 0}}}')
  try {
    await released(at.world, 'r-1', { database: false })
    const unknown = await promote(at, at.world, ['debian-13', 'stable'], { dryRun: true })
    assert.match(
      unknown.text,
      /✗ {2}vulnerabilities {2}nobody knows the vulnerabilities of debian-13@1\.0\.0/,
    )
    const finding = {
      id: 'CVE-2026-2222',
      package: 'openssl',
      installed: '3.0.15-1',
      fixed: '3.0.16-1',
      severity: 'HIGH',
      title: 'bad',
    } as const
    await released(at.world, 'r-2', { findings: [finding] })
    const rejected = await promote(at, at.world, ['debian-13', 'stable'], { dryRun: true })
    assert.match(rejected.text, /✗ {2}policy {11}policy default rejects it today: CVE-2026-2222/)
    const emergency = {
      reason: 'the other one is exploited',
      comparedWith: 'debian-13@1.0.0 of stable',
      shipped: ['CVE-2026-2222 openssl'],
    }
    await released(at.world, 'r-3', { findings: [finding], gate: { emergency } })
    const shipped = await promote(at, at.world, ['debian-13', 'stable'], { dryRun: true })
    assert.is(shipped.code, 0)
    assert.match(shipped.text, /✓ {2}policy {11}an emergency, whose findings are in the diff/)
    const elsewhere = { ...finding, package: 'libssl3' } as const
    await released(at.world, 'r-4', { findings: [finding, elsewhere], gate: { emergency } })
    const grown = await promote(at, at.world, ['debian-13', 'stable'], { dryRun: true })
    assert.match(grown.text, /✗ {2}policy .*rejects it today: CVE-2026-2222/)
    const seen = await told(at, approveVerb, at.world, ['debian-13@1.0.2', 'stable'])
    assert.match(seen.text, /^EMERGENCY: 1 finding that the policy rejects: the other one is exploited$/m)
    assert.match(seen.text, /shipped +CVE-2026-2222 openssl/)
    // 73 hours later the look is too old for the policy, and there is no other.
    const old = await promote(at, at.later(73), ['debian-13@1.0.2', 'stable'], { dryRun: true })
    assert.match(old.text, /✗ {2}policy .*as no newer database is at hand \(trivy is not installed\)/)
  } finally {
    await at.box.close()
  }
})

it('a version without all its variants is incomplete', async () => {
  const at = await channelWorld('{stable: {needs: {approvals: 0}}}')
  try {
    const both = Definition.parse({ ...definition, os: { ...definition.os, arch: ['x86_64', 'aarch64'] } })
    await released(at.world, 'r-1', { definition: both })
    const { code, text } = await promote(at, at.world, ['debian-13', 'stable'], { dryRun: true })
    assert.is(code, 5)
    assert.match(text, /✗ {2}complete .*incomplete: there is no qemu-aarch64, only qemu-x86_64/)
  } finally {
    await at.box.close()
  }
})

it('a channel that there is not, nightly, a release that there is not, a digest that is none', async ({
  at,
}) => {
  await released(at.world, 'r-1')
  const wrong = [
    [['debian-13', 'stabel'], 'NOT_FOUND', /did you mean stable/],
    [['debian-13', 'prod'], 'NOT_FOUND', /there are: stable/],
    [['debian-13', 'nightly'], 'USAGE', /rollback debian-13 nightly/],
    [['debian-13@1.0.9', 'stable'], 'NOT_FOUND', /there are: 1\.0\.0/],
    [['debian-14', 'stable'], 'NOT_FOUND', /did you mean debian-13/],
  ] as const
  for (const [args, code, hint] of wrong)
    for (const verb of [promoteVerb, approveVerb]) {
      const error = await refusal(told(at, verb, at.world, args))
      assert.is(error.code, code, args.join(' '))
      assert.match(error.hint, hint)
    }
  assert.is(
    (await refusal(told(at, approveVerb, at.world, ['debian-13', 'stable'], { diff: 'ab' }))).code,
    'USAGE',
  )
  const name = await refusal(promote(at, at.world, ['debian-13', 'stable'], { by: 'al\u202eice' }))
  assert.is(name.code, 'USAGE')
})

it('all variants go together; stopped between two, the rest follows by the same approvals', async ({
  at,
}) => {
  const both = Definition.parse({ ...definition, os: { ...definition.os, arch: ['x86_64', 'aarch64'] } })
  await released(at.world, 'r-1', { definition: both })
  await secondVariant(at.world, '1.0.0')
  const digest = await approve(at, at.world, 'debian-13', 'bob')
  const now = at.later(50)
  const { catalog } = now
  let moved = 0
  const dying: World = {
    ...now,
    catalog: {
      ...catalog,
      createOnly: async (key, text) => {
        if (key.startsWith('history/debian-13/stable/qemu-x86_64/')) throw new Error('killed')
        moved += 1
        return catalog.createOnly(key, text)
      },
    },
  }
  const stopped = await promote(at, dying, ['debian-13@1.0.0', 'stable']).then(
    () => 'ended',
    (cause: Error) => cause.message,
  )
  assert.is(stopped, 'killed')
  assert.is(moved, 1, 'aarch64 is there, x86_64 is not')
  const { code, data } = await promote(at, now, ['debian-13@1.0.0', 'stable'])
  assert.equal([code, data.outcome, data.diff], [0, 'moved', digest])
  for (const variant of ['qemu-aarch64', 'qemu-x86_64']) {
    const { moves } = await readHistory(now, { ...place, variant }, await at.trust())
    assert.equal(
      moves.map(({ event }) => [event.data.from, event.data.diff, event.data.approvals.map(({ by }) => by)]),
      [[null, digest, ['bob']]],
    )
  }
})

it('of two who move at once one is first, and the other is told', async () => {
  const at = await channelWorld('{stable: {needs: {approvals: 0}}}')
  try {
    await released(at.world, 'r-1')
    await released(at.world, 'r-2')
    const codes = await Promise.all(
      ['1.0.0', '1.0.1'].map((version) =>
        promote(at, at.world, [`debian-13@${version}`, 'stable']).then(
          () => 'moved',
          (cause: { readonly code?: string }) => cause.code ?? String(cause),
        ),
      ),
    )
    assert.equal(codes.sort(), ['CONFLICT', 'moved'])
    const { moves } = await readHistory(at.world, place, await at.trust())
    assert.is(moves.length, 1)
    assert.is((await findRelease(at.world, 'debian-13@stable')).version, moves[0]?.event.version)
  } finally {
    await at.box.close()
  }
})

it('killed after any write and run again: one move, one pointer', async () => {
  const at = await channelWorld('{stable: {needs: {approvals: 0}}}')
  try {
    await released(at.world, 'r-1')
    const killed = new Error('killed')
    let writes = 0
    for (;;) {
      let left = writes
      const write = async <T>(work: () => Promise<T>): Promise<T> => {
        const result = await work()
        if (left === 0) throw killed
        left -= 1
        return result
      }
      const { catalog } = at.world
      const dying: World = {
        ...at.world,
        catalog: {
          ...catalog,
          createOnly: (key, text) => write(() => catalog.createOnly(key, text)),
          compareAndSwap: (key, etag, text) => write(() => catalog.compareAndSwap(key, etag, text)),
        },
      }
      try {
        await promote(at, dying, ['debian-13', 'stable'])
        break
      } catch (cause) {
        if (cause !== killed) throw cause
        writes += 1
      }
    }
    assert.ok(writes >= 1)
    assert.is((await promote(at, at.world, ['debian-13', 'stable'])).data.outcome, 'done-before')
    assert.is((await readHistory(at.world, place, await at.trust())).moves.length, 1)
    assert.is((await told(at, verifyVerb, at.world, ['debian-13@stable'])).code, 0)
  } finally {
    await at.box.close()
  }
})

it.run()
