import { firstLock, suitesOf } from '../core/debian-archive.ts'
import { pinnedOf } from '../core/pinned-lock.ts'
import type { Publisher } from '../core/publishers.ts'
import type { AmiLock } from '../model/ami.ts'
import type { ArchiveLock, ImageLock, SeenSuite, TargetLock } from '../model/base.ts'
import type { Definition } from '../model/definition.ts'
import type { Lifecycle } from '../model/lifecycle.ts'
import type { World } from '../ports/world.ts'
import type { BaseSight, Target } from '../targets/target.ts'
import { judgeRelease } from './base.ts'
import { findLock } from './base-lock.ts'

/** Whose images count; tests have their own. */
export interface TrustedSources {
  readonly publishers?: readonly Publisher[]
  readonly keys?: string
}

export interface MoveInput {
  readonly world: World
  readonly image: string
  readonly definition: Definition
  readonly target: Target
  readonly options: TrustedSources
}

/** A lock and what its source has now; nothing is written yet. */
export interface LockMove {
  readonly image: string
  readonly target: Target
  /** Null where nothing pinned a base of this release. */
  readonly from: TargetLock | null
  /** What pins it from now on; the same as before where nothing moved. */
  readonly to: TargetLock
  readonly moved: boolean
  /** What an archive served; empty for images. */
  readonly sights: readonly BaseSight[]
  readonly lifecycle: Lifecycle
}

export const seenOf = (sights: readonly BaseSight[]): readonly SeenSuite[] =>
  sights.flatMap((sight) => ('seen' in sight ? [sight.seen] : []))

/** The lock as it is, or none when it is not there or pins another release than the definition asks for. */
async function earlierLock({ world, image, definition, target }: MoveInput): Promise<TargetLock | null> {
  const lock = await findLock(world, image, target.id)
  if (lock === null) return null
  return lock.release === definition.os.release && lock.distribution === definition.os.family ? lock : null
}

/** The keys come from the built-in table; what was accepted before is the least that is accepted now. */
async function lockArchive(
  { world, image, definition, target }: MoveInput,
  earlier: TargetLock | null,
): Promise<{ readonly lock: ArchiveLock; readonly sights: readonly BaseSight[] }> {
  const first = firstLock(definition.os.release, world.clock.now())
  const names = suitesOf(first.codename).map((suite) => suite.name)
  const floors = earlier?.from === 'archive' ? earlier.floor : {}
  const kept = Object.fromEntries(Object.entries(floors).filter(([name]) => names.includes(name)))
  const basis: ArchiveLock = { ...first, floor: kept }
  const sights = await target.observeBase({ world, image, lock: basis })
  for (const sight of sights) if ('refused' in sight) throw sight.refused
  const floor = Object.fromEntries(seenOf(sights).map((seen) => [seen.suite, seen.date]))
  return { lock: { ...basis, floor }, sights }
}

/** Only a lock of the same kind of image says what must not be gone back behind. */
function earlierImage(earlier: TargetLock | null, local: boolean): ImageLock | AmiLock | null {
  if (earlier?.from === 'ami') return earlier
  return earlier?.from === 'image' && (earlier.publisher === 'local') === local ? earlier : null
}

async function lockNow(
  input: MoveInput,
  earlier: TargetLock | null,
): Promise<{ readonly lock: TargetLock; readonly sights: readonly BaseSight[] }> {
  const { world, image, definition, target, options } = input
  const { base } = definition
  if ('from' in base && base.from === 'archive' && target.bootstraps) return lockArchive(input, earlier)
  const step = world.report.step('base')
  try {
    const local = 'from' in base && base.from === 'image' && base.file !== undefined
    const before = earlierImage(earlier, local)
    const lock = await target.lockImage({ world, image, definition, earlier: before, step, ...options })
    step.done(lock.name)
    return { lock, sights: [] }
  } catch (cause) {
    step.fail('')
    throw cause
  }
}

/**
 * Looks at what the definition's base has now, verifies it, and says what the lock becomes. The definition stands on no image of ours:
 * those follow their channel and have no lock.
 * @throws MintmarkError BASE_REFUSED and what the look at the publisher ends with
 */
export async function moveLock(input: MoveInput): Promise<LockMove> {
  const { world, image, definition, target } = input
  const { lifecycle, warning } = await judgeRelease(world, image, definition)
  if (warning !== null) world.report.warn(warning)
  const from = await earlierLock(input)
  const { lock, sights } = await lockNow(input, from)
  if (lock.from === 'image' && lock.signature === null)
    world.report.warn(
      `${lock.name} is a file of your own: no publisher vouches for it, the lock pins its bytes`,
    )
  const moved = from === null || pinnedOf(lock) !== pinnedOf(from)
  return { image, target, from, to: moved ? lock : from, moved, sights, lifecycle }
}
