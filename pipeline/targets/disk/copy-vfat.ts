import { join } from 'node:path'
import { MintmarkError } from '../../errors.ts'
import type { World } from '../../ports/world.ts'

/**
 * Copies a FAT file system (the EFI system partition) out of a raw disk.
 * @param folder holds `disk.raw`; the copy goes to `into` below it, which is made here
 * @throws MintmarkError TOOL_FAILED when mtools fails or the copy lacks a name that the file system lists
 */
export async function copyVfat(
  world: World,
  folder: string,
  startBytes: number,
  into: string,
): Promise<void> {
  const image = `disk.raw@@${startBytes}`
  // The geometry in the boot sector says nothing on a partition of a file.
  const options = { cwd: folder, env: { MTOOLS_SKIP_CHECK: '1' }, leash: 'child' } as const
  await world.files.makeFolder(join(folder, into), { mode: 0o755 })
  const listed = await world.exec.run(['mdir', '-i', image, '-/', '-a', '-b', '::/'], {
    ...options,
    ok: 'any',
  })
  // An empty file system makes mdir say "File not found".
  const empty = listed.code !== 0 && /not found/i.test(listed.stderr)
  if (listed.code !== 0 && !empty) {
    throw new MintmarkError('TOOL_FAILED', `the FAT file system at byte ${startBytes} can't be listed`, {
      hint: 'the image is damaged; build it again with --fresh',
      details: listed.stderr.split('\n').slice(0, 12),
    })
  }
  const wanted = listed.stdout
    .split('\n')
    .map((line) => line.replace(/^::\/?/, '').replace(/\/$/, ''))
    .filter((path) => path !== '')
    .sort()
  if (wanted.length === 0) return
  await world.exec.run(['mcopy', '-i', image, '-s', '-n', '-Q', '::/', into], options)
  const found = await world.exec.run(['find', into, '-mindepth', '1', '-printf', String.raw`%P\0`], options)
  const copied = found.stdout
    .split('\0')
    .filter((path) => path !== '')
    .sort()
  const missing = wanted.find((path) => !copied.includes(path))
  if (missing !== undefined || copied.length !== wanted.length) {
    throw new MintmarkError(
      'TOOL_FAILED',
      `the FAT file system at byte ${startBytes} lists ${wanted.length} names, ${copied.length} were copied`,
      {
        hint: 'the image is damaged; build it again with --fresh',
        details: [`missing: ${missing ?? 'none'}`],
      },
    )
  }
}
