import { join } from 'node:path'
import { correctSources } from '../core/correct-sources.ts'
import { mayHoldOwnPackages } from '../core/packaged-secrets.ts'
import { addSecondScanner } from '../core/parse-grype.ts'
import {
  mergeFindings,
  parseDpkgStatus,
  parseTrivyReport,
  renameArtifact,
  renderPackages,
} from '../core/parse-trivy.ts'
import { renderFindings } from '../core/render-findings.ts'
import { parseRpmPackages, rpmPackageQuery } from '../core/rpm-files.ts'
import { mergeSecrets } from '../core/secret-rules.ts'
import { type Finding, ScanReport } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import { checkArtifact } from './check-artifact.ts'
import { findSecrets, loadSecretRules } from './find-secrets.ts'
import { keptDisk } from './kept-disk.ts'
import { readInTree } from './read-in-tree.ts'
import { askRpm } from './rpm-database.ts'
import { ignoreNothing, prepareScanner, quietScan, runTrivy, type Scanner } from './run-trivy.ts'
import { type SecondScannerOption, scanWithGrype } from './second-scanner.ts'
import type { Stage, StageContext } from './stage.ts'
import { findDatabase, runCanary } from './trivy-database.ts'

/**
 * Trivy can't even start on a Java archive without a second database of its own, as big as the first. Debian's archives are
 * covered by the advisories of their packages.
 */
const withoutJavaArchives = ['[jJ][aA][rR]', '[wW][aA][rR]', '[eE][aA][rR]', '[pP][aA][rR]'].flatMap(
  (extension) => ['--skip-files', `**/*.${extension}`],
)

/** The second look: signed packages under the source that their advisories are listed under. */
export async function findingsOfSigned(
  world: World,
  scanner: Scanner,
  cyclonedx: string,
): Promise<readonly Finding[]> {
  const corrected = correctSources(await world.files.readText(cyclonedx))
  if (corrected.packages.length === 0) return []
  const sbom = join(scanner.work, 'corrected.cdx.json')
  const report = join(scanner.work, 'corrected.json')
  await world.files.write(sbom, corrected.text)
  const args = ['--scanners', 'vuln', '--format', 'json', '--output', report]
  await runTrivy(world, scanner, ['sbom', ...quietScan, ...ignoreNothing(scanner), ...args, sbom])
  const { findings } = parseTrivyReport(await world.files.readText(report))
  return findings.filter((finding) => corrected.packages.includes(finding.package))
}

const reportFiles = {
  json: 'trivy.json',
  cyclonedx: 'sbom.cdx.json',
  spdx: 'sbom.spdx.json',
  table: 'findings.txt',
  packages: 'packages.tsv',
} as const

