/** A folder or a file of a tar archive; its content follows the header, padded to whole blocks. */
export interface TarEntry {
  /** At most 100 bytes; a folder's ends with a slash. */
  readonly name: string
  /** Bytes of the content; 0 for a folder. */
  readonly size: number
  readonly mode: number
  readonly user: number
  readonly group: number
  /** Seconds since 1970. */
  readonly time: number
}

const block = 512
/** What eleven octal digits can say. */
const octalLimit = 8 ** 11

const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`

/** Sizes of 8 GiB and more as GNU tar, Go and libarchive write and read them: big-endian behind a first byte of 0x80. */
function sizeField(size: number): Buffer {
  if (size < octalLimit) return Buffer.from(octal(size, 11))
  const field = Buffer.alloc(12)
  field.writeBigUInt64BE(BigInt(size), 4)
  field[0] = 0x80
  return field
}

/** The header of an entry in the ustar format: 512 bytes. */
export function tarHeader(entry: TarEntry): Uint8Array {
  const header = Buffer.alloc(block)
  const put = (at: number, value: string | Buffer): void => void Buffer.from(value).copy(header, at)
  put(0, Buffer.from(entry.name).subarray(0, 100))
  put(100, octal(entry.mode, 7))
  put(108, octal(entry.user, 7))
  put(116, octal(entry.group, 7))
  put(124, sizeField(entry.size))
  put(136, octal(entry.time, 11))
  put(148, ' '.repeat(8))
  put(156, entry.name.endsWith('/') ? '5' : '0')
  put(257, 'ustar\x0000')
  put(329, octal(0, 7))
  put(337, octal(0, 7))
  const sum = header.reduce((total, byte) => total + byte, 0)
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `)
  return header
}

/** What fills up the last block of a content. */
export const tarPadding = (size: number): Uint8Array => Buffer.alloc((block - (size % block)) % block)

/** The two empty blocks at the end of an archive. */
export const tarEnd: Uint8Array = Buffer.alloc(2 * block)
