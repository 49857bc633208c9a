import type { Fact } from '../model/stages.ts'

/** One entry of an image's own files; paths have no leading slash. */
export interface Entry {
  readonly kind: 'file' | 'folder' | 'link' | 'other'
  readonly bytes: number
  readonly path: string
}

/** What was read from the offline disk. */
export interface SealedDisk {
  readonly entries: readonly Entry[]
  /** Contents by path: etc/passwd, etc/machine-id and apt's configuration. */
  readonly texts: Readonly<Record<string, string>>
  /** Addresses of the team's own repositories, as the definition has them: these may be in apt's sources. */
  readonly repos?: readonly string[]
  /** Files that hold the build's public key; null when that key is not known. */
  readonly buildKeyIn: readonly string[] | null
}

const kinds: Readonly<Record<string, Entry['kind']>> = { f: 'file', d: 'folder', l: 'link' }

/** Output of `find -printf '%y %s %P\0'`. */
export function parseListing(output: string): readonly Entry[] {
  return output.split('\0').flatMap((item) => {
    const match = /^(\S) (\d+) ([\s\S]+)$/.exec(item)
    if (match === null) return []
    return [{ kind: kinds[match[1] ?? ''] ?? 'other', bytes: Number(match[2]), path: match[3] ?? '' }]
  })
}

/** Paths of the texts that the rules want from this listing. Only regular files: a link could lead out of the image. */
export function wantedTexts(entries: readonly Entry[]): readonly string[] {
  return entries
    .filter(
      ({ kind, path }) =>
        kind === 'file' && (/^etc\/(?:passwd|machine-id)$/.test(path) || aptFile.test(path)),
    )
    .map(({ path }) => path)
}

const aptFile =
  /^etc\/apt\/(?:sources\.list|apt\.conf|sources\.list\.d\/[^/]+\.(?:list|sources)|apt\.conf\.d\/[^/]+)$/

/** People's own range in Debian's policy; what is below belongs to packages. */
const isPerson = (uid: number): boolean => uid >= 1000 && uid < 60_000

function people(passwd: string): readonly string[] {
  return passwd.split('\n').flatMap((line) => {
    const [name, , uid] = line.split(':')
    return name !== undefined && uid !== undefined && isPerson(Number(uid)) ? [name] : []
  })
}

