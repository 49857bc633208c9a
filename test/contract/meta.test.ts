import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MintmarkError } from '../../pipeline/errors.ts'
import { pathsBelow, textOf } from '../helpers/sources.ts'

const meta = suite('meta')
const tests = pathsBelow('test', (path) => path.endsWith('.test.ts'))

/** Suites of a test file that are made and never run: uvu passes over them without a word. */
function forgotten(text: string): readonly string[] {
  const made = [...text.matchAll(/^const (\w+) = suite(?:<[^>]*>)?\(/gm)].map((match) => match[1] ?? '')
  return made.length === 0
    ? ['no suite at all']
    : made.filter((name) => !new RegExp(`^${name}\\.run\\(\\)`, 'm').test(text))
}

meta('every suite of every test file is run', () => {
  assert.equal(
    tests.flatMap((path) => forgotten(textOf(path)).map((name) => `${path}: ${name}`)),
    [],
  )
})

meta('a forgotten run is seen', () => {
  assert.equal(forgotten("const a = suite('a')\na('x', () => {})\n"), ['a'])
  assert.equal(forgotten("const a = suite('a')\na.run()\n"), [])
})

meta('an error of ours has nothing that uvu would trip over in silence', () => {
  const error = new MintmarkError('USAGE', 'wrong', { details: ['why'] })
  assert.not.ok('details' in error || 'operator' in error)
  assert.type(error.stack, 'string')
})

meta('no test is skipped or alone', () => {
  assert.equal(
    tests.filter((path) => /^\w+\.(?:skip|only)\(/m.test(textOf(path))),
    [],
  )
})

meta.run()
