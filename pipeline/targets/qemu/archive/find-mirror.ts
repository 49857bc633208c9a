import { join } from 'node:path'
import {
  debianMirror,
  type Mirror,
  mirrorAmong,
  mirrorSetting,
  urisOfList,
  urisOfSources,
} from '../../../core/apt-sources.ts'
import type { World } from '../../../ports/world.ts'

const aptFolder = '/etc/apt'

async function machineUris(world: World, folder: string): Promise<readonly string[]> {
  const parts = join(folder, 'sources.list.d')
  const paths = [
    join(folder, 'sources.list'),
    ...(await world.files.list(parts)).map((name) => join(parts, name)),
  ]
  const uris: string[] = []
  for (const path of paths) {
    if ((await world.files.info(path)) === null) continue
    if (path.endsWith('.list')) uris.push(...urisOfList(await world.files.readText(path)))
    else if (path.endsWith('.sources')) uris.push(...urisOfSources(await world.files.readText(path)))
  }
  return uris
}

/**
 * Where Debian's packages come from: MINTMARK_DEBIAN_MIRROR and MINTMARK_DEBIAN_SECURITY_MIRROR, else what this machine's
 * own apt uses, else deb.debian.org. It never decides what a base is, so it is in no id, record or image.
 * @param folder where apt's own configuration is
 * @throws MintmarkError CONFIG_INVALID for a setting that is no URL
 */
export async function findMirror(world: World, folder = aptFolder): Promise<Mirror> {
  const set = (name: string): string | null => {
    const value = world.env[name] ?? ''
    return value === '' ? null : mirrorSetting(name, value)
  }
  const archive = set('MINTMARK_DEBIAN_MIRROR')
  const security = set('MINTMARK_DEBIAN_SECURITY_MIRROR')
  if (archive !== null && security !== null) return { archive, security }
  const machine = mirrorAmong(await machineUris(world, folder))
  return {
    archive: archive ?? machine.archive ?? debianMirror.archive,
    security: security ?? machine.security ?? debianMirror.security,
  }
}
