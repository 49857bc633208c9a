import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { shellQuote } from '../../../pipeline/core/quote.ts'
import { MintmarkError } from '../../../pipeline/errors.ts'

const quoting = suite('shellQuote')

/** What sh makes of all the words; each ends with a NUL. */
function throughShell(texts: readonly string[]): readonly string[] {
  const script = texts.map((text) => `printf '%s\\0' ${shellQuote(text)}`).join('\n')
  const out = execFileSync('sh', ['-s'], { input: script, encoding: 'utf8', maxBuffer: 1 << 26 })
  return out.split('\0').slice(0, -1)
}

quoting('keeps every text as it is', () => {
  const word = fc.string({ unit: 'binary', maxLength: 60 }).filter((text) => !text.includes('\0'))
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 200 }), (texts) => {
      assert.equal(throughShell(texts), texts)
    }),
    { numRuns: 10 },
  )
})

quoting('keeps what shells are fond of', () => {
  const texts = [
    "it's",
    "'",
    "''",
    '$HOME `id` $(id) "x" \\',
    '',
    ' ',
    '\n\n',
    '-n',
    '*',
    '#',
    '!x',
    "'\\''",
    'é 日本',
  ]
  assert.equal(throughShell(texts), texts)
})

quoting('refuses a NUL', () => {
  assert.throws(
    () => shellQuote('a\0b'),
    (error: unknown) => error instanceof MintmarkError && error.code === 'CONFIG_INVALID',
  )
})

quoting.run()
