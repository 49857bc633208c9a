import { join } from 'node:path'
import { checkDiskLayout } from '../../core/disk-layout.ts'
import { parseRepoMirrors } from '../../core/repo-mirrors.ts'
import { MintmarkError } from '../../errors.ts'
import type { ImageLock, ResolvedBase } from '../../model/base.ts'
import type { Definition } from '../../model/definition.ts'
import type { World } from '../../ports/world.ts'
import type { GuestMirrors, OfferInput, Target } from '../target.ts'
import { chooseAccelerator } from './accelerator.ts'
import { findMirror } from './archive/find-mirror.ts'
import { observeBase } from './archive/observe-base.ts'
import { pendingUpgrades } from './archive/pending-upgrades.ts'
import { recipeDigest } from './archive/recipe.ts'
import { resolveBase } from './archive/resolve-base.ts'
import { collect, discard, fileOf, publish, rawDisk, unchanged } from './artifact.ts'
import { lockImage } from './image/lock-image.ts'
import { observeImage } from './image/observe-image.ts'
import { resolveImage } from './image/resolve-image.ts'
import { launch } from './launch.ts'
import { leftovers } from './leftovers.ts'
import { readDisk } from '../disk/read-disk.ts'
import { sharing } from './share/sharing.ts'

/** A mirror on this machine's own loopback is the host's address from inside the guest. */
export function seenFromGuest(url: string): string {
  return url.replace(/^(https?:\/\/)(?:localhost|127\.0\.0\.1)(?=[:/]|$)/, '$110.0.2.2')
}

async function guestMirrors(world: World): Promise<GuestMirrors> {
  const mirror = await findMirror(world)
  const repos = [...parseRepoMirrors(world.env['MINTMARK_REPO_MIRRORS'])]
  return {
    archive: seenFromGuest(mirror.archive),
    security: seenFromGuest(mirror.security),
    repos: new Map(repos.map(([name, url]) => [name, seenFromGuest(url)])),
    proxy: seenFromGuest(world.env['http_proxy'] ?? ''),
  }
}

/** Whom each family's cloud-init makes in a new instance. */
const loginUsers: Readonly<Record<Definition['os']['family'], string>> = {
  debian: 'debian',
  ubuntu: 'ubuntu',
  rocky: 'rocky',
  rhel: 'cloud-user',
  'amazon-linux': 'ec2-user',
}

const imageOf = (lock: OfferInput['earlier']): ImageLock | null => (lock?.from === 'image' ? lock : null)

/** @throws MintmarkError INTERNAL for a base of another target */
function diskOf(base: ResolvedBase) {
  if (base.from !== 'ami') return { path: fileOf(base.disk), sha256: base.disk.sha256 }
  throw new MintmarkError('INTERNAL', `${base.imageId} is no disk that qemu can build on`)
}

export const qemu = {
  id: 'qemu',
  arch: 'x86_64',
  bootstraps: true,
  capabilities: { link: true, clock: true },
  loginUser: ({ os }) => loginUsers[os.family],
  host: chooseAccelerator,
  sourceInput: () => ({
    template: 'qemu',
    plugin: 'packer-plugin-qemu',
    name: 'source.qemu.image',
    poweroff: 'engine',
    values: {
      // Packer's own placeholders: data to us.
      netdev: 'user,id=user.0,hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:22',
      httpSerial: 'type=1,serial=ds=nocloud-net;s=http://10.0.2.2:{{ .HTTPPort }}/',
    },
  }),
  async buildVariables({ world, folder, base }) {
    const mirrors = await guestMirrors(world)
    const disk = base === null ? null : diskOf(base)
    const { accelerator } = base === null ? { accelerator: 'tcg' } : await chooseAccelerator(world)
    return {
      base_disk: disk?.path ?? join(folder, 'base.qcow2'),
      base_sha256: disk?.sha256 ?? '0'.repeat(64),
      output_directory: join(folder, 'output'),
      console_log: join(folder, 'console.log'),
      accelerator,
      cpu_model: accelerator === 'kvm' ? 'host' : 'max',
      archive_mirror: mirrors.archive,
      security_mirror: mirrors.security,
      repo_mirrors: [...mirrors.repos].map(([name, url]) => `${name}=${url}`).join(' '),
      http_proxy: mirrors.proxy,
    }
  },
  buildEnvironment: async () => ({}),
  // The engine watches it itself: it is a file.
  buildConsole: async () => [],
  // All that a build makes here is in the run's folder.
  sweep: async () => undefined,
  async resolveBase(input) {
    checkDiskLayout(input.image, input.definition)
    return input.lock.from === 'archive' ? resolveBase(input) : resolveImage(input)
  },
  observeBase,
  observeImage: (input) => observeImage({ ...input, earlier: imageOf(input.earlier) }),
  lockImage: (input) => lockImage({ ...input, earlier: imageOf(input.earlier) }),
  baseRecipe: async (world, lock) => (lock.from === 'archive' ? recipeDigest(world, lock) : null),
  pendingUpgrades,
  guestMirrors,
  rawDisk,
  discard,
  collect,
  unchanged,
  launch: ({ artifact, ...input }) => launch({ ...input, disk: fileOf(artifact) }),
  readDisk: ({ world, artifact, into }) => readDisk(world, fileOf(artifact), into),
  publish,
  whereIs: ({ catalog }, { sha256 }) => ({
    address: catalog.blobAddress(sha256),
    path: catalog.blobPath(sha256),
  }),
  remains: async () => ({ found: [], problems: [] }),
  leftovers,
  sharing,
} as const satisfies Target
