import type { World } from '../ports/world.ts'

export interface VerbInput {
  readonly world: World
  /** Positional arguments, in order. */
  readonly args: readonly string[]
  /** Long option name (camelCase) -> value; a flag is true. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>
}

/** Each file of cli/verbs exports one `run`. It prints by `world.report.result`; a number is the exit code, nothing means 0. */
export type RunVerb = (input: VerbInput) => Promise<number | undefined>
