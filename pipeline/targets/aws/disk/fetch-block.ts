import { sha256 } from '../../../core/digest.ts'
import { MintmarkError } from '../../../errors.ts'
import type { AwsCalls } from '../client.ts'
import { explainAws } from '../errors.ts'
import { blockBytes, type ListedBlock } from './list-blocks.ts'

/** Why the bytes of a block are not there; the caller may try again, but for `refused`. */
export type BlockProblem = 'token' | 'bytes' | 'unreachable' | 'refused'

export interface FetchedBlock {
  readonly problem: BlockProblem | null
  /** For people; null without a problem. */
  readonly error: MintmarkError | null
}

const came: FetchedBlock = { problem: null, error: null }

/** What of the reasons of EBS direct is told apart. */
function reasonOf(cause: unknown): string | null {
  const inner: unknown = cause instanceof MintmarkError ? cause.cause : cause
  return inner instanceof Error && 'Reason' in inner && typeof inner.Reason === 'string' ? inner.Reason : null
}

const wrong = (name: string, what: string): FetchedBlock => ({
  problem: 'bytes',
  error: new MintmarkError('PROVIDER_REFUSED', `${name} came ${what}`, {
    hint: 'run the same command again; if it stays so, something on the way changes the bytes',
  }),
})

/**
 * Reads one block into `into`, which has its size, and holds it against the checksum that came with it. Throws only when the process
 * is asked to stop, and for a mistake of ours.
 */
export async function fetchBlock(
  calls: AwsCalls,
  snapshotId: string,
  { index, token }: ListedBlock,
  into: Uint8Array,
): Promise<FetchedBlock> {
  const name = `block ${index} of ${snapshotId}`
  const about = { action: 'ebs:GetSnapshotBlock', region: calls.region, profile: calls.profile, seconds: 60 }
  try {
    const answer = await calls.ebs.send('GetSnapshotBlock', {
      SnapshotId: snapshotId,
      BlockIndex: index,
      BlockToken: token,
    })
    if (answer.BlockData === undefined) return wrong(name, 'without bytes')
    let bytes = 0
    // In Node a body is a stream of chunks: put where they belong, nothing is kept twice.
    for await (const chunk of answer.BlockData as unknown as AsyncIterable<Uint8Array>) {
      if (bytes + chunk.length > blockBytes) return wrong(name, `with more than ${blockBytes} bytes`)
      into.set(chunk, bytes)
      bytes += chunk.length
    }
    if (bytes !== blockBytes) return wrong(name, `with ${bytes} bytes, not ${blockBytes}`)
    if (answer.ChecksumAlgorithm !== 'SHA256' || answer.Checksum === undefined)
      return wrong(name, 'without a SHA-256 of its bytes')
    if (Buffer.from(answer.Checksum, 'base64').toString('hex') !== sha256(into))
      return wrong(name, 'with other bytes than its checksum is of')
    return came
  } catch (cause) {
    const error = explainAws(cause, about)
    if (error.code === 'INTERRUPTED' || cause instanceof TypeError) throw cause
    if (reasonOf(cause) === 'INVALID_BLOCK_TOKEN') return { problem: 'token', error }
    return { problem: error.code === 'PROVIDER_UNREACHABLE' ? 'unreachable' : 'refused', error }
  }
}
