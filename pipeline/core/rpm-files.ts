import { compare } from './lists.ts'
import type { PackageFiles } from './package-files.ts'
import type { InstalledPackage } from './parse-trivy.ts'

/** Where rpm's database may be, below the root. Older formats than SQLite are of systems that are not built on. */
export const rpmDatabases: readonly string[] = [
  'var/lib/rpm/rpmdb.sqlite',
  'usr/lib/sysimage/rpm/rpmdb.sqlite',
]

/** For `rpm -qa --qf`: a line a package, then one for each of its files. Only rpm reads its database: what it says stands for the text. */
export const rpmFileQuery =
  'package\\t%{NAME}\\t%{NEVRA}\\t%{ARCH}\\t%{VENDOR}\\n[file\\t%{FILEFLAGS}\\t%{FILEMODES:octal}\\t%{FILEDIGESTS}\\t%{FILENAMES}\\n]'

/** For `rpm -qa --qf`: one line a package, in the scanner's own words. */
export const rpmPackageQuery = '%{NAME}\\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\\t%{ARCH}\\n'

/** Flags of a file in rpm: configuration, and what is only named (a log, a link that a script makes). */
const config = 1
const ghost = 64

const vendors = /^(?:Amazon Linux|Red Hat, Inc\.|Rocky Enterprise Software Foundation)$/

/** Of these there may be several versions; of any other a second one is what an upgrade that broke off has left. */
const several = /^(?:kernel|gpg-pubkey)(?:$|[-\d])/

/** What rpm says of its packages and their files, in the answer to `rpmFileQuery`. @param books path of its database below the root */
export function readRpmFiles(books: string, text: string, realPath: (path: string) => string): PackageFiles {
  const owners = new Map<string, string>()
  const digests = new Map<string, string>()
  const modes = new Map<string, number>()
  const distribution = new Set<string>()
  const versions = new Map<string, readonly string[]>()
  let name = ''
  for (const line of text.split('\n')) {
    const [row, ...cells] = line.split('\t')
    if (row === 'package') {
      const [own = '', nevra = '', arch = '', vendor = ''] = cells
      name = own
      const place = `${name}.${arch}`
      if (!several.test(name)) versions.set(place, [...(versions.get(place) ?? []), nevra])
      if (vendors.test(vendor)) distribution.add(name)
      continue
    }
    const [flags = '', mode = '', digest = '', ...rest] = cells
    const path = realPath(rest.join('\t'))
    if (path === '') continue
    owners.set(path, name)
    if ((Number(flags) & ghost) !== 0) continue
    modes.set(path, Number.parseInt(mode, 8) & 0o7777)
    if ((Number(flags) & config) === 0 && /^[0-9a-f]{64}$/.test(digest)) digests.set(path, digest)
  }
  const unfinished = [...versions.values()]
    .filter((all) => all.length > 1)
    .map((all) => `${all.join(' and ')} are both installed`)
  return {
    manager: 'rpm',
    books,
    algorithm: 'sha256',
    owners,
    digests,
    modes,
    basic: new Set(),
    distribution,
    unfinished,
  }
}

/** Installed packages in the answer to `rpmPackageQuery`, sorted by name and architecture; keys are packages to rpm. */
export const parseRpmPackages = (text: string): readonly InstalledPackage[] =>
  text
    .split('\n')
    .flatMap((line): InstalledPackage[] => {
      const [name = '', version = '', arch = ''] = line.split('\t')
      return name === '' ? [] : [{ name, version, arch }]
    })
    .sort((a, b) => compare(a.name, b.name) || compare(a.arch, b.arch) || compare(a.version, b.version))
