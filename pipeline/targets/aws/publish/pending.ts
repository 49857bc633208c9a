import { allEnded } from '../../../core/all-ended.ts'
import { ownImage, planRegion, publishText } from '../../../core/aws-publish-plan.ts'
import { listed } from '../../../core/lists.ts'
import { placeProblem } from '../../../core/place-problem.ts'
import { MintmarkError } from '../../../errors.ts'
import type { LookForInput, PendingPlace } from '../../distributing.ts'
import { requireAccount } from '../account.ts'
import type { AwsCalls } from '../client.ts'
import { type BringInput, toldIn } from './bring-region.ts'
import { keyIn } from './region-key.ts'
import { seeRegion } from './see-region.ts'
import { regionsOf, wantedIn } from './wanted.ts'

export type PendingInput = Pick<
  BringInput,
  'world' | 'calls' | 'target' | 'facts' | 'artifact' | 'channels' | 'told'
> &
  Pick<LookForInput, 'silent'>

const mostActions = 3

/** What is to be done in a region; null: nothing. @throws MintmarkError PROVIDER_UNREACHABLE, PROVIDER_REFUSED, CONFIG_INVALID */
async function pendingIn(input: PendingInput, calls: AwsCalls): Promise<string | null> {
  const { world, target, facts, artifact, channels, told, silent } = input
  const { region } = calls
  await requireAccount(calls, target.account, 'targets.aws.account of the definition')
  const known = toldIn(told, region)
  const wanted = wantedIn(region, target, facts, artifact, { channels, told: known })
  const sight = await seeRegion(calls, wanted, keyIn(target, region))
  if (sight.status === 'unreachable') {
    silent.set(region, sight.why)
    return sight.why
  }
  const plan = planRegion(wanted, sight, world.clock.now().toISOString())
  // A region without watermarks has none to give.
  const actions = plan.filter(({ kind }) => kind !== 'watermark')
  const texts = actions.map((action) => (action.kind === 'blocked' ? action.why : publishText(action)))
  if (texts.length > 0) return listed(texts, mostActions)
  const own = ownImage(wanted, sight.images)?.imageId
  return region === artifact.region || own === known
    ? null
    : `no event says yet that ${own} is its image there`
}

/**
 * Regions in which `distributeAmi` would have something to do, each looked at for itself and all at once. None of a release of another
 * account than the definition's: only another release mends that.
 * @param input with calls of any region
 * @throws MintmarkError INTERRUPTED, INTERNAL
 */
export async function pendingRegions(input: PendingInput): Promise<readonly PendingPlace[]> {
  const { target, artifact, silent } = input
  if (target.account !== artifact.account) return []
  const places = await allEnded(
    regionsOf(target, artifact).map(async (place) => {
      const unheard = silent.get(place)
      if (unheard !== undefined) return [{ place, why: unheard }]
      const calls = input.calls.at(place)
      try {
        const why = await pendingIn(input, calls)
        return why === null ? [] : [{ place, why }]
      } catch (cause) {
        const { why } = placeProblem(cause)
        if (cause instanceof MintmarkError && cause.code === 'PROVIDER_UNREACHABLE') silent.set(place, why)
        return [{ place, why }]
      } finally {
        calls.close()
      }
    }),
  )
  return places.flat()
}
