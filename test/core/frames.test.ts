import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  broadcast,
  decodeFrame,
  encodeArp,
  encodeTcp,
  packFrames,
  type TcpFlag,
  unpackFrames,
} from '../../pipeline/core/frames.ts'
import { internetChecksum } from '../../pipeline/core/ip-packet.ts'

const frames = suite('frames')

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const host = { mac: '52:54:00:6d:6d:fe', ip: '192.0.2.1' }
const guest = { mac: '52:54:00:6d:6d:02', ip: '192.0.2.2' }
const toGuest = {
  fromMac: host.mac,
  toMac: guest.mac,
  fromIp: host.ip,
  toIp: guest.ip,
  fromPort: 40022,
  acknowledgement: 0,
}

// The golden frames were made with scapy 2, not with this code.
const golden = {
  syn: '5254006d6d025254006d6dfe08004500002c000040004006b6c8c0000201c00002029c5600166d696e74000000006002ffff9bd80000020405b40000',
  rst: '5254006d6d025254006d6dfe080045000028000040004006b6ccc0000201c00002029c5601bb6d696e75000000005004ffffb1ec0000000000000000',
  arp: 'ffffffffffff5254006d6dfe080600010800060400015254006d6dfec0000201000000000000c0000202000000000000000000000000000000000000',
  synAck:
    '5254006d6dfe5254006d6d0208004500002c000040004006b6c8c0000202c000020100169c56000000016d696e756012faf0a0d50000020405b40000',
}

frames('encodes the golden frames byte for byte', () => {
  assert.is(hex(encodeTcp({ ...toGuest, toPort: 22, sequence: 0x6d696e74, flags: ['syn'] })), golden.syn)
  assert.is(hex(encodeTcp({ ...toGuest, toPort: 443, sequence: 0x6d696e75, flags: ['rst'] })), golden.rst)
  const request = {
    operation: 'request',
    senderMac: host.mac,
    senderIp: host.ip,
    targetMac: broadcast,
    targetIp: guest.ip,
  } as const
  assert.is(hex(encodeArp(request)), golden.arp)
})

frames('decodes a SYN-ACK that another program made', () => {
  assert.equal(decodeFrame(Buffer.from(golden.synAck, 'hex')), {
    kind: 'tcp',
    fromMac: guest.mac,
    toMac: host.mac,
    fromIp: guest.ip,
    toIp: host.ip,
    fromPort: 22,
    toPort: 40022,
    sequence: 1,
    acknowledgement: 0x6d696e75,
    flags: ['syn', 'ack'],
  })
})

frames('computes the checksum of the example in RFC 1071', () => {
  // The RFC's sum of these words is ddf2; the checksum is its complement.
  assert.is(internetChecksum(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7)), ~0xddf2 & 0xffff)
})

const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':'))
const port = fc.integer({ min: 0, max: 65535 })
const number32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const flags = fc.subarray<TcpFlag>(['fin', 'syn', 'rst', 'psh', 'ack'])
const tcp = fc.record({
  fromMac: mac,
  toMac: mac,
  fromIp: fc.ipV4(),
  toIp: fc.ipV4(),
  fromPort: port,
  toPort: port,
  sequence: number32,
  acknowledgement: number32,
  flags,
})
const arp = fc.record({
  operation: fc.constant('reply' as const),
  senderMac: mac,
  senderIp: fc.ipV4(),
  targetMac: mac,
  targetIp: fc.ipV4(),
})

frames('decodes what it encodes, whatever the values', () => {
  fc.assert(
    fc.property(tcp, (value) => assert.equal(decodeFrame(encodeTcp(value)), { kind: 'tcp', ...value })),
  )
  fc.assert(
    fc.property(arp, (value) => assert.equal(decodeFrame(encodeArp(value)), { kind: 'arp', ...value })),
  )
})

frames('takes no frame with one damaged bit for an answer', () => {
  fc.assert(
    fc.property(tcp, fc.integer({ min: 14 * 8, max: 54 * 8 - 1 }), (value, bit) => {
      const frame = encodeTcp(value)
      frame[bit >> 3] = (frame[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      assert.is(decodeFrame(frame), null)
    }),
  )
})

frames('never throws on any bytes', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void decodeFrame(bytes)))
  const cutShort = Buffer.from(golden.synAck, 'hex')
  for (let length = 0; length < 54; length += 1) assert.is(decodeFrame(cutShort.subarray(0, length)), null)
})

frames('ignores UDP, IPv6 and fragments', () => {
  const frame = encodeTcp({ ...toGuest, toPort: 22, sequence: 1, flags: ['syn'] })
  const changed = (at: number, byte: number): Uint8Array => {
    const copy = Uint8Array.from(frame)
    copy[at] = byte
    copy.set([0, 0], 24)
    const sum = internetChecksum(copy.subarray(14, 34))
    copy.set([sum >>> 8, sum & 0xff], 24)
    return copy
  }
  assert.is(decodeFrame(changed(23, 17)), null, 'UDP')
  assert.is(decodeFrame(changed(20, 0x20)), null, 'more fragments')
  assert.is(decodeFrame(changed(12, 0x86)), null, 'another ether type')
  assert.is.not(decodeFrame(changed(22, 3)), null, 'another time to live is fine')
})

frames('cuts a stream into frames wherever its chunks end', () => {
  const some = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 })
  fc.assert(
    fc.property(some, fc.nat({ max: 30 }), (list, size) => {
      const stream = packFrames(list)
      const seen: Uint8Array[] = []
      let rest: Uint8Array = new Uint8Array()
      for (let at = 0; at < stream.length; at += size + 1) {
        const chunk = stream.subarray(at, at + size + 1)
        const taken = unpackFrames(Buffer.concat([rest, chunk]))
        seen.push(...taken.frames)
        rest = taken.rest
      }
      assert.equal(seen.map(hex), list.map(hex))
      assert.is(rest.length, 0)
    }),
  )
})

frames.run()
