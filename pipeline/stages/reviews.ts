import { judgeReviews, type Reviewer, readReviewList, reviewList, reviewsSince } from '../core/reviews.ts'
import { showValue, visible } from '../core/show-value.ts'
import { MintmarkError } from '../errors.ts'
import type { GitHub } from '../ports/github.ts'
import type { World } from '../ports/world.ts'

/** @throws MintmarkError USAGE outside of a job of GitHub Actions with a token */
function jobOf({ github, env }: World, what: string): { readonly github: GitHub; readonly run: number } {
  const run = Number(env['GITHUB_RUN_ID'])
  if (github !== undefined && Number.isSafeInteger(run) && run > 0) return { github, run }
  throw new MintmarkError('USAGE', `${what} is for a job of GitHub Actions with a token, and this is none`, {
    hint: 'give the step github.token as GITHUB_TOKEN, and the job the permission actions: read',
  })
}

/** The reviews that this run has so far, for `reviewersOf` of a later job. @throws MintmarkError USAGE, PROVIDER_REFUSED */
export async function reviewsSoFar(world: World): Promise<string> {
  const { github, run } = jobOf(world, 'what a reviewer is shown')
  return reviewList(await github.reviews(run))
}

/**
 * Who let this run's job into an environment after they could see what it will do, and did not ask for it themselves; at least one.
 * @param before what `reviewsSoFar` said when it was shown: those of an earlier attempt saw something else
 * @throws MintmarkError USAGE; PROMOTION_REFUSED when nobody did, or only who asked for it
 */
export async function reviewersOf(
  world: World,
  { environment, before }: { readonly environment: string; readonly before: string },
): Promise<readonly Reviewer[]> {
  const { github, run } = jobOf(world, '--reviewed')
  const known = readReviewList(before)
  if (known === null)
    throw new MintmarkError('USAGE', `--reviews is ${showValue(before)}: expected the output of the look`, {
      hint: 'give --reviews the output `reviews` of the step that ran ./mintmark approve without --diff',
    })
  const { actor, triggeringActor } = await github.run(run)
  const requesters = [actor, triggeringActor]
  const since = reviewsSince(await github.reviews(run), known)
  const { reviewers, own } = judgeReviews(since, { environment, requesters })
  if (reviewers.length > 0) return reviewers
  const settings = `the environment ${visible(environment)}, in the repository's settings`
  if (own.length > 0)
    throw new MintmarkError(
      'PROMOTION_REFUSED',
      `${own.map(visible).join(', ')} asked for this run and let it into ${visible(environment)}: somebody else has to`,
      {
        hint: `run the job again and let another reviewer in; "prevent self-review" is a switch of ${settings}`,
      },
    )
  throw new MintmarkError(
    'PROMOTION_REFUSED',
    `nobody let this run into ${visible(environment)} after they could see what it does`,
    {
      hint: `required reviewers are a setting of ${settings}; where they are set, run the job again: who bypasses them has reviewed nothing`,
    },
  )
}
