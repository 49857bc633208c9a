import { join } from 'node:path'
import {
  biosBootType,
  espTypes,
  type Partition,
  parsePartitionTable,
  parseTags,
} from '../../core/partition-table.ts'
import { volumeTitle } from '../../core/volume-report.ts'
import { MintmarkError } from '../../errors.ts'
import { ImageInfo } from '../../model/disk.ts'
import type { World } from '../../ports/world.ts'
import type { DiskTree } from '../target.ts'
import { copyExt4 } from './copy-ext4.ts'
import { type Copied, mergeTree, refuse } from './merge-tree.ts'
import { copyVfat } from './copy-vfat.ts'
import { type CopiedVolume, copyVolumes } from './copy-volumes.ts'

/** How the bytes of a disk lie in its file. */
export type DiskFormat = 'qcow2' | 'raw'

/** A raw copy of our own, as sparse as the image. @returns its size in bytes */
async function toRaw(world: World, disk: string, format: DiskFormat, raw: string): Promise<number> {
  const told = await world.exec.run(['qemu-img', 'info', '--output=json', '-f', format, disk])
  const info = ImageInfo.parse(JSON.parse(told.stdout))
  // Either would have us read some other file of this machine as if it were the image.
  const other = info['backing-filename'] ?? info['format-specific']?.data?.['data-file']
  if (other !== undefined) throw refuse(`${disk} is not whole: it takes data from ${other}`)
  const free = await world.files.freeBytes(raw)
  const file = await world.files.info(disk)
  const used = (format === 'raw' ? file?.onDisk : file?.size) ?? 0
  if (free < used * 2) {
    throw new MintmarkError('NO_SPACE', `reading ${disk} takes at least ${used * 2} bytes, ${free} are free`)
  }
  await world.exec.run(['qemu-img', 'convert', '-f', format, '-O', 'raw', disk, raw], { leash: 'child' })
  return info['virtual-size']
}

async function tagsOf(
  world: World,
  raw: string,
  partition: Partition,
): Promise<Readonly<Record<string, string>>> {
  const place = ['-O', String(partition.startBytes), '-S', String(partition.bytes)]
  const probe = await world.exec.run(['blkid', '-p', ...place, '-o', 'export', raw], { ok: 'any' })
  // 2: nothing was recognised. 8: several things were, which is no answer either.
  if (probe.code !== 0 && probe.code !== 2)
    throw refuse(`what partition ${partition.number} holds is ambiguous`)
  return parseTags(probe.stdout)
}

async function isZero(world: World, raw: string, { startBytes, bytes }: Partition): Promise<boolean> {
  const range = [`--bytes=${bytes}`, `--ignore-initial=${startBytes}:0`]
  const compared = await world.exec.run(['cmp', '--quiet', ...range, raw, '/dev/zero'], {
    ok: [0, 1],
    leash: 'child',
  })
  return compared.code === 0
}

/** What holds no files, so that leaving it out loses nothing. */
const withoutFiles: readonly string[] = ['swap']
const directly = /^(?:ext[234]|vfat)$/
/** What only a kernel reads. */
const byMachine: readonly string[] = ['xfs', 'btrfs', 'LVM2_member']

const advice: Readonly<Record<string, string>> = {
  crypto_LUKS: 'an image is encrypted where it is stored, not inside: build it without LUKS',
  linux_raid_member: 'an image is one disk: build it without software RAID',
  swsuspend: 'the machine was hibernated, its memory is in the image: build it again',
}

const unreadable = (title: string, type: string): MintmarkError =>
  refuse(
    `${title} holds "${type}": only ext2, ext3, ext4, xfs, btrfs, vfat and LVM can be read, and none is skipped`,
    advice[type],
  )

interface Found {
  readonly partition: Partition
  readonly type: string
  readonly tags: Readonly<Record<string, string>>
}

/** The partitions that hold something to be read. */
async function lookAt(
  world: World,
  raw: string,
  partitions: readonly Partition[],
): Promise<readonly Found[]> {
  const found: Found[] = []
  for (const partition of partitions) {
    const tags = await tagsOf(world, raw, partition)
    const type = tags['TYPE']
    const title = `partition ${partition.number}`
    if (type === undefined) {
      if (partition.type === biosBootType || (await isZero(world, raw, partition))) continue
      throw refuse(`${title} holds something that is no known file system`)
    }
    if (partition.type === biosBootType) throw refuse(`${title} is for BIOS boot code, but holds "${type}"`)
    if (withoutFiles.includes(type)) continue
    if (!directly.test(type) && !byMachine.includes(type)) throw unreadable(title, type)
    found.push({ partition, type, tags })
  }
  return found
}

