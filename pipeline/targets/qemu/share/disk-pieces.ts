import { MintmarkError } from '../../../errors.ts'
import type { World } from '../../../ports/world.ts'

/** The bytes of an image in order. @throws MintmarkError INTERRUPTED as soon as we are told to stop: copying takes long */
export async function* diskPieces({ files, signal }: World, path: string): AsyncGenerator<Uint8Array> {
  for await (const piece of files.chunks(path)) {
    if (signal.aborted) throw new MintmarkError('INTERRUPTED', 'stopped')
    yield piece
  }
}
