import type { Definition } from '../model/definition.ts'
import type { RegionalCopy } from '../model/event.ts'
import type { RecordPredicate } from '../model/release.ts'
import type { World } from '../ports/world.ts'

/** A release that is to be brought to all the places that its definition names. */
export interface DistributeInput {
  readonly world: World
  /** As it is now: places may have come since the release. */
  readonly definition: Definition
  /** The facts of the release, as they were signed. */
  readonly record: Pick<
    RecordPredicate,
    'image' | 'version' | 'arch' | 'run' | 'owner' | 'created' | 'artifact'
  >
  /** Channels that point to it. */
  readonly channels: readonly string[]
  /** Whether one of them still does: to be asked before its pointer moves, for copies take hours and channels go on meanwhile. */
  stillPoints(channel: string): Promise<boolean>
  /** The copies that signed events tell of, one a place. */
  readonly told: readonly Pick<RegionalCopy, 'region' | 'imageId'>[]
  /** For progress. */
  readonly update: (text: string) => void
}

/** A release, and where it is to be looked for. */
export interface LookForInput extends Omit<DistributeInput, 'stillPoints'> {
  /** Places that could not be looked at, and why: they are asked once, however many releases are looked for. To be added to. */
  readonly silent: Map<string, string>
}

/** A place that does not have what it should. */
export interface PendingPlace {
  readonly place: string
  /** What is to be done there, or why nobody can tell. */
  readonly why: string
}

/** What is so by now, place by place. One that failed keeps the others from nothing. */
export interface Distributed {
  /** Where else than where it was built the image is whole. */
  readonly copies: readonly RegionalCopy[]
  /** What was done, in words. */
  readonly done: readonly string[]
  /** Channels' pointers that named another image before. */
  readonly moved: readonly {
    readonly place: string
    readonly channel: string
    readonly pointer: string
    readonly from: string
  }[]
  /** Places that stay behind. Called again, it does what is left and nothing twice. */
  readonly left: readonly { readonly place: string; readonly why: string; readonly hint: string }[]
  readonly notes: readonly string[]
}
