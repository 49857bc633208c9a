import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { verbs } from '../../pipeline/cli/verbs.ts'
import { errorTable } from '../../pipeline/errors.ts'
import { textOf } from '../helpers/sources.ts'

const readme = suite('readme')
const text = textOf('README.md')
const rows = text.split('\n').filter((line) => line.startsWith('|'))

readme('every error code stands in the row of its exit code', () => {
  const wrong = Object.entries(errorTable)
    .filter(
      ([code, { exit }]) =>
        !rows.some(
          (row) => row.includes(`\`${code}\``) && new RegExp(`^\\| (?:\\d+ / )?${exit}\\b`).test(row),
        ),
    )
    .map(([code]) => code)
  assert.equal(wrong, [])
})

readme('every verb is named', () => {
  assert.equal(
    verbs.filter((verb) => !text.includes(`\`${verb.name}`)).map((verb) => verb.name),
    [],
  )
})

readme('the two commands are there, each in one line', () => {
  assert.match(text, /^npm ci && \.\/mintmark release debian-13 --yes/m)
  assert.match(text, /^npm ci && npm test/m)
})

readme.run()
