import type { MintmarkError } from '../errors.ts'
import type { RecordedArtifact } from '../model/artifact.ts'
import type { ResolvedBase } from '../model/base.ts'
import type { Definition } from '../model/definition.ts'
import type { ToolName } from '../ports/tools.ts'
import type { World } from '../ports/world.ts'

/** Values that enter a build at run time; none of them is in the bundle. */
export type BuildVariables = Readonly<Record<string, string | number>>

export interface SourceInput {
  /** Folder below templates/. */
  readonly template: string
  /** Packer's plugin of this source, as the tool table names it. */
  readonly plugin: ToolName
  /** As the build block names it, e.g. source.qemu.image */
  readonly name: string
  /** Who ends the machine once it is sealed: the engine by the bundle's shutdown command, or a last provisioner in the guest. */
  readonly poweroff: 'engine' | 'guest'
  readonly values: Readonly<Record<string, unknown>>
}

/** The run that something is made for. */
export interface ForRun {
  readonly image: string
  readonly definition: Definition
  readonly runId: string
  /** Null where nothing is to be released. */
  readonly version: string | null
}

export interface VariablesInput extends ForRun {
  readonly world: World
  readonly folder: string
  /** Null when the bundle is only validated: then nothing is made, looked up or asked for. */
  readonly base: ResolvedBase | null
  /** One line of OpenSSH: the key of this build. */
  readonly publicKey: string
  /** Called before anything is made outside of this machine: from then on the build has to be swept. */
  readonly began: () => void
  /** For progress. */
  readonly update: (text: string) => void
}

/** The build of a run, from outside of the machine that it builds in. */
export interface BuildInput extends ForRun {
  readonly world: World
}

export interface SweepInput extends BuildInput {
  /** The id of the image that stays, as the engine's manifest names it; null: none does. */
  readonly keep: string | null
  /** For progress. */
  readonly update: (text: string) => void
}

/** What older runs of an image left where it is built, outside of this machine. */
export interface RemainsInput {
  readonly world: World
  readonly image: string
  readonly definition: Definition
  /** Only what was made before this: a younger run may still go on. */
  readonly before: Date
  /** Those of the image's releases: what they are made of stays. */
  readonly artifacts: readonly RecordedArtifact[]
}

export interface Remain {
  /** For people: instance, security group, ... */
  readonly what: string
  readonly id: string
  /** For people: a region. */
  readonly where: string
  readonly image: string
  readonly run: string
  /** As an instant. */
  readonly made: string
  /** May be repeated. @throws MintmarkError when it is not gone */
  readonly remove: (update: (text: string) => void) => Promise<void>
}

/** In the order in which it can go, and what could not be looked at. */
export interface Remains {
  readonly found: readonly Remain[]
  readonly problems: readonly MintmarkError[]
}

/** What the engine made, before it is taken over. */
export interface BuiltInput {
  readonly world: World
  /** As the engine's manifest names it: an absolute path, or the id of a cloud's image. */
  readonly built: string
}

export interface CollectInput extends BuiltInput, ForRun {
  /** The run's folder. */
  readonly folder: string
  /** For progress. */
  readonly update: (text: string) => void
}

export interface RawDiskInput extends BuiltInput {
  /** Absolute path of a file that is not there yet; the caller removes it, also after an error. */
  readonly to: string
}
