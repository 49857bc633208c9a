import { MintmarkError } from '../errors.ts'

/** Why one place could not be served, and what to do about it. */
export interface PlaceProblem {
  /** Lines. */
  readonly why: string
  readonly hint: string
}

/**
 * What went wrong with one place, for the others not to stop at.
 * @throws whatever is no matter of the place: INTERRUPTED, INTERNAL, what is no MintmarkError
 */
export function placeProblem(cause: unknown): PlaceProblem {
  if (!(cause instanceof MintmarkError)) throw cause
  if (['INTERRUPTED', 'TERMINATED', 'INTERNAL'].includes(cause.code)) throw cause
  return { why: [cause.message, ...cause.lines].join('\n'), hint: cause.hint }
}
