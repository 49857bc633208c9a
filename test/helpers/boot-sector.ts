const origin = 0x7c00
const flag = 0x35
const words = (value: number): readonly number[] => [value & 0xff, value >> 8]

/**
 * In the place of a system: a boot sector that says on its serial console what a kernel says which stops, and says `up the second time` once it wrote to its
 * disk that it did.
 */
export function bootSectorThatPanics(): Buffer {
  const first = 'Kernel panic - not syncing: IO-APIC + timer does not work!\r\n\0'
  const second = 'up the second time\r\n\0'
  // biome-ignore format: one instruction a line
  const code = [
    0x31, 0xc0, // xor ax, ax
    0x8e, 0xd8, // mov ds, ax
    0x8e, 0xc0, // mov es, ax
    0xbe, ...words(origin + flag + 1), // mov si, first
    0x80, 0x3e, ...words(origin + flag), 0x00, // cmp byte [flag], 0
    0x75, 0x14, // jne second
    0xc6, 0x06, ...words(origin + flag), 0x01, // mov byte [flag], 1
    0xb8, 0x01, 0x03, // mov ax, 0x0301: write one sector
    0xb9, 0x01, 0x00, // mov cx, 1: the first
    0xb6, 0x00, // mov dh, 0
    0xbb, ...words(origin), // mov bx, origin
    0xcd, 0x13, // int 0x13
    0xeb, 0x03, // jmp say
    0xbe, ...words(origin + flag + 1 + first.length), // second: mov si, second
    0xba, 0xf8, 0x03, // say: mov dx, 0x3f8
    0xac, // next: lodsb
    0x84, 0xc0, // test al, al
    0x74, 0x03, // jz end
    0xee, // out dx, al
    0xeb, 0xf8, // jmp next
    0xf4, // end: hlt
    0xeb, 0xfd, // jmp end
    0x00, // flag
  ]
  if (code.length !== flag + 1) throw new Error(`the flag is at ${code.length - 1}`)
  const sector = Buffer.alloc(512)
  Buffer.concat([Buffer.from(code), Buffer.from(first + second, 'latin1')]).copy(sector)
  sector.writeUInt16LE(0xaa55, 510)
  return sector
}
