import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestWorld } from './world.ts'

const mib = 1024 * 1024

interface DiskOptions {
  readonly name: string
  readonly tree: string
  /** With an EFI system partition. */
  readonly esp?: boolean
  /** First and number of the MiB of the root file system that are overwritten after it was made. */
  readonly spoilMiB?: readonly [number, number]
  readonly features?: string
  /** Commands of debugfs, for what an ordinary user could not put into a tree. */
  readonly edit?: readonly string[]
  /** argv that makes a second file system in the file that is added to it. */
  readonly secondFs?: readonly string[]
  readonly secondType?: string
  /** A whole partition table for sfdisk, instead of the GPT. */
  readonly label?: string
}

/** A GPT disk of 40 MiB, as qcow2: BIOS boot, ESP, root (its partition is called "root", which Trivy itself would skip). */
export async function makeDisk(
  { world }: Pick<TestWorld, 'world'>,
  folder: string,
  options: DiskOptions,
): Promise<string> {
  const { exec } = world
  const raw = join(folder, `${options.name}.raw`)
  const rootAt = 4 * mib
  await exec.run(['truncate', '-s', '40M', raw])
  const table = [
    'label: gpt',
    'start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649',
    ...(options.esp === true ? ['start=4096, size=2048, type=uefi'] : []),
    'start=8192, size=49152, type=linux, name=root',
    ...(options.secondFs === undefined
      ? []
      : [`start=65536, size=8192, type=${options.secondType ?? 'linux'}, name=data`]),
  ]
  await exec.run(['sfdisk', '-q', raw], { input: options.label ?? `${table.join('\n')}\n` })
  if (options.esp === true) {
    const esp = `${raw}@@${2 * mib}`
    await exec.run(['mformat', '-i', esp, '-T', '2048', '-h', '16', '-s', '32', '-N', '25A4EAD4', '::'])
    await exec.run(['mmd', '-i', esp, '::/EFI', '::/EFI/BOOT'])
    await exec.run(['mcopy', '-i', esp, '-', '::/EFI/BOOT/BOOTX64.EFI'], { input: 'boot code' })
  }
  const features = options.features === undefined ? [] : ['-O', options.features]
  await exec.run([
    'mke2fs',
    '-q',
    '-F',
    '-t',
    'ext4',
    ...features,
    '-E',
    `offset=${rootAt}`,
    '-d',
    options.tree,
    raw,
    '24M',
  ])
  for (const command of options.edit ?? []) {
    await exec.run(['debugfs', '-w', '-R', command, `${raw}?offset=${rootAt}`])
  }
  if (options.spoilMiB !== undefined) {
    const [from, count] = options.spoilMiB
    const to = ['bs=1M', 'conv=notrunc', `seek=${4 + from}`, `count=${count}`]
    await exec.run(['dd', 'if=/dev/urandom', `of=${raw}`, ...to])
  }
  if (options.secondFs !== undefined) {
    const second = join(folder, `${options.name}.second`)
    await exec.run(['truncate', '-s', '4M', second])
    await exec.run([...options.secondFs, second])
    await exec.run(['dd', `if=${second}`, `of=${raw}`, 'bs=1M', 'seek=32', 'conv=notrunc'])
  }
  const disk = join(folder, `${options.name}.qcow2`)
  await exec.run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw, disk])
  return disk
}

/** As little as a system can have. */
export async function smallTree(folder: string, name: string): Promise<string> {
  const tree = join(folder, name)
  await mkdir(join(tree, 'etc'), { recursive: true })
  await writeFile(join(tree, 'etc/os-release'), 'ID=debian\n')
  return tree
}
