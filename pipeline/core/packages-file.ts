import { MintmarkError } from '../errors.ts'
import { compareDebianVersions } from './debian-version.ts'

/** Package name -> the newest version that a suite has of it. */
export type PackagesIndex = ReadonlyMap<string, string>

/** A file that a Release file vouches for. */
export interface IndexFile {
  readonly path: string
  readonly sha256: string
  /** Bytes. */
  readonly size: number
}

/** Compressions of an index, the smallest first; the empty one is the plain file. */
export const compressions = ['.xz', '.gz', ''] as const

/**
 * The section SHA256 of a Release file: path below dists/SUITE -> what it has to be. Give it only the text that the
 * signature covers.
 */
export function hashesOfRelease(text: string): ReadonlyMap<string, IndexFile> {
  const files = new Map<string, IndexFile>()
  let inSection = false
  for (const line of text.split('\n')) {
    if (!/^[ \t]/.test(line)) {
      inSection = /^SHA256:\s*$/i.test(line)
      continue
    }
    if (!inSection) continue
    const [sha256 = '', size = '', path = '', ...more] = line.trim().split(/\s+/)
    if (/^[0-9a-f]{64}$/.test(sha256) && /^\d{1,12}$/.test(size) && path !== '' && more.length === 0)
      files.set(path, { path, sha256, size: Number(size) })
  }
  return files
}

/**
 * The index of one component for this architecture, as it is served and as it is unpacked; the same one for a suite that
 * serves it plain.
 * @throws MintmarkError PROVIDER_UNREACHABLE when the Release file names none
 */
export function indexFilesOf(
  hashes: ReadonlyMap<string, IndexFile>,
  suite: string,
  component: string,
): { readonly served: IndexFile; readonly plain: IndexFile | null; readonly compression: string } {
  const path = `${component}/binary-amd64/Packages`
  for (const compression of compressions) {
    const served = hashes.get(`${path}${compression}`)
    if (served !== undefined) return { served, plain: hashes.get(path) ?? null, compression }
  }
  throw new MintmarkError('PROVIDER_UNREACHABLE', `the Release file of ${suite} names no ${path}`)
}

/** Reads a Packages file: of each name the newest version for this architecture or for all. */
export function parsePackagesFile(text: string): PackagesIndex {
  const newest = new Map<string, string>()
  let name = ''
  let version = ''
  let arch = ''
  const end = (): void => {
    if (name !== '' && version !== '' && (arch === 'amd64' || arch === 'all')) {
      const before = newest.get(name)
      if (before === undefined || compareDebianVersions(version, before) > 0) newest.set(name, version)
    }
    name = ''
    version = ''
    arch = ''
  }
  // Line by line without splitting: Debian's main index has 50 MB.
  for (let at = 0; at < text.length; ) {
    const next = text.indexOf('\n', at)
    const stop = next === -1 ? text.length : next
    if (stop === at) end()
    else if (text.startsWith('Package: ', at)) name = text.slice(at + 9, stop).trim()
    else if (text.startsWith('Version: ', at)) version = text.slice(at + 9, stop).trim()
    else if (text.startsWith('Architecture: ', at)) arch = text.slice(at + 14, stop).trim()
    at = stop + 1
  }
  end()
  return newest
}

const heading = 'mintmark index 1'

/** The index as it is kept: a heading, then name and version, tab-separated, and a last line with their number. */
export const renderIndex = (index: PackagesIndex): string =>
  [heading, ...[...index].map(([name, version]) => `${name}\t${version}`), String(index.size), ''].join('\n')

/** What renderIndex wrote; null for anything else, also for a part of it. */
export function parseIndex(text: string): PackagesIndex | null {
  const lines = text.split('\n')
  if (lines[0] !== heading || lines.pop() !== '') return null
  const count = lines.pop()
  const index = new Map<string, string>()
  for (const line of lines.slice(1)) {
    const tab = line.indexOf('\t')
    if (tab < 1) return null
    index.set(line.slice(0, tab), line.slice(tab + 1))
  }
  return String(index.size) === count ? index : null
}
