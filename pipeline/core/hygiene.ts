import type { PackageManager } from '../model/hardening.ts'
import type { Fact } from '../model/stages.ts'
import { accountRules } from './hygiene-accounts.ts'
import type { Entry, Left, Rule, SealedDisk } from './hygiene-disk.ts'
import { programRules } from './hygiene-programs.ts'
import { isSecretText, secretRules } from './hygiene-secrets.ts'
import { isStateText, stateRules } from './hygiene-state.ts'
import { isPackageText } from './package-files.ts'
import { type System, systemOfRelease, systems } from './systems.ts'

const aptFile =
  /^etc\/apt\/(?:sources\.list|apt\.conf|sources\.list\.d\/[^/]+\.(?:list|sources)|mirrors\/[^/]+|apt\.conf\.d\/[^/]+)$/
const dnfFile =
  /^etc\/(?:(?:yum\.repos\.d|yum\/repos\.d|distro\.repos\.d)\/[^/]+\.repo|dnf\/dnf\.conf|yum\.conf)$/
/** What each package manager reads: which files, without which of them it has no sources, and what in them is no source. */
const sourceFiles: Readonly<
  Record<PackageManager, { readonly file: RegExp; readonly source: RegExp; readonly own: RegExp }>
> = {
  apt: { file: aptFile, source: /^etc\/apt\/sources/, own: /(?!)/ },
  // Keys and certificates of the image itself.
  dnf: { file: dnfFile, source: /\.repo$/, own: /^file:\/\/\/etc\/pki\// },
}
const releaseFile = /^(?:etc|usr\/lib)\/os-release$/
const accountFile = /^etc\/(?:passwd|group|shadow|gshadow|sudoers(?:\.d\/[^/]+)?)$/

/** Paths of the texts that the rules want from this listing. Only regular files: a link could lead out of the image. */
export const wantedTexts = (entries: readonly Entry[]): readonly string[] =>
  entries
    .filter(
      ({ kind, path }) =>
        kind === 'file' &&
        (accountFile.test(path) ||
          releaseFile.test(path) ||
          aptFile.test(path) ||
          dnfFile.test(path) ||
          isStateText(path) ||
          isSecretText(path) ||
          isPackageText(path)),
    )
    .map(({ path }) => path)

/** The system by its own word; Debian's rules are for all that is no known one. */
const systemIn = ({ texts }: SealedDisk): System =>
  systemOfRelease(texts['etc/os-release'] ?? texts['usr/lib/os-release'] ?? '') ?? systems['debian-13']

/** Hosts in the package manager's sources other than the distribution's own and the definition's, and proxies. */
function foreignSources(disk: SealedDisk): readonly Left[] | string {
  const { texts, repos = [] } = disk
  const { hosts, manager } = systemIn(disk)
  const { file, source, own } = sourceFiles[manager]
  if (!Object.keys(texts).some((path) => source.test(path))) return `there are no sources for ${manager}`
  return Object.entries(texts).flatMap(([path, text]) => {
    if (!file.test(path)) return []
    const lines = text.split('\n').filter((line) => !/^\s*(?:#|\/\/)/.test(line))
    const urls = lines.flatMap((line) => line.match(/\b[a-z+]+:\/{1,3}[^\s"';\]]+/g) ?? [])
    return urls
      .filter((url) => !repos.includes(url))
      .filter((url) => !hosts.test(url) && !own.test(url))
      .map((url) => ({ path, what: url.replace(/\/\/[^/@]*@/, '//') }))
  })
}

const sourceRule: Rule = {
  id: 'no-mirror-left',
  title: "updates come from the distribution's own hosts and the definition's repositories only",
  expected: "the distribution's hosts, the definition's repositories and no proxy",
  found: foreignSources,
}

const rules: readonly Rule[] = [...secretRules, ...accountRules, ...stateRules, sourceRule, ...programRules]

/** Some of many, as a person reads them. */
function list(left: readonly Left[]): string {
  const shown = left
    .slice(0, 5)
    .map(({ path, what }) => (what === undefined ? `/${path}` : `/${path} (${what})`))
  return left.length > shown.length
    ? `${shown.join(', ')} and ${left.length - shown.length} more`
    : shown.join(', ')
}

function judge(rule: Rule, disk: SealedDisk): Fact {
  const { id, title, expected } = rule
  const seen = rule.found(disk)
  if (typeof seen === 'string') return { id, title, expected, status: 'unknown', found: seen }
  const placed = new Set(disk.placed ?? [])
  const isPlaced = ({ path }: Left): boolean => placed.has(`/${path}`)
  const others = seen.filter((item) => !isPlaced(item))
  const isExcepted = rule.control !== undefined && (disk.excepted ?? []).includes(rule.control)
  if (others.length > 0 && !isExcepted) return { id, title, expected, status: 'fail', found: list(others) }
  const note = rule.note?.(disk)
  const noted = note?.left.filter((item) => !isPlaced(item)) ?? []
  const own = seen.filter(isPlaced)
  const found = [
    others.length === 0 ? expected : `excepted by the definition (${rule.control}): ${list(others)}`,
    ...(own.length === 0 ? [] : [`the definition's own: ${list(own)}`]),
    ...(note === undefined || noted.length === 0 ? [] : [`${note.what}: ${list(noted)}`]),
  ]
  return { id, title, expected, status: 'pass', found: found.join('; ') }
}

/** The hygiene facts of a sealed disk; pure. */
export const hygieneFacts = (disk: SealedDisk): readonly Fact[] => rules.map((rule) => judge(rule, disk))
