import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Night, streaksOf } from '../../pipeline/core/failure-streaks.ts'

const streaks = suite('failure-streaks')

/** Newest first; each word is `JOB:CONCLUSION`. */
const nightsOf = (...rows: readonly string[]): readonly Night[] =>
  rows.map((row, index) => ({
    at: `2026-11-${20 - index}T01:23:00Z`,
    jobs: row
      .split(', ')
      .filter((cell) => cell !== '')
      .map((cell) => {
        const [name = '', end = ''] = cell.split(':')
        return {
          name,
          url: `https://github.example/${20 - index}/${name}`,
          conclusion: end === 'null' ? null : end,
        }
      }),
  }))

streaks('a job that failed in each of the last nights, with the newest log', () => {
  assert.equal(streaksOf(nightsOf('web:failure, db:success', 'web:timed_out, db:failure', 'web:success')), [
    {
      job: 'web',
      nights: 2,
      since: '2026-11-19T01:23:00Z',
      atLeast: false,
      url: 'https://github.example/20/web',
    },
  ])
})

streaks('one night is an accident', () => {
  assert.equal(streaksOf(nightsOf('web:failure', 'web:success')), [])
  assert.equal(streaksOf(nightsOf('web:failure')), [])
})

streaks('a night without the job, or in which it came to no end, counts neither way', () => {
  const [found] = streaksOf(
    nightsOf(
      '',
      'web:failure',
      'web:cancelled',
      'db:success',
      'web:null',
      'web:skipped',
      'web:failure',
      'web:success',
    ),
  )
  assert.equal([found?.nights, found?.since], [2, '2026-11-14T01:23:00Z'])
})

streaks('where no older night was looked at it may be longer', () => {
  assert.is(streaksOf(nightsOf('web:failure', 'web:failure'))[0]?.atLeast, true)
})

streaks('a job of a called workflow bears its own name', () => {
  const rows = nightsOf('nightly / web qemu x86_64:failure', 'nightly / web qemu x86_64:failure')
  assert.equal(
    streaksOf(rows).map(({ job }) => job),
    ['web qemu x86_64'],
  )
})

streaks('it is as long as the failures before the newest success', () => {
  const ends = fc.array(fc.constantFrom('success', 'failure', 'cancelled'), { maxLength: 14 })
  fc.assert(
    fc.property(ends, (list) => {
      const before = list.slice(0, list.includes('success') ? list.indexOf('success') : list.length)
      const failures = before.filter((end) => end === 'failure').length
      const [found] = streaksOf(nightsOf(...list.map((end) => `web:${end}`)))
      return (found?.nights ?? 0) === (failures >= 2 ? failures : 0)
    }),
  )
})

streaks.run()
