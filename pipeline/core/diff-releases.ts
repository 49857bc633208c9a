import type { GateDecision } from '../model/gate.ts'
import type { RecordPredicate } from '../model/release.ts'
import type { Finding, ScanReport, TestReport } from '../model/stages.ts'
import { compareDebianVersions } from './debian-version.ts'
import type { FileChange } from './diff-files.ts'
import { digestOf } from './digest.ts'
import { fingerprintChanges } from './fingerprint.ts'
import { compare, unique } from './lists.ts'

import type { InstalledPackage } from './parse-trivy.ts'
import { variantOf, worstOf } from './statement.ts'

/** A release with those of its reports that are compared. */
export interface DiffSide {
  readonly predicate: RecordPredicate
  readonly packages: readonly InstalledPackage[]
  readonly scan: ScanReport
  readonly test: TestReport
  /** Who has the image, as its events tell: `stable folder:/srv/golden`, sorted. */
  readonly shared: readonly string[]
}

/** Entries of the second release that the first has not, and the other way round. */
interface Changed {
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

interface Step {
  readonly from: string | null
  readonly to: string | null
}

export interface ReleaseDiff {
  /** Null where there was nothing: everything of the second is new. */
  readonly from: string | null
  readonly to: string
  readonly variant: string
  /** Both are the same bytes. */
  readonly identical: boolean
  readonly artifact: { readonly from: string | null; readonly to: string }
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
  /** What a person answers for: why findings were shipped all the same, waivers, exceptions. */
  readonly judgement: {
    /** The words of the second release's emergency; null when it was none. */
    readonly emergency: GateDecision['emergency']
    readonly waived: Changed
    readonly excepted: Changed
  }
  readonly sharing: Changed
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

function cautionOf(before: ScanReport | null, { database: second }: ScanReport): string | null {
  if (before === null) return second === null ? 'its vulnerabilities are unknown: no database' : null
  const first = before.database
  if (first === null || second === null)
    return `vulnerabilities of ${first === null ? (second === null ? 'both' : 'the first') : 'the second'} are unknown: no database`
  return first.sha256 === second.sha256
    ? null
    : `looked up in two databases, of ${first.updated} and ${second.updated}`
}

function diffFindings(before: ScanReport | null, after: ScanReport): ReleaseDiff['findings'] {
  // By advisory and package alone: an upgrade that leaves the finding open has not fixed it.
  const key = (finding: Finding): string => `${finding.id} ${finding.package}`
  const keys = (scan: ScanReport): ReadonlySet<string> => new Set(scan.findings.map(key))
  const then: ReadonlySet<string> = before === null ? new Set() : keys(before)
  const now = keys(after)
  return {
    fixed: (before?.findings ?? []).filter((finding) => !now.has(key(finding))),
    new: after.findings.filter((finding) => !then.has(key(finding))),
    caution: cautionOf(before, after),
  }
}

/** Control -> its worst status over all the places where it was checked. */
function statuses(test: TestReport): ReadonlyMap<string, string> {
  const all = test.controls.flatMap((place) => place.results)
  return new Map(
    all.map(({ control }) => {
      const seen = all.filter((result) => result.control === control).map((result) => result.status)
      return [control, worstOf(new Set(seen))]
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

const changed = (before: readonly string[], after: readonly string[]): Changed => ({
  added: unique(after.filter((item) => !before.includes(item))),
  removed: unique(before.filter((item) => !after.includes(item))),
})

const waiverText = (item: GateDecision['waived'][number]): string =>
  `${item.vulnerability} ${item.package}: ${item.status}, ${item.reason} (${item.owner}, until ${item.expires})`

const exceptionText = (item: GateDecision['excepted'][number]): string =>
  `${item.control}: ${item.reason} (${item.owner}, until ${item.expires})`

function judgementOf(before: GateDecision | null, after: GateDecision): ReleaseDiff['judgement'] {
  return {
    emergency: after.emergency,
    waived: changed((before?.waived ?? []).map(waiverText), after.waived.map(waiverText)),
    excepted: changed((before?.excepted ?? []).map(exceptionText), after.excepted.map(exceptionText)),
  }
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

/**
 * What is different between two releases, of one image or of two.
 * @param before null compares with nothing: what a channel gets first
 */
export function diffReleases(
  before: DiffSide | null,
  after: DiffSide,
  files: readonly FileChange[] | null,
): ReleaseDiff {
  const a = before?.predicate ?? null
  const b = after.predicate
  const factsOf = (test: TestReport | undefined): ReadonlyMap<string, string> =>
    new Map((test?.facts ?? []).map(({ id, status, found }) => [id, `${status}: ${found}`]))
  const titles = new Map(
    [...(before?.test.facts ?? []), ...after.test.facts].map(({ id, title }) => [id, title]),
  )
  const statusesBefore: ReadonlyMap<string, string> = before === null ? new Map() : statuses(before.test)
  return {
    from: a === null ? null : `${a.image}@${a.version}`,
    to: `${b.image}@${b.version}`,
    variant: variantOf(b),
    identical: a?.artifact.sha256 === b.artifact.sha256,
    artifact: { from: a?.artifact.sha256 ?? null, to: b.artifact.sha256 },
    bytes: { from: a?.artifact.bytes ?? 0, to: b.artifact.bytes },
    inputs: a === null ? [] : inputsOf(a, b),
    packages: diffPackages(before?.packages ?? [], after.packages),
    findings: diffFindings(before?.scan ?? null, after.scan),
    controls: steps(statusesBefore, statuses(after.test)).map(({ id, from, to }) => ({
      control: id,
      from,
      to,
    })),
    facts: steps(factsOf(before?.test), factsOf(after.test)).map(({ id, from, to }) => ({
      id,
      title: titles.get(id) ?? id,
      from,
      to,
    })),
    judgement: judgementOf(a?.gate ?? null, b.gate),
    sharing: changed(before?.shared ?? [], after.shared),
    files,
  }
}

/**
 * What an approval names: the sha256 of the canonical JSON of the diffs, one a variant, in the order of their names; of the diff itself
 * when there is one. Who has the image by now and the disks' files are no part of it: they don't decide what goes into the channel.
 */
export function diffDigest(diffs: readonly ReleaseDiff[]): string {
  const seen = [...diffs]
    .sort((a, b) => compare(a.variant, b.variant))
    .map(({ files: _files, sharing: _sharing, ...diff }) => diff)
  return digestOf(seen.length === 1 ? seen[0] : seen)
}
