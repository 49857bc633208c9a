/** `52:54:00:...` and `192.0.2.1`, as people write them. */
export type Mac = string
export type Ipv4 = string

export interface Arp {
  readonly kind: 'arp'
  readonly operation: 'request' | 'reply'
  readonly senderMac: Mac
  readonly senderIp: Ipv4
  readonly targetMac: Mac
  readonly targetIp: Ipv4
}

export type TcpFlag = 'fin' | 'syn' | 'rst' | 'psh' | 'ack'

/** A TCP segment without data, as a port scan sends and sees it. */
export interface Tcp {
  readonly kind: 'tcp'
  readonly fromMac: Mac
  readonly toMac: Mac
  readonly fromIp: Ipv4
  readonly toIp: Ipv4
  readonly fromPort: number
  readonly toPort: number
  readonly sequence: number
  readonly acknowledgement: number
  readonly flags: readonly TcpFlag[]
}

export const broadcast: Mac = 'ff:ff:ff:ff:ff:ff'
const nobody: Mac = '00:00:00:00:00:00'
const flagBits: readonly (readonly [TcpFlag, number])[] = [
  ['fin', 1],
  ['syn', 2],
  ['rst', 4],
  ['psh', 8],
  ['ack', 16],
]
const ethernet = 14
/** Ethernet's least frame, without the check sequence. */
const leastFrame = 60

const macBytes = (mac: Mac): number[] => mac.split(':').map((part) => Number.parseInt(part, 16))
const ipBytes = (ip: Ipv4): number[] => ip.split('.').map(Number)
const macText = (bytes: Uint8Array): Mac =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
const ipText = (bytes: Uint8Array): Ipv4 => [...bytes].join('.')

/** The Internet checksum (RFC 1071) of the parts, one after the other; each part but the last has an even length. */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) sum += ((part[at] ?? 0) << 8) | (part[at + 1] ?? 0)
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** An ARP packet in an Ethernet frame; a request goes to everybody. */
export function encodeArp(arp: Omit<Arp, 'kind'>): Uint8Array {
  const request = arp.operation === 'request'
  const frame = new Uint8Array(leastFrame)
  frame.set(macBytes(request ? broadcast : arp.targetMac), 0)
  frame.set(macBytes(arp.senderMac), 6)
  // Ether type ARP; hardware Ethernet, protocol IPv4, lengths 6 and 4, operation.
  frame.set([0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, request ? 1 : 2], 12)
  frame.set([...macBytes(arp.senderMac), ...ipBytes(arp.senderIp)], 22)
  frame.set([...macBytes(request ? nobody : arp.targetMac), ...ipBytes(arp.targetIp)], 32)
  return frame
}

function pseudoHeader(from: Uint8Array, to: Uint8Array, length: number): Uint8Array {
  return Uint8Array.from([...from, ...to, 0, 6, length >>> 8, length & 0xff])
}

/** A TCP segment without data in IPv4 in an Ethernet frame, both checksums right. A SYN announces the usual 1460 bytes. */
export function encodeTcp(tcp: Omit<Tcp, 'kind'>): Uint8Array {
  const options = tcp.flags.includes('syn') ? [2, 4, 0x05, 0xb4] : []
  const length = 20 + options.length
  const frame = new Uint8Array(Math.max(leastFrame, ethernet + 20 + length))
  frame.set([...macBytes(tcp.toMac), ...macBytes(tcp.fromMac), 0x08, 0x00], 0)

  const ip = frame.subarray(ethernet, ethernet + 20)
  const view = new DataView(frame.buffer)
  // Version 4, five words; do not fragment; 64 hops; TCP.
  ip.set([0x45, 0, 0, 20 + length, 0, 0, 0x40, 0, 64, 6, 0, 0, ...ipBytes(tcp.fromIp), ...ipBytes(tcp.toIp)])
  view.setUint16(ethernet + 10, internetChecksum(ip))

  const start = ethernet + 20
  const segment = frame.subarray(start, start + length)
  view.setUint16(start, tcp.fromPort)
  view.setUint16(start + 2, tcp.toPort)
  view.setUint32(start + 4, tcp.sequence)
  view.setUint32(start + 8, tcp.acknowledgement)
  const flags = flagBits.reduce((bits, [flag, bit]) => (tcp.flags.includes(flag) ? bits | bit : bits), 0)
  segment.set([(length / 4) << 4, flags, 0xff, 0xff], 12)
  segment.set(options, 20)
  view.setUint16(
    start + 16,
    internetChecksum(pseudoHeader(ip.subarray(12, 16), ip.subarray(16, 20), length), segment),
  )
  return frame
}

