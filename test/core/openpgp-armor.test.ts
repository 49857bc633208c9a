import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { armoured, armouredBlocks, dearmor } from '../../pipeline/core/openpgp-armor.ts'

const armor = suite('openpgp-armor')

armor('what is armoured is read back byte for byte, and a changed letter is seen', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), (bytes) => {
      const text = armoured({ label: 'PUBLIC KEY BLOCK', bytes })
      assert.equal(dearmor(text), bytes)
      for (const line of text.split('\n').slice(2, -3)) assert.ok(line.length <= 64)
    }),
  )
  const text = armoured({ label: 'PUBLIC KEY BLOCK', bytes: Buffer.from('key material') })
  assert.equal(armouredBlocks(text.replace('a2V5', 'a2V6')), [])
})

armor.run()
