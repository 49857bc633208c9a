import { MintmarkError } from '../errors.ts'
import type { Finding, ScanReport } from '../model/stages.ts'
import { TrivyMetadata, TrivyReport } from '../model/trivy.ts'
import { compare } from './lists.ts'
import { severityOrder } from './severity.ts'

/** Worst first, then by advisory and package: the order never depends on Trivy's. */
function sortFindings(findings: readonly Finding[]): readonly Finding[] {
  return [...findings].sort(
    (a, b) =>
      severityOrder.indexOf(a.severity) - severityOrder.indexOf(b.severity) ||
      compare(a.id, b.id) ||
      compare(a.package, b.package) ||
      compare(a.installed, b.installed),
  )
}

/** One row per advisory, package and version; of two equal ones the first stays. */
export function mergeFindings(findings: readonly Finding[], more: readonly Finding[]): readonly Finding[] {
  const rows = new Map<string, Finding>()
  for (const finding of [...findings, ...more]) {
    const key = `${finding.id} ${finding.package} ${finding.installed}`
    if (!rows.has(key)) rows.set(key, finding)
  }
  return sortFindings([...rows.values()])
}

function json(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MintmarkError('TOOL_FAILED', `${what} is not JSON`, { cause })
  }
}

/** What one `trivy rootfs` or `trivy sbom` told. `os` has empty strings when Trivy recognised none. */
export interface TrivyScan {
  readonly os: ScanReport['os']
  /** Of the operating system; language packages are not in it. */
  readonly osPackages: number
  readonly findings: readonly Finding[]
  readonly secrets: ScanReport['secrets']
}

/**
 * Reads Trivy's JSON report.
 * @throws MintmarkError TOOL_FAILED when it is not the report that this Trivy version writes
 */
export function parseTrivyReport(text: string): TrivyScan {
  const parsed = TrivyReport.safeParse(json(text, "trivy's report"))
  if (!parsed.success) {
    throw new MintmarkError('TOOL_FAILED', "trivy's report has an unknown shape", {
      details: parsed.error.issues.map((issue) => `${issue.path.map(String).join('.')}: ${issue.message}`),
    })
  }
  const { Metadata, Results } = parsed.data
  const findings = Results.flatMap((result) =>
    result.Vulnerabilities.map(
      (row): Finding => ({
        id: row.VulnerabilityID,
        package: row.PkgName,
        installed: row.InstalledVersion,
        fixed: row.FixedVersion === '' ? null : row.FixedVersion,
        severity: row.Severity,
        title: row.Title,
      }),
    ),
  )
  const secrets = Results.flatMap((result) =>
    result.Secrets.map((row) => ({ rule: row.RuleID, path: result.Target, severity: row.Severity })),
  )
  return {
    // "none" is Trivy's word for a system that it does not recognise.
    os: { family: (Metadata.OS?.Family ?? '').replace(/^none$/, ''), release: Metadata.OS?.Name ?? '' },
    osPackages: Results.filter((result) => result.Class === 'os-pkgs').reduce(
      (sum, result) => sum + result.Packages.length,
      0,
    ),
    findings: mergeFindings(findings, []),
    secrets: secrets.sort((a, b) => compare(a.path, b.path) || compare(a.rule, b.rule)),
  }
}

/**
 * Trivy names a root file system after its etc/hostname, which says nothing. Gives the report our own name, all else
 * unchanged.
 */
export function renameArtifact(text: string, name: string): string {
  const report = json(text, "trivy's report") as {
    ArtifactName?: string
    Results?: { Target?: string }[]
  }
  const old = report.ArtifactName ?? ''
  report.ArtifactName = name
  for (const result of report.Results ?? []) {
    if (result.Target?.startsWith(`${old} (`)) result.Target = `${name}${result.Target.slice(old.length)}`
  }
  return `${JSON.stringify(report, null, 1)}\n`
}

/**
 * Reads the `metadata.json` of a vulnerability database.
 * @throws MintmarkError TOOL_FAILED when it is none, or of another format than Trivy 0.70 reads
 */
export function parseDatabaseMetadata(text: string, source: string): TrivyMetadata {
  const parsed = TrivyMetadata.safeParse(json(text, `metadata.json of ${source}`))
  if (parsed.success) return parsed.data
  throw new MintmarkError('TOOL_FAILED', `metadata.json of ${source} is not one of a Trivy database`, {
    hint: 'give the folder that holds trivy.db and metadata.json of format version 2',
    details: parsed.error.issues.map((issue) => `${issue.path.map(String).join('.')}: ${issue.message}`),
  })
}

export interface InstalledPackage {
  readonly name: string
  readonly version: string
  readonly arch: string
}

/** States of dpkg in which a package's files are in use; triggers are work that is put off, not a missing part. */
const installedStates = ['installed', 'triggers-awaited', 'triggers-pending']

/** Installed packages of a dpkg status file, sorted by name and architecture. */
export function parseDpkgStatus(text: string): readonly InstalledPackage[] {
  return text
    .split(/\n{2,}/)
    .flatMap((stanza): InstalledPackage[] => {
      const field = (name: string): string =>
        new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(stanza)?.[1]?.trim() ?? ''
      const name = field('Package')
      const state = field('Status').split(/\s+/)[2] ?? ''
      if (name === '' || !installedStates.includes(state)) return []
      return [{ name, version: field('Version'), arch: field('Architecture') }]
    })
    .sort((a, b) => compare(a.name, b.name) || compare(a.arch, b.arch))
}

/** name, version and architecture, tab-separated, one package a line. */
export const renderPackages = (packages: readonly InstalledPackage[]): string =>
  packages.map(({ name, version, arch }) => `${name}\t${version}\t${arch}\n`).join('')
