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

export interface Reviewed {
  /** At least one. */
  readonly reviewers: readonly Reviewer[]
  /** Logins of who started the run, and of who started this attempt, each once. */
  readonly requesters: readonly string[]
}

/**
 * Who let this run's job into an environment after they could see what it will do, and did not ask for it themselves.
 * @param before what `reviewsSoFar` said when it was shown: those who came before saw something else
 * @throws MintmarkError USAGE; PROMOTION_REFUSED when nobody did, only who asked for it or a bot, when somebody kept it out as well, or when
 * no person asked for it
 */
export async function reviewersOf(
  world: World,
  { environment, before }: { readonly environment: string; readonly before: string },
): Promise<Reviewed> {
  const { github, run } = jobOf(world, '--reviewed')
  const known = readReviewList(before)
  if (known === null)
    throw new MintmarkError('USAGE', `--reviews is ${showValue(before)}: expected the output of the look`, {
      hint: 'give --reviews the output `reviews` of the step that ran ./mintmark approve without --diff',
    })
  const { actor, triggeringActor, byPeople } = await github.run(run)
  // Behind a bot may be the very person who lets it in.
  if (!byPeople)
    throw new MintmarkError(
      'PROMOTION_REFUSED',
      `this run was asked for by ${[...new Set([actor, triggeringActor])].map((login) => visible(login) || 'an account that is gone').join(', ')}, and not by people alone`,
      { hint: 'a person has to dispatch it: start a new run of the workflow by hand' },
    )
  const requesters = [...new Set([actor, triggeringActor])]
  const since = reviewsSince(await github.reviews(run), known)
  const { reviewers, own, bots, rejecters } = judgeReviews(since, { environment, requesters })
  if (rejecters.length > 0)
    throw new MintmarkError(
      'PROMOTION_REFUSED',
      `${[...new Set(rejecters)].map(visible).join(', ')} kept this run out of ${visible(environment)}`,
      { hint: 'settle it with them, then run all jobs of the workflow again: somebody has to see it anew' },
    )
  if (reviewers.length > 0) return { reviewers, requesters }
  const settings = `the environment ${visible(environment)}, in the repository's settings`
  if (own.length > 0)
    throw new MintmarkError(
      'PROMOTION_REFUSED',
      `${own.map(visible).join(', ')} asked for this run and let it into ${visible(environment)}: somebody else has to`,
      {
        hint: `run the job again and let another reviewer in; "prevent self-review" is a switch of ${settings}`,
      },
    )
  if (bots.length > 0)
    throw new MintmarkError(
      'PROMOTION_REFUSED',
      `${bots.map(visible).join(', ')} let this run into ${visible(environment)}, and is no person`,
      { hint: `run the job again and let a person in; required reviewers are a setting of ${settings}` },
    )
  throw new MintmarkError(
    'PROMOTION_REFUSED',
    `nobody let this run into ${visible(environment)} after they could see what it does`,
    {
      hint: `required reviewers are a setting of ${settings}; where they are set, run the job again: who bypasses them has reviewed nothing`,
    },
  )
}
