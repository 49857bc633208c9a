import { canonicalJson } from '../core/digest.ts'
import { compareLooks, verdictDigest } from '../core/events.ts'
import { parsedJson } from '../core/parsed-json.ts'
import { type ErrorCode, MintmarkError } from '../errors.ts'
import { Definition } from '../model/definition.ts'
import type { LookChanges, Rescan } from '../model/event.ts'
import type { GateDecision } from '../model/gate.ts'
import type { RecordPredicate } from '../model/release.ts'
import { BuildResult, type Database, ScanReport, TestReport } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import type { StoredEvent, Trust } from './chain.ts'
import { type Choice, chooseReleases, type Place } from './choose-releases.ts'
import { appendEvent, eventsOf, trustedEvents, whyNotWrite } from './events.ts'
import { type Judgement, judge, loadJudgement } from './gate.ts'
import { imageNames, loadDefinition } from './load-definition.ts'
import type { Release } from './read-release.ts'
import { readReport, recordedBase, storedScan } from './read-reports.ts'
import { type Advisories, lookUp, withAdvisories } from './scan-again.ts'
import { releaseTrustedBy, trustedKeys } from './verify-release.ts'

export interface RescanInput extends Choice {
  readonly trivyDb: string | null
  /** A file or an address; null for none. */
  readonly knownExploited: string | null
  /** Called before each look. */
  readonly update: (text: string) => void
}

/** A release by today's database and policy. */
export interface Judged extends Place {
  readonly status: 'judged'
  readonly release: Release
  readonly gate: GateDecision
  readonly database: Database
  readonly findings: number
  readonly changes: LookChanges
  /** The look that it is compared with: the last event, or the release's own scan. */
  readonly before: {
    readonly sequence: number | null
    readonly at: string
    readonly verdict: GateDecision['verdict']
    /** False: the release was made without any database. */
    readonly known: boolean
  }
  /** False: the same database and the same verdict as before. */
  readonly changed: boolean
  /** What was written of it; null when nothing changed, or it may not be written. */
  readonly event: StoredEvent | null
  /** Why this machine may not write the event. */
  readonly notWritten: string | null
}

/** A release that could not be looked at. */
export interface Unseen extends Place {
  readonly status: 'failed'
  readonly error: MintmarkError
}

export type Rescanned = Judged | Unseen

/** What no other release would be better off with: told at once. */
const endsAll: readonly ErrorCode[] = ['INTERNAL', 'USAGE', 'PROVIDER_UNREACHABLE', 'NO_SPACE']

/** What the release was made of, with what its team says of findings, exceptions and age today. */
export async function definitionNow(world: World, predicate: RecordPredicate): Promise<Definition> {
  const made = await readReport(world, predicate, 'definition', Definition)
  if (!(await imageNames(world)).includes(predicate.image)) return made
  const now = await loadDefinition(world, predicate.image)
  return {
    ...made,
    base: { ...made.base, maxAge: now.base.maxAge },
    hardening: { ...made.hardening, exceptions: now.hardening.exceptions },
    scan: now.scan,
  }
}

type LastLook = ReturnType<typeof eventsOf<'rescanned'>>[number]

/** The scan of the last look: what an event put into the catalog, or the release's own. */
export async function scanBefore(
  world: World,
  predicate: RecordPredicate,
  last: LastLook | null,
): Promise<ScanReport> {
  if (last === null) return storedScan(world, predicate)
  const { report } = last.event.data
  const text = Buffer.from(await world.catalog.getBlob(report.sha256)).toString('utf8')
  const parsed = ScanReport.safeParse(parsedJson(text))
  if (parsed.success) return parsed.data
  throw new MintmarkError(
    'VERIFY_FAILED',
    `the report of event ${last.event.sequence} is of another mintmark`,
  )
}

interface Look {
  readonly scan: ScanReport
  readonly gate: GateDecision
  readonly changes: LookChanges
  readonly changed: boolean
  readonly before: Judged['before']
}

