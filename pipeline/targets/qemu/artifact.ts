import { join } from 'node:path'
import { nameOfArtifact } from '../../core/artifact.ts'
import { MintmarkError } from '../../errors.ts'
import type { ArtifactPlace, Qcow2Artifact } from '../../model/artifact.ts'
import type { Published } from '../../model/release.ts'
import type { World } from '../../ports/world.ts'
import type { BuiltInput, CollectInput, RawDiskInput } from '../building.ts'
import type { PublishInput, Target } from '../target.ts'

/** @throws MintmarkError INTERNAL for an artifact of another target */
export function fileOf(artifact: ArtifactPlace): string {
  if (artifact.format === 'qcow2') return artifact.path
  throw new MintmarkError('INTERNAL', `${nameOfArtifact(artifact)} is no file that qemu can use`)
}

async function virtualBytes(world: World, path: string): Promise<number> {
  const { stdout } = await world.exec.run(['qemu-img', 'info', '--output=json', path])
  const size = (JSON.parse(stdout) as { 'virtual-size'?: unknown })['virtual-size']
  if (typeof size !== 'number')
    throw new MintmarkError('BUILD_FAILED', `qemu-img does not tell the size of ${path}`)
  return size
}

export async function rawDisk({ world, built, to }: RawDiskInput): Promise<void> {
  await world.exec.run(['qemu-img', 'convert', '-O', 'raw', built, to], { leash: 'child' })
}

export const discard = ({ world, built }: BuiltInput): Promise<void> => world.files.remove(built)

/** Packer's file under the run's own name, read-only from now on; its digest is its id. */
export async function collect({ world, built, folder }: CollectInput): Promise<Qcow2Artifact> {
  const { files } = world
  const path = join(folder, 'image.qcow2')
  await files.rename(built, path)
  await files.setMode(path, 0o444)
  const [sha256, info] = [await files.sha256(path), await files.info(path)]
  return {
    format: 'qcow2',
    path,
    sha256,
    bytes: info?.size ?? 0,
    virtualBytes: await virtualBytes(world, path),
  }
}

/** Reads the file through. */
export const unchanged: Target['unchanged'] = async ({ world, artifact }) => {
  const found = await world.files.sha256(fileOf(artifact))
  return found === artifact.sha256 ? null : `sha256:${found}`
}

/** Stores exactly the file that the gate let pass. */
export async function publish({ world, gate, artifact }: PublishInput): Promise<Published> {
  const { sha256, bytes } = await world.catalog.putBlob(fileOf(artifact), { expected: gate.subject })
  return { subject: sha256, bytes, blob: `blobs/sha256/${sha256.slice(0, 2)}/${sha256}` }
}
