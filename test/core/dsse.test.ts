import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bytesToSign, envelopeText, parseEnvelope, preAuthEncoding } from '../../pipeline/core/dsse.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { publicKeyOf } from '../helpers/public-key-of.ts'
import { testWorld } from '../helpers/world.ts'

const it = suite('DSSE')

it('encodes as the example of the specification', () => {
  const encoded = preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world'))
  assert.is(Buffer.from(encoded).toString(), 'DSSEv1 29 http://example.com/HelloWorld 11 hello world')
})

it('counts bytes, not characters', () => {
  const encoded = Buffer.from(preAuthEncoding('ä', Buffer.from('€'))).toString()
  assert.is(encoded, 'DSSEv1 2 ä 3 €')
})

it('never has one encoding for two inputs', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (a, b, c, d) => {
      const same = Buffer.from(preAuthEncoding(a, Buffer.from(b))).equals(
        Buffer.from(preAuthEncoding(c, Buffer.from(d))),
      )
      assert.is(same, Buffer.from(a).equals(Buffer.from(c)) && Buffer.from(b).equals(Buffer.from(d)))
    }),
  )
})

const signature = { keyid: 'ab'.repeat(32), sig: Buffer.from('signature').toString('base64') }

it('reads back what it wrote', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (payload) => {
      const read = parseEnvelope(envelopeText(payload, [signature]))
      assert.equal(Buffer.from(read.payload), Buffer.from(payload))
      assert.equal(read.envelope.signatures, [signature])
    }),
  )
})

it('refuses every other way to write the same envelope', () => {
  const text = envelopeText(Buffer.from('payloads'), [signature])
  const data = JSON.parse(text) as Record<string, unknown>
  const others = [
    '',
    'null',
    '[]',
    `${text}\n`,
    ` ${text}`,
    JSON.stringify(data, null, 2),
    JSON.stringify({ ...data, more: 1 }),
    JSON.stringify({ ...data, payloadType: 'text/plain' }),
    JSON.stringify({ ...data, signatures: [] }),
    JSON.stringify(Object.fromEntries(Object.entries(data).reverse())),
    // The last digit has bits that decode to nothing.
    text.replace('cGF5bG9hZHM=', 'cGF5bG9hZHN='),
  ]
  assert.ok(text.includes('cGF5bG9hZHM='))
  for (const other of others) {
    assert.throws(
      () => parseEnvelope(other),
      (error: unknown) => error instanceof MintmarkError && error.code === 'VERIFY_FAILED',
      other,
    )
  }
})

it('fails for any changed byte of the envelope', async () => {
  const box = await testWorld()
  try {
    const { keys } = box.world
    const payload = Buffer.from(JSON.stringify({ some: 'facts', of: ['an', 'image'] }))
    const key = await publicKeyOf(keys)
    const text = Buffer.from(envelopeText(payload, [await keys.sign(bytesToSign(payload))]))
    const verifies = (bytes: Uint8Array): boolean => {
      try {
        const { envelope, payload: body } = parseEnvelope(Buffer.from(bytes).toString('utf8'))
        return envelope.signatures.some(
          (item) => item.keyid === key.keyid && keys.verify(key, bytesToSign(body), item.sig),
        )
      } catch (cause) {
        if (cause instanceof MintmarkError && cause.code === 'VERIFY_FAILED') return false
        throw cause
      }
    }
    assert.is(verifies(text), true)
    const changed = (at: number, by: number): Buffer => {
      const bytes = Buffer.from(text)
      bytes[at] = (bytes[at] ?? 0) ^ by
      return bytes
    }
    for (let at = 0; at < text.length; at += 1) assert.is(verifies(changed(at, 1)), false, `byte ${at}`)
    fc.assert(
      fc.property(fc.nat({ max: text.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
        assert.is(verifies(changed(at, by)), false)
      }),
      { numRuns: 500 },
    )
    for (let end = 0; end < text.length; end += 7) assert.is(verifies(text.subarray(0, end)), false)
  } finally {
    await box.close()
  }
})

it.run()
