/** `52:54:00:...` and `192.0.2.1`, as people write them. */
export type Mac = string
export type Ipv4 = string

export type IpProtocol = 'icmp' | 'tcp' | 'udp'

/** An IPv4 packet in an Ethernet frame, without what its protocol says. */
export interface IpHeader {
  readonly fromMac: Mac
  readonly toMac: Mac
  readonly fromIp: Ipv4
  readonly toIp: Ipv4
}

export interface IpPacket extends IpHeader {
  readonly protocol: IpProtocol
  readonly payload: Uint8Array
}

const protocolNumbers: Readonly<Record<IpProtocol, number>> = { icmp: 1, tcp: 6, udp: 17 }
/** Bytes of an Ethernet header. */
export const ethernet = 14
/** Ethernet's least frame, without the check sequence. */
export const leastFrame = 60

export const macBytes = (mac: Mac): number[] => mac.split(':').map((part) => Number.parseInt(part, 16))
export const ipBytes = (ip: Ipv4): number[] => ip.split('.').map(Number)
export const macText = (bytes: Uint8Array): Mac =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
export const ipText = (bytes: Uint8Array): Ipv4 => [...bytes].join('.')
export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The Internet checksum (RFC 1071) of the parts, one after the other; each part but the last has an even length. */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) sum += ((part[at] ?? 0) << 8) | (part[at + 1] ?? 0)
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** Checksum of a TCP segment or UDP datagram with the addresses it travels between; 0 when the one inside is right. */
export function transportChecksum(
  { fromIp, toIp }: Pick<IpHeader, 'fromIp' | 'toIp'>,
  protocol: IpProtocol,
  payload: Uint8Array,
): number {
  const length = payload.length
  return internetChecksum(
    Uint8Array.from([
      ...ipBytes(fromIp),
      ...ipBytes(toIp),
      0,
      protocolNumbers[protocol],
      length >>> 8,
      length & 0xff,
    ]),
    payload,
  )
}

/** The frame of a packet that must not be broken up, its header's checksum right. */
export function encodeIp({ fromMac, toMac, fromIp, toIp, protocol, payload }: IpPacket): Uint8Array {
  const frame = new Uint8Array(Math.max(leastFrame, ethernet + 20 + payload.length))
  frame.set([...macBytes(toMac), ...macBytes(fromMac), 0x08, 0x00], 0)
  const length = 20 + payload.length
  const header = frame.subarray(ethernet, ethernet + 20)
  // Version 4, five words; do not fragment; 64 hops.
  header.set([0x45, 0, length >>> 8, length & 0xff, 0, 0, 0x40, 0, 64, protocolNumbers[protocol], 0, 0])
  header.set([...ipBytes(fromIp), ...ipBytes(toIp)], 12)
  viewOf(header).setUint16(10, internetChecksum(header))
  frame.set(payload, ethernet + 20)
  return frame
}

/** The packet in a frame, or null: another protocol, a fragment, cut short, or a damaged header. */
export function decodeIp(frame: Uint8Array): IpPacket | null {
  const packet = frame.subarray(ethernet)
  if (packet.length < 20) return null
  const view = viewOf(packet)
  const headerLength = (view.getUint8(0) & 0x0f) * 4
  const totalLength = view.getUint16(2)
  const fragment = view.getUint16(6) & 0x3fff
  if (view.getUint8(0) >>> 4 !== 4 || headerLength < 20 || fragment !== 0) return null
  if (totalLength < headerLength || totalLength > packet.length) return null
  if (internetChecksum(packet.subarray(0, headerLength)) !== 0) return null
  const number = view.getUint8(9)
  const protocol = (['icmp', 'tcp', 'udp'] as const).find((name) => protocolNumbers[name] === number)
  if (protocol === undefined) return null
  return {
    fromMac: macText(frame.subarray(6, 12)),
    toMac: macText(frame.subarray(0, 6)),
    fromIp: ipText(packet.subarray(12, 16)),
    toIp: ipText(packet.subarray(16, 20)),
    protocol,
    payload: packet.subarray(headerLength, totalLength),
  }
}
