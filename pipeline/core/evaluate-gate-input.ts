import type { ResolvedBase } from '../model/base.ts'
import type { Definition } from '../model/definition.ts'
import type { Policy } from '../model/gate.ts'
import type { BuildResult, ScanReport, TestReport } from '../model/stages.ts'
import type { ExploitedList } from './known-exploited.ts'
import type { KeptWaiver } from './waivers.ts'

export interface GateInput {
  /** For the commands that mend. */
  readonly image: string
  readonly definition: Definition
  readonly policy: Policy
  readonly policyName: string
  readonly policySha256: string
  readonly base: ResolvedBase
  readonly build: BuildResult
  readonly test: TestReport
  readonly scan: ScanReport
  /** All that there are, also those of other images. */
  readonly waivers: readonly KeptWaiver[]
  /** Null when no known-exploited list was given. */
  readonly knownExploited: ExploitedList | null
  readonly now: Date
}

/** What mends most of what can be wrong. */
export interface Commands {
  readonly rebuild: string
  readonly baseUpdate: string
}
