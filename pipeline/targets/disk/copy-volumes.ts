import { join } from 'node:path'
import { parseVolumeReport, type Volume, volumeTitle } from '../../core/volume-report.ts'
import { MintmarkError } from '../../errors.ts'
import type { World } from '../../ports/world.ts'
import { orNoSpace } from '../qemu/archive/bootstrap.ts'
import { helperScript } from '../qemu/helper/make-helper.ts'
import { consoleName, runHelper } from '../qemu/helper/run-helper.ts'
import { parseNames, walk } from './walk.ts'

const mib = 2 ** 20

export interface VolumesInput {
  readonly world: World
  /** The image, whole: it is only a backing file, and never written to. */
  readonly disk: string
  readonly format: 'qcow2' | 'raw'
  /** Virtual size of the image. */
  readonly diskBytes: number
  /** What of that is in use, for the deadline and the room that is needed. */
  readonly usedBytes: number
  /** The reader's private folder. */
  readonly folder: string
  /** Numbers of the partitions to read. */
  readonly partitions: readonly number[]
  /** argv before a program that may set owners. */
  readonly prefix: readonly string[]
  /** Instead of one that grows with the disk. */
  readonly deadlineMs?: number
}

export interface CopiedVolume {
  readonly volume: Volume
  /** Name of its folder below `VolumesInput.folder`; null when there is nothing to copy. */
  readonly folder: string | null
}

/** Three minutes, and more the more there is: emulated machines read some 10 MiB/s at worst. */
const deadlineFor = (usedBytes: number): number => 180_000 + (usedBytes / mib) * 200

const damaged = (message: string, details: readonly string[] = []): MintmarkError =>
  new MintmarkError('TOOL_FAILED', message, {
    hint: 'the image is damaged or not whole; build it again with --fresh',
    details,
  })

async function unpack(input: VolumesInput, answer: string, into: string): Promise<void> {
  const { world, prefix } = input
  // What comes out of the machine is only believed as far as files go: no device is ever made.
  const bounded = world.exec.isRoot ? ['setpriv', '--bounding-set', '-mknod', '--'] : []
  // biome-ignore format: one option a line
  const argv = [
    ...prefix, ...bounded, 'tar', '--extract', `--file=${answer}`, `--directory=${into}`, '--blocking-factor=2048',
    '--numeric-owner', '--same-owner', '--preserve-permissions', '--no-overwrite-dir', '--delay-directory-restore',
    '--xattrs', '--xattrs-include=security.capability',
  ]
  try {
    await world.exec.run(argv, { leash: 'child' })
  } catch (cause) {
    throw orNoSpace(cause)
  }
  // Whoever we are, we can read it: the modes of the image are in fakeroot's state.
  if (!world.exec.isRoot) await world.exec.run(['chmod', '-R', 'u+rwX', '--', into], { leash: 'child' })
}

/** Every name that the machine's own `find` saw has arrived with its kind and size, and nothing else has. */
async function prove(world: World, into: string, volume: Volume): Promise<number> {
  const title = volumeTitle(volume)
  const list = join(into, `${volume.number}.names`)
  if ((await world.files.info(list))?.kind !== 'file')
    throw damaged(`${title} came without a list of its names`)
  const wanted = parseNames(await world.files.readText(list))
  const copied = await walk(world, into, `volume-${volume.number}`)
  let expected = 0
  let bytes = 0
  for (const [path, kind] of wanted) {
    if (!/^[dfl]/.test(kind)) continue // devices, pipes and sockets hold nothing: they are not copied
    expected += 1
    if (kind.startsWith('f')) bytes += Number(kind.slice(2))
    const found = copied.get(path)
    if (found !== kind)
      throw damaged(`${title} was copied wrongly: "/${path}" is ${found ?? 'missing'}, not ${kind}`)
  }
  if (copied.size !== expected)
    throw damaged(`${title} has ${expected} names, but ${copied.size} were copied`)
  return bytes
}

async function readAnswer(input: VolumesInput, answer: string): Promise<readonly CopiedVolume[]> {
  const { world, folder } = input
  const { files } = world
  const into = join(folder, 'volumes')
  await files.makeFolder(into, { mode: 0o700 })
  const free = await files.freeBytes(into)
  await unpack(input, answer, into)
  await files.remove(answer)
  const failed = join(into, 'failed')
  if ((await files.info(failed))?.kind === 'file') {
    const [message = '', ...details] = (await files.readText(failed))
      .split('\n')
      .filter((line) => line !== '')
    throw damaged(message, details)
  }
  for (const name of ['report', 'complete']) {
    if ((await files.info(join(into, name)))?.kind === 'file') continue
    throw damaged(`the answer of the machine that reads disks is not whole: there is no ${name}`)
  }
  const volumes = parseVolumeReport(await files.readText(join(into, 'report')))
  const copied: CopiedVolume[] = []
  let bytes = 0
  for (const volume of volumes) {
    if (volume.state !== 'read') {
      copied.push({ volume, folder: null })
      continue
    }
    bytes += await prove(world, into, volume)
    await files.rename(join(into, `volume-${volume.number}`), join(folder, `volume-${volume.number}`))
    copied.push({ volume, folder: `volume-${volume.number}` })
  }
  // Sparse files take no room here, but who reads the tree has to go through them.
  if (bytes > free)
    throw new MintmarkError('NO_SPACE', `reading the image takes ${bytes} bytes, ${free} are free`)
  await files.remove(into)
  return copied
}

/**
 * Copies what lies in partitions of XFS, btrfs and LVM: a helper machine mounts a private overlay of the image, replays
 * journals there, proves each structure and hands all over as a tar. It is proven here that every name arrived.
 * @throws MintmarkError TOOL_FAILED (damaged, a part is missing, the machine hangs), NO_SPACE, and those of `helperMachine`
 */
export async function copyVolumes(input: VolumesInput): Promise<readonly CopiedVolume[]> {
  const { world, disk, folder, usedBytes } = input
  const free = await world.files.freeBytes(folder)
  if (free < usedBytes * 2) {
    throw new MintmarkError(
      'NO_SPACE',
      `reading ${disk} takes at least ${usedBytes * 2} bytes, ${free} are free`,
    )
  }
  const overlay = join(folder, 'overlay.qcow2')
  await world.exec.run([
    ...['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', input.format, '-b', disk],
    overlay,
  ])
  const answer = await runHelper({
    world,
    job: helperScript(world, 'read-volumes.sh'),
    words: input.partitions.join(' '),
    disk: overlay,
    folder,
    // Compressed files and shared blocks take more outside than in the image.
    outBytes: Math.ceil(input.diskBytes / mib) * mib * 4 + 1024 * mib,
    deadlineMs: input.deadlineMs ?? deadlineFor(usedBytes),
  })
  await world.files.remove(overlay)
  await world.files.remove(join(folder, consoleName))
  return readAnswer(input, answer)
}
