import { join } from 'node:path'
import { addSecondScanner, ofSecondScanner } from '../core/parse-grype.ts'
import { mergeFindings, parseTrivyReport } from '../core/parse-trivy.ts'
import type { RecordPredicate } from '../model/release.ts'
import type { Database, ScanReport } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import { readReport, storedScan } from './read-reports.ts'
import { ignoreNothing, prepareScanner, quietScan, runTrivy, type Scanner } from './run-trivy.ts'
import { findingsOfSigned } from './scan.ts'
import { type FoundDatabase, findDatabase, runCanary } from './trivy-database.ts'

export type ScannedAgain =
  /** The database of the release's own scan, or still none: what was found then holds. */
  | { readonly status: 'same' }
  /** There was none then, and now there is. */
  | { readonly status: 'first'; readonly source: Database['source'] }
  /** The stored packages, looked up in another database. */
  | { readonly status: 'new'; readonly scan: ScanReport }

interface Os {
  readonly family: string
  readonly release: string
}

/** A scanner with today's database in it, for as many releases as there are. */
export interface Advisories {
  readonly found: FoundDatabase
  readonly scanner: Scanner
  /** Whether the database knows this system; asked once for each. */
  readonly knows: (os: Os) => Promise<boolean>
}

/**
 * Gets the database once and removes what the looks left when they are done.
 * @param trivyDb a folder or an OCI reference; null: Trivy's public database
 * @throws MintmarkError as findDatabase does, and what `work` throws
 */
export async function withAdvisories<T>(
  world: World,
  trivyDb: string | null,
  work: (advisories: Advisories) => Promise<T>,
): Promise<T> {
  const tool = await world.tools.need('trivy')
  // Beside the kept databases, so that one is linked and not copied.
  const folder = await world.files.tempFolder('look-', world.places.databases)
  try {
    const scanner = await prepareScanner(world, tool, folder)
    const found = await findDatabase(world, scanner, trivyDb)
    const known = new Map<string, Promise<boolean>>()
    const knows = (os: Os): Promise<boolean> => {
      const name = `${os.family} ${os.release}`
      const answer = known.get(name) ?? runCanary(world, scanner, os)
      known.set(name, answer)
      return answer
    }
    return await work({ found, scanner, knows })
  } finally {
    await world.files.remove(folder)
  }
}

/**
 * Looks the stored packages of a release up: its SBOM, not its disk. What the disk told besides (secrets, counts) is that of
 * its own scan.
 * @throws MintmarkError TOOL_FAILED, NOT_FOUND, VERIFY_FAILED
 */
export async function lookUp(
  world: World,
  advisories: Advisories,
  database: Omit<Database, 'canary'>,
  release: { readonly predicate: RecordPredicate; readonly os: Os },
): Promise<ScanReport> {
  const { scanner } = advisories
  const stored = await storedScan(world, release.predicate)
  const sbom = join(scanner.work, 'sbom.cdx.json')
  const report = join(scanner.work, 'report.json')
  await world.files.write(sbom, await readReport(world, release.predicate, 'cyclonedx', null))
  const canary = await advisories.knows(release.os)
  const args = ['--scanners', 'vuln', '--format', 'json', '--output', report]
  await runTrivy(world, scanner, ['sbom', ...quietScan, ...ignoreNothing(scanner), ...args, sbom])
  const { findings } = parseTrivyReport(await world.files.readText(report))
  const signed = await findingsOfSigned(world, scanner, sbom)
  const { version, sha256 } = scanner.tool
  return {
    ...stored,
    database: { ...database, canary },
    databaseProblem: null,
    // The second scanner is not asked again: what it found still stands.
    findings: [...addSecondScanner(mergeFindings(findings, signed), ofSecondScanner(stored.findings))],
    trivy: { version, sha256, isolated: scanner.isolated },
  }
}

/**
 * Looks a release up in today's database: its stored SBOM, not its disk.
 * @throws MintmarkError as findDatabase does, or TOOL_FAILED, NOT_FOUND
 */
export async function scanAgain(
  world: World,
  input: {
    readonly predicate: RecordPredicate
    readonly os: Os
    /** A folder or an OCI reference; null: Trivy's public database. */
    readonly trivyDb: string | null
  },
): Promise<ScannedAgain> {
  const before = input.predicate.scan.database
  return withAdvisories(world, input.trivyDb, async (advisories) => {
    const { database } = advisories.found
    if (database === null || database.sha256 === before?.sha256) return { status: 'same' }
    if (before === null) return { status: 'first', source: database.source }
    return { status: 'new', scan: await lookUp(world, advisories, database, input) }
  })
}
