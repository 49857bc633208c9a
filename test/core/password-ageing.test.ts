import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { daysPastAgeing } from '../../pipeline/core/password-ageing.ts'

const ageing = suite('password ageing')

const now = new Date('2026-11-22T04:00:00Z')
const today = Math.floor(now.getTime() / 86_400_000)
const days = (...lines: readonly string[]): number => daysPastAgeing(lines.join('\n'), now)

ageing('at least a year and what it takes to show', () => {
  assert.is(days(), 430)
  assert.is(days('PASS_MAX_DAYS\t90', 'INACTIVE=30', 'shadow:99999::', 'shadow:90:30:'), 430)
})

ageing('past the longest limit, whoever has it', () => {
  assert.is(days('PASS_MAX_DAYS 700', 'INACTIVE="60"'), 790)
  assert.is(days('PASS_MAX_DAYS 90', 'shadow:90::', 'shadow:600:45:', 'shadow:::'), 675)
  assert.is(days(`shadow:::${today + 1000}`), 1030)
  assert.is(days('EXPIRE=2029-11-22'), 1096 + 30)
})

ageing('what never comes does not count', () => {
  assert.is(
    days('PASS_MAX_DAYS 99999', 'INACTIVE=-1', 'EXPIRE=', 'shadow:99999:7:', `shadow:::${today - 9}`),
    430,
  )
})

ageing('a comment is no setting, and of two the last counts', () => {
  assert.is(days('# PASS_MAX_DAYS 900', 'PASS_MAX_DAYS 800', 'PASS_MAX_DAYS 500'), 530)
})

ageing.run()
