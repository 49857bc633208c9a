import { join } from 'node:path'
import { namesFileSystem, parseFstab } from '../../core/parse-fstab.ts'
import {
  biosBootType,
  espType,
  type Partition,
  parsePartitionTable,
  parseTags,
} from '../../core/partition-table.ts'
import { MintmarkError } from '../../errors.ts'
import { ImageInfo } from '../../model/disk.ts'
import type { World } from '../../ports/world.ts'
import type { DiskTree } from '../target.ts'
import { copyExt4 } from './read-disk-ext4.ts'
import { copyVfat } from './read-disk-vfat.ts'

interface Copied {
  readonly partition: Partition
  readonly type: string
  /** Name of its folder below `into`. */
  readonly folder: string
  readonly uuid: string
  readonly label: string
}

const refuse = (message: string): MintmarkError =>
  new MintmarkError('TOOL_FAILED', message, { hint: 'the image is not one that mintmark builds' })

/** A raw copy of our own, as sparse as the image. @returns its size in bytes */
async function toRaw(world: World, disk: string, raw: string): Promise<number> {
  const told = await world.exec.run(['qemu-img', 'info', '--output=json', '-f', 'qcow2', disk])
  const info = ImageInfo.parse(JSON.parse(told.stdout))
  // Either would have us read some other file of this machine as if it were the image.
  const other = info['backing-filename'] ?? info['format-specific']?.data?.['data-file']
  if (other !== undefined) throw refuse(`${disk} is not whole: it takes data from ${other}`)
  const free = await world.files.freeBytes(raw)
  const used = (await world.files.info(disk))?.size ?? 0
  if (free < used * 2) {
    throw new MintmarkError('NO_SPACE', `reading ${disk} takes at least ${used * 2} bytes, ${free} are free`)
  }
  await world.exec.run(['qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', disk, raw], { leash: 'child' })
  return info['virtual-size']
}

async function tagsAt(world: World, raw: string, at: number): Promise<Readonly<Record<string, string>>> {
  const probe = await world.exec.run(['blkid', '-p', '-O', String(at), '-o', 'export', raw], { ok: 'any' })
  // 2: nothing was recognised. 8: several things were, which is no answer either.
  if (probe.code !== 0 && probe.code !== 2) throw refuse(`the file system at byte ${at} is ambiguous`)
  return parseTags(probe.stdout)
}

/** Neither link nor file on the way: nothing of the host is ever reached through the tree. */
async function folderInTree(world: World, root: string, mount: string): Promise<string> {
  let path = root
  for (const part of mount.split('/').filter((name) => name !== '')) {
    path = join(path, part)
    const info = await world.files.info(path)
    if (info === null) await world.files.makeFolder(path)
    else if (info.kind !== 'folder') throw refuse(`mount point ${mount} leads through a ${info.kind}`)
  }
  return path
}

async function textInTree(world: World, root: string, path: string): Promise<string | null> {
  const parts = path.split('/')
  let at = root
  for (const [index, part] of parts.entries()) {
    at = join(at, part)
    const info = await world.files.info(at)
    if (info?.kind !== (index === parts.length - 1 ? 'file' : 'folder')) return null
  }
  return world.files.readText(at)
}

async function isRoot(world: World, tree: string): Promise<boolean> {
  // Debian's etc/os-release is a link into usr/lib: that it is there is enough.
  return (
    (await world.files.info(join(tree, 'etc')))?.kind === 'folder' &&
    (await world.files.info(join(tree, 'etc/os-release'))) !== null
  )
}

