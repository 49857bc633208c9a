import { join } from 'node:path'
import { digestOf } from '../core/digest.ts'
import { parseDatabaseMetadata, parseTrivyReport } from '../core/parse-trivy.ts'
import { canaryOf, isScanned } from '../core/canary.ts'
import { MintmarkError } from '../errors.ts'
import type { Database } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import { ignoreNothing, quietScan, runTrivy, type Scanner } from './run-trivy.ts'

/** Trivy's own defaults, in its order. */
const defaultRepositories = ['mirror.gcr.io/aquasec/trivy-db:2', 'ghcr.io/aquasecurity/trivy-db:2']
const defaultDeadlineMs = 60_000
const namedDeadlineMs = 15 * 60_000

type Located = Omit<Database, 'canary'>

export type FoundDatabase =
  | { readonly database: Located; readonly problem: null }
  | { readonly database: null; readonly problem: string }

const badDatabase = (message: string, cause?: unknown): MintmarkError =>
  new MintmarkError('TOOL_FAILED', message, {
    hint: 'give --trivy-db a folder with trivy.db and metadata.json, or an OCI reference like registry.example/trivy-db:2',
    cause,
  })

/** Links or copies a database into the scanner's private cache: Trivy opens it read-only, and it stays the same for the whole run. */
async function adopt(world: World, scanner: Scanner, folder: string, source: string): Promise<Located> {
  const { files } = world
  const db = join(scanner.cache, 'db')
  for (const name of ['trivy.db', 'metadata.json']) {
    if ((await files.info(join(folder, name))) === null) throw badDatabase(`${source} has no ${name}`)
    await files.place(join(folder, name), join(db, name))
  }
  return describe(world, db, source)
}

async function describe(world: World, db: string, source: string): Promise<Located> {
  const metadata = parseDatabaseMetadata(await world.files.readText(join(db, 'metadata.json')), source)
  return {
    source,
    sha256: await world.files.sha256(join(db, 'trivy.db')),
    updated: metadata.UpdatedAt,
    nextUpdate: metadata.NextUpdate,
  }
}

async function fromFolder(world: World, scanner: Scanner, given: string): Promise<Located> {
  for (const folder of [given, join(given, 'db')]) {
    if ((await world.files.info(join(folder, 'trivy.db'))) !== null)
      return adopt(world, scanner, folder, given)
  }
  throw new MintmarkError('NOT_FOUND', `the vulnerability database ${given} holds no trivy.db`, {
    hint: 'give --trivy-db the folder that holds trivy.db and metadata.json',
  })
}

/** Downloads into the private cache: the one run of Trivy with a network, and like all the others without any login. */
async function download(
  world: World,
  scanner: Scanner,
  repositories: readonly string[],
  deadlineMs: number,
): Promise<void> {
  await runTrivy(
    world,
    scanner,
    [
      'rootfs',
      '--download-db-only',
      '--db-repository',
      repositories.join(','),
      '--disable-telemetry',
      '--skip-version-check',
      '--no-progress',
    ],
    { timeoutMs: deadlineMs, online: true },
  )
}

/** Keeps a downloaded database for later runs; only the metadata, placed last, make it usable. */
async function keep(world: World, scanner: Scanner, folder: string): Promise<void> {
  await world.files.remove(join(folder, 'metadata.json'))
  for (const name of ['trivy.db', 'metadata.json']) {
    await world.files.place(join(scanner.cache, 'db', name), join(folder, name))
  }
}

const isComplete = async (world: World, folder: string): Promise<boolean> =>
  (await world.files.info(join(folder, 'trivy.db'))) !== null &&
  (await world.files.info(join(folder, 'metadata.json'))) !== null

/** Host, path, and a tag or a digest. */
const ociReference =
  /^(?:localhost|[a-z0-9.-]+\.[a-z0-9-]+|[a-z0-9.-]+:\d+|localhost:\d+)\/[a-z0-9._/-]+(?::[A-Za-z0-9._-]+)?(?:@sha256:[0-9a-f]{64})?$/

