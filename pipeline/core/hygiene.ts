import type { Fact } from '../model/stages.ts'
import { accountRules } from './hygiene-accounts.ts'
import type { Entry, Left, Rule, SealedDisk } from './hygiene-disk.ts'
import { programRules } from './hygiene-programs.ts'
import { isSecretText, secretRules } from './hygiene-secrets.ts'
import { isStateText, stateRules } from './hygiene-state.ts'
import { isPackageText } from './package-files.ts'

const aptFile =
  /^etc\/apt\/(?:sources\.list|apt\.conf|sources\.list\.d\/[^/]+\.(?:list|sources)|apt\.conf\.d\/[^/]+)$/
const accountFile = /^etc\/(?:passwd|group|shadow|gshadow|sudoers(?:\.d\/[^/]+)?)$/

/** Paths of the texts that the rules want from this listing. Only regular files: a link could lead out of the image. */
export const wantedTexts = (entries: readonly Entry[]): readonly string[] =>
  entries
    .filter(
      ({ kind, path }) =>
        kind === 'file' &&
        (accountFile.test(path) ||
          aptFile.test(path) ||
          isStateText(path) ||
          isSecretText(path) ||
          isPackageText(path)),
    )
    .map(({ path }) => path)

/** Hosts in apt's sources other than Debian's own and the definition's, and proxies. */
function foreignSources({ texts, repos = [] }: SealedDisk): readonly Left[] | string {
  if (!Object.keys(texts).some((path) => path.startsWith('etc/apt/sources')))
    return 'there are no sources for apt'
  return Object.entries(texts).flatMap(([path, text]) => {
    if (!aptFile.test(path)) return []
    const lines = text.split('\n').filter((line) => !/^\s*(?:#|\/\/)/.test(line))
    const urls = lines.flatMap((line) => line.match(/\b[a-z+]+:\/{1,3}[^\s"';\]]+/g) ?? [])
    return urls
      .filter((url) => !repos.includes(url))
      .filter((url) => !/^https?:\/\/deb\.debian\.org(?:\/|$)/.test(url))
      .map((url) => ({ path, what: url.replace(/\/\/[^/@]*@/, '//') }))
  })
}

const sourceRule: Rule = {
  id: 'no-mirror-left',
  title: "apt asks Debian's own host and the definition's repositories only",
  expected: "deb.debian.org, the definition's repositories and no proxy",
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
