import { fingerprintOf, pinOfArchive, pinOfBase } from '../core/fingerprint.ts'
import { variantOf } from '../core/statement.ts'
import type { BaseLock } from '../model/base.ts'
import type { Definition } from '../model/definition.ts'
import type { Fingerprint } from '../model/release.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'
import { optionalTools, toolTable } from '../tools/table.ts'
import { loadLock } from './load-definition.ts'
import { pointsTo } from './move-channel.ts'
import type { StageContext } from './stage.ts'
import { trustedKeys } from './verify-release.ts'

const toolPins = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(toolTable)
      .filter(([name]) => !optionalTools.some((optional) => optional === name))
      .map(([name, { version }]) => [name, version]),
  )

/** The lock of a base that has one; null for a parent image. */
export const lockOf = (world: World, image: string, definition: Definition): Promise<BaseLock | null> =>
  'image' in definition.base ? Promise.resolve(null) : loadLock(world, image)

/** What a run was made of, for its record. */
export async function fingerprintOfRun(context: StageContext, target: Target): Promise<Fingerprint> {
  const { world, image, definition } = context
  const base = context.need('base')
  const lock = base.from === 'archive' ? await loadLock(world, image) : null
  const recipe = lock === null ? null : await target.baseRecipe(world, lock)
  return fingerprintOf({
    base: pinOfBase(base, () => pinOfArchive(lock ?? {}, recipe)),
    definition,
    bundle: context.need('render').digest,
    tools: toolPins(),
  })
}

async function pinNow(
  world: World,
  image: string,
  definition: Definition,
  target: Target,
): Promise<Fingerprint['base']> {
  const { base, os } = definition
  const name = `${os.family} ${os.release}`
  if ('image' in base) {
    const variant = variantOf({ target: target.id, arch: target.arch })
    // By its history: a pointer that somebody set back would hide a newer parent.
    const now = await pointsTo(
      world,
      { image: base.image, channel: base.channel, variant },
      { trust: await trustedKeys(world, null), onlyTrust: false },
    )
    // Without a parent nothing can be equal; the base stage says what is missing.
    if (now === null) return { from: 'parent', digest: '0'.repeat(64), name: `${base.image} none` }
    return { from: 'parent', digest: now.record, name: `${base.image} ${now.version}` }
  }
  const lock = await loadLock(world, image)
  if (lock.from === 'image') return { from: 'image', digest: lock.sha256, name }
  return { from: 'archive', digest: pinOfArchive(lock, await target.baseRecipe(world, lock)), name }
}

/** What a build would be made of now. @throws MintmarkError LOCK_MISSING or CONFIG_INVALID */
export async function fingerprintNow(
  world: World,
  image: string,
  definition: Definition,
  bundle: string,
  target: Target,
): Promise<Fingerprint> {
  return fingerprintOf({
    base: await pinNow(world, image, definition, target),
    definition,
    bundle,
    tools: toolPins(),
  })
}