function compare(
  predicate: RecordPredicate,
  last: LastLook | null,
  before: ScanReport,
  now: { readonly scan: ScanReport; readonly gate: GateDecision },
): Look {
  const gate = last?.event.data.gate ?? predicate.gate
  const changes = compareLooks(before.findings, now.scan.findings)
  const changed =
    before.database?.sha256 !== now.scan.database?.sha256 ||
    verdictDigest(gate) !== verdictDigest(now.gate) ||
    Object.values(changes).some((list) => list.length > 0)
  return {
    ...now,
    changes,
    changed,
    before: {
      sequence: last?.event.sequence ?? null,
      at: last?.event.at ?? predicate.created,
      verdict: gate.verdict,
      known: before.database !== null,
    },
  }
}

async function look(
  world: World,
  advisories: Advisories,
  database: Omit<Database, 'canary'>,
  release: Release,
  context: { readonly trust: Trust; readonly judgement: Judgement },
): Promise<Omit<Judged, keyof Place>> {
  const { predicate } = release.statement
  const { trust, judgement } = context
  const definition = await definitionNow(world, predicate)
  const base = recordedBase(predicate)
  const build = await readReport(world, predicate, 'build', BuildResult)
  const test = await readReport(world, predicate, 'test', TestReport)
  const scan = await lookUp(world, advisories, database, { predicate, os: definition.os })
  const facts = { image: release.image, definition, base, build, test, scan }
  const gate = await judge(world, facts, judgement)
  const compared = async (events: readonly StoredEvent[]): Promise<Look> => {
    const last = eventsOf(events, 'rescanned').at(-1) ?? null
    return compare(predicate, last, await scanBefore(world, predicate, last), { scan, gate })
  }

  const notWritten = await whyNotWrite(world, release, trust)
  let seen: Look | null = null
  let event: StoredEvent | null = null
  if (notWritten === null) {
    event = await appendEvent(world, release, trust, async (_, events) => {
      seen = await compared(events)
      if (!seen.changed || scan.database === null) return null
      const report = await world.catalog.putBlob(Buffer.from(canonicalJson(scan)))
      const data: Rescan = {
        database: scan.database,
        trivy: scan.trivy,
        gate,
        findings: scan.findings.length,
        changes: seen.changes,
        report,
      }
      return { kind: 'rescanned', data }
    })
  }
  const result: Look = seen ?? (await compared(await trustedEvents(world, release, trust)))
  const { changes, changed, before } = result
  const canary = scan.database?.canary === true
  return {
    status: 'judged',
    release,
    gate,
    database: { ...database, canary },
    findings: scan.findings.length,
    changes,
    before,
    changed,
    event,
    notWritten: changed ? notWritten : null,
  }
}

/**
 * Judges released images by today's database, policy, waivers and clock, from what is stored of them: nothing is rebuilt or booted.
 * What is new is added to the history of the release as a signed event. A release that can't be looked at stops no other.
 * @throws MintmarkError as findDatabase does, PROVIDER_UNREACHABLE when there is no database, CONFIG_INVALID, NOT_FOUND, USAGE
 */
export async function rescan(world: World, input: RescanInput): Promise<readonly Rescanned[]> {
  const chosen = await chooseReleases(world, input)
  const trust: Trust = { trust: await trustedKeys(world, null), onlyTrust: false }
  const judgement = await loadJudgement(world, input.knownExploited)
  input.update('getting the vulnerability database')
  return withAdvisories(world, input.trivyDb, async (advisories) => {
    const { database, problem } = advisories.found
    if (database === null)
      throw new MintmarkError('PROVIDER_UNREACHABLE', problem, {
        hint: 'give a database with --trivy-db FOLDER|OCI-REFERENCE, or as scan.database in mintmark.yaml',
      })
    const done: Rescanned[] = []
    for (const { located, ...place } of chosen) {
      input.update(`${place.image}@${place.version}`)
      try {
        if (located instanceof MintmarkError) throw located
        const release = await releaseTrustedBy(world, located, trust)
        done.push({ ...place, ...(await look(world, advisories, database, release, { trust, judgement })) })
      } catch (cause) {
        if (world.signal.aborted || !(cause instanceof MintmarkError) || endsAll.includes(cause.code))
          throw cause
        done.push({ ...place, status: 'failed', error: cause })
      }
    }
    return done
  })
}
