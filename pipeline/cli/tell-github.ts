import { errorTable, MintmarkError } from '../errors.ts'
import type { GitHub } from '../ports/github.ts'
import type { World } from '../ports/world.ts'

/** The repository that a flag writes to. @throws MintmarkError USAGE outside a job that got its token */
export function jobsGithub({ job, github }: World, flag: string): GitHub {
  if (job !== undefined && github !== undefined) return github
  throw new MintmarkError(
    'USAGE',
    `${flag} writes to GitHub, and this is no job with a token of its repository`,
    {
      hint: `leave it out here; in a workflow give the step env: GITHUB_TOKEN: \${{ github.token }}`,
    },
  )
}

/**
 * Tells GitHub what the verb came to, besides its result: where that fails the result is still printed. `exit` is 0, or that of what
 * failed.
 */
export async function tellGithub<T>(
  { job, report, signal }: World,
  name: string,
  work: () => Promise<{ readonly value: T; readonly told: string }>,
): Promise<{ readonly value: T | null; readonly exit: number }> {
  const step = report.step(name)
  try {
    const { value, told } = await work()
    step.done(told)
    return { value, exit: 0 }
  } catch (cause) {
    step.fail(cause instanceof Error ? cause.message : String(cause))
    if (!(cause instanceof MintmarkError) || cause.code === 'INTERNAL' || signal.aborted) throw cause
    job?.error(name, [cause.message, `→ ${cause.hint}`].join('\n'))
    return { value: null, exit: errorTable[cause.code].exit }
  }
}
