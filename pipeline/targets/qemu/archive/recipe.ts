import { join } from 'node:path'
import { digestOf } from '../../../core/digest.ts'
import type { DiskLayout } from '../../../core/disk-layout.ts'
import type { ArchiveLock, SeenSuite } from '../../../model/base.ts'
import type { World } from '../../../ports/world.ts'

/** What a machine needs to boot, be reached, be set up by cloud-init and stay up to date; all else is the definition's. */
export const packages: readonly string[] = [
  // the kernel and what starts it under BIOS, UEFI and Secure Boot; installed, so that scans see their versions too
  'linux-image-cloud-amd64',
  'initramfs-tools',
  'zstd',
  'grub-pc-bin',
  'grub-efi-amd64-signed',
  'shim-signed',
  // the system
  'systemd',
  'systemd-sysv',
  'systemd-resolved',
  'systemd-timesyncd',
  'libpam-systemd',
  'udev',
  'dbus',
  'e2fsprogs',
  'fdisk',
  'iproute2',
  'netbase',
  'tzdata',
  'ca-certificates',
  // the way in
  'openssh-server',
  'sudo',
  'cloud-init',
  'cloud-guest-utils',
]

/** Stays in the image as well: what is installed later is as slim. Licences (copyright) are always kept. */
const dpkgOptions: readonly string[] = [
  'path-exclude=/usr/share/doc/*',
  'path-include=/usr/share/doc/*/copyright',
  'path-exclude=/usr/share/man/*',
  'path-exclude=/usr/share/info/*',
  'path-exclude=/usr/share/locale/*',
  'path-include=/usr/share/locale/locale.alias',
]

/** For a bootstrap alone. The machine's own apt may have the checks of dates switched off. */
export const aptOptions: readonly string[] = [
  'Acquire::Check-Valid-Until "true"',
  'Acquire::Check-Date "true"',
  'Acquire::AllowInsecureRepositories "false"',
  'Acquire::Languages "none"',
  'Acquire::Retries "3"',
]

/** Before the kernel is installed: its initramfs would otherwise name the swap of the machine that bootstraps. */
const essentialHook =
  'mkdir -p "$1/etc/initramfs-tools/conf.d" && echo RESUME=none >"$1/etc/initramfs-tools/conf.d/resume"'

export const recipeOptions: readonly string[] = [
  '--mode=unshare',
  '--variant=minbase',
  '--format=tar',
  '--architectures=amd64',
  ...aptOptions.map((option) => `--aptopt=${option}`),
  ...dpkgOptions.map((option) => `--dpkgopt=${option}`),
  `--include=${packages.join(',')}`,
  `--essential-hook=${essentialHook}`,
]

/** Shell is not compiled: it is used from where it is written. */
export const scriptPath = (world: World, name: 'inside.sh' | 'make-disk.sh'): string =>
  join(world.places.installation, 'pipeline/targets/qemu/archive', name)

/** Digest of all that makes a disk of an archive, but for what the archive holds. */
export async function recipeDigest(
  world: World,
  lock: ArchiveLock,
  layout: DiskLayout = 'simple',
): Promise<string> {
  return digestOf({
    layout,
    options: recipeOptions,
    inside: await world.files.sha256(scriptPath(world, 'inside.sh')),
    makeDisk: await world.files.sha256(scriptPath(world, 'make-disk.sh')),
    release: lock.release,
    codename: lock.codename,
    keys: lock.keys.map((key) => key.fingerprint).sort(),
  })
}

/** The base's id: equal archive, keys and recipe give an equal id, from whichever mirror and on whichever machine. */
export const baseId = (recipe: string, suites: readonly SeenSuite[]): string =>
  digestOf({ recipe, suites: suites.map(({ suite, inRelease }) => ({ suite, inRelease })) })

/** Seconds since 1970 of the newest Release file: the time that is written into the disk instead of today's. */
export const epochOf = (suites: readonly SeenSuite[]): number =>
  Math.floor(Math.max(...suites.map((suite) => Date.parse(suite.date))) / 1000)
