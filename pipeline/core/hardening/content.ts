import type { Benchmark, Control, Kind, Profile } from '../../model/hardening.ts'

/** A kind, or a control of its own, as the two shell texts that do it. */
export interface ScriptPair {
  readonly apply: string
  readonly check: string
}

/** All of `hardening/`, parsed and checked against each other. */
export interface HardeningContent {
  readonly controls: readonly Control[]
  readonly kinds: ReadonlyMap<string, ScriptPair & { readonly kind: Kind }>
  /** By control, for controls of the kind `script`. */
  readonly scripts: ReadonlyMap<string, ScriptPair>
  readonly profiles: ReadonlyMap<string, Profile>
  readonly benchmarks: ReadonlyMap<string, Benchmark>
  /** What the kinds' scripts share; `installed` goes before both sides. */
  readonly lib: ScriptPair & { readonly installed: string }
}

/** The values of a control as rows; most controls have one. */
export function rowsOf(control: Control): readonly Readonly<Record<string, string>>[] {
  return Array.isArray(control.values) ? control.values : [control.values]
}
