import type { StepReport } from '../ports/report.ts'
import type { World } from '../ports/world.ts'
import type { BuildVariables } from '../targets/target.ts'

export interface EngineInput {
  readonly world: World
  /** Folder of the rendered bundle. */
  readonly bundle: string
  /** A private folder of the run: logs, variables and what the engine downloads from the guest. */
  readonly folder: string
  readonly variables: BuildVariables
}

export interface EngineResult {
  /** Absolute path of the one image file. */
  readonly artifact: string
  readonly steps: readonly { readonly name: string; readonly seconds: number }[]
  readonly tools: Readonly<Record<string, string>>
}

/** What builds: one image, in one place. */
export interface Engine {
  readonly id: 'packer'
  /** Proves the bundle well-formed without building. @throws MintmarkError CONFIG_INVALID with the engine's own words */
  validate(input: EngineInput): Promise<void>
  /** @throws MintmarkError BUILD_FAILED with the telling lines of its log */
  build(input: EngineInput, step: Pick<StepReport, 'update'>): Promise<EngineResult>
}
