import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { codenameOf, judgeLifecycle, lifecycleAt, lifecycleRow } from '../../pipeline/core/lifecycle.ts'
import { lifecycles } from '../../pipeline/core/lifecycle-data.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { LifecycleRow, type LifecycleState } from '../../pipeline/model/lifecycle.ts'
import { checkout } from '../helpers/world.ts'

const lifecycle = suite('lifecycle')
const today = new Date('2026-11-22T12:00:00Z')
const place = 'images/web.yaml:3:30'

function refusal(family: string, release: string, now = today, rows = lifecycles): MintmarkError {
  try {
    judgeLifecycle({ family, release }, now, place, rows)
  } catch (error) {
    assert.instance(error, MintmarkError)
    assert.is((error as MintmarkError).code, 'BASE_REFUSED')
    assert.match((error as MintmarkError).message, `${place} os.release: `)
    return error as MintmarkError
  }
  return assert.unreachable(`${family} ${release} is accepted`) as never
}

/** Rows of a file of distro-info-data, by version without " LTS". */
function csv(name: string): readonly Readonly<Record<string, string>>[] {
  const [head = '', ...lines] = readFileSync(join(checkout, 'test/fixtures/distro-info', name), 'utf8')
    .trimEnd()
    .split('\n')
  const names = head.split(',')
  return lines.map((line) =>
    Object.fromEntries(line.split(',').map((cell, index) => [names[index] ?? '', cell])),
  )
}

lifecycle('the dates are those of the distributions', () => {
  for (const [family, file, columns] of [
    ['debian', 'debian.csv', ['eol', 'eol-lts', 'eol-elts']],
    ['ubuntu', 'ubuntu.csv', ['eol-server', '', 'eol-esm']],
  ] as const) {
    const rows = csv(file)
    const ours = lifecycles.filter((row) => row.family === family)
    assert.ok(ours.length >= 4)
    for (const row of ours) {
      const theirs = rows.find((item) => item['version']?.replace(' LTS', '') === row.release)
      assert.equal(
        [row.codename, row.regular, row.lts, row.extended],
        [theirs?.['series'], ...columns.map((column) => (column === '' ? null : theirs?.[column]))],
        `${family} ${row.release}`,
      )
    }
  }
})

lifecycle('every row is whole, and its dates are in order', () => {
  for (const row of lifecycles) {
    assert.ok(LifecycleRow.safeParse(row).success, row.release)
    const days = [row.regular, row.lts, row.extended].filter((day) => day !== null)
    assert.equal([...days].sort(), days, `${row.family} ${row.release}`)
  }
})

lifecycle(
  'today: 13 is regular, 12 is LTS with a warning, 11 is past its life, and no release is made up',
  () => {
    const regular = judgeLifecycle({ family: 'debian', release: '13' }, today, place)
    assert.equal(
      [regular.lifecycle.state, regular.lifecycle.until, regular.warning],
      ['regular', '2028-08-09', null],
    )
    const lts = judgeLifecycle({ family: 'debian', release: '12' }, today, place)
    assert.is(lts.lifecycle.state, 'lts')
    assert.match(
      lts.warning ?? '',
      'debian 12 is past its regular support (2026-07-11): long-term support until 2028-06-30',
    )
    const extended = refusal('debian', '11')
    assert.match(extended.message, 'only by extended support (until 2031-06-30); its own ended on 2026-08-31')
    assert.match(extended.hint, 'write one of these at images/web.yaml:3:30: 12, 13')
    assert.match(refusal('ubuntu', '20.04').message, 'extended support')
    assert.match(refusal('debian', '31').message, '"31" is not in the lifecycle data')
    assert.match(refusal('ubuntu', '24.4').message, 'did you mean "24.04"?')
    assert.match(refusal('plan9', '4').hint, 'known are none')
    assert.match(
      refusal('debian', '10', new Date('2029-07-01T00:00:00Z')).message,
      'past its end of life (2024-06-30)',
    )
  },
)

lifecycle('a denied release is refused whatever its dates say', () => {
  const rows = lifecycles.map((row) =>
    row.release === '13' ? { ...row, denied: 'the team has no tests for it' } : row,
  )
  assert.match(
    refusal('debian', '13', today, rows).message,
    'debian 13 is denied: the team has no tests for it',
  )
})

lifecycle('a day holds to its end', () => {
  const row = lifecycleRow({ family: 'debian', release: '12' })
  assert.ok(row)
  const states = [
    '2026-07-11T23:59:59.999Z',
    '2026-07-12T00:00:00Z',
    '2028-06-30T23:59:59Z',
    '2028-07-01T00:00:00Z',
  ]
  assert.equal(
    states.map((at) => lifecycleAt(row, new Date(at)).state),
    ['regular', 'lts', 'lts', 'extended'],
  )
})

lifecycle('a release never gets younger', () => {
  const order: readonly LifecycleState[] = ['regular', 'lts', 'extended', 'eol']
  const when = fc.date({ min: new Date('2020-01-01'), max: new Date('2045-01-01'), noInvalidDate: true })
  fc.assert(
    fc.property(fc.constantFrom(...lifecycles), when, when, (row, a, b) => {
      const [early, late] = a < b ? [a, b] : [b, a]
      const before = order.indexOf(lifecycleAt(row, early).state)
      const after = order.indexOf(lifecycleAt(row, late).state)
      return before >= 0 && before <= after
    }),
  )
})

lifecycle('codenames', () => {
  assert.equal(
    [codenameOf({ family: 'debian', release: '13' }), codenameOf({ family: 'rocky', release: '9' })],
    ['trixie', null],
  )
})

lifecycle.run()
