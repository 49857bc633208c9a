import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeDnsQuery, encodeDnsAnswer, encodeDnsQuery } from '../../pipeline/core/dns-message.ts'

const dns = suite('dns message')

const hexOf = (data: Uint8Array): string => Buffer.from(data).toString('hex')
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
const names = { 'peer.mintmark.test': '192.0.2.1' }

// Made with scapy 2, not with this code; the second with EDNS and a name in mixed case.
const query = '6d69010000010000000000000470656572086d696e746d61726b04746573740000010001'
const extended =
  '1234010000010000000000010450656552086d696e746d61726b0474657374000001000100002904d0000080000000'

const answer = (message: Uint8Array): string => {
  const asked = decodeDnsQuery(message)
  if (asked === null) throw new Error('it should have been a query')
  return hexOf(encodeDnsAnswer(asked, names))
}

dns('asks as others do', () => {
  const ours = encodeDnsQuery(0x6d69, [{ name: 'peer.mintmark.test', type: 'a' }], { recurse: true })
  assert.is(hexOf(ours), query)
})

dns("answers with the address, in the question's own letters", () => {
  assert.is(
    answer(bytes(query)),
    '6d69 8580 0001 0001 0000 0000 0470656572086d696e746d61726b04746573740000010001 c00c 0001 0001 0000001e 0004 c0000201'.replaceAll(
      ' ',
      '',
    ),
  )
  const mixed = answer(bytes(extended))
  assert.match(mixed, '0450656552086d696e746d61726b')
  assert.match(mixed, /c0000201 ?00002904d0000000000000$/)
})

dns('a name that nobody has does not exist; a known one without such a record does', () => {
  const absent = answer(encodeDnsQuery(1, [{ name: 'absent.mintmark.test', type: 'a' }]))
  assert.match(absent, /^00018483000100000000/)
  const noPointer = answer(encodeDnsQuery(1, [{ name: 'peer.mintmark.test', type: 'ptr' }]))
  assert.match(noPointer, /^00018480000100000000/)
  const inherited = answer(encodeDnsQuery(1, [{ name: 'constructor', type: 'a' }]))
  assert.match(inherited, /^00018483/)
})

dns('an answer, two questions and noise are no query', () => {
  assert.is(decodeDnsQuery(bytes(`6d698580${query.slice(8)}`)), null)
  const question = { name: 'a.test', type: 'a' } as const
  assert.is(decodeDnsQuery(encodeDnsQuery(1, [question, question])), null)
  for (let length = 0; length < query.length / 2; length += 1)
    assert.is(decodeDnsQuery(bytes(query).subarray(0, length)), null)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (noise) => void decodeDnsQuery(noise)))
})

dns.run()
