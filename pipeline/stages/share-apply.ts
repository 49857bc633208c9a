import { inTurns } from '../core/all-ended.ts'
import { grouped, unique } from '../core/lists.ts'
import { isPending, type ShareAction } from '../core/share-plan.ts'
import { sharedImage } from '../core/shared-image.ts'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'
import type { ShareChange } from '../targets/target.ts'
import type { StoredEvent } from './chain.ts'
import { appendEvents, type EventData } from './events.ts'
import type { Release } from './read-release.ts'
import { forget, intend } from './share-intents.ts'
import { isShare, type ShareLook } from './share-plan.ts'
import { knownTargetOf, shareInput } from './share-survey.ts'
import { takeImage } from './take-image.ts'

type Doing = Extract<ShareAction, { readonly kind: 'grant' | 'revoke' | 'retire' }>

export interface ShareDone {
  readonly action: Doing
  readonly reference: string
  /** What was written to the release's history; null when it said so already. */
  readonly event: StoredEvent | null
}

export interface ShareFailed {
  readonly action: Doing
  readonly error: MintmarkError
}

export interface ShareApplied {
  readonly done: readonly ShareDone[]
  readonly failed: readonly ShareFailed[]
  /** Not tried, for what came before it at the same principal failed. */
  readonly left: readonly Doing[]
}

/** A catalog in a bucket answers slowly, and many at once. */
const writersAtOnce = 8

function releaseOf({ known }: ShareLook, { version, variant }: Doing): Release {
  const found = known.find(({ release }) => release.version === version && release.variant === variant)
  if (found !== undefined) return found.release
  throw new MintmarkError('CONFLICT', `the catalog has no record of ${version} ${variant}`)
}

/** How the action's target is asked to do it. */
function changeOf(world: World, look: ShareLook, action: Doing, update: (text: string) => void): ShareChange {
  const { principal, channel } = action
  const release = releaseOf(look, action)
  const channels = unique(
    look.lines.filter((item) => item.principal === principal).map((item) => item.channel),
  )
  const input = {
    ...shareInput(world, look, principal, channels),
    release: sharedImage(release.statement.predicate, release.record),
    channel,
  }
  const disk = (): Promise<string> =>
    takeImage(world, `the image of ${look.image}@${action.version}`, input.release.sha256)
  return action.kind === 'grant'
    ? {
        kind: 'grant',
        ...input,
        from: action.from,
        copies: action.copies,
        record: release.text,
        disk,
        update,
      }
    : { kind: 'revoke', ...input, keepsImage: action.keepsImage, dropsHead: action.dropsHead }
}

/** What the history of the release is to be told of it; null when it says so, or somebody else has told it since the plan was made. */
function newsOf(
  { action, reference }: Pick<ShareDone, 'action' | 'reference'>,
  by: string,
  events: readonly StoredEvent[],
): EventData | null {
  if (action.kind === 'grant' && action.known) return null
  const { channel, principal } = action
  const kind = action.kind === 'grant' ? 'granted' : 'revoked'
  const last = events
    .filter(isShare)
    .findLast(({ event }) => event.data.channel === channel && event.data.principal === principal)
  if (last?.event.kind === kind && last.sha256 !== action.last) return null
  return { kind, data: { channel, principal, reference, by } }
}

/** Tells the histories of the releases what was done, each once for all. One that can't be written keeps no other from it. */
async function tell(
  world: World,
  look: ShareLook,
  settled: readonly Omit<ShareDone, 'event'>[],
  by: string,
): Promise<Pick<ShareApplied, 'done' | 'failed'>> {
  const done: ShareDone[] = []
  const failed: ShareFailed[] = []
  for (const [, own] of grouped(settled, ({ action }) => `${action.version} ${action.variant}`)) {
    const [first] = own
    if (first === undefined) continue
    try {
      const stored = await appendEvents(world, releaseOf(look, first.action), look.trust, async (events) =>
        own.flatMap((item) => newsOf(item, by, events) ?? []),
      )
      for (const item of own) {
        const { channel, principal } = item.action
        const event = stored
          .filter(isShare)
          .find(({ event: { data } }) => data.channel === channel && data.principal === principal)
        done.push({ ...item, event: event ?? null })
      }
    } catch (cause) {
      if (world.signal.aborted || !(cause instanceof MintmarkError) || cause.code === 'INTERNAL') throw cause
      failed.push(...own.map(({ action }) => ({ action, error: cause })))
    }
  }
  return { done, failed }
}

/** Principals' channels of which nothing is left, and nothing left to tell, are no longer looked at. */
async function forgetDone(world: World, look: ShareLook, undone: readonly ShareAction[]): Promise<void> {
  for (const line of look.intents) {
    if (look.channel !== null && line.channel !== look.channel) continue
    const isLine = (item: ShareAction): boolean =>
      item.principal === line.principal && item.channel === line.channel && item.variant === line.variant
    const own = look.plan.actions.filter(isLine)
    if (own.every((item) => item.kind === 'revoke') && !undone.some(isLine))
      await forget(world, look.image, line)
  }
}

/**
 * Does what the plan says, principal by principal: what is given first, what is taken last. Each step is told to the release's
 * history once it is really so. A principal that fails keeps the others from nothing.
 * @throws MintmarkError INTERRUPTED
 */
export async function applyShares(
  world: World,
  look: ShareLook,
  options: { readonly by: string; readonly update: (text: string) => void },
): Promise<ShareApplied> {
  const { by, update } = options
  const done: ShareDone[] = []
  const failed: ShareFailed[] = []
  const pending = look.plan.actions.filter((action): action is Doing => isPending(action))
  const byTarget = grouped(pending, ({ variant }) => knownTargetOf(variant))
  for (const [, actions] of byTarget) {
    const [first] = actions
    if (first === undefined) continue
    const target = knownTargetOf(first.variant)
    const changes = actions.map((action) => changeOf(world, look, action, update))
    const actionOf = (change: ShareChange): Doing => {
      const action = actions[changes.indexOf(change)]
      if (action !== undefined) return action
      throw new MintmarkError('INTERNAL', `${target} tells of a change that nobody asked for`)
    }
    await look.change(target, changes, {
      async begin(given) {
        await inTurns(given, writersAtOnce, (change) => intend(world, look.image, actionOf(change)))
      },
      async done(settled) {
        const items = settled.map(({ change, reference }) => ({ action: actionOf(change), reference }))
        const told = await tell(world, look, items, by)
        done.push(...told.done)
        failed.push(...told.failed)
      },
      failed: (change, error) => void failed.push({ action: actionOf(change), error }),
    })
  }
  const tried = [...done, ...failed].map(({ action }) => action)
  const left = pending.filter((action) => !tried.includes(action))
  await forgetDone(world, look, [...failed.map(({ action }) => action), ...left])
  return { done, failed, left }
}
