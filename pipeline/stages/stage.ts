import type * as z from 'zod'
import type { ResolvedBase } from '../model/base.ts'
import type { Definition } from '../model/definition.ts'
import type { GateDecision } from '../model/gate.ts'
import type { Published, Recorded } from '../model/release.ts'
import type { BuildResult, Bundle, ScanReport, TestReport } from '../model/stages.ts'
import type { StepReport } from '../ports/report.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'
import type { SecondScannerOption } from './second-scanner.ts'

/** What each stage leaves in the run folder, as `<stage>.json`. */
export interface StageOutputs {
  readonly base: ResolvedBase
  readonly render: Bundle
  readonly build: BuildResult
  readonly test: TestReport
  readonly scan: ScanReport
  readonly gate: GateDecision
  readonly publish: Published
  readonly record: Recorded
}
export type StageId = keyof StageOutputs

export interface StageContext {
  readonly world: World
  readonly image: string
  readonly definition: Definition
  /** Where the image is built and lives; chosen once, before the first stage. */
  readonly target: Target
  /** Absolute path of this run's folder. A stage writes only below it (and what it exists to write elsewhere). */
  readonly folder: string
  readonly runId: string
  /** The version reserved for this run. */
  readonly version: string
  /** Seconds that each finished stage of this run took. */
  readonly seconds: Readonly<Record<string, number>>
  readonly options: {
    /** A folder or an OCI reference; null: Trivy's own default. */
    readonly trivyDb: string | null
    /** A file or an address of a known-exploited list; null: none. */
    readonly knownExploited: string | null
    /** Why what is no worse than the current release has to be shipped; null: it has not. */
    readonly emergency: string | null
    /** Which other scanner looks as well; none when it is null or left out. */
    readonly secondScanner?: SecondScannerOption | null
  }
  readonly step: StepReport
  /** Output of an earlier stage that this one declared in `needs`. */
  need<K extends StageId>(stage: K): StageOutputs[K]
}

export interface Stage<K extends StageId = StageId> {
  readonly id: K
  readonly needs: readonly StageId[]
  /** The options that its result depends on. */
  readonly options?: readonly (keyof StageContext['options'])[]
  /** Its result depends on the clock, so an earlier one never holds. */
  readonly always?: boolean
  readonly output: z.ZodType<StageOutputs[K]>
  /** Must be repeatable: killed at any moment, it is simply run again. Ends its step by returning `line`. */
  run(context: StageContext): Promise<{ readonly output: StageOutputs[K]; readonly line: string }>
  /** Called once the result is kept, also when it ends the run: for what tells people about it. */
  after?(context: StageContext, output: StageOutputs[K]): Promise<void>
}
