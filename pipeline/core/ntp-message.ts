import { viewOf } from './ip-packet.ts'

const length = 48
const clientMode = 3
const serverMode = 4
/** Seconds from NTP's 1900 to the clock's 1970. */
const from1900 = 2_208_988_800
const transmitAt = 40

/** Writes a moment of the clock (milliseconds since 1970) as NTP's 64 bits: seconds and their fraction. */
function setTime(view: DataView, at: number, ms: number): void {
  const seconds = Math.floor(ms / 1000)
  view.setUint32(at, (seconds + from1900) % 2 ** 32)
  view.setUint32(at + 4, Math.floor(((ms - seconds * 1000) / 1000) * 2 ** 32))
}

/** A client's question for the time, of version 4 (RFC 5905). */
export function encodeNtpQuery(): Uint8Array {
  const message = new Uint8Array(length)
  message[0] = (4 << 3) | clientMode
  // Any mark will do: the answer repeats it.
  message.set(new TextEncoder().encode('mintmark'), transmitAt)
  return message
}

/**
 * What a server of stratum 1 answers at the moment `nowMs` (since 1970) to a client's question; null when the message is
 * none.
 */
export function encodeNtpAnswer(query: Uint8Array, nowMs: number): Uint8Array | null {
  const first = query[0] ?? 0
  if (query.length < length || (first & 7) !== clientMode) return null
  const message = new Uint8Array(length)
  const view = viewOf(message)
  // No leap second; the version that was asked for; a server; a primary one; the poll interval asked for; 2^-20 s.
  message.set([(first & 0x38) | serverMode, 1, query[2] ?? 0, 0x100 - 20])
  view.setUint32(8, 0x10) // root dispersion: a quarter of a millisecond
  message.set(new TextEncoder().encode('MINT'), 12)
  setTime(view, 16, nowMs - 1000)
  message.set(query.subarray(transmitAt, transmitAt + 8), 24)
  setTime(view, 32, nowMs)
  setTime(view, transmitAt, nowMs)
  return message
}
