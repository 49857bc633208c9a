import type { PackageFiles } from './package-files.ts'

/** One entry of an image's own files; paths have no leading slash, the root folder's is empty. */
export interface Entry {
  readonly kind: 'file' | 'folder' | 'link' | 'other'
  /** Permission bits with set-uid, set-gid and sticky. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly bytes: number
  /** Where a link leads; empty for all else. */
  readonly target: string
  readonly path: string
}

/** What was read from the offline disk. */
export interface SealedDisk {
  readonly entries: readonly Entry[]
  /** Contents by path, of what `wantedTexts` named. */
  readonly texts: Readonly<Record<string, string>>
  /** Null when no package manager that we can read is in the image. */
  readonly packages: PackageFiles | null
  /** Digests by path, as `packages.algorithm` makes them: what is not in it could not be read. */
  readonly digests: ReadonlyMap<string, string>
  /** Files with a line that begins a private key. */
  readonly privateKeysIn: readonly string[]
  /** Files that hold the build's public key; null when that key is not known. */
  readonly buildKeyIn: readonly string[] | null
  /** Addresses of the team's own repositories, as the definition has them: these may be in apt's sources. */
  readonly repos?: readonly string[]
  /** Absolute paths of the definition's own files: these are meant to be there, as they are. */
  readonly placed?: readonly string[]
  /** Controls that the definition makes an exception of: the fact of the same kind has it too. */
  readonly excepted?: readonly string[]
}

/** Something that should not be there. */
export interface Left {
  readonly path: string
  /** What is wrong with it, when its being there is not. */
  readonly what?: string
}

/** One fact about a disk, and how it is judged. */
export interface Rule {
  readonly id: string
  readonly title: string
  readonly expected: string
  /** What should not be there; a text says why it could not be looked at. */
  readonly found: (disk: SealedDisk) => readonly Left[] | string
  /** What is as it may be, but worth a word. */
  readonly note?: (disk: SealedDisk) => { readonly what: string; readonly left: readonly Left[] }
  /** The control whose exception is one of this fact too. */
  readonly control?: string
}

/** For `find -printf`: each value that may hold any character ends with NUL. */
export const listingFormat = '%y %m %U %G %s\\0%l\\0%P\\0'

const kinds: Readonly<Record<string, Entry['kind']>> = { f: 'file', d: 'folder', l: 'link' }

/** What find printed by `listingFormat`, in its order. */
export function parseListing(output: string): readonly Entry[] {
  const values = output.split('\0')
  const entries: Entry[] = []
  for (let at = 0; at + 3 < values.length; at += 3) {
    const [numbers = '', target = '', path = ''] = values.slice(at, at + 3)
    const [kind = '', mode = '', uid = '', gid = '', bytes = ''] = numbers.split(' ')
    entries.push({
      kind: kinds[kind] ?? 'other',
      mode: Number.parseInt(mode, 8),
      uid: Number(uid),
      gid: Number(gid),
      bytes: Number(bytes),
      target,
      path,
    })
  }
  return entries
}

/** Entries of one kind or all, as what should not be there. */
export const leftWhere = (
  disk: SealedDisk,
  wanted: (entry: Entry) => boolean,
  what?: (entry: Entry) => string,
): readonly Left[] =>
  disk.entries
    .filter((entry) => entry.path !== '' && wanted(entry))
    .map((entry) => (what === undefined ? { path: entry.path } : { path: entry.path, what: what(entry) }))

/** A rule's `found`: all but folders whose path fits one of the patterns. */
export const noFiles =
  (...patterns: readonly RegExp[]) =>
  (disk: SealedDisk): readonly Left[] =>
    leftWhere(disk, ({ kind, path }) => kind !== 'folder' && patterns.some((pattern) => pattern.test(path)))

/** Lines of a text that say something: neither empty nor a comment. */
export const saying = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^[#;]/.test(line))
