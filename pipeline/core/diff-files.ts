import { expectedReason } from './expected-differences.ts'

/** A path of a disk and all that is compared of it. */
export interface DiskEntry {
  /** Absolute, on the disk. */
  readonly path: string
  /** As find says it: f, d, l, ... */
  readonly type: string
  /** Octal. */
  readonly mode: string
  /** uid:gid */
  readonly owner: string
  /** Bytes; of a regular file alone. */
  readonly size: number | null
  readonly link: string | null
  /** Of a regular file alone, lower-case hex. */
  readonly sha256: string | null
}

export interface FileChange {
  readonly path: string
  readonly change: 'added' | 'removed' | 'changed'
  /** What is different, e.g. `mode 0644 -> 0600`. */
  readonly what: readonly string[]
  /** Why that was to be expected, or null. */
  readonly expected: string | null
}

/** For `find -printf`: each value ends with NUL, so that no name is misread. */
export const listingFormat = '%y\\0%m\\0%U:%G\\0%s\\0%l\\0/%P\\0'

/**
 * @param listing what find printed by listingFormat
 * @param sums what `sha256sum --zero` printed for the same tree's regular files
 * @param root the folder that both were given
 */
export function parseDiskListing(listing: string, sums: string, root: string): readonly DiskEntry[] {
  const digests = new Map<string, string>()
  for (const line of sums.split('\0')) {
    if (line === '') continue
    // 64 digits, a space, a space or an asterisk, the path.
    digests.set(line.slice(66 + root.length), line.slice(0, 64))
  }
  const values = listing.split('\0')
  const entries: DiskEntry[] = []
  for (let at = 0; at + 6 < values.length; at += 6) {
    const [type = '', mode = '', owner = '', size = '', link = '', path = ''] = values.slice(at, at + 6)
    const isFile = type === 'f'
    entries.push({
      path,
      type,
      mode: mode.padStart(4, '0'),
      owner,
      size: isFile ? Number(size) : null,
      link: type === 'l' ? link : null,
      sha256: isFile ? (digests.get(path) ?? null) : null,
    })
  }
  return entries
}

function changesOf(a: DiskEntry, b: DiskEntry): readonly string[] {
  const step = (what: string, from: string, to: string): readonly string[] =>
    from === to ? [] : [`${what} ${from} -> ${to}`]
  if (a.type !== b.type) return [`type ${a.type} -> ${b.type}`]
  // A file without a digest could not be read, and what could not be read is never equal.
  const isOther = a.type === 'f' && (a.sha256 === null || a.sha256 !== b.sha256)
  return [
    ...(isOther ? [a.size === b.size ? 'content' : `content, ${a.size} -> ${b.size} bytes`] : []),
    ...step('link', a.link ?? '', b.link ?? ''),
    // The mode of a link says nothing.
    ...(a.type === 'l' ? [] : step('mode', a.mode, b.mode)),
    ...step('owner', a.owner, b.owner),
  ]
}

/** Every path that is on one of the disks alone, or differs; sorted by path. */
export function diffFiles(before: readonly DiskEntry[], after: readonly DiskEntry[]): readonly FileChange[] {
  const then = new Map(before.map((entry) => [entry.path, entry]))
  const now = new Map(after.map((entry) => [entry.path, entry]))
  const paths = [...new Set([...then.keys(), ...now.keys()])].sort()
  return paths.flatMap((path): FileChange[] => {
    const [a, b] = [then.get(path), now.get(path)]
    const what = a === undefined || b === undefined ? [] : changesOf(a, b)
    const change = a === undefined ? 'added' : b === undefined ? 'removed' : 'changed'
    if (change === 'changed' && what.length === 0) return []
    const onlyContent = what.every((item) => item.startsWith('content'))
    return [{ path, change, what, expected: onlyContent ? expectedReason(path) : null }]
  })
}