/** Addresses at which Trivy takes an answer without TLS as well. On the loopback nobody is on the way. */
function mayBePlainHttp(host: string): boolean {
  const name = host.replace(/:\d+$/, '')
  if (name === '127.0.0.1' || name === 'localhost' || name.endsWith('.localhost')) return false
  return (
    /^(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.[0-9.]+$/.test(name) ||
    name.endsWith('.local') ||
    name.includes('127.0.0.1')
  )
}

/** @throws MintmarkError USAGE when the text is no reference, or one whose answer anybody on the way could replace */
function checkReference(reference: string): void {
  if (!ociReference.test(reference)) {
    throw new MintmarkError(
      'USAGE',
      `the vulnerability database "${reference}" is neither a folder nor an OCI reference`,
      { hint: 'give a folder with trivy.db, or a reference like registry.example/trivy-db:2' },
    )
  }
  const [host = ''] = reference.split('/')
  if (!reference.includes('@sha256:') && mayBePlainHttp(host)) {
    throw new MintmarkError(
      'USAGE',
      `${reference}: at ${host} Trivy takes a database without TLS too, and anybody on the way could replace it`,
      { hint: `pin it: ${reference.replace(/:[^:/]*$/, '')}@sha256:DIGEST, or name a registry that has TLS` },
    )
  }
}

/** Why the registry gave none, in our words. */
function noDatabase(reference: string, cause: unknown): MintmarkError {
  const lines = cause instanceof MintmarkError ? cause.lines : []
  const asksForLogin = lines.some((line) => /UNAUTHORIZED|DENIED|status code 40[13]\b/.test(line))
  return new MintmarkError(
    'PROVIDER_UNREACHABLE',
    asksForLogin
      ? `${reference}: the registry asks for a login, and mintmark gives Trivy none`
      : `no vulnerability database could be had from ${reference}`,
    {
      hint: asksForLogin
        ? 'copy the database to a folder or to a registry that lets it be read without a login, and name that'
        : 'check the reference and the registry, or give --trivy-db a folder',
      details: lines,
      cause,
    },
  )
}

async function fromRegistry(world: World, scanner: Scanner, reference: string): Promise<Located> {
  const kept = join(world.places.databases, digestOf(reference).slice(0, 16))
  // A digest names bytes: once here, they need no network. A tag may have moved.
  if (reference.includes('@sha256:') && (await isComplete(world, kept))) {
    return adopt(world, scanner, kept, reference)
  }
  try {
    await download(world, scanner, [reference], namedDeadlineMs)
  } catch (cause) {
    if (world.signal.aborted) throw cause
    throw noDatabase(reference, cause)
  }
  const located = await describe(world, join(scanner.cache, 'db'), reference)
  await keep(world, scanner, kept)
  return located
}

/** Trivy's public database: the kept copy while it is fresh, else a download, else an old copy (the gate judges its age). */
async function fromDefault(world: World, scanner: Scanner): Promise<FoundDatabase> {
  const kept = join(world.places.databases, 'default')
  const source = defaultRepositories[0] ?? ''
  const have = await isComplete(world, kept)
  if (have) {
    const metadata = parseDatabaseMetadata(await world.files.readText(join(kept, 'metadata.json')), kept)
    if (Date.parse(metadata.NextUpdate) > world.clock.now().getTime()) {
      return { database: await adopt(world, scanner, kept, source), problem: null }
    }
  }
  try {
    await download(world, scanner, defaultRepositories, defaultDeadlineMs)
  } catch (cause) {
    if (world.signal.aborted) throw cause
    if (have) return { database: await adopt(world, scanner, kept, source), problem: null }
    await world.files.remove(join(scanner.cache, 'db'))
    await world.files.makeFolder(join(scanner.cache, 'db'), { mode: 0o700 })
    return {
      database: null,
      problem: `no database could be downloaded from ${defaultRepositories.join(' or ')}`,
    }
  }
  const database = await describe(world, join(scanner.cache, 'db'), source)
  await keep(world, scanner, kept)
  return { database, problem: null }
}

/**
 * Puts the advisories into the scanner's cache.
 * @param given a folder, an OCI reference, or null for Trivy's public database
 * @throws MintmarkError when a given one can't be used: NOT_FOUND, USAGE, TOOL_FAILED, PROVIDER_UNREACHABLE. Without a given one,
 * having none is no error but a `problem`.
 */
export async function findDatabase(
  world: World,
  scanner: Scanner,
  given: string | null,
): Promise<FoundDatabase> {
  if (given === null) return fromDefault(world, scanner)
  const isFolder = (await world.files.info(given)) !== null || /^[./~]/.test(given)
  if (isFolder) return { database: await fromFolder(world, scanner, given), problem: null }
  checkReference(given)
  return { database: await fromRegistry(world, scanner, given), problem: null }
}

/**
 * True when a made-up system of this release, with very old packages, is reported as having fixable findings: only then
 * does "nothing found" mean anything.
 * @throws MintmarkError TOOL_FAILED when the database is broken
 */
export async function runCanary(
  world: World,
  scanner: Scanner,
  os: { readonly family: string; readonly release: string },
): Promise<boolean> {
  const tree = join(scanner.work, 'canary')
  const canary = canaryOf(os)
  for (const [path, text] of canary.files) await world.files.write(join(tree, path), text)
  const report = join(scanner.work, 'canary.json')
  try {
    await runTrivy(world, scanner, [
      'rootfs',
      ...quietScan,
      ...ignoreNothing(scanner),
      '--scanners',
      'vuln',
      '--list-all-pkgs',
      '--format',
      'json',
      '--output',
      report,
      tree,
    ])
  } catch (cause) {
    if (world.signal.aborted) throw cause
    throw new MintmarkError('TOOL_FAILED', 'trivy can not use the vulnerability database', {
      hint: 'the database is broken: fetch it again, or give another one by --trivy-db',
      details: cause instanceof MintmarkError ? cause.lines : [],
      cause,
    })
  }
  const scan = parseTrivyReport(await world.files.readText(report))
  return (
    isScanned(scan.os, os) &&
    scan.osPackages === canary.packages &&
    scan.findings.some((finding) => finding.fixed !== null)
  )
}
