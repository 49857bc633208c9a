import { allEnded } from '../../../core/all-ended.ts'
import { planRegion, publishText } from '../../../core/aws-publish-plan.ts'
import { listed } from '../../../core/lists.ts'
import { placeProblem } from '../../../core/place-problem.ts'
import type { PendingPlace } from '../../distributing.ts'
import { requireAccount } from '../account.ts'
import type { AwsCalls } from '../client.ts'
import type { BringInput } from './bring-region.ts'
import { keyIn } from './region-key.ts'
import { seeRegion } from './see-region.ts'
import { regionsOf, wantedIn } from './wanted.ts'

export type PendingInput = Pick<
  BringInput,
  'world' | 'calls' | 'target' | 'facts' | 'artifact' | 'channels' | 'told'
>

const mostActions = 3

/** What is to be done in a region; null: nothing. */
async function pendingIn(input: PendingInput, calls: AwsCalls): Promise<string | null> {
  const { world, target, facts, artifact, channels, told } = input
  const { region } = calls
  // Another account's is for the next release to tell.
  await requireAccount(calls, target.account, 'targets.aws.account of the definition')
  const known = told.find((copy) => copy.region === region)?.imageId ?? null
  const wanted = wantedIn(region, target, facts, artifact, { channels, told: known })
  const sight = await seeRegion(calls, wanted, keyIn(target, region))
  if (sight.status === 'unreachable') return sight.why
  const plan = planRegion(wanted, sight, world.clock.now().toISOString())
  // A region without watermarks has none to give.
  const actions = plan.filter(({ kind }) => kind !== 'watermark')
  const texts = actions.map((action) => (action.kind === 'blocked' ? action.why : publishText(action)))
  if (texts.length > 0) return listed(texts, mostActions)
  return known === null && region !== artifact.region ? 'no event says yet which image it has' : null
}

/**
 * Regions in which `distributeAmi` would have something to do, each looked at for itself and all at once.
 * @param input with calls of any region
 * @throws MintmarkError INTERRUPTED, INTERNAL
 */
export async function pendingRegions(input: PendingInput): Promise<readonly PendingPlace[]> {
  const { target, artifact } = input
  const places = await allEnded(
    regionsOf(target, artifact).map(async (place) => {
      const calls = input.calls.at(place)
      try {
        const why = await pendingIn(input, calls)
        return why === null ? [] : [{ place, why }]
      } catch (cause) {
        return [{ place, why: placeProblem(cause).why }]
      } finally {
        calls.close()
      }
    }),
  )
  return places.flat()
}
