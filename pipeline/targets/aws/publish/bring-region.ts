import {
  isOriginal,
  ownImage,
  type PublishAction,
  parameterName,
  planRegion,
  problemOf,
  publishText,
  regionNotes,
  type SeenImage,
  type WantedImage,
} from '../../../core/aws-publish-plan.ts'
import { digestOf } from '../../../core/digest.ts'
import { listed } from '../../../core/lists.ts'
import type { AmiArtifact } from '../../../model/artifact.ts'
import type { AwsTarget } from '../../../model/aws-target.ts'
import type { RegionalCopy } from '../../../model/event.ts'
import type { World } from '../../../ports/world.ts'
import type { Distributed, DistributeInput } from '../../distributing.ts'
import { requireAccount } from '../account.ts'
import type { AwsCalls } from '../client.ts'
import { pause } from '../pause.ts'
import { until } from '../until.ts'
import { type ApplyInput, applyAction, type Copying } from './apply.ts'
import { unseenMs } from './copy.ts'
import { requirePrivate } from './private.ts'
import { keyIn } from './region-key.ts'
import { seeRegion } from './see-region.ts'
import { type ReleaseFacts, wantedIn } from './wanted.ts'

export interface BringInput extends Pick<DistributeInput, 'channels' | 'stillPoints' | 'told'> {
  readonly world: Pick<World, 'clock' | 'signal'>
  /** Of any region. */
  readonly calls: AwsCalls
  readonly target: AwsTarget
  readonly facts: ReleaseFacts
  readonly artifact: AmiArtifact
  readonly region: string
  /** What is done right now. */
  readonly say: (text: string) => void
  /** Milliseconds since 1970. */
  readonly end: number
}

/** What is known of a region on the way. */
export interface Progress extends Copying {
  /** Once it is whole, and private or told before. */
  copy: RegionalCopy | null
  notes: readonly string[]
  /** Those that point to the release, as far as is known. */
  channels: readonly string[]
  /** EC2 has watermarks there, as far as is known. */
  watermarks: boolean
  readonly done: string[]
  readonly moved: Distributed['moved'][number][]
}

/** A plan that stays the same so often has no effect. */
const mostRounds = 8

type Doing = Exclude<PublishAction, { readonly kind: 'blocked' }>
type Left = Distributed['left'][number]

function copyOf({ region, artifact }: BringInput, { imageId, snapshots }: SeenImage): RegionalCopy | null {
  const [first] = snapshots
  if (region === artifact.region || first?.key == null) return null
  const snapshotIds = snapshots.map(({ id }) => id).sort()
  return { account: artifact.account, region, imageId, snapshotIds, keyArn: first.key }
}

/** Does what one look has planned. @returns what can't be done; null when all was */
async function applyAll(
  input: BringInput,
  progress: Progress,
  look: Pick<ApplyInput, 'calls' | 'wanted' | 'key'>,
  actions: readonly Doing[],
): Promise<Left | null> {
  const { world, target, facts, artifact, region, say, end } = input
  for (const action of actions) {
    const channel =
      action.kind === 'point'
        ? progress.channels.find((name) => parameterName(facts.image, facts.arch, name) === action.parameter)
        : undefined
    if (channel !== undefined && !(await input.stillPoints(channel))) {
      progress.channels = progress.channels.filter((name) => name !== channel)
      continue
    }
    say(publishText(action))
    const applied = await applyAction(
      {
        world,
        ...look,
        artifact,
        run: facts.run,
        tier: target.parameters?.tier ?? 'standard',
        copying: progress,
        deadlineMs: Math.max(0, end - world.clock.now().getTime()),
      },
      action,
    )
    if (applied === 'not-there') progress.watermarks = false
    else progress.done.push(publishText(action))
    if (channel !== undefined && action.kind === 'point' && action.from !== null)
      progress.moved.push({ place: region, channel, pointer: action.parameter, from: action.from })
    if (action.kind === 'discard' && action.imageId === progress.waited)
      return {
        place: region,
        why: `the copy to ${region} failed: ${action.reason}`,
        hint: 'the next run makes another one',
      }
  }
  return null
}

