import type { World } from '../../../ports/world.ts'

/** How each program tells its version; the first number with a dot in what it says. */
const asked: Readonly<Record<string, readonly string[]>> = {
  mmdebstrap: ['mmdebstrap', '--version'],
  apt: ['apt-get', '--version'],
  gpgv: ['gpgv', '--version'],
  fakeroot: ['fakeroot', '--version'],
  e2fsprogs: ['mke2fs', '-V'],
  dosfstools: ['mkfs.vfat', '--help'],
  mtools: ['mcopy', '--version'],
  sfdisk: ['sfdisk', '--version'],
  'qemu-img': ['qemu-img', '--version'],
}

/** Versions of the programs that make a base, for its record. */
export async function toolVersions(world: World): Promise<Record<string, string>> {
  const versions: Record<string, string> = {}
  for (const [name, argv] of Object.entries(asked)) {
    const { stdout, stderr } = await world.exec.run(argv, { ok: 'any', timeoutMs: 20_000, leash: 'child' })
    versions[name] = /\d+(?:\.\d+)+/.exec(`${stdout}\n${stderr}`)?.[0] ?? 'unknown'
  }
  return versions
}
