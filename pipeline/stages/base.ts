import { bornOf, nameOfBase } from '../core/base-facts.ts'
import { type Judged, judgeLifecycle } from '../core/lifecycle.ts'
import { MintmarkError } from '../errors.ts'
import { ResolvedBase, type TargetLock } from '../model/base.ts'
import type { Definition } from '../model/definition.ts'
import type { World } from '../ports/world.ts'
import { loadLock } from './base-lock.ts'
import { parentBase } from './parent-base.ts'
import type { Stage, StageContext } from './stage.ts'
import { whereInDefinition } from './where-in-definition.ts'

/** One line for people: `debian 13.7 from the signed archive (InRelease sha256:5f3a1b2c… of 2026-11-22)`. */
function lineOf(base: ResolvedBase): string {
  const name = nameOfBase(base)
  const day = bornOf(base).slice(0, 10)
  if (base.from === 'parent')
    return `${name} of the channel ${base.channel} (record sha256:${base.record.slice(0, 8)}… of ${day})`
  if (base.from === 'image') {
    const proof =
      base.signature === null ? 'signed by NOBODY' : `signed by ${base.signature.fingerprint.slice(-16)}`
    return `${name} from ${base.name} (sha256:${base.id.slice(0, 8)}… of ${day}, ${proof})`
  }
  if (base.from === 'ami')
    return `${name} from ${base.name} (${base.imageId} in ${base.region} of ${day}, owner ${base.owner})`
  // The suite that was signed last says how fresh the packages are.
  const [newest] = [...base.suites].sort((a, b) => Date.parse(b.date) - Date.parse(a.date))
  const proof =
    newest === undefined
      ? ''
      : ` (InRelease sha256:${newest.inRelease.slice(0, 8)}… of ${newest.date.slice(0, 10)})`
  return `${name} from the signed archive${proof}`
}

/**
 * The release's lifecycle at this clock.
 * @throws MintmarkError BASE_REFUSED at the place of os.release
 */
export async function judgeRelease(world: World, image: string, { os }: Definition): Promise<Judged> {
  const where = await whereInDefinition(world, image, ['os', 'release'])
  return judgeLifecycle(os, world.clock.now(), where)
}

/** @throws MintmarkError CONFIG_INVALID for a lock of another base than the definition asks for */
function checkLock(image: string, { os, base }: Definition, lock: TargetLock): void {
  // An AMI stands for whatever official base the definition asks for.
  const kind = 'from' in base ? base.from : 'parent'
  const isLocal = lock.from === 'image' && lock.publisher === 'local'
  const wantsLocal = 'from' in base && base.from === 'image' && base.file !== undefined
  const pinned = `${lock.distribution} ${lock.release} from ${isLocal ? 'a file' : lock.from === 'ami' ? kind : lock.from}`
  const from = wantsLocal ? 'a file' : kind
  const asked = `${os.family} ${os.release} from ${from}`
  if (pinned === asked) return
  throw new MintmarkError(
    'CONFIG_INVALID',
    `images/${image}.lock.json pins ${pinned}, and images/${image}.yaml asks for ${asked}`,
    { hint: `./mintmark base update ${image}` },
  )
}

async function resolve({ world, image, definition, target, step }: StageContext): Promise<ResolvedBase> {
  const { base } = definition
  if ('image' in base) {
    step.update(`verifying the record of ${base.image}`)
    return parentBase(world, image, definition, target)
  }
  const lock = await loadLock(world, image, target.id)
  checkLock(image, definition, lock)
  return target.resolveBase({ world, image, definition, lock, step })
}

/**
 * Finds what the image is built on: the archive as the lock pins it, made into a disk; the publisher's image that the lock
 * pins; or another image of ours.
 */
export const baseStage: Stage<'base'> = {
  id: 'base',
  needs: [],
  output: ResolvedBase,
  async run(context) {
    const { world, image, definition } = context
    const { lifecycle, warning } = await judgeRelease(world, image, definition)
    if (warning !== null) world.report.warn(warning)
    const began = world.clock.now().getTime()
    const base = await resolve(context)
    if (base.from === 'image' && base.signature === null)
      world.report.warn(`${base.name} is a file of your own: no publisher vouches for it`)
    const reused = base.from === 'archive' && Date.parse(base.bootstrapped) < began ? ' · reused' : ''
    return { output: { ...base, lifecycle }, line: `${lineOf(base)}${reused}` }
  },
}
