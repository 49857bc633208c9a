import { MintmarkError } from '../errors.ts'
import { SfdiskDump } from '../model/disk.ts'

/** One partition of a GPT or of an MBR. */
export interface Partition {
  /** As in the table's entries, from 1. */
  readonly number: number
  readonly startBytes: number
  readonly bytes: number
  /** Upper-case GUID of its type; of an MBR, two hex digits. */
  readonly type: string
  /** Upper-case GUID of its own; of an MBR, what Linux makes up: the disk's id and the number. */
  readonly uuid: string
  readonly name: string
}

/** Boot code of BIOS machines: raw, never a file system. */
export const biosBootType = '21686148-6449-6E6F-744E-656564454649'
/** EFI system partition, of a GPT and of an MBR. */
export const espTypes: readonly string[] = ['C12A7328-F81F-11D2-BA4B-00A0C93EC93B', 'EF']

/** MBR types of partitions that only hold other partitions. */
const extendedTypes: readonly string[] = ['5', 'F', '85']

const refuse = (message: string): MintmarkError =>
  new MintmarkError('TOOL_FAILED', message, {
    hint: 'the image must be a whole disk with a GPT (or an MBR); build it again',
  })

/**
 * Reads the output of `sfdisk --json`. Partitions come in the order of their place on the disk.
 * @param diskBytes size of the whole disk
 * @throws MintmarkError TOOL_FAILED when it is neither a GPT nor an MBR, holds no partition, or one that overlaps or leaves the disk
 */
export function parsePartitionTable(json: string, diskBytes: number): readonly Partition[] {
  let data: unknown
  try {
    data = JSON.parse(json)
  } catch (cause) {
    throw new MintmarkError('TOOL_FAILED', 'sfdisk printed something that is not JSON', { cause })
  }
  const parsed = SfdiskDump.safeParse(data)
  if (!parsed.success) throw refuse(`sfdisk's partition table has an unknown shape: ${parsed.error.message}`)
  const table = parsed.data.partitiontable
  const { label, id } = table
  if (label !== 'gpt' && label !== 'dos') throw refuse(`the partition table is "${label}", not gpt or dos`)
  if (table.partitions.length === 0) throw refuse('the partition table is empty')
  if (label === 'dos' && table.partitions.some(({ type }) => type === 'ee')) {
    throw refuse('the MBR says that there is a GPT, but there is no valid one')
  }
  const partitions = table.partitions
    .map((entry): Partition => {
      const digits = /(\d+)$/.exec(entry.node)?.[1]
      if (digits === undefined) throw refuse(`partition "${entry.node}" has no number`)
      const number = Number(digits)
      const made = `${id.replace(/^0x/, '')}-${number.toString(16).padStart(2, '0')}`
      return {
        number,
        startBytes: entry.start * table.sectorsize,
        bytes: entry.size * table.sectorsize,
        type: entry.type.toUpperCase(),
        uuid: (label === 'dos' ? made : entry.uuid).toUpperCase(),
        name: entry.name,
      }
    })
    .filter(({ type }) => label === 'gpt' || !extendedTypes.includes(type))
    .sort((a, b) => a.startBytes - b.startBytes)
  let end = 0
  for (const partition of partitions) {
    if (partition.startBytes < end) throw refuse(`partition ${partition.number} overlaps the one before it`)
    end = partition.startBytes + partition.bytes
    if (end > diskBytes) {
      throw refuse(`partition ${partition.number} ends at byte ${end}, the disk has ${diskBytes}`)
    }
  }
  return partitions
}

/** `blkid -o export`: tag -> value. */
export function parseTags(text: string): Readonly<Record<string, string>> {
  const tags: Record<string, string> = {}
  for (const line of text.split('\n')) {
    const at = line.indexOf('=')
    if (at > 0) tags[line.slice(0, at)] = line.slice(at + 1).replace(/\\(.)/g, '$1')
  }
  return tags
}
