import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { columns } from '../../pipeline/core/columns.ts'

const it = suite('columns')

it('aligns cells, and pads no last one', () => {
  assert.is(
    columns([
      ['a', 'bb', 'c'],
      ['aaa', 'b', 'cc'],
    ]),
    'a    bb  c\naaa  b   cc',
  )
})

it('no cell ends a line or moves a terminal', () => {
  assert.is(
    columns([
      ['run', 'x\u001b[2J\u001b[H'],
      ['user', 'debian\n✓ all verified\u202e'],
    ]),
    'run   x\\u{001B}[2J\\u{001B}[H\nuser  debian\\u{000A}✓ all verified\\u{202E}',
  )
})

it.run()