/** Looks at a tree: facts only, no verdict. Reports are written below `reports`. */
export async function scanTree(
  world: World,
  input: {
    readonly tree: string
    readonly work: string
    readonly reports: string
    /** For the reports, e.g. debian-13@1.0.0 */
    readonly name: string
    readonly subject: string
    /** What the definition says; the canary is of this release. */
    readonly os: { readonly family: string; readonly release: string }
    readonly trivyDb: string | null
    readonly secondScanner?: SecondScannerOption | null
    /** True when the definition installs packages of a team's own. */
    readonly ownRepositories: boolean
    readonly update: (text: string) => void
  },
): Promise<ScanReport> {
  const { files } = world
  const { tree, reports, update } = input
  const tool = await world.tools.need('trivy')
  const scanner = await prepareScanner(world, tool, input.work)
  update('getting the vulnerability database')
  const { database, problem } = await findDatabase(world, scanner, input.trivyDb)
  const canary = database !== null && (await runCanary(world, scanner, input.os))

  update('scanning packages and files')
  const raw = join(input.work, 'raw.json')
  // Without a database only Trivy's vulnerability scanner has to stay off: packages and secrets need none.
  const scanners = database === null ? 'secret' : 'vuln,secret'
  const args = ['--scanners', scanners, '--list-all-pkgs', '--format', 'json', '--output', raw]
  await runTrivy(world, scanner, [
    'rootfs',
    ...quietScan,
    ...ignoreNothing(scanner),
    ...withoutJavaArchives,
    ...args,
    tree,
  ])
  const path = (kind: keyof typeof reportFiles): string => join(reports, reportFiles[kind])
  const text = renameArtifact(await files.readText(raw), input.name)
  await files.write(path('json'), text)

  update('writing the SBOMs')
  const formats = [
    ['cyclonedx', 'cyclonedx'],
    ['spdx-json', 'spdx'],
  ] as const
  for (const [format, kind] of formats) {
    const convert = ['convert', '--format', format, '--output', path(kind), ...ignoreNothing(scanner)]
    await runTrivy(world, scanner, [...convert, path('json')])
  }
  const scan = parseTrivyReport(text)
  update('searching every file for secrets')
  const rules = await loadSecretRules(world)
  const { ownRepositories } = input
  const { secrets, packaged } = await findSecrets(world, { tree, rules, ownRepositories })
  const signed = database === null ? [] : await findingsOfSigned(world, scanner, path('cyclonedx'))
  const { secondScanner = null, os } = input
  if (secondScanner !== null) update('letting Grype look as well')
  const second =
    secondScanner === null
      ? null
      : await scanWithGrype(world, {
          work: join(input.work, 'grype'),
          cyclonedx: path('cyclonedx'),
          os,
          database: secondScanner.database,
        })
  const debs = parseDpkgStatus((await readInTree(world, tree, 'var/lib/dpkg/status')) ?? '')
  const rpms = debs.length > 0 ? null : await askRpm(world, tree, rpmPackageQuery)
  const installed = rpms === null ? debs : parseRpmPackages(rpms.text)
  await files.write(path('packages'), renderPackages(installed))
  const facts = {
    subject: input.subject,
    os: scan.os,
    packages: { trivy: scan.osPackages, dpkg: installed.length },
    database: database === null ? null : { ...database, canary },
    databaseProblem: problem,
    findings: [...addSecondScanner(mergeFindings(scan.findings, signed), second?.findings ?? [])],
    secrets: [...mergeSecrets(scan.secrets, secrets, rules)],
    packagedSecrets: [...packaged],
    trivy: { version: tool.version, sha256: tool.sha256, isolated: scanner.isolated },
    ...(second === null ? {} : { secondScanner: second.scanner }),
  }
  await files.write(path('table'), renderFindings(input.name, facts))
  const digests: Record<string, { path: string; sha256: string }> = {}
  for (const kind of Object.keys(reportFiles) as (keyof typeof reportFiles)[]) {
    digests[kind] = { path: path(kind), sha256: await files.sha256(path(kind)) }
  }
  return { ...facts, files: digests }
}

function lineOf(report: ScanReport): string {
  const known = report.packagedSecrets?.length ?? 0
  const published = known === 0 ? '' : ` (${known} that packages publish)`
  const secrets = `${report.secrets.length === 0 ? 'no' : report.secrets.length} secrets${published}`
  const packages = `${report.packages.trivy} packages`
  if (report.database === null) {
    return `${packages}, ${secrets}; vulnerabilities: unknown (${report.databaseProblem ?? 'no database'})`
  }
  const fixable = report.findings.filter(
    ({ fixed, severity }) => fixed !== null && (severity === 'HIGH' || severity === 'CRITICAL'),
  )
  const database = `database sha256:${report.database.sha256.slice(0, 12)} of ${report.database.updated}`
  return `${packages}, ${secrets}, ${fixable.length} fixable high; ${database}`
}

async function run(context: StageContext): Promise<{ output: ScanReport; line: string }> {
  const { world, definition, target, step } = context
  const { artifact } = context.need('build')
  const reports = join(context.folder, 'reports')
  await world.files.remove(reports)
  const work = await world.files.tempFolder('scan-', context.folder)
  try {
    step.update('reading the disk')
    await checkArtifact(context, artifact)
    const disk = join(work, 'disk')
    await world.files.makeFolder(disk, { mode: 0o700 })
    const keep = keptDisk(context.folder)
    const tree = await target.readDisk({
      world,
      artifact,
      into: disk,
      keep,
      update: (text) => step.update(text),
    })
    // Nobody reads it after this.
    await world.files.remove(keep)
    const output = await scanTree(world, {
      tree: tree.root,
      work: join(work, 'trivy'),
      reports,
      name: `${context.image}@${context.version}`,
      subject: artifact.sha256,
      os: definition.os,
      trivyDb: context.options.trivyDb,
      secondScanner: context.options.secondScanner ?? null,
      ownRepositories: mayHoldOwnPackages(definition),
      update: (text) => step.update(text),
    })
    return { output, line: lineOf(output) }
  } finally {
    await world.files.remove(work)
  }
}

/**
 * Reads the artifact's own disk and tells what is on it: packages, vulnerabilities, secrets, SBOMs. It judges nothing.
 */
export const scanStage: Stage<'scan'> = {
  id: 'scan',
  needs: ['base', 'build'],
  options: ['trivyDb', 'secondScanner'],
  output: ScanReport,
  run,
}