async function copyDirectly(
  world: World,
  into: string,
  { partition, type, tags }: Found,
  prefix: readonly string[],
): Promise<Copied> {
  const { number, startBytes } = partition
  const folder = `partition-${number}`
  if (type === 'vfat') await copyVfat(world, into, startBytes, folder)
  else {
    const device = `disk.raw?offset=${startBytes}`
    await copyExt4({ world, folder: into, device, partition: number }, folder, prefix)
  }
  return {
    title: `partition ${number}`,
    partition: number,
    volume: null,
    type,
    folder,
    identity: identityOf(tags, partition),
    usualMount: espTypes.includes(partition.type) ? '/boot/efi' : null,
    subvolumes: [],
    defaultSubvolume: '',
  }
}

const identityOf = (
  tags: Readonly<Record<string, string>>,
  partition: Partition | undefined,
): Copied['identity'] => ({
  uuid: tags['UUID'] ?? '',
  label: tags['LABEL'] ?? '',
  partUuid: partition?.uuid ?? '',
  partLabel: partition?.name ?? '',
})

function asCopied({ volume, folder }: CopiedVolume, partitions: readonly Partition[]): readonly Copied[] {
  const type = volume.tags['TYPE'] ?? 'none'
  const logical = volume.names.length > 0
  const title = volumeTitle(volume)
  if (folder === null) {
    if (volume.state === 'empty' || withoutFiles.includes(type)) return []
    throw unreadable(title, type)
  }
  const partition = logical ? undefined : partitions.find(({ number }) => number === volume.partition)
  return [
    {
      title,
      partition: volume.partition,
      volume: logical ? (volume.names.at(-1) ?? '').replace('/dev/', '') : null,
      type,
      folder,
      identity: { ...identityOf(volume.tags, partition), devices: volume.names },
      usualMount: null,
      subvolumes: volume.subvolumes,
      defaultSubvolume: volume.defaultSubvolume,
    },
  ]
}

/**
 * Copies every file system of a disk into `into` (existing, empty, the caller's), merged as the image's own fstab
 * mounts them. No root, mount or loop device is needed. As root, owners and modes are on the files; otherwise `asOwned`
 * shows them. A disk that can't be read whole is an error, never a smaller tree. XFS, btrfs and LVM are read by a helper
 * machine, which is made of Debian's packages when there is none yet.
 * @throws MintmarkError TOOL_FAILED (damaged, unknown file system, no os-release), TOOL_MISSING, NO_SPACE, PROVIDER_UNREACHABLE
 */
export async function readDisk(
  world: World,
  disk: string,
  into: string,
  format: DiskFormat = 'qcow2',
): Promise<DiskTree> {
  const { files, exec } = world
  await files.setMode(into, 0o700) // the tree may hold foreign set-user-ID programs
  const raw = join(into, 'disk.raw')
  const diskBytes = await toRaw(world, disk, format, raw)
  const dump = await exec.run(['sfdisk', '--json', raw])
  const partitions = parsePartitionTable(dump.stdout, diskBytes)
  const found = await lookAt(world, raw, partitions)
  const state = join(into, 'owners.fakeroot')
  if (!exec.isRoot) await files.write(state, '', { mode: 0o600 })
  const prefix = exec.isRoot ? [] : ['fakeroot', '-i', state, '-s', state, '--']
  const copies: Copied[] = []
  for (const one of found) {
    if (directly.test(one.type)) copies.push(await copyDirectly(world, into, one, prefix))
  }
  const usedBytes = (await files.info(raw))?.onDisk ?? 0
  await files.remove(raw)

  const rest = found.filter(({ type }) => byMachine.includes(type)).map(({ partition }) => partition.number)
  if (rest.length > 0) {
    const volumes = await copyVolumes({
      world,
      disk,
      format,
      diskBytes,
      usedBytes,
      folder: into,
      partitions: rest,
      prefix,
    })
    copies.push(...volumes.flatMap((volume) => asCopied(volume, partitions)))
  }
  const { root, fileSystems } = await mergeTree(world, into, copies)
  return { root, fileSystems, asOwned: exec.isRoot ? [] : ['fakeroot', '-i', state, '--'] }
}
