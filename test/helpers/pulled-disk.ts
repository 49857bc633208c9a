import { join } from 'node:path'
import { sha256 } from '../../pipeline/core/digest.ts'
import type { SharedImage } from '../../pipeline/core/shared-image.ts'
import type { ArchiveBase } from '../../pipeline/model/base.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { ociSharing } from '../../pipeline/targets/qemu/share/oci.ts'
import { loggedIn, startRegistry } from './trivy-db-registry.ts'
import type { TestWorld } from './world.ts'

/** What a consumer does with a containerDisk: skopeo pulls it, tar takes the disk out. @returns the disk's path */
export async function pullDisk(world: World, reference: string, folder: string): Promise<string> {
  const pulled = join(folder, 'pulled')
  const env = { REGISTRY_AUTH_FILE: world.env['REGISTRY_AUTH_FILE'] ?? '' }
  const from = `docker://${reference}`
  const copy = ['skopeo', '--insecure-policy', 'copy', '--src-tls-verify=false', from, `dir:${pulled}`]
  await world.files.makeFolder(folder)
  await world.exec.run(copy, { env })
  const manifest = JSON.parse(await world.files.readText(join(pulled, 'manifest.json')))
  const [layer, ...more] = manifest.layers
  if (more.length > 0) throw new Error('more than one layer')
  const tar = join(pulled, String(layer.digest).replace('sha256:', ''))
  await world.exec.run(['tar', '--extract', '--file', tar, '--directory', folder])
  const [name = ''] = await world.files.list(join(folder, 'disk'))
  return join(folder, 'disk', name)
}

/** A base's disk that went through a registry as a containerDisk and came back. */
export async function viaRegistry(box: TestWorld, base: ArchiveBase): Promise<string> {
  const folder = join(box.folder, 'registry')
  const registry = await startRegistry(box.world, folder, { login: true })
  try {
    const world = await loggedIn(box.world, folder, registry)
    const release: SharedImage = {
      image: 'debian-13',
      version: '1.0.0',
      variant: 'qemu-x86_64',
      arch: 'x86_64',
      sha256: base.disk.sha256,
      bytes: (await world.files.info(base.disk.path))?.size ?? 0,
      virtualBytes: base.disk.virtualBytes,
      format: 'qcow2',
      login: 'debian',
      os: 'debian 13',
      made: base.bootstrapped,
      record: sha256('a record'),
      revision: null,
    }
    const reference = await ociSharing.grant({
      world,
      principal: `oci:${registry.host}/golden/debian-13`,
      image: release.image,
      channels: ['stable'],
      known: [{ release, reference: null }],
      release,
      channel: 'stable',
      from: null,
      copies: true,
      isTrusted: async () => true,
      record: 'a record',
      disk: async () => base.disk.path,
      update: () => undefined,
    })
    return await pullDisk(world, reference, join(box.folder, 'consumer'))
  } finally {
    await registry.stop()
  }
}
