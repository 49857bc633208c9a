export interface Armoured {
  /** What stands after BEGIN PGP, e.g. PUBLIC KEY BLOCK or SIGNATURE. */
  readonly label: string
  readonly bytes: Uint8Array
}

const armor =
  /^-----BEGIN PGP ([A-Z ]+)-----[ \t]*\r?\n(?:[A-Za-z-]+:[^\n]*\n)*[ \t]*\r?\n([A-Za-z0-9+/=\s]+?)(?:\r?\n=([A-Za-z0-9+/]{4})[ \t]*)?\r?\n-----END PGP \1-----/gm

/** RFC 9580, 6.1: the checksum of an armoured block. */
function crc24(bytes: Uint8Array): number {
  let crc = 0xb704ce
  for (const byte of bytes) {
    crc ^= byte << 16
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x800000) === 0 ? crc << 1 : (crc << 1) ^ 0x1864cfb
    crc &= 0xffffff
  }
  return crc
}

/** The armoured blocks of a text (RFC 9580, 6), in order; one whose checksum is wrong is left out. */
export function armouredBlocks(text: string): readonly Armoured[] {
  return [...text.matchAll(armor)].flatMap(([, label = '', body = '', sum]) => {
    const bytes = new Uint8Array(Buffer.from(body, 'base64'))
    const right = sum === undefined || Buffer.from(sum, 'base64').readUIntBE(0, 3) === crc24(bytes)
    return right ? [{ label, bytes }] : []
  })
}

/** The bytes of the first armoured block; null for a text that has none, or a damaged one. */
export const dearmor = (text: string): Uint8Array | null => armouredBlocks(text)[0]?.bytes ?? null

/** The armoured form of a block (RFC 9580, 6.2), with its checksum: what rpm takes. */
export function armoured({ label, bytes }: Armoured): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  const sum = Buffer.alloc(3)
  sum.writeUIntBE(crc24(bytes), 0, 3)
  return `-----BEGIN PGP ${label}-----\n\n${lines.join('\n')}\n=${sum.toString('base64')}\n-----END PGP ${label}-----\n`
}
