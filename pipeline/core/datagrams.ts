import { encodeIp, type IpHeader, type IpPacket, type Ipv4, transportChecksum, viewOf } from './ip-packet.ts'

/** A UDP datagram. */
export interface Udp extends IpHeader {
  readonly kind: 'udp'
  readonly fromPort: number
  readonly toPort: number
  readonly data: Uint8Array
}

/** ICMP's word that nobody listens where a datagram of ours went (type 3, code 3). */
export interface PortUnreachable extends IpHeader {
  readonly kind: 'port-unreachable'
  /** Where the datagram came from and went to, as the guest quotes it. */
  readonly ofIp: Ipv4
  readonly ofPort: number
  readonly port: number
}

const udpHeader = 8
const destinationUnreachable = 3
const portUnreachable = 3

/** The frame of a datagram, checksums right. */
export function encodeUdp(udp: Omit<Udp, 'kind'>): Uint8Array {
  const { fromPort, toPort, data, ...addresses } = udp
  const payload = new Uint8Array(udpHeader + data.length)
  const view = viewOf(payload)
  view.setUint16(0, fromPort)
  view.setUint16(2, toPort)
  view.setUint16(4, payload.length)
  payload.set(data, udpHeader)
  // A sum of zero is written as its twin: zero says that there is none (RFC 768).
  view.setUint16(6, transportChecksum(addresses, 'udp', payload) || 0xffff)
  return encodeIp({ ...addresses, protocol: 'udp', payload })
}

/** The datagram in a packet, or null when it is cut short or damaged. */
export function decodeUdp({ protocol: _, payload, ...addresses }: IpPacket): Udp | null {
  if (payload.length < udpHeader) return null
  const view = viewOf(payload)
  const length = view.getUint16(4)
  if (length < udpHeader || length > payload.length) return null
  const datagram = payload.subarray(0, length)
  if (view.getUint16(6) !== 0 && transportChecksum(addresses, 'udp', datagram) !== 0) return null
  return {
    kind: 'udp',
    ...addresses,
    fromPort: view.getUint16(0),
    toPort: view.getUint16(2),
    data: datagram.subarray(udpHeader),
  }
}

/** What an ICMP packet says of a datagram, or null when it says something else. The caller has checked its sum. */
export function decodePortUnreachable({
  protocol: _,
  payload,
  ...addresses
}: IpPacket): PortUnreachable | null {
  const quote = 8
  if (payload.length < quote + 20 + 4) return null
  const view = viewOf(payload)
  if (view.getUint8(0) !== destinationUnreachable || view.getUint8(1) !== portUnreachable) return null
  const header = (view.getUint8(quote) & 0x0f) * 4
  const udp = view.getUint8(quote + 9) === 17
  if (!udp || header < 20 || payload.length < quote + header + 4) return null
  return {
    kind: 'port-unreachable',
    ...addresses,
    ofIp: [...payload.subarray(quote + 12, quote + 16)].join('.'),
    ofPort: view.getUint16(quote + header),
    port: view.getUint16(quote + header + 2),
  }
}
