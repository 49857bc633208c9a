import type { Problem } from './share-plan.ts'

/** One thing that a principal wants to do with an image. */
export interface Use {
  readonly yes: boolean
  readonly why: string
}

/** What a principal can do with an image once it is given. */
export interface Uses {
  readonly launchable: Use
  readonly copyable: Use
}

export interface SeenRelease {
  readonly variant: string
  readonly version: string
  /** `ambiguous`: something else is in its place, or it could not be looked at and `refused` says why. */
  readonly status: 'present' | 'absent' | 'ambiguous'
  /** What is wrong with it; null unless ambiguous. */
  readonly why: string | null
  /** Only part of it is there: to be given once more. */
  readonly mends?: true
  /** Left out where who has it can use it. */
  readonly uses?: Uses
  /** Why it can't be given, or is of no use to who has it. */
  readonly refused?: Problem
}

/** What the principal's own copy of a channel names. */
export interface SeenHead {
  readonly channel: string
  readonly variant: string
  /** Null: nothing, or something that is not ours (then `why`). */
  readonly version: string | null
  readonly why: string | null
  /** Something around it is missing, or may be read by others than it should: to be given once more. */
  readonly mends?: true
}

/** What is at a principal. A release that is not in the list is absent; a place that could not be looked at has no list. */
export type PlaceSight =
  | {
      readonly principal: string
      readonly status: 'seen'
      readonly releases: readonly SeenRelease[]
      /** Null where principals have no names for channels: then it is what events say. */
      readonly heads: readonly SeenHead[] | null
      /** Part of it could not be looked at: what was given there may still be there. */
      readonly unseen?: true
    }
  | ({ readonly principal: string; readonly status: 'unreachable' | 'refused' } & Problem)
