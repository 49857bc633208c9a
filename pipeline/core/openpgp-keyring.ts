import { createHash } from 'node:crypto'

/** One certificate of a keyring: a primary key with its user ids, subkeys and signatures. */
export interface Certificate {
  /** Of the primary key: 40 upper-case hex digits. */
  readonly fingerprint: string
  readonly bytes: Uint8Array
}

const publicKeyTag = 6

interface Packet {
  readonly tag: number
  readonly body: Uint8Array
  readonly end: number
}

/** The packet at an offset (RFC 9580, 4.2); null for what a keyring file never has: partial and indeterminate lengths. */
function packetAt(bytes: Uint8Array, start: number): Packet | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const head = view.getUint8(start)
  if ((head & 0x80) === 0) return null
  const isNew = (head & 0x40) !== 0
  const at = start + 1
  let tag = head & 0x3f
  let length: number
  let from: number
  if (isNew) {
    const first = view.getUint8(at)
    if (first >= 224 && first < 255) return null
    from = at + (first < 192 ? 1 : first < 224 ? 2 : 5)
    length =
      first < 192
        ? first
        : first < 224
          ? ((first - 192) << 8) + view.getUint8(at + 1) + 192
          : view.getUint32(at + 1)
  } else {
    tag = (head >> 2) & 0x0f
    const kind = head & 0x03
    if (kind === 3) return null
    from = at + (kind === 0 ? 1 : kind === 1 ? 2 : 4)
    length = kind === 0 ? view.getUint8(at) : kind === 1 ? view.getUint16(at) : view.getUint32(at)
  }
  const end = from + length
  return end > bytes.length ? null : { tag, body: bytes.subarray(from, end), end }
}

/** RFC 9580, 5.5.4.2: a version 4 key's fingerprint. */
function fingerprintOf(body: Uint8Array): string {
  return createHash('sha1')
    .update(Uint8Array.of(0x99, body.length >> 8, body.length & 0xff))
    .update(body)
    .digest('hex')
    .toUpperCase()
}

/** The packets of a file, up to the first that can't be read. */
function* packetsOf(bytes: Uint8Array): Generator<Packet> {
  let offset = 0
  while (offset < bytes.length) {
    let packet: Packet | null
    try {
      packet = packetAt(bytes, offset)
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause
      packet = null // the file ends inside a packet's header
    }
    if (packet === null) return
    yield packet
    offset = packet.end
  }
}

/** Tags of a binary file's packets (RFC 9580, 5); 5 and 7 are secret keys. */
export const packetTags = (bytes: Uint8Array): readonly number[] =>
  [...packetsOf(bytes)].map(({ tag }) => tag)

/**
 * The certificates of a binary keyring file, in order. A file that is no such keyring gives none; what follows damage is
 * left out.
 */
export function certificatesOf(bytes: Uint8Array): readonly Certificate[] {
  const starts: { readonly at: number; readonly fingerprint: string }[] = []
  let offset = 0
  for (const packet of packetsOf(bytes)) {
    if (packet.tag === publicKeyTag && packet.body[0] === 4)
      starts.push({ at: offset, fingerprint: fingerprintOf(packet.body) })
    offset = packet.end
  }
  return starts.map((start, index) => ({
    fingerprint: start.fingerprint,
    bytes: bytes.slice(start.at, starts[index + 1]?.at ?? offset),
  }))
}
