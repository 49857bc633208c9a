import { join } from 'node:path'
import type { Fact } from '../model/stages.ts'
import type { World } from '../ports/world.ts'

/** A file of the definition: where it goes in the image, and its bytes as they were rendered. */
export interface PlacedFile {
  /** Absolute, in the image. */
  readonly to: string
  /** Absolute path of the bytes on this machine. */
  readonly source: string
}

/**
 * Are the definition's files in the image? One that is gone fails. One that a step or the hardening has changed since is
 * named: that may be meant, and is what its author would not guess.
 */
export async function placedFilesFact(
  { files }: Pick<World, 'files'>,
  root: string,
  placed: readonly PlacedFile[],
): Promise<{ readonly fact: Fact; readonly changed: readonly string[] }> {
  const missing: string[] = []
  const changed: string[] = []
  for (const { to, source } of placed) {
    const path = join(root, to)
    const info = await files.info(path)
    if (info === null) missing.push(to)
    else if (info.kind === 'file' && (await files.sha256(path)) !== (await files.sha256(source)))
      changed.push(to)
  }
  const parts = [
    `${placed.length - missing.length} of ${placed.length}`,
    ...(missing.length === 0 ? [] : [`gone: ${missing.join(', ')}`]),
    ...(changed.length === 0 ? [] : [`changed by a step or the hardening: ${changed.join(', ')}`]),
  ]
  const fact: Fact = {
    id: 'definition-files',
    title: "the definition's files are in the image",
    status: missing.length === 0 ? 'pass' : 'fail',
    expected: `${placed.length} of ${placed.length}`,
    found: parts.join('; '),
  }
  return { fact, changed }
}
