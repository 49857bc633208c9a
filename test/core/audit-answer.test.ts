import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { auditAnswer } from '../../pipeline/core/audit-answer.ts'
import { AuditAnswer } from '../../pipeline/model/audit.ts'
import { auditInput, moved, shared, worstAudit } from '../helpers/audit-fixture.ts'

const it = suite('audit-answer')

const stays = (moves: readonly ReturnType<typeof moved>[]): readonly string[] => {
  const { where } = auditAnswer(auditInput({ histories: [{ channel: 'stable', moves, broken: null }] }))
  return [...where.now, ...where.before].map(
    ({ since, until, why, ended }) =>
      `${since?.slice(11, 13) ?? '..'}-${until?.slice(11, 13) ?? ''} ${why} ${ended?.to ?? ''}`,
  )
}

it('the times in which a channel pointed to it', () => {
  assert.equal(stays([]), [])
  assert.equal(stays([moved(1, 4, '1.4.1', { from: null })]), [])
  assert.equal(stays([moved(1, 4, '1.4.2', { from: null })]), ['04- promoted '])
  assert.equal(stays([moved(1, 4, '1.4.2', { from: null }), moved(2, 5, '1.4.3', { from: '1.4.2' })]), [
    '04-05 promoted 1.4.3',
  ])
  // It was there before anybody wrote down how.
  assert.equal(stays([moved(1, 5, '1.4.3', { from: '1.4.2' })]), ['..-05 null 1.4.3'])
  // Moved to where it is already: one time, not two.
  assert.equal(stays([moved(1, 4, '1.4.2', { from: null }), moved(2, 5, '1.4.2', { from: '1.4.2' })]), [
    '04- promoted ',
  ])
  assert.equal(
    stays([
      moved(1, 4, '1.4.2', { from: '1.4.1' }),
      moved(2, 5, '1.4.3', { from: '1.4.2' }),
      moved(3, 6, '1.4.2', { from: '1.4.3', why: 'rolled-back' }),
    ]),
    ['06- rolled-back ', '04-05 promoted 1.4.3'],
  )
})

it('a channel of before there were histories is told by its pointer', () => {
  const { record } = auditInput()
  const pointer = {
    schema: 1,
    image: 'debian-13',
    channel: 'nightly',
    variant: 'qemu-x86_64',
    version: '1.4.2',
    sha256: record,
    record,
    moved: '2026-11-22T03:00:01.000Z',
  } as const
  const histories = [{ channel: 'nightly', moves: [], broken: null }]
  const { where } = auditAnswer(auditInput({ histories, pointers: [pointer] }))
  assert.equal(
    where.now.map(({ channel, since, by }) => [channel, since, by]),
    [['nightly', pointer.moved, null]],
  )
})

it('who has it and who had it: given again, it is one time; taken back twice, it ends once', () => {
  const times = (...events: readonly ReturnType<typeof shared>[]): readonly string[] => {
    const { users } = auditAnswer(auditInput({ events }))
    return [...users.now, ...users.before].map(
      ({ principal, channel, reference, since, until }) =>
        `${principal} ${channel} ${reference} ${since.slice(11, 13)}-${until?.slice(11, 13) ?? ''}`,
    )
  }
  assert.equal(
    times(
      shared(1, 4, 'granted'),
      shared(2, 5, 'granted', { reference: '/b' }),
      shared(3, 6, 'granted', { channel: 'edge' }),
    ),
    ['folder:/srv/golden stable /b 04-', 'folder:/srv/golden edge /srv/golden/a 06-'],
  )
  assert.equal(
    times(shared(1, 4, 'granted'), shared(2, 5, 'revoked'), shared(3, 6, 'revoked'), shared(4, 7, 'granted')),
    ['folder:/srv/golden stable /srv/golden/a 07-', 'folder:/srv/golden stable /srv/golden/a 04-05'],
  )
  assert.equal(times(shared(1, 4, 'revoked')), [])
})

it('controls that did not hold, by their worst result, with all the places', () => {
  const { failed, excepted } = auditAnswer(auditInput()).controls
  assert.equal(
    failed?.map(({ control, status, where, found }) => [control, status, where.join(), found]),
    [
      ['audit-disk-full-halts', 'fail', 'boot-a,boot-b,sealed', 'syslog'],
      ['sysctl-ip-forward', 'fail', 'sealed', '1'],
      ['nobody-looked', 'error', '', 'none'],
    ],
  )
  assert.equal(
    excepted.map(({ control }) => control),
    ['audit-disk-full-halts'],
  )
  assert.is(auditAnswer(auditInput({ test: null })).controls.failed, null)
})

it('it is of its schema, also with all that a catalog may hold; a wrong link makes it unbelievable', () => {
  assert.equal(AuditAnswer.parse(auditAnswer(auditInput())), auditAnswer(auditInput()))
  assert.is(auditAnswer(auditInput()).believable, true)
  assert.is(worstAudit().believable, false)
})

it.run()
