import { join } from 'node:path'
import { mergeFindings, parseTrivyReport } from '../core/parse-trivy.ts'
import type { RecordPredicate } from '../model/release.ts'
import type { Database, ScanReport } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import { readReport, storedScan } from './read-reports.ts'
import { ignoreNothing, prepareScanner, quietScan, runTrivy } from './run-trivy.ts'
import { findingsOfSigned } from './scan.ts'
import { findDatabase, runCanary } from './trivy-database.ts'

export type ScannedAgain =
  /** The database of the release's own scan, or still none: what was found then holds. */
  | { readonly status: 'same' }
  /** There was none then, and now there is. */
  | { readonly status: 'first'; readonly source: Database['source'] }
  /** The stored packages, looked up in another database. */
  | { readonly status: 'new'; readonly scan: ScanReport }

/**
 * Looks a release up in today's database: its stored SBOM, not its disk.
 * @throws MintmarkError as findDatabase does, or TOOL_FAILED, NOT_FOUND
 */
export async function scanAgain(
  world: World,
  input: {
    readonly predicate: RecordPredicate
    readonly os: { readonly family: string; readonly release: string }
    /** A folder or an OCI reference; null: Trivy's public database. */
    readonly trivyDb: string | null
  },
): Promise<ScannedAgain> {
  const { predicate, os } = input
  const before = predicate.scan.database
  const tool = await world.tools.need('trivy')
  // Beside the kept databases, so that one is linked and not copied.
  const work = await world.files.tempFolder('look-', world.places.databases)
  try {
    const scanner = await prepareScanner(world, tool, work)
    const { database } = await findDatabase(world, scanner, input.trivyDb)
    if (database === null || database.sha256 === before?.sha256) return { status: 'same' }
    if (before === null) return { status: 'first', source: database.source }
    const canary = await runCanary(world, scanner, os)
    const sbom = join(work, 'sbom.cdx.json')
    const report = join(work, 'report.json')
    await world.files.write(sbom, await readReport(world, predicate, 'cyclonedx', null))
    const args = ['--scanners', 'vuln', '--format', 'json', '--output', report]
    await runTrivy(world, scanner, ['sbom', ...quietScan, ...ignoreNothing(scanner), ...args, sbom])
    const { findings } = parseTrivyReport(await world.files.readText(report))
    const signed = await findingsOfSigned(world, scanner, sbom)
    const scan: ScanReport = {
      ...(await storedScan(world, predicate)),
      database: { ...database, canary },
      databaseProblem: null,
      findings: [...mergeFindings(findings, signed)],
    }
    return { status: 'new', scan }
  } finally {
    await world.files.remove(work)
  }
}
