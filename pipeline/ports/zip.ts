/** One file of an archive: its path, with "/", and its bytes. */
export interface ZipEntry {
  readonly path: string
  readonly content: Uint8Array
}

/**
 * Packs files, in their order, into one zip without extra fields: the same files and day give the same bytes in every time zone.
 * @param day of all files, e.g. 2026-11-22
 */
export type Zip = (files: readonly ZipEntry[], day: string) => Promise<Uint8Array>

/** A zip holds the local time of somewhere: noon is there in all of them. */
function noonOf(day: string): Date {
  const [year = 1980, month = 1, date = 1] = day.split('-').map(Number)
  return new Date(year, month - 1, date, 12)
}

export const zip: Zip = async (files, day) => {
  const { ZipFile } = await import('yazl')
  const archive = new ZipFile()
  const mtime = noonOf(day)
  const whole = (async () => {
    const pieces: Buffer[] = []
    for await (const piece of archive.outputStream) pieces.push(Buffer.from(piece))
    return Buffer.concat(pieces)
  })()
  const failed = new Promise<never>((_resolve, reject) => archive.on('error', reject))
  for (const { path, content } of files)
    archive.addBuffer(Buffer.from(content), path, { mtime, mode: 0o100644, forceDosTimestamp: true })
  archive.end()
  return Promise.race([whole, failed])
}