/** Hosts in apt's sources other than Debian's own and the definition's, and proxies. */
function foreignSources({ texts, repos = [] }: SealedDisk): readonly string[] {
  return Object.entries(texts).flatMap(([path, text]) => {
    if (!aptFile.test(path)) return []
    const lines = text.split('\n').filter((line) => !/^\s*(?:#|\/\/)/.test(line))
    const urls = lines.flatMap((line) => line.match(/\b[a-z+]+:\/{1,3}[^\s"';\]]+/g) ?? [])
    return urls
      .filter((url) => !repos.includes(url))
      .filter((url) => !/^https?:\/\/deb\.debian\.org(?:\/|$)/.test(url))
      .map((url) => `${url.replace(/\/\/[^/@]*@/, '//')} in /${path}`)
  })
}

/** Some paths of many, as a person reads them. */
function list(paths: readonly string[]): string {
  const shown = paths.slice(0, 5).map((path) => (path.startsWith('/') ? path : `/${path}`))
  return paths.length > shown.length
    ? `${shown.join(', ')} and ${paths.length - shown.length} more`
    : shown.join(', ')
}

interface Rule {
  readonly id: string
  readonly title: string
  readonly expected: string
  /** What should not be there; a text says why it could not be looked at. */
  readonly found: (disk: SealedDisk) => readonly string[] | string
}

const paths = (disk: SealedDisk, wanted: (entry: Entry) => boolean): readonly string[] =>
  disk.entries.filter(wanted).map(({ path }) => path)
const files = (pattern: RegExp) => (disk: SealedDisk) =>
  paths(disk, ({ kind, path }) => kind !== 'folder' && pattern.test(path))

const rules: readonly Rule[] = [
  {
    id: 'no-host-keys',
    title: 'the image has no SSH host keys',
    expected: 'no /etc/ssh/ssh_host_*',
    found: files(/^etc\/ssh\/ssh_host_/),
  },
  {
    id: 'no-build-key',
    title: 'nobody can log in with a key of the build',
    expected: "no authorized_keys, and the build's public key in no file",
    found: (disk) => {
      const authorized = files(/(?:^|\/)authorized_keys[^/]*$/)(disk).filter(
        (path) => !path.startsWith('usr/'),
      )
      if (authorized.length > 0) return authorized
      return disk.buildKeyIn ?? "the build's public key is not known"
    },
  },
  {
    id: 'no-cloud-init-state',
    title: 'cloud-init has never run, as far as the image knows',
    expected: 'no instance, no state, no log and no rendered network',
    found: (disk) => [
      ...files(/^var\/lib\/cloud\/(?:instance$|instances\/|data\/|sem\/)/)(disk),
      ...files(/^var\/log\/cloud-init/)(disk),
      ...files(/^etc\/(?:netplan|network\/interfaces\.d|systemd\/network)\/[^/]*cloud-init/)(disk),
    ],
  },
  {
    id: 'no-logs',
    title: 'the image has no logs of the build',
    expected: 'no log with a byte in it below /var/log, no journal',
    found: (disk) => [
      ...paths(disk, ({ kind, bytes, path }) => kind === 'file' && bytes > 0 && /^var\/log\//.test(path)),
      ...paths(
        disk,
        ({ kind, bytes, path }) => kind === 'file' && bytes === 0 && /^var\/log\/journal\//.test(path),
      ),
    ],
  },
  {
    id: 'no-history',
    title: 'the image has no history of commands',
    expected: 'no history file in the home folders',
    found: files(
      /^(?:root|home\/[^/]+)\/(?:\.[a-z_]*history|\.lesshst|\.viminfo|\.wget-hsts|\.sudo_as_admin_successful)$/,
    ),
  },
  {
    id: 'machine-id-empty',
    title: 'every instance will make its own machine-id',
    expected: '/etc/machine-id is there and empty',
    found: (disk) => {
      const text = disk.texts['etc/machine-id']
      if (text === undefined) return ['no /etc/machine-id'].map((what) => `/ has ${what}`)
      const own = text.trim() === '' || text.trim() === 'uninitialized' ? [] : ['etc/machine-id']
      return [
        ...own,
        ...paths(disk, ({ kind, path }) => kind === 'file' && path === 'var/lib/dbus/machine-id'),
      ]
    },
  },
  {
    id: 'no-random-seed',
    title: 'no two instances start from the same random numbers',
    expected: 'no stored seed or credential secret',
    found: files(
      /^(?:var\/lib\/systemd\/(?:random-seed|credential\.secret)|var\/lib\/urandom\/random-seed|(?:boot\/efi|efi|boot)\/loader\/random-seed)$/,
    ),
  },
  {
    id: 'no-temporary-users',
    title: 'the image has no user of the build',
    expected: 'no user id of 1000 to 59999, no home folder',
    found: (disk) => {
      const passwd = disk.texts['etc/passwd']
      if (passwd === undefined) return 'there is no /etc/passwd'
      return [
        ...people(passwd)
          .map((name) => `user ${name}`)
          .map((text) => `/etc/passwd has ${text}`),
        ...paths(disk, ({ path }) => /^home\/[^/]+$/.test(path) && path !== 'home/lost+found'),
      ]
    },
  },
  {
    id: 'no-apt-leftovers',
    title: 'the image has no package lists or downloaded packages',
    expected: 'no lists, no archives, no caches of apt',
    found: files(/^(?:var\/lib\/apt\/lists\/(?!lock$)|var\/cache\/apt\/(?:archives\/(?!lock$)|[^/]*\.bin$))/),
  },
  {
    id: 'no-mirror-left',
    title: "apt asks Debian's own host and the definition's repositories only",
    expected: "deb.debian.org, the definition's repositories and no proxy",
    found: (disk) => {
      const hasSources = Object.keys(disk.texts).some((path) => path.includes('sources'))
      return hasSources ? foreignSources(disk) : 'there are no sources for apt'
    },
  },
]

/** The hygiene facts of a sealed disk; pure. */
export function hygieneFacts(disk: SealedDisk): readonly Fact[] {
  return rules.map(({ id, title, expected, found }) => {
    const seen = found(disk)
    if (typeof seen === 'string') return { id, title, expected, status: 'unknown', found: seen }
    return seen.length === 0
      ? { id, title, expected, status: 'pass', found: expected }
      : { id, title, expected, status: 'fail', found: list(seen) }
  })
}
