import { join } from 'node:path'
import { checkDiskLayout } from '../../core/disk-layout.ts'
import { parseRepoMirrors } from '../../core/repo-mirrors.ts'
import type { Definition } from '../../model/definition.ts'
import type { World } from '../../ports/world.ts'
import type { GuestMirrors, Target } from '../target.ts'
import { chooseAccelerator } from './accelerator.ts'
import { findMirror } from './archive/find-mirror.ts'
import { observeBase } from './archive/observe-base.ts'
import { pendingUpgrades } from './archive/pending-upgrades.ts'
import { recipeDigest } from './archive/recipe.ts'
import { resolveBase } from './archive/resolve-base.ts'
import { lockImage } from './image/lock-image.ts'
import { observeImage } from './image/observe-image.ts'
import { resolveImage } from './image/resolve-image.ts'
import { launch } from './launch.ts'
import { leftovers } from './leftovers.ts'
import { readDisk } from './read-disk.ts'
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
  'amazon-linux': 'ec2-user',
}

export const qemu = {
  id: 'qemu',
  arch: 'x86_64',
  loginUser: ({ os }) => loginUsers[os.family],
  host: chooseAccelerator,
  sourceInput: () => ({
    template: 'qemu',
    name: 'source.qemu.image',
    values: {
      // Packer's own placeholders: data to us.
      netdev: 'user,id=user.0,hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:22',
      httpSerial: 'type=1,serial=ds=nocloud-net;s=http://10.0.2.2:{{ .HTTPPort }}/',
    },
  }),
  async buildVariables({ world, folder, base }) {
    const mirrors = await guestMirrors(world)
    const { accelerator } = base === null ? { accelerator: 'tcg' } : await chooseAccelerator(world)
    return {
      base_disk: base?.disk.path ?? join(folder, 'base.qcow2'),
      base_sha256: base?.disk.sha256 ?? '0'.repeat(64),
      console_log: join(folder, 'console.log'),
      accelerator,
      cpu_model: accelerator === 'kvm' ? 'host' : 'max',
      archive_mirror: mirrors.archive,
      security_mirror: mirrors.security,
      repo_mirrors: [...mirrors.repos].map(([name, url]) => `${name}=${url}`).join(' '),
      http_proxy: mirrors.proxy,
    }
  },
  async resolveBase(input) {
    checkDiskLayout(input.image, input.definition)
    return input.lock.from === 'archive' ? resolveBase(input) : resolveImage(input)
  },
  observeBase,
  observeImage,
  lockImage,
  baseRecipe: async (world, lock) => (lock.from === 'archive' ? recipeDigest(world, lock) : null),
  pendingUpgrades,
  guestMirrors,
  launch,
  readDisk,
  leftovers,
  sharing,
} as const satisfies Target
