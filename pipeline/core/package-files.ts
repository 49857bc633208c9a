import type { Entry } from './hygiene-disk.ts'
import { readRpmFiles, rpmDatabases } from './rpm-files.ts'

/** What a package manager knows about the files of an image; paths have no leading slash and go through no link. */
export interface PackageFiles {
  readonly manager: 'dpkg' | 'rpm'
  /** Path of its list of packages. */
  readonly books: string
  /** How `digests` were made. */
  readonly algorithm: 'md5' | 'sha256'
  /** Path -> package. */
  readonly owners: ReadonlyMap<string, string>
  /** Path -> lower-case hex, without configuration files. */
  readonly digests: ReadonlyMap<string, string>
  /** Path -> the mode that the administrator or the package has set for it. */
  readonly modes: ReadonlyMap<string, number>
  /** Packages that every system has, or most have: their set-uid programs are known. */
  readonly basic: ReadonlySet<string>
  /** Packages whose maintainer answers at Debian or Ubuntu. */
  readonly distribution: ReadonlySet<string>
  /** What is neither installed whole nor gone, with its state. */
  readonly unfinished: readonly string[]
}

/** All of an entry that a path's own place needs. */
type Place = Pick<Entry, 'kind' | 'path' | 'target'>

/** One package manager's own books. */
interface PackageManager {
  /** Texts that it has to read. */
  readonly wanted: RegExp
  /** Null when the image is not managed by it. */
  readonly read: (
    texts: Readonly<Record<string, string>>,
    realPath: (path: string) => string,
  ) => PackageFiles | null
}

