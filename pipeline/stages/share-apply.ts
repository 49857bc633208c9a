import { unique } from '../core/lists.ts'
import { isPending, type ShareAction } from '../core/share-plan.ts'
import { sharedImage } from '../core/shared-image.ts'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'
import type { StoredEvent } from './chain.ts'
import { appendEvent } from './events.ts'
import type { Release } from './read-release.ts'
import { forget, intend } from './share-intents.ts'
import { isShare, type ShareLook, shareInput, sharingOf } from './share-plan.ts'
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

function releaseOf({ known }: ShareLook, { version, variant }: Doing): Release {
  const found = known.find(({ release }) => release.version === version && release.variant === variant)
  if (found !== undefined) return found.release
  throw new MintmarkError('CONFLICT', `the catalog has no record of ${version} ${variant}`)
}

async function carryOut(
  world: World,
  look: ShareLook,
  action: Doing,
  update: (text: string) => void,
): Promise<string> {
  const { principal, channel, variant } = action
  const release = releaseOf(look, action)
  const channels = unique(
    look.lines.filter((item) => item.principal === principal).map((item) => item.channel),
  )
  const input = {
    ...shareInput(world, look, principal, channels),
    release: sharedImage(release.statement.predicate, release.record),
    channel,
  }
  const sharing = sharingOf(variant)
  const disk = (): Promise<string> =>
    takeImage(world, `the image of ${look.image}@${action.version}`, input.release.sha256)
  if (action.kind === 'grant') await intend(world, look.image, action)
  return action.kind === 'grant'
    ? sharing.grant({
        ...input,
        from: action.from,
        copies: action.copies,
        record: release.text,
        disk,
        update,
      })
    : sharing.revoke({ ...input, keepsImage: action.keepsImage, dropsHead: action.dropsHead })
}

/** Tells the history of the release, unless somebody else has done so since the plan was made. */
async function tell(
  world: World,
  look: ShareLook,
  action: Doing,
  told: { readonly reference: string; readonly by: string },
): Promise<StoredEvent | null> {
  if (action.kind === 'grant' && action.known) return null
  const { channel, principal } = action
  const kind = action.kind === 'grant' ? 'granted' : 'revoked'
  return appendEvent(world, releaseOf(look, action), look.trust, async (_, events) => {
    const last = events
      .filter(isShare)
      .findLast(({ event }) => event.data.channel === channel && event.data.principal === principal)
    if (last?.event.kind === kind && last.sha256 !== action.last) return null
    return { kind, data: { channel, principal, ...told } }
  })
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
  const done: ShareDone[] = []
  const failed: ShareFailed[] = []
  const left: Doing[] = []
  const pending = look.plan.actions.filter((action): action is Doing => isPending(action))
  for (const action of pending) {
    if (failed.some((item) => item.action.principal === action.principal)) {
      left.push(action)
      continue
    }
    try {
      const reference = await carryOut(world, look, action, options.update)
      const event = await tell(world, look, action, { reference, by: options.by })
      done.push({ action, reference, event })
    } catch (cause) {
      if (world.signal.aborted || !(cause instanceof MintmarkError) || cause.code === 'INTERNAL') throw cause
      failed.push({ action, error: cause })
    }
  }
  await forgetDone(world, look, [...failed.map(({ action }) => action), ...left])
  return { done, failed, left }
}
