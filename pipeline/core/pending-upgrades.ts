import { compareDebianVersions } from './debian-version.ts'
import { compare } from './lists.ts'
import type { PackagesIndex } from './packages-file.ts'
import type { InstalledPackage } from './parse-trivy.ts'

/** One place that upgrades come from, e.g. trixie-security. */
export interface UpgradeSource {
  readonly name: string
  readonly security: boolean
  readonly index: PackagesIndex
}

/** An installed package of which a source has a newer version. */
export interface PendingUpgrade {
  readonly package: string
  readonly installed: string
  readonly candidate: string
  /** The source of the candidate. */
  readonly from: string
  readonly security: boolean
}

/**
 * What an upgrade would change: security updates first, then by name. A candidate that two sources have counts as the
 * security one's.
 */
export function findPendingUpgrades(
  installed: readonly InstalledPackage[],
  sources: readonly UpgradeSource[],
): readonly PendingUpgrade[] {
  const pending: PendingUpgrade[] = []
  for (const item of installed) {
    if (item.arch !== 'amd64' && item.arch !== 'all') continue
    let best: PendingUpgrade | null = null
    for (const { name, security, index } of sources) {
      const candidate = index.get(item.name)
      if (candidate === undefined || compareDebianVersions(candidate, item.version) <= 0) continue
      const order = best === null ? 1 : compareDebianVersions(candidate, best.candidate)
      if (order > 0 || (order === 0 && security && best?.security === false))
        best = { package: item.name, installed: item.version, candidate, from: name, security }
    }
    if (best !== null) pending.push(best)
  }
  return pending.sort((a, b) => Number(b.security) - Number(a.security) || compare(a.package, b.package))
}

/** Reads the report `packages`: name, version and architecture, tab-separated, one a line. */
export function parsePackageList(text: string): readonly InstalledPackage[] {
  return text.split('\n').flatMap((line): InstalledPackage[] => {
    const [name = '', version = '', arch = ''] = line.split('\t')
    return name === '' || version === '' ? [] : [{ name, version, arch }]
  })
}
