import { MintmarkError } from '../../../errors.ts'
import type { Definition } from '../../../model/definition.ts'
import { ImageInfo } from '../../../model/disk.ts'
import type { World } from '../../../ports/world.ts'

const gib = 2 ** 30

/**
 * Whether a file is a qcow2 that stands by itself and fits the definition's disk. Returns its virtual size in bytes.
 * @throws MintmarkError BASE_REFUSED or TOOL_MISSING
 */
export async function checkDisk(
  world: World,
  path: string,
  name: string,
  definition: Definition,
): Promise<number> {
  if ((await world.exec.which('qemu-img')) === null)
    throw new MintmarkError('TOOL_MISSING', 'not on this machine: qemu-img')
  // The format is given, not guessed: a raw file that begins like another format would be read as that.
  const { code, stdout, stderr } = await world.exec.run(
    ['qemu-img', 'info', '-f', 'qcow2', '--output=json', path],
    { ok: 'any', timeoutMs: 60_000 },
  )
  const refuse = (what: string, hint: string): MintmarkError =>
    new MintmarkError('BASE_REFUSED', `${name} ${what}`, { hint })
  const alone = `qemu-img convert -O qcow2 ${name} alone.qcow2`
  if (code !== 0) {
    const [line = ''] = stderr.trim().split('\n')
    throw refuse(`is no qcow2: ${line.replaceAll(path, name)}`, alone)
  }
  const info = ImageInfo.parse(JSON.parse(stdout))
  const backing = info['backing-filename']
  if (backing !== undefined) throw refuse(`stands on another file, ${backing}`, alone)
  const data = info['format-specific']?.data?.['data-file']
  if (data !== undefined) throw refuse(`keeps its data in another file, ${data}`, alone)
  const bytes = info['virtual-size']
  const most = Number.parseInt(definition.disk.size, 10)
  if (bytes > most * gib) {
    throw refuse(
      `has a disk of ${(bytes / gib).toFixed(1)} GiB, the definition's is ${definition.disk.size}`,
      `write disk: {size: ${Math.ceil(bytes / gib)}G} in the definition`,
    )
  }
  return bytes
}
