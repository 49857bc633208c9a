import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseRepoMirrors } from '../../pipeline/core/repo-mirrors.ts'
import type { MintmarkError } from '../../pipeline/errors.ts'

const mirrors = suite('repo-mirrors')

mirrors('pairs with spaces between them', () => {
  assert.equal(
    [...parseRepoMirrors(' corp=http://127.0.0.1:8080/debian\n x-2=https://m.example/a ')],
    [
      ['corp', 'http://127.0.0.1:8080/debian'],
      ['x-2', 'https://m.example/a'],
    ],
  )
  assert.is(parseRepoMirrors(undefined).size, 0)
})

mirrors('what could be more than an address is refused', () => {
  for (const wrong of [
    'corp',
    'corp=ftp://x',
    '=http://x',
    'corp=http://x/$(id)',
    "corp=http://x/'",
    'corp=http://u:p@x/',
  ]) {
    try {
      parseRepoMirrors(wrong)
      assert.unreachable(wrong)
    } catch (cause) {
      assert.is((cause as MintmarkError).code, 'USAGE', wrong)
    }
  }
})

mirrors.run()
