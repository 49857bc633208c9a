import { MintmarkError } from '../errors.ts'

export interface FstabEntry {
  /** Device, or TAG=value. */
  readonly source: string
  /** Absolute and normalised: no empty part, no `.` or `..`. */
  readonly mount: string
  readonly type: string
  readonly options: readonly string[]
}

/** fstab(5) writes blanks in a field as octal. */
const plain = (field: string): string =>
  field
    .replace(/^"(.*)"$/, '$1')
    .replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/**
 * Entries that have a mount point, in the file's order.
 * @throws MintmarkError TOOL_FAILED for a mount point that climbs with `..`
 */
export function parseFstab(text: string): readonly FstabEntry[] {
  const entries: FstabEntry[] = []
  for (const line of text.split('\n')) {
    const [source, mount, type, options = ''] = line.trim().split(/\s+/)
    if (source === undefined || mount === undefined || type === undefined || source.startsWith('#')) continue
    const path = plain(mount)
    if (!path.startsWith('/')) continue
    const parts = path.split('/').filter((part) => part !== '' && part !== '.')
    if (parts.includes('..')) {
      throw new MintmarkError('TOOL_FAILED', `the image's etc/fstab has the mount point "${path}"`, {
        hint: 'a mount point must not climb with ".."; correct what writes etc/fstab',
      })
    }
    entries.push({
      source: plain(source),
      mount: `/${parts.join('/')}`,
      type,
      options: plain(options).split(','),
    })
  }
  return entries
}

export interface Identity {
  readonly uuid: string
  readonly label: string
  readonly partUuid: string
  readonly partLabel: string
  /** Device names that are the same on every machine: those of a logical volume. */
  readonly devices?: readonly string[]
}

type Tag = Exclude<keyof Identity, 'devices'>

const byTag: Readonly<Record<string, Tag>> = {
  UUID: 'uuid',
  LABEL: 'label',
  PARTUUID: 'partUuid',
  PARTLABEL: 'partLabel',
}

const byFolder: Readonly<Record<string, Tag>> = {
  'by-uuid': 'uuid',
  'by-label': 'label',
  'by-partuuid': 'partUuid',
  'by-partlabel': 'partLabel',
}

/** True when fstab's source names this file system; a bare disk's name never does, for it depends on the machine. */
export function namesFileSystem(source: string, identity: Identity): boolean {
  if (identity.devices?.includes(source) === true) return true
  const tag = /^([A-Z]+)=(.+)$/.exec(source)
  const link = /^\/dev\/disk\/(by-[a-z]+)\/(.+)$/.exec(source)
  const key = byTag[tag?.[1] ?? ''] ?? byFolder[link?.[1] ?? '']
  const value = (tag?.[2] ?? link?.[2] ?? '').replace(/^"(.*)"$/, '$1')
  if (key === undefined || value === '') return false
  const own = identity[key]
  const ids = key === 'uuid' || key === 'partUuid'
  return ids ? own.toUpperCase() === value.toUpperCase() : own === value
}
