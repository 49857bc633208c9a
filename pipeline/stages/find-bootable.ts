import { resolve } from 'node:path'
import { MintmarkError } from '../errors.ts'
import type { ArtifactPlace } from '../model/artifact.ts'
import { Definition } from '../model/definition.ts'
import type { InstanceFile } from '../model/instance.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'
import { targetOf } from './choose-target.ts'
import { imageNames, loadDefinition } from './load-definition.ts'
import { locateRelease } from './read-release.ts'
import { takeArtifact } from './take-image.ts'
import { trustedRelease } from './verify-release.ts'

/** An image that a machine may be started from. */
export interface Bootable {
  /** For people: debian-13@1.0.0, or the path of a file. */
  readonly name: string
  /** Lower-case letters, digits and "-": becomes the host name. */
  readonly host: string
  readonly artifact: ArtifactPlace
  readonly definition: Definition
  /** What starts it. */
  readonly target: Target
  readonly virtualBytes: number
  /** False for a file that no signed record is about. */
  readonly recorded: boolean
  /** The release that it is; left out for a file without a record. */
  readonly release?: NonNullable<InstanceFile['release']>
}

/** What a file without a record is started with: the embedded target's plain machine. */
const plainDefinition: Definition = Definition.parse({
  schema: 1,
  owner: 'team-none',
  os: { family: 'debian', release: '13', arch: ['x86_64'] },
  base: { from: 'archive' },
  hardening: { profiles: ['none'] },
  targets: { qemu: {} },
})

/**
 * The image that a reference means: a release, whose signature and bytes are checked first, or the path of a
 * qcow2 file.
 * @throws MintmarkError NOT_FOUND, VERIFY_FAILED, or USAGE for a file that is no self-contained qcow2
 */
export async function findBootable(world: World, ref: string): Promise<Bootable> {
  const isFile = /\/|\.qcow2$/.test(ref) && (await world.files.info(ref))?.kind === 'file'
  return isFile ? bootableFile(world, resolve(ref)) : bootableRelease(world, ref)
}

async function bootableRelease(world: World, ref: string): Promise<Bootable> {
  const release = await trustedRelease(world, await locateRelease(world, ref), null)
  const { image, version, artifact, target } = release.statement.predicate
  const name = `${image}@${version}`
  const known = (await imageNames(world)).includes(image)
  return {
    name,
    host: hostName(image),
    artifact: await takeArtifact(world, `the image of ${name}`, artifact),
    definition: known ? await loadDefinition(world, image) : plainDefinition,
    target: targetOf(target),
    virtualBytes: artifact.virtualBytes,
    recorded: true,
    release: { image, version, variant: release.variant, artifact: artifact.sha256, record: release.record },
  }
}

async function bootableFile(world: World, disk: string): Promise<Bootable> {
  const { stdout } = await world.exec.run(['qemu-img', 'info', '--output=json', disk])
  const info = JSON.parse(stdout) as Readonly<Record<string, unknown>>
  const size = info['virtual-size']
  // Other files that a qcow2 names would be read with our rights.
  const others = JSON.stringify(info).match(/"(?:full-)?backing-filename"|"data-file"/)
  if (info['format'] !== 'qcow2' || typeof size !== 'number' || others !== null) {
    throw new MintmarkError('USAGE', `${disk} is no qcow2 that stands by itself`, {
      hint: `qemu-img convert -O qcow2 ${disk} alone.qcow2`,
    })
  }
  return {
    name: disk,
    host: 'mintmark',
    artifact: { format: 'qcow2', path: disk },
    definition: plainDefinition,
    target: targetOf('qemu'),
    virtualBytes: size,
    recorded: false,
  }
}

const hostName = (image: string): string => image.replaceAll('.', '-')