async function copyPartition(
  world: World,
  into: string,
  partition: Partition,
  prefix: readonly string[],
): Promise<Copied> {
  const tags = await tagsAt(world, join(into, 'disk.raw'), partition.startBytes)
  const type = tags['TYPE'] ?? 'none'
  const folder = `partition-${partition.number}`
  if (/^ext[234]$/.test(type)) {
    const device = `disk.raw?offset=${partition.startBytes}`
    await copyExt4({ world, folder: into, device, partition: partition.number }, folder, prefix)
  } else if (type === 'vfat') {
    await copyVfat(world, into, partition.startBytes, folder)
  } else {
    throw refuse(
      `partition ${partition.number} holds "${type}": only ext4 and vfat can be read, and none is skipped`,
    )
  }
  return { partition, type, folder, uuid: tags['UUID'] ?? '', label: tags['LABEL'] ?? '' }
}

function mountOf(copied: Copied, fstab: ReturnType<typeof parseFstab>): string {
  const identity = {
    uuid: copied.uuid,
    label: copied.label,
    partUuid: copied.partition.uuid,
    partLabel: copied.partition.name,
  }
  const entry = fstab.find(({ source }) => namesFileSystem(source, identity))
  if (entry !== undefined) return entry.mount
  if (copied.partition.type === espType) return '/boot/efi'
  throw refuse(`partition ${copied.partition.number} (${copied.type}) is in no line of the image's etc/fstab`)
}

/**
 * Copies every file system of a qcow2 disk into `into` (existing, empty, the caller's), merged as the image's own fstab
 * mounts them. No root, mount or loop device is needed. As root, owners and modes are on the files; otherwise `asOwned`
 * shows them. A disk that can't be read whole is an error, never a smaller tree.
 * @throws MintmarkError TOOL_FAILED (damaged, unknown file system, no os-release), TOOL_MISSING, NO_SPACE
 */
export async function readDisk(world: World, disk: string, into: string): Promise<DiskTree> {
  const { files } = world
  await files.setMode(into, 0o700) // the tree may hold foreign set-user-ID programs
  const raw = join(into, 'disk.raw')
  const diskBytes = await toRaw(world, disk, raw)
  const dump = await world.exec.run(['sfdisk', '--json', raw])
  const partitions = parsePartitionTable(dump.stdout, diskBytes)
  const state = join(into, 'owners.fakeroot')
  if (!world.exec.isRoot) await files.write(state, '', { mode: 0o600 })
  const prefix = world.exec.isRoot ? [] : ['fakeroot', '-i', state, '-s', state, '--']
  const copies: Copied[] = []
  for (const partition of partitions) {
    if (partition.type === biosBootType) continue
    copies.push(await copyPartition(world, into, partition, prefix))
  }
  await files.remove(raw)

  const roots: Copied[] = []
  for (const copied of copies) if (await isRoot(world, join(into, copied.folder))) roots.push(copied)
  const [first, second] = roots
  if (first === undefined) throw refuse(`no file system of ${disk} has etc/os-release`)
  if (second !== undefined) {
    throw refuse(
      `partitions ${first.partition.number} and ${second.partition.number} both have etc/os-release`,
    )
  }
  const root = join(into, 'root')
  await files.rename(join(into, first.folder), root)
  const fstab = parseFstab((await textInTree(world, root, 'etc/fstab')) ?? '')
  const others = copies
    .filter((copied) => copied !== first)
    .map((copied) => ({ copied, mount: mountOf(copied, fstab) }))
    .sort((a, b) => a.mount.length - b.mount.length) // /var before /var/log
  for (const { copied, mount } of others) {
    const place = await folderInTree(world, root, mount)
    const hidden = (await files.list(place)).length
    if (mount === '/' || hidden > 0) {
      throw refuse(`${hidden} names lie hidden under the mount point ${mount}`)
    }
    await files.remove(place)
    await files.rename(join(into, copied.folder), place)
  }
  return {
    root,
    fileSystems: [
      { mount: '/', type: first.type, partition: first.partition.number },
      ...others.map(({ copied, mount }) => ({
        mount,
        type: copied.type,
        partition: copied.partition.number,
      })),
    ],
    asOwned: world.exec.isRoot ? [] : ['fakeroot', '-i', state, '--'],
  }
}
