import { type Night, streaksOf } from '../core/failure-streaks.ts'
import { variantOf } from '../core/statement.ts'
import { type Concern, runConcerns, type Subject, streakConcern } from '../core/watch.ts'
import { Arch, TargetId } from '../model/ids.ts'
import type { GitHub } from '../ports/github.ts'
import type { World } from '../ports/world.ts'
import { defaultBranch } from './default-branch.ts'

/** A fortnight of nights: each is a request of its own. */
const mostNights = 14

/** The variant that a job named `IMAGE TARGET ARCH` builds, else null. */
function builtBy(job: string): { readonly image: string; readonly variant: string } | null {
  const [image = '', target = '', arch = '', ...more] = job.split(' ')
  const known = TargetId.safeParse(target).success && Arch.safeParse(arch).success
  return image !== '' && known && more.length === 0 ? { image, variant: variantOf({ target, arch }) } : null
}

/**
 * What the last nights have to be told for: variants whose build fails each time, and nights that were not. Nights on other branches
 * don't count. The run that asks may be a night itself, and counts: its builds are the newest, and where it runs no night is missing.
 * That nights have stopped only another workflow can tell.
 * @param workflow file below .github/workflows
 * @param variants of each image that is watched: what is built of others is nobody's concern any more
 * @throws MintmarkError as the port does; USAGE where no branch is named
 */
export async function nightConcerns(
  world: World,
  github: GitHub,
  {
    workflow,
    variants,
  }: { readonly workflow: string; readonly variants: ReadonlyMap<string, readonly string[]> },
): Promise<readonly Concern[]> {
  const branch = await defaultBranch(world)
  const runs = await github.runs(workflow, { branch, limit: mostNights })
  const nights: Night[] = []
  for (const run of runs) nights.push({ at: run.created, jobs: await github.jobs(run.id) })
  const streaks = streaksOf(nights).flatMap((streak): readonly Concern[] => {
    const built = builtBy(streak.job)
    const subject: Subject = built ?? { image: null, variant: null }
    const watched = built === null || (variants.get(built.image) ?? []).includes(built.variant)
    return watched ? [streakConcern(streak, subject)] : []
  })
  const newest = runs[0]?.created ?? null
  return [...runConcerns({ workflow, branch, newest }, world.clock.now()), ...streaks]
}
