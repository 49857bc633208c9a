import { MintmarkError } from '../../pipeline/errors.ts'

/** The error of ours that the work ends with; any other is thrown on, and so is none at all. */
export async function refusal(work: Promise<unknown>): Promise<MintmarkError> {
  try {
    await work
  } catch (cause) {
    if (cause instanceof MintmarkError) return cause
    throw cause
  }
  throw new Error('it was not refused')
}
