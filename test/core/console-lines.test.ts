import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { kernelPanic, lastLines } from '../../pipeline/core/console-lines.ts'

const lines = suite('console lines')

lines('gives the last lines that say something', () => {
  assert.equal(lastLines('a\r\n\r\nb\r\n  \nc\n', 2), ['b', 'c'])
  assert.equal(lastLines('', 3), [])
})

lines('takes off what only a terminal understands', () => {
  const text =
    '\u001b[2J\u001b[01;01H\u001b[0;32m  OK  \u001b[0m] Reached \u001b[0;1;39mssh.service\u001b[0m.\u0007\r\n'
  assert.equal(lastLines(text, 1), ['OK  ] Reached ssh.service.'])
})

lines('finds the last word of a kernel', () => {
  const text =
    '[    3.1] Oops: int3\r\n[    3.2] Kernel panic - not syncing: Fatal exception\u001b[0m\r\n[    3.3] ---[ end'
  assert.is(kernelPanic(text), 'Fatal exception')
  assert.is(kernelPanic('[    0.0] Command line: panic=0\r\n[  OK  ] Reached target'), null)
})

lines.run()