/** What a frame says, or null: another protocol, a fragment, cut short, or damaged (a checksum is wrong). */
export function decodeFrame(frame: Uint8Array): Arp | Tcp | null {
  if (frame.length < ethernet) return null
  const type = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0)
  if (type === 0x0806) return decodeArp(frame.subarray(ethernet))
  return type === 0x0800 ? decodeTcp(frame) : null
}

function decodeArp(packet: Uint8Array): Arp | null {
  if (packet.length < 28) return null
  const known = [0, 1, 0x08, 0x00, 6, 4, 0].every((byte, at) => packet[at] === byte)
  const operation = packet[7]
  if (!known || (operation !== 1 && operation !== 2)) return null
  return {
    kind: 'arp',
    operation: operation === 1 ? 'request' : 'reply',
    senderMac: macText(packet.subarray(8, 14)),
    senderIp: ipText(packet.subarray(14, 18)),
    targetMac: macText(packet.subarray(18, 24)),
    targetIp: ipText(packet.subarray(24, 28)),
  }
}

function decodeTcp(frame: Uint8Array): Tcp | null {
  const packet = frame.subarray(ethernet)
  if (packet.length < 40) return null
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  const headerLength = (view.getUint8(0) & 0x0f) * 4
  const totalLength = view.getUint16(2)
  const fragment = view.getUint16(6) & 0x3fff
  if (view.getUint8(0) >>> 4 !== 4 || headerLength < 20 || fragment !== 0 || view.getUint8(9) !== 6)
    return null
  if (totalLength < headerLength + 20 || totalLength > packet.length) return null
  if (internetChecksum(packet.subarray(0, headerLength)) !== 0) return null
  const segment = packet.subarray(headerLength, totalLength)
  const from = packet.subarray(12, 16)
  const to = packet.subarray(16, 20)
  if (internetChecksum(pseudoHeader(from, to, segment.length), segment) !== 0) return null
  const flags = view.getUint8(headerLength + 13)
  return {
    kind: 'tcp',
    fromMac: macText(frame.subarray(6, 12)),
    toMac: macText(frame.subarray(0, 6)),
    fromIp: ipText(from),
    toIp: ipText(to),
    fromPort: view.getUint16(headerLength),
    toPort: view.getUint16(headerLength + 2),
    sequence: view.getUint32(headerLength + 4),
    acknowledgement: view.getUint32(headerLength + 8),
    flags: flagBits.filter(([, bit]) => (flags & bit) !== 0).map(([flag]) => flag),
  }
}

/** Frames as QEMU's stream back end wants them: each after its length, 4 bytes, big-endian. */
export function packFrames(frames: readonly Uint8Array[]): Uint8Array {
  const packed = new Uint8Array(frames.reduce((sum, frame) => sum + 4 + frame.length, 0))
  const view = new DataView(packed.buffer)
  let at = 0
  for (const frame of frames) {
    view.setUint32(at, frame.length)
    packed.set(frame, at + 4)
    at += 4 + frame.length
  }
  return packed
}

/** The whole frames at the start of a stream, and the bytes after them that wait for more. */
export function unpackFrames(stream: Uint8Array): {
  readonly frames: readonly Uint8Array[]
  readonly rest: Uint8Array
} {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength)
  const frames: Uint8Array[] = []
  let at = 0
  while (at + 4 <= stream.length) {
    const end = at + 4 + view.getUint32(at)
    if (end > stream.length) break
    frames.push(stream.subarray(at + 4, end))
    at = end
  }
  return { frames, rest: stream.subarray(at) }
}
