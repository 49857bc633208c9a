import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeUdp } from '../../pipeline/core/datagrams.ts'
import { decodeFrame } from '../../pipeline/core/frames.ts'

const datagrams = suite('datagrams')

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
const hexOf = (data: Uint8Array): string => Buffer.from(data).toString('hex')
const ours = { fromMac: '52:54:00:6d:6d:fe', fromIp: '192.0.2.130', fromPort: 41002 }
const theirs = { toMac: '52:54:00:6d:6d:02', toIp: '192.0.2.2' }

// The golden frames were made with scapy 2, not with this code.
const golden = {
  dns: '5254006d6d025254006d6dfe080045000040000040004011b628c0000282c0000202a02a0035002cf6d46d69010000010000000000000470656572086d696e746d61726b04746573740000010001',
  odd: '5254006d6d025254006d6dfe08004500001f000040004011b649c0000282c0000202a02a0009000b07bb6f6464000000000000000000000000000000',
  unreachable:
    '5254006d6dfe5254006d6d02080045000040000040004001b638c0000202c0000282030381a30000000045000024000040004011b644c0000282c0000202a02a000700101f6d6d696e746d61726b',
  prohibited:
    '5254006d6dfe5254006d6d02080045000040000040004001b638c0000202c0000282030d81990000000045000024000040004011b644c0000282c0000202a02a000700101f6d6d696e746d61726b',
}
const dnsQuery = bytes('6d69010000010000000000000470656572086d696e746d61726b04746573740000010001')

datagrams('encodes the golden frames byte for byte', () => {
  assert.is(hexOf(encodeUdp({ ...ours, ...theirs, toPort: 53, data: dnsQuery })), golden.dns)
  const odd = encodeUdp({ ...ours, ...theirs, toPort: 9, data: new TextEncoder().encode('odd') })
  assert.is(hexOf(odd), golden.odd)
})

datagrams('reads what ICMP says of a datagram, and nothing from its other errors', () => {
  assert.equal(decodeFrame(bytes(golden.unreachable)), {
    kind: 'port-unreachable',
    fromMac: theirs.toMac,
    toMac: ours.fromMac,
    fromIp: theirs.toIp,
    toIp: ours.fromIp,
    ofIp: ours.fromIp,
    ofPort: ours.fromPort,
    port: 7,
  })
  assert.is(decodeFrame(bytes(golden.prohibited)), null)
})

const port = fc.integer({ min: 0, max: 65_535 })
const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((list) => [...list].map((byte) => byte.toString(16).padStart(2, '0')).join(':'))
const udp = fc.record({
  fromMac: mac,
  toMac: mac,
  fromIp: fc.ipV4(),
  toIp: fc.ipV4(),
  fromPort: port,
  toPort: port,
  data: fc.uint8Array({ maxLength: 300 }),
})

datagrams('decodes what it encodes, whatever the values', () => {
  fc.assert(
    fc.property(udp, (value) => {
      const said = decodeFrame(encodeUdp(value))
      assert.ok(said?.kind === 'udp')
      assert.equal({ ...said, data: hexOf(said.data) }, { ...value, kind: 'udp', data: hexOf(value.data) })
    }),
  )
})

datagrams('takes no damaged or cut datagram for an answer, and never throws', () => {
  for (const frame of [bytes(golden.dns), bytes(golden.unreachable)]) {
    // A sum of zero in a datagram would mean that there is none: no single bit makes it one.
    for (let bit = 14 * 8; bit < frame.length * 8; bit += 1) {
      const damaged = Uint8Array.from(frame)
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      assert.is(decodeFrame(damaged), null, `bit ${bit}`)
    }
    for (let length = 0; length < frame.length; length += 1)
      assert.is(decodeFrame(frame.subarray(0, length)), null)
  }
})

datagrams.run()
