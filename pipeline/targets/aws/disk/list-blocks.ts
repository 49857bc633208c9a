import { MintmarkError } from '../../../errors.ts'
import type { AwsCalls } from '../client.ts'

/** EBS direct has blocks of no other size (EBS user guide, "Blocks"). */
export const blockBytes = 512 * 1024
const gib = 2 ** 30
const mostOfPage = 10_000

export interface ListedBlock {
  readonly index: number
  /** Good for this block of this snapshot, and for some days. */
  readonly token: string
}

/** Some of a snapshot's blocks, in their order. What was never written is in none. */
export interface BlockPage {
  readonly blocks: readonly ListedBlock[]
  /** Where the next page begins; null: this was the last. */
  readonly next: number | null
  /** Size of the volume that the snapshot is of. */
  readonly virtualBytes: number
}

const strange = (snapshotId: string, what: string): MintmarkError =>
  new MintmarkError('PROVIDER_REFUSED', `ebs:ListSnapshotBlocks of ${snapshotId} tells ${what}`, {
    hint: 'check AWS_ENDPOINT_URL: whoever answers there is not AWS',
  })

/**
 * A page of the snapshot's blocks from an index on. Tokens of pages are good for less time than it can take to read one: so each
 * page is asked for by its index.
 * @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE, INTERRUPTED
 */
export async function listBlocks(calls: AwsCalls, snapshotId: string, from: number): Promise<BlockPage> {
  const asked = { SnapshotId: snapshotId, StartingBlockIndex: from, MaxResults: mostOfPage }
  let virtualBytes = 0
  for await (const page of calls.ebs.pages('ListSnapshotBlocks', asked)) {
    const { BlockSize: size, VolumeSize: volume = 0, Blocks: listed = [] } = page
    if (size !== blockBytes) throw strange(snapshotId, `blocks of ${size} bytes`)
    if (!Number.isSafeInteger(volume) || volume < 1) throw strange(snapshotId, `a volume of ${volume} GiB`)
    virtualBytes = volume * gib
    let last = from - 1
    const blocks = listed.map(({ BlockIndex: index = -1, BlockToken: token = '' }) => {
      if (index <= last || (index + 1) * blockBytes > virtualBytes || token === '')
        throw strange(snapshotId, `a block ${index} after ${last}, of a volume of ${volume} GiB`)
      last = index
      return { index, token }
    })
    if (blocks.length > 0)
      return { blocks, next: page.NextToken === undefined ? null : last + 1, virtualBytes }
  }
  return { blocks: [], next: null, virtualBytes }
}