/**
 * A copy that nobody was told of may have been anybody's until now: it has to be as private as it was made.
 * @returns who has it can't be told; null: nobody has
 * @throws MintmarkError CHAIN_BROKEN with those who have it
 */
async function refuseShared(input: BringInput, calls: AwsCalls, imageId: string): Promise<Left | null> {
  const { world, facts, region, end } = input
  const hint = `./mintmark share plan ${facts.image} shows who has it; deregister ${imageId} in ${region}, and it is copied again`
  const mostMs = Math.min(unseenMs, end - world.clock.now().getTime())
  const seen = await until(world, mostMs, () => requirePrivate(calls, imageId, hint))
  if (seen !== null) return null
  return {
    place: region,
    why: `who has ${imageId} in ${region} can't be told: EC2 does not find it`,
    hint: 'run the same command again',
  }
}

/** The copy in the region that signed events tell of; null: none. */
export const toldIn = (told: BringInput['told'], region: string): string | null =>
  told.find((copy) => copy.region === region)?.imageId ?? null

/** As far as is known by now. */
function wantedNow({ region, target, facts, artifact, told }: BringInput, progress: Progress): WantedImage {
  const known = progress.waited ?? toldIn(told, region)
  const wanted = wantedIn(region, target, facts, artifact, { channels: progress.channels, told: known })
  return progress.watermarks ? wanted : { ...wanted, watermark: null }
}

/**
 * Brings one region from what it has to what it should have, look by look, until nothing is planned.
 * @param calls of the region
 * @param progress what came of it, also when it throws
 * @returns what is left; null: nothing
 * @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE, CONFIG_INVALID, CHAIN_BROKEN, CONFLICT, INTERRUPTED
 */
export async function bringRegion(
  input: BringInput,
  progress: Progress,
  calls: AwsCalls,
): Promise<Left | null> {
  const { world, target, facts, artifact, told, region, end } = input
  if (target.account !== artifact.account)
    return {
      place: region,
      why: `${facts.image}@${facts.version} is in account ${artifact.account}, and targets.aws.account of the definition says ${target.account}`,
      hint: `./mintmark release ${facts.image} makes one of the new account`,
    }
  await requireAccount(calls, target.account, 'targets.aws.account of the definition')
  const key = keyIn(target, region)
  let seenPrivate = toldIn(told, region)
  for (let round = 0, before = ''; ; ) {
    if (world.clock.now().getTime() >= end)
      return { place: region, why: 'it was not done in time', hint: 'the next run takes it up' }
    const wanted = wantedNow(input, progress)
    const sight = await seeRegion(calls, wanted, key)
    if (sight.status === 'unreachable') return { place: region, why: sight.why, hint: sight.hint }
    const image = ownImage(wanted, sight.images)
    progress.notes = regionNotes(wanted, sight)
    const whole = image !== null && problemOf(region, image) === null ? image : null
    if (whole !== null && !isOriginal(wanted) && whole.imageId !== seenPrivate) {
      const left = await refuseShared(input, calls, whole.imageId)
      if (left !== null) return left
      seenPrivate = whole.imageId
    }
    progress.copy = whole === null ? null : copyOf(input, whole)
    const plan = planRegion(wanted, sight, world.clock.now().toISOString())
    const actions = plan.filter((action): action is Doing => action.kind !== 'blocked')
    const blocked = plan.find((action) => action.kind === 'blocked')
    if (actions.length === 0)
      return blocked?.kind === 'blocked' ? { place: region, why: blocked.why, hint: blocked.hint } : null
    // Also copies that nobody finds: each of them may be there after all.
    const digest = digestOf(actions)
    round = digest === before ? round + 1 : 0
    before = digest
    if (round >= mostRounds)
      return {
        place: region,
        why: `${listed(actions.map(publishText))}: it has no effect`,
        hint: `look at the image in ${region}, then run the same command again`,
      }
    // EC2 may take a while to tell what it did.
    if (round > 0) await pause(world, round * 1000)
    const left = await applyAll(input, progress, { calls, wanted, key: sight.key }, actions)
    if (left !== null) return left
  }
}
