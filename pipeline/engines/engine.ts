import type { StepReport } from '../ports/report.ts'
import type { ToolName } from '../ports/tools.ts'
import type { World } from '../ports/world.ts'
import type { BuildVariables } from '../targets/building.ts'

export interface EngineInput {
  readonly world: World
  /** Folder of the rendered bundle. */
  readonly bundle: string
  /** A private folder of the run: logs, variables and what the engine downloads from the guest. */
  readonly folder: string
  /** Where it says `output_directory` the engine makes its files there; where it says `console_log`, that file is watched. */
  readonly variables: BuildVariables
  /** The plugin of the bundle's source. */
  readonly plugin: ToolName
}

export interface EngineBuildInput extends EngineInput {
  /** For the engine's process alone, in its environment: credentials. None of it is written, logged or an argument. */
  readonly environment: Readonly<Record<string, string>>
}

export interface EngineResult {
  /** Absolute path of the one image file; of a cloud's image its region and id, e.g. eu-west-1:ami-0abc. */
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
  build(input: EngineBuildInput, step: Pick<StepReport, 'update'>): Promise<EngineResult>
}
