import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { versionsBehind, versionsSeen } from '../../pipeline/core/channel-moves.ts'
import { countApprovals, isSamePerson, needsOf, soakMs } from '../../pipeline/core/channel-needs.ts'
import { variantsOf } from '../../pipeline/core/variants.ts'
import { Definition } from '../../pipeline/model/definition.ts'
import type { EventOf } from '../../pipeline/model/event.ts'
import { definition } from '../helpers/release-fixture.ts'

const it = suite('channel-needs')

it('hours and days', () => {
  assert.equal(['0h', '48h', '7d'].map(soakMs), [0, 48 * 3_600_000, 7 * 86_400_000])
})

it('a channel that says nothing needs one approval; nightly is always there', () => {
  const made = Definition.parse({ ...definition, channels: { stable: {}, lts: { needs: { soak: '7d' } } } })
  assert.equal(Object.keys(made.channels), ['nightly', 'stable', 'lts'])
  assert.equal(needsOf(made, 'stable'), { approvals: 1, soak: '0h' })
  assert.equal(needsOf(made, 'lts'), { approvals: 1, soak: '7d' })
  assert.equal(Definition.parse(made), made)
})

it('each target on each architecture', () => {
  assert.equal(variantsOf({ targets: { qemu: {} }, os: { ...definition.os, arch: ['x86_64', 'aarch64'] } }), [
    'qemu-aarch64',
    'qemu-x86_64',
  ])
})

it('one approval a person, of this channel and this diff, none of who promotes', () => {
  assert.ok(isSamePerson('Alice', ' alice'))
  const given = (by: string, diff = 'd', channel = 'stable') => ({
    data: { channel, diff, from: null, by, comment: null },
    event: `${by} ${diff}`,
  })
  const all = [
    given('bob', 'other'),
    given('bob'),
    given('BOB'),
    given('alice'),
    given('eve', 'other'),
    given('dan', 'd', 'lts'),
  ]
  const asked = { channel: 'stable', diff: 'd' }
  const { counted, idle } = countApprovals(all, { ...asked, promoters: ['Alice'] })
  assert.equal(
    counted.map(({ event }) => event),
    ['bob d'],
  )
  assert.equal(
    idle.map(({ by }) => by),
    ['alice', 'eve'],
  )
  // Who asked for it is not somebody else because another one ran it again.
  assert.equal(countApprovals(all, { ...asked, promoters: ['dora', 'ALICE', 'bob'] }).counted, [])
})

const move = (version: string, why: 'promoted' | 'rolled-back', from: string | null): EventOf<'pointed'> =>
  ({ version, data: { why, from } }) as EventOf<'pointed'>

it('back step by step: what was gone back over is not in the way', () => {
  const moves = [
    move('1.1.0', 'promoted', '1.0.0'),
    move('1.2.0', 'promoted', '1.1.0'),
    move('1.1.0', 'rolled-back', '1.2.0'),
  ]
  assert.equal(versionsBehind(moves), ['1.0.0', '1.1.0'])
  assert.equal(versionsBehind([...moves, move('1.3.0', 'promoted', '1.1.0')]), ['1.0.0', '1.1.0', '1.3.0'])
  assert.equal(versionsBehind([...moves, move('1.2.0', 'rolled-back', '1.1.0')]), ['1.0.0', '1.1.0', '1.2.0'])
  assert.equal(versionsSeen(moves), ['1.0.0', '1.1.0', '1.2.0'])
  assert.equal([versionsBehind([]), versionsSeen([])], [[], []])
})

it.run()
