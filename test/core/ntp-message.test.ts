import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeNtpAnswer, encodeNtpQuery } from '../../pipeline/core/ntp-message.ts'

const ntp = suite('ntp message')

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

ntp('answers the time, and repeats the mark of the question', () => {
  // 2026-11-22T00:00:00.500Z; 0xee.. is the second since 1900.
  const now = Date.UTC(2026, 10, 22) + 500
  const answer = encodeNtpAnswer(encodeNtpQuery(), now)
  assert.ok(answer)
  assert.is(answer.length, 48)
  assert.is(answer[0], (4 << 3) | 4)
  assert.is(answer[1], 1, 'a primary server')
  assert.is(Buffer.from(answer.subarray(24, 32)).toString(), 'mintmark')
  const seconds = (Date.UTC(2026, 10, 22) - Date.UTC(1900, 0, 1)) / 1000
  assert.equal([view(answer).getUint32(40), view(answer).getUint32(44)], [seconds, 0x80000000])
})

ntp('answers no server, no cut message and no noise', () => {
  const query = encodeNtpQuery()
  assert.is(encodeNtpAnswer(query.subarray(0, 47), 0), null)
  const server = Uint8Array.from(query)
  server[0] = (4 << 3) | 4
  assert.is(encodeNtpAnswer(server, 0), null)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => void encodeNtpAnswer(noise, 1e12)))
})

ntp.run()
