import { evaluateGate } from '../core/evaluate-gate.ts'
import { openFindings } from '../core/evaluate-gate-findings.ts'
import { type ErrorCode, MintmarkError } from '../errors.ts'
import type { GateDecision } from '../model/gate.ts'
import { BuildResult, type Finding, type ScanReport, TestReport } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import type { Trust } from './chain.ts'
import { eventsOf, trustedEvents } from './events.ts'
import { inputOf, type Judgement, loadJudgement } from './gate.ts'
import type { Release } from './read-release.ts'
import { readReport, recordedBase } from './read-reports.ts'
import { definitionNow, scanBefore } from './rescan.ts'
import { lookUp, withAdvisories } from './scan-again.ts'

export interface JudgeTodayInput {
  readonly releases: readonly Release[]
  readonly trust: Trust
  /** A folder or an OCI reference; null for Trivy's public database. */
  readonly trivyDb: string | null
  /** A file or an address; null for none. */
  readonly knownExploited: string | null
  /** True: what can't be had today stops nothing, the last look is judged instead. */
  readonly neverStop: boolean
}

/** A release by today's policy, waivers and clock. */
export interface JudgedToday {
  readonly release: Release
  readonly gate: GateDecision
  /** What rejects. */
  readonly open: readonly Finding[]
  /** All that was found. */
  readonly findings: readonly Finding[]
  /** Whose advisories: today's database, or the last look's and why there is no newer one. */
  readonly by: string
}

/** Nobody's mistake: there is just no database, or nothing to read it with, on this machine. */
const nothingAtHand: readonly ErrorCode[] = [
  'TOOL_MISSING',
  'TOOL_REFUSED',
  'TOOL_FAILED',
  'PROVIDER_UNREACHABLE',
  'NOT_FOUND',
  'NO_SPACE',
]

async function judgeScan(
  world: World,
  release: Release,
  judgement: Judgement,
  scan: ScanReport,
): Promise<Omit<JudgedToday, 'by'>> {
  const { predicate } = release.statement
  const input = await inputOf(
    world,
    {
      image: release.image,
      definition: await definitionNow(world, predicate),
      base: recordedBase(predicate),
      build: await readReport(world, predicate, 'build', BuildResult),
      test: await readReport(world, predicate, 'test', TestReport),
      scan,
    },
    judgement,
  )
  return { release, gate: evaluateGate(input), open: openFindings(input), findings: scan.findings }
}

async function byLastLook(
  world: World,
  input: JudgeTodayInput,
  judgement: Judgement,
  why: string,
): Promise<readonly JudgedToday[]> {
  const judged: JudgedToday[] = []
  for (const release of input.releases) {
    const last = eventsOf(await trustedEvents(world, release, input.trust), 'rescanned').at(-1) ?? null
    const scan = await scanBefore(world, release.statement.predicate, last)
    const at = last?.event.at ?? release.statement.predicate.created
    const by = `the findings of ${at}, as no newer database is at hand (${why})`
    judged.push({ ...(await judgeScan(world, release, judgement, scan)), by })
  }
  return judged
}

async function byDatabase(
  world: World,
  input: JudgeTodayInput,
  judgement: Judgement,
): Promise<readonly JudgedToday[]> {
  return withAdvisories(world, input.trivyDb, async (advisories) => {
    const { database, problem } = advisories.found
    if (database === null) throw new MintmarkError('PROVIDER_UNREACHABLE', problem)
    const judged: JudgedToday[] = []
    for (const release of input.releases) {
      const { predicate } = release.statement
      const { os } = await definitionNow(world, predicate)
      const scan = await lookUp(world, advisories, database, { predicate, os })
      const by = `the database sha256:${database.sha256.slice(0, 12)}… of ${database.updated}`
      judged.push({ ...(await judgeScan(world, release, judgement, scan)), by })
    }
    return judged
  })
}

/**
 * Judges releases by today's policy, waivers and clock, and by today's database where one is at hand; nothing is written. Without one
 * it is the findings of the last look that are judged.
 * @throws MintmarkError CONFIG_INVALID, VERIFY_FAILED, CHAIN_BROKEN; what a database that was named can't do, unless `neverStop`
 */
export async function judgeToday(world: World, input: JudgeTodayInput): Promise<readonly JudgedToday[]> {
  const judgement = await loadJudgement(world, input.knownExploited).catch((cause: unknown) => {
    if (!input.neverStop || input.knownExploited === null) throw cause
    return loadJudgement(world, null)
  })
  try {
    return await byDatabase(world, input, judgement)
  } catch (cause) {
    if (world.signal.aborted || !isNothingAtHand(cause)) throw cause
    if (input.trivyDb !== null && !input.neverStop) throw cause
    return byLastLook(world, input, judgement, cause.message)
  }
}

const isNothingAtHand = (cause: unknown): cause is MintmarkError =>
  cause instanceof MintmarkError && nothingAtHand.includes(cause.code)
