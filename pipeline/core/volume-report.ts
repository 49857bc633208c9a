import { MintmarkError } from '../errors.ts'
import { parseTags } from './partition-table.ts'

/** What the helper machine says of one file system, or of what takes the place of one. */
export interface Volume {
  readonly number: number
  readonly partition: number
  /** Device names of a logical volume, none for a partition; the last is /dev/GROUP/VOLUME. */
  readonly names: readonly string[]
  /** TYPE, UUID, LABEL as blkid names them. */
  readonly tags: Readonly<Record<string, string>>
  /** `empty`: zeros only. `unread`: it holds something that is no file system to be copied. */
  readonly state: 'read' | 'empty' | 'unread'
  /** Paths of btrfs subvolumes below the volume's top. */
  readonly subvolumes: readonly string[]
  /** The subvolume that a mount without options shows; empty for the top. */
  readonly defaultSubvolume: string
}

const states = ['read', 'empty', 'unread'] as const

/**
 * Reads the lines `key value` of the helper machine's report.
 * @throws MintmarkError TOOL_FAILED for a line that makes no sense
 */
export function parseVolumeReport(text: string): readonly Volume[] {
  const blocks: string[][] = []
  for (const line of text.split('\n')) {
    if (line === '') continue
    if (line.startsWith('volume ')) blocks.push([])
    const block = blocks.at(-1)
    if (block === undefined) throw odd(line)
    block.push(line)
  }
  return blocks.map(parseBlock)
}

function parseBlock(lines: readonly string[]): Volume {
  const valuesOf = (key: string): readonly string[] =>
    lines.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1))
  const numberOf = (key: string): number => {
    const [value = ''] = valuesOf(key)
    if (!/^\d{1,6}$/.test(value)) throw odd(`${key} ${value}`)
    return Number(value)
  }
  const said = valuesOf('state').join(' ')
  const state = states.find((name) => name === said)
  if (state === undefined) throw odd(`state ${said}`)
  return {
    number: numberOf('volume'),
    partition: numberOf('partition'),
    names: valuesOf('names').flatMap((value) => value.split(' ')),
    tags: parseTags(valuesOf('tag').join('\n')),
    state,
    subvolumes: valuesOf('subvolume'),
    defaultSubvolume: valuesOf('default')[0] ?? '',
  }
}

const odd = (line: string): MintmarkError =>
  new MintmarkError('TOOL_FAILED', `the machine that reads disks reported "${line}"`)

/** How messages name it. */
export const volumeTitle = (volume: Volume): string =>
  volume.names.length === 0
    ? `partition ${volume.partition}`
    : `logical volume ${(volume.names.at(-1) ?? '').replace('/dev/', '')}`
