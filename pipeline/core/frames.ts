import { decodePortUnreachable, decodeUdp, type PortUnreachable, type Udp } from './datagrams.ts'
import {
  decodeIp,
  encodeIp,
  ethernet,
  type IpHeader,
  type IpPacket,
  type Ipv4,
  internetChecksum,
  ipBytes,
  ipText,
  leastFrame,
  type Mac,
  macBytes,
  macText,
  transportChecksum,
  viewOf,
} from './ip-packet.ts'

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
export interface Tcp extends IpHeader {
  readonly kind: 'tcp'
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

/** A TCP segment without data in IPv4 in an Ethernet frame, both checksums right. A SYN announces the usual 1460 bytes. */
export function encodeTcp(tcp: Omit<Tcp, 'kind'>): Uint8Array {
  const { fromMac, toMac, fromIp, toIp } = tcp
  const options = tcp.flags.includes('syn') ? [2, 4, 0x05, 0xb4] : []
  const length = 20 + options.length
  const payload = new Uint8Array(length)
  const view = viewOf(payload)
  view.setUint16(0, tcp.fromPort)
  view.setUint16(2, tcp.toPort)
  view.setUint32(4, tcp.sequence)
  view.setUint32(8, tcp.acknowledgement)
  const flags = flagBits.reduce((bits, [flag, bit]) => (tcp.flags.includes(flag) ? bits | bit : bits), 0)
  payload.set([(length / 4) << 4, flags, 0xff, 0xff], 12)
  payload.set(options, 20)
  view.setUint16(16, transportChecksum(tcp, 'tcp', payload))
  return encodeIp({ fromMac, toMac, fromIp, toIp, protocol: 'tcp', payload })
}

/** What a frame says, or null: another protocol, a fragment, cut short, or damaged (a checksum is wrong). */
export function decodeFrame(frame: Uint8Array): Arp | Tcp | Udp | PortUnreachable | null {
  if (frame.length < ethernet) return null
  const type = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0)
  if (type === 0x0806) return decodeArp(frame.subarray(ethernet))
  const packet = type === 0x0800 ? decodeIp(frame) : null
  if (packet === null) return null
  if (packet.protocol === 'tcp') return decodeTcp(packet)
  if (packet.protocol === 'udp') return decodeUdp(packet)
  return internetChecksum(packet.payload) === 0 ? decodePortUnreachable(packet) : null
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

function decodeTcp({ protocol, payload, ...addresses }: IpPacket): Tcp | null {
  if (payload.length < 20 || transportChecksum(addresses, protocol, payload) !== 0) return null
  const view = viewOf(payload)
  const flags = view.getUint8(13)
  return {
    kind: 'tcp',
    ...addresses,
    fromPort: view.getUint16(0),
    toPort: view.getUint16(2),
    sequence: view.getUint32(4),
    acknowledgement: view.getUint32(8),
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
