import { fingerprintOf, pinOfAmiLock, pinOfArchive, pinOfBase } from '../core/fingerprint.ts'
import type { TargetLock } from '../model/base.ts'
import type { Definition } from '../model/definition.ts'
import type { Fingerprint } from '../model/release.ts'
import type { ToolName } from '../ports/tools.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'
import { toolTable } from '../tools/table.ts'
import { loadLock } from './base-lock.ts'
import { variantAt } from './choose-target.ts'
import { pointsTo } from './move-channel.ts'
import type { StageContext } from './stage.ts'
import { trustedKeys } from './verify-release.ts'

/** What builds and scans, by version. */
function toolPins(definition: Definition, target: Pick<Target, 'sourceInput'>): Record<string, string> {
  const { plugin } = target.sourceInput(definition)
  const used: readonly ToolName[] = ['packer', plugin, 'trivy']
  return Object.fromEntries(used.map((name) => [name, toolTable[name].version]))
}

/** The lock of a base that has one; null for a parent image. */
export const lockOf = async (
  world: World,
  image: string,
  definition: Definition,
  target: Pick<Target, 'id'>,
): Promise<TargetLock | null> => ('image' in definition.base ? null : loadLock(world, image, target.id))

/** What a run was made of, for its record. */
export async function fingerprintOfRun(context: StageContext): Promise<Fingerprint> {
  const { world, image, definition, target } = context
  const base = context.need('base')
  const lock = base.from === 'archive' ? await loadLock(world, image, target.id) : null
  const recipe = lock === null ? null : await target.baseRecipe(world, lock)
  return fingerprintOf({
    base: pinOfBase(base, () => pinOfArchive(lock ?? {}, recipe)),
    definition,
    bundle: context.need('render').digest,
    tools: toolPins(definition, target),
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
    const variant = variantAt(target)
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
  const lock = await loadLock(world, image, target.id)
  if (lock.from === 'image') return { from: 'image', digest: lock.sha256, name }
  if (lock.from === 'ami') return { from: 'ami', digest: pinOfAmiLock(lock, definition), name }
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
    tools: toolPins(definition, target),
  })
}
