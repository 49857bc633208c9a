import type { ControlStatus } from '../model/hardening.ts'
import type { RecordPredicate } from '../model/release.ts'
import type { Finding, ScanReport, TestReport } from '../model/stages.ts'
import { compareDebianVersions } from './debian-version.ts'
import type { FileChange } from './diff-files.ts'
import { fingerprintChanges } from './fingerprint.ts'
import { compare } from './lists.ts'
import type { InstalledPackage } from './parse-trivy.ts'

/** A release with those of its reports that are compared. */
export interface DiffSide {
  readonly predicate: RecordPredicate
  readonly packages: readonly InstalledPackage[]
  readonly scan: ScanReport
  readonly test: TestReport
}

interface Step {
  readonly from: string | null
  readonly to: string | null
}

export interface ReleaseDiff {
  readonly from: string
  readonly to: string
  /** Both are the same bytes. */
  readonly identical: boolean
  readonly artifact: { readonly from: string; readonly to: string }
  /** Bytes of the image. */
  readonly bytes: { readonly from: number; readonly to: number }
  /** What of the inputs changed, in words. */
  readonly inputs: readonly string[]
  readonly packages: {
    readonly added: readonly InstalledPackage[]
    readonly removed: readonly InstalledPackage[]
    readonly changed: readonly {
      readonly name: string
      readonly arch: string
      readonly from: string
      readonly to: string
      readonly direction: 'up' | 'down'
    }[]
  }
  readonly findings: {
    readonly fixed: readonly Finding[]
    readonly new: readonly Finding[]
    /** Why the two lists say less than they seem to; null when they don't. */
    readonly caution: string | null
  }
  readonly controls: readonly ({ readonly control: string } & Step)[]
  readonly facts: readonly ({ readonly id: string; readonly title: string } & Step)[]
  /** Null when the disks were not read. */
  readonly files: readonly FileChange[] | null
}

function diffPackages(
  before: readonly InstalledPackage[],
  after: readonly InstalledPackage[],
): ReleaseDiff['packages'] {
  const key = ({ name, arch }: InstalledPackage): string => `${name} ${arch}`
  const then = new Map(before.map((item) => [key(item), item]))
  const now = new Map(after.map((item) => [key(item), item]))
  return {
    added: after.filter((item) => !then.has(key(item))),
    removed: before.filter((item) => !now.has(key(item))),
    changed: before.flatMap((item) => {
      const to = now.get(key(item))?.version
      if (to === undefined || to === item.version) return []
      const direction = compareDebianVersions(to, item.version) < 0 ? ('down' as const) : ('up' as const)
      return [{ name: item.name, arch: item.arch, from: item.version, to, direction }]
    }),
  }
}

function diffFindings(before: ScanReport, after: ScanReport): ReleaseDiff['findings'] {
  // By advisory and package alone: an upgrade that leaves the finding open has not fixed it.
  const key = (finding: Finding): string => `${finding.id} ${finding.package}`
  const keys = (scan: ScanReport): ReadonlySet<string> => new Set(scan.findings.map(key))
  const [then, now] = [keys(before), keys(after)]
  const [first, second] = [before.database, after.database]
  const caution =
    first === null || second === null
      ? `vulnerabilities of ${first === null ? (second === null ? 'both' : 'the first') : 'the second'} are unknown: no database`
      : first.sha256 === second.sha256
        ? null
        : `looked up in two databases, of ${first.updated} and ${second.updated}`
  return {
    fixed: before.findings.filter((finding) => !now.has(key(finding))),
    new: after.findings.filter((finding) => !then.has(key(finding))),
    caution,
  }
}

const worstFirst: readonly ControlStatus[] = ['fail', 'error', 'pass', 'notapplicable']

/** Control -> its worst status over all the places where it was checked. */
function statuses(test: TestReport): ReadonlyMap<string, string> {
  const all = test.controls.flatMap((place) => place.results)
  return new Map(
    all.map(({ control }) => {
      const seen = all.filter((result) => result.control === control).map((result) => result.status)
      return [control, worstFirst.find((status) => seen.includes(status)) ?? 'error']
    }),
  )
}

function steps(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): readonly ({ readonly id: string } & Step)[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .sort(compare)
    .map((id) => ({ id, from: before.get(id) ?? null, to: after.get(id) ?? null }))
    .filter(({ from, to }) => from !== to)
}

function inputsOf(before: RecordPredicate, after: RecordPredicate): readonly string[] {
  const [a, b] = [before.fingerprint, after.fingerprint]
  const changes = a === undefined || b === undefined ? [] : fingerprintChanges(after.image, a, b)
  const bases =
    before.base.id === after.base.id
      ? []
      : [`base ${before.base.id.slice(0, 8)} -> ${after.base.id.slice(0, 8)}`]
  const bundle =
    a !== undefined && b !== undefined
      ? []
      : before.source.bundle === after.source.bundle
        ? []
        : [`bundle ${before.source.bundle.slice(0, 8)} -> ${after.source.bundle.slice(0, 8)}`]
  return [...changes, ...bundle, ...bases]
}

/** What is different between two releases, of one image or of two. */
export function diffReleases(
  before: DiffSide,
  after: DiffSide,
  files: readonly FileChange[] | null,
): ReleaseDiff {
  const [a, b] = [before.predicate, after.predicate]
  const factOf = (test: TestReport): ReadonlyMap<string, string> =>
    new Map(test.facts.map(({ id, status, found }) => [id, `${status}: ${found}`]))
  const titles = new Map([...before.test.facts, ...after.test.facts].map(({ id, title }) => [id, title]))
  return {
    from: `${a.image}@${a.version}`,
    to: `${b.image}@${b.version}`,
    identical: a.artifact.sha256 === b.artifact.sha256,
    artifact: { from: a.artifact.sha256, to: b.artifact.sha256 },
    bytes: { from: a.artifact.bytes, to: b.artifact.bytes },
    inputs: inputsOf(a, b),
    packages: diffPackages(before.packages, after.packages),
    findings: diffFindings(before.scan, after.scan),
    controls: steps(statuses(before.test), statuses(after.test)).map(({ id, from, to }) => ({
      control: id,
      from,
      to,
    })),
    facts: steps(factOf(before.test), factOf(after.test)).map(({ id, from, to }) => ({
      id,
      title: titles.get(id) ?? id,
      from,
      to,
    })),
    files,
  }
}