/** Where a path really is, on a system whose /bin, /sbin and /lib are links into /usr. */
function realPathIn(entries: readonly Place[]): (path: string) => string {
  const aliases = new Map(
    entries
      .filter(({ kind, path }) => kind === 'link' && /^(?:bin|sbin|lib(?:32|64|o32|x32)?)$/.test(path))
      .map(({ path, target }) => [path, target.replace(/^\//, '')]),
  )
  return (path) => {
    const bare = path.replace(/^\/+/, '')
    const slash = bare.indexOf('/')
    const alias = slash < 0 ? undefined : aliases.get(bare.slice(0, slash))
    return alias === undefined ? bare : `${alias}${bare.slice(slash)}`
  }
}

const field = (stanza: string, name: string): string =>
  new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(stanza)?.[1]?.trim() ?? ''

/** Lines that go on the field, e.g. `/etc/bash.bashrc 1234abcd obsolete`. */
const conffilesOf = (stanza: string): readonly string[] =>
  (/^Conffiles:[^\n]*\n((?: [^\n]*\n?)*)/m.exec(stanza)?.[1] ?? '')
    .split('\n')
    .flatMap((line) => /^ (\/.*) (?:[0-9a-f]{32}|newconffile)\b/.exec(line)?.[1] ?? [])

/** Path -> where dpkg puts the file of any other package; `:` is the administrator's own diversion. */
function parseDiversions(text: string): ReadonlyMap<string, { readonly to: string; readonly by: string }> {
  const lines = text.split('\n')
  const diversions = new Map<string, { to: string; by: string }>()
  for (let at = 0; at + 2 < lines.length; at += 3) {
    const [from = '', to = '', by = ''] = lines.slice(at, at + 3)
    diversions.set(from, { to, by })
  }
  return diversions
}

const info = 'var/lib/dpkg/info/'
const dpkgStatus = 'var/lib/dpkg/status'

const dpkg: PackageManager = {
  wanted:
    /^var\/lib\/dpkg\/(?:status|diversions|statoverride|triggers\/Unincorp|info\/[^/]+\.(?:list|md5sums))$/,
  read(texts, realPath) {
    const status = texts[dpkgStatus]
    if (status === undefined || status === '') return null
    const basic = new Set<string>()
    const distribution = new Set<string>()
    const unfinished: string[] = []
    const conffiles = new Set<string>()
    for (const stanza of status.split(/\n\n+/)) {
      const name = field(stanza, 'Package')
      if (name === '') continue
      const state = field(stanza, 'Status')
      // "hold" is a wish about upgrades; the last word is what there is.
      if (!/^(?:install|hold) ok installed$/.test(state) && !/ ok not-installed$/.test(state))
        unfinished.push(`${name}: ${state}`)
      if (/^(?:required|important|standard)$/.test(field(stanza, 'Priority'))) basic.add(name)
      if (/[@.](?:debian\.(?:org|net)|ubuntu\.com|canonical\.com)>/.test(field(stanza, 'Maintainer')))
        distribution.add(name)
      for (const path of conffilesOf(stanza)) conffiles.add(realPath(path))
    }
    const diversions = parseDiversions(texts['var/lib/dpkg/diversions'] ?? '')
    const owners = new Map<string, string>()
    const digests = new Map<string, string>()
    for (const [file, text] of Object.entries(texts)) {
      const match = file.startsWith(info)
        ? /^([^:]+)(?::.+)?\.(list|md5sums)$/.exec(file.slice(info.length))
        : null
      if (match === null) continue
      const [, name = '', kind] = match
      const placeOf = (path: string): string => {
        const diverted = diversions.get(path)
        return realPath(diverted === undefined || diverted.by === name ? path : diverted.to)
      }
      for (const line of text.split('\n')) {
        if (kind === 'list') {
          if (line.length > 1) owners.set(placeOf(line), name)
          continue
        }
        const [, digest, path] = /^([0-9a-f]{32}) [ *](.+)$/.exec(line) ?? []
        if (digest !== undefined && path !== undefined) digests.set(placeOf(`/${path}`), digest)
      }
    }
    for (const path of conffiles) digests.delete(path)
    const modes = new Map(
      (texts['var/lib/dpkg/statoverride'] ?? '').split('\n').flatMap((line) => {
        const [, mode, path] = /^\S+ \S+ ([0-7]{3,4}) (\/.+)$/.exec(line) ?? []
        return mode === undefined || path === undefined
          ? []
          : [[realPath(path), Number.parseInt(mode, 8)] as const]
      }),
    )
    return {
      manager: 'dpkg',
      books: dpkgStatus,
      algorithm: 'md5',
      owners,
      digests,
      modes,
      basic,
      distribution,
      unfinished,
    }
  },
}

const rpm: PackageManager = {
  // Its database is no text: rpm's answer about it comes in its place.
  wanted: /(?!)/,
  read(texts, realPath) {
    const path = rpmDatabases.find((one) => (texts[one] ?? '') !== '')
    return path === undefined ? null : readRpmFiles(path, texts[path] ?? '', realPath)
  },
}

/** All that can be read; one more package manager is one more row. */
const managers: readonly PackageManager[] = [dpkg, rpm]

/** Is this file one of a package manager's books? */
export const isPackageText = (path: string): boolean => managers.some(({ wanted }) => wanted.test(path))

/** What the image's package manager knows of its files; null when it has none that we can read. */
export function readPackages(
  entries: readonly Place[],
  texts: Readonly<Record<string, string>>,
): PackageFiles | null {
  const realPath = realPathIn(entries)
  for (const { read } of managers) {
    const files = read(texts, realPath)
    if (files !== null) return files
  }
  return null
}

/** The files whose digest a package manager knows, of those that are there: only regular ones, by their own path. */
export const wantedDigests = (entries: readonly Entry[], packages: PackageFiles): readonly string[] =>
  entries.filter(({ kind, path }) => kind === 'file' && packages.digests.has(path)).map(({ path }) => path)

/** True when the file is a package's and has the package's own bytes. */
export const isPackaged = (
  path: string,
  packages: PackageFiles | null,
  digests: ReadonlyMap<string, string>,
): boolean => {
  const wanted = packages?.digests.get(path)
  return wanted !== undefined && wanted === digests.get(path)
}
