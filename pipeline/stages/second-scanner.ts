import { join } from 'node:path'
import { withUpstreams } from '../core/correct-sources.ts'
import { ageHours, isFresh } from '../core/days.ts'
import { parseGrypeReport } from '../core/parse-grype.ts'
import { parsedJson } from '../core/parsed-json.ts'
import { MintmarkError } from '../errors.ts'
import { GrypeStatus } from '../model/grype.ts'
import type { Finding, SecondScanner } from '../model/stages.ts'
import type { Tool } from '../ports/tools.ts'
import type { World } from '../ports/world.ts'
import { scannerEnv } from './run-trivy.ts'

/** Which other scanner looks as well, and where its database is: a folder with vulnerability.db and import.json, or an archive. */
export interface SecondScannerOption {
  readonly name: 'grype'
  readonly database: string
}

/** Grype's own limit for a database, in hours. */
const maxAgeHours = 120

const canaryName = 'mintmark-canary'
const canarySources = ['openssh', 'openssl', 'sudo', 'glibc', 'curl', 'zlib', 'linux', 'bash']

const hint =
  'give --grype-db the folder that `grype db update` fills (~/.cache/grype/db/6), or an archive that `grype db import` takes'

/** Runs Grype with a private home, no network and none of its update checks. */
async function runGrype(
  world: World,
  tool: Tool,
  work: string,
  args: readonly string[],
): Promise<{ readonly stdout: string }> {
  const isolated = await world.exec.cutsNetwork()
  return world.exec.run([tool.path, ...args], {
    cwd: join(work, 'empty'),
    leash: 'child',
    timeoutMs: 30 * 60_000,
    ...(isolated ? { network: 'none' } : {}),
    env: {
      ...scannerEnv(work, false),
      NO_COLOR: '1',
      GRYPE_CHECK_FOR_APP_UPDATE: 'false',
      GRYPE_DB_AUTO_UPDATE: 'false',
      GRYPE_DB_REQUIRE_UPDATE_CHECK: 'false',
      // Its age is judged below, by our clock.
      GRYPE_DB_VALIDATE_AGE: 'false',
      GRYPE_DB_VALIDATE_BY_HASH_ON_START: 'true',
      GRYPE_DB_CACHE_DIR: join(work, 'db'),
      GRYPE_EXTERNAL_SOURCES_ENABLE: 'false',
    },
  })
}

/** A failure about the database that was given. */
function unusable(world: World, given: string): (cause: unknown) => never {
  return (cause) => {
    if (world.signal.aborted) throw cause
    throw new MintmarkError('TOOL_FAILED', `grype can not use the database ${given}`, {
      hint,
      details: cause instanceof MintmarkError ? cause.lines : [],
      cause,
    })
  }
}

/** Puts the database below the private folder. @returns its digest */
async function adopt(world: World, tool: Tool, work: string, given: string): Promise<string> {
  const { files } = world
  const own = join(work, 'db/6')
  const kind = (await files.info(given))?.kind
  if (kind === 'folder') {
    for (const folder of [given, join(given, '6')]) {
      const names = await files.list(folder)
      if (!names.includes('vulnerability.db') || !names.includes('import.json')) continue
      for (const name of ['vulnerability.db', 'import.json'])
        await files.place(join(folder, name), join(own, name))
      return files.sha256(join(own, 'vulnerability.db'))
    }
  }
  if (kind !== 'file')
    throw new MintmarkError('NOT_FOUND', `--grype-db: ${given} holds no database of Grype`, { hint })
  await runGrype(world, tool, work, ['db', 'import', given]).catch(unusable(world, given))
  return files.sha256(join(own, 'vulnerability.db'))
}

/** When the database was made. @throws MintmarkError TOOL_FAILED for one that Grype can't read, or an old one */
async function builtOf(world: World, tool: Tool, work: string, given: string): Promise<string> {
  const args = ['db', 'status', '-o', 'json']
  const told = await runGrype(world, tool, work, args).catch(unusable(world, given))
  const status = GrypeStatus.safeParse(parsedJson(told.stdout))
  if (!status.success || !status.data.valid || Number.isNaN(Date.parse(status.data.built))) {
    throw new MintmarkError('TOOL_FAILED', `grype can not use the database ${given}`, {
      hint,
      details: status.success ? [status.data.error] : [],
    })
  }
  const { built } = status.data
  if (!isFresh(built, world.clock.now(), maxAgeHours)) {
    const age =
      ageHours(built, world.clock.now()) < 0 ? 'which is to come' : `older than ${maxAgeHours} hours`
    throw new MintmarkError('TOOL_FAILED', `grype's database ${given} is of ${built}, ${age}`, {
      hint: 'run `grype db update` where there is a network, or release without the second scanner',
    })
  }
  return new Date(built).toISOString()
}

/**
 * Looks Trivy's packages up in Grype's advisories as well.
 * @param input.cyclonedx path of the SBOM that Trivy's pass gave
 * @throws MintmarkError TOOL_MISSING, NOT_FOUND, TOOL_FAILED: a second opinion that was asked for and can't be had is an error
 */
export async function scanWithGrype(
  world: World,
  input: {
    readonly work: string
    readonly cyclonedx: string
    readonly os: { readonly family: string; readonly release: string }
    readonly database: string
  },
): Promise<{ readonly findings: readonly Finding[]; readonly scanner: SecondScanner }> {
  const { work, os, database } = input
  const { files } = world
  const tool = await world.tools.need('grype')
  for (const folder of ['empty', 'home', 'tmp', 'db/6'])
    await files.makeFolder(join(work, folder), { mode: 0o700 })
  const sha256 = await adopt(world, tool, work, database)
  const built = await builtOf(world, tool, work, database)
  const sbom = join(work, 'sbom.cdx.json')
  const distro = `${os.family}-${os.release}`
  const canary = { name: canaryName, sources: canarySources, distro }
  await files.write(sbom, withUpstreams(await files.readText(input.cyclonedx), canary))
  const args = [`sbom:${sbom}`, '-o', 'json', '--distro', `${os.family}:${os.release}`]
  const { stdout } = await runGrype(world, tool, work, args)
  const found = parseGrypeReport(stdout)
  if (!found.some((finding) => finding.package === canaryName)) {
    throw new MintmarkError('TOOL_FAILED', `grype's database ${database} has no advisories for ${distro}`, {
      hint: '"nothing found" would mean nothing: give --grype-db a database that covers it',
    })
  }
  return {
    findings: found.filter((finding) => finding.package !== canaryName),
    scanner: {
      name: 'grype',
      version: tool.version,
      sha256: tool.sha256,
      database: { source: database, sha256, built },
    },
  }
}
