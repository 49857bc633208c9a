import { digestOf } from '../core/digest.ts'
import { compare } from '../core/lists.ts'
import { MintmarkError } from '../errors.ts'
import type { TargetId } from '../model/ids.ts'
import type { World } from '../ports/world.ts'
import type { Remain } from '../targets/building.ts'
import { targetOf } from './choose-target.ts'
import { imageNames, loadDefinition } from './load-definition.ts'
import { locateAll, openRecord } from './read-release.ts'
import { resumeWithinMs } from './runs.ts'

/** What older runs left where images of a target are built, and what could not be looked at. */
export interface RemainsPlan {
  /** Changes when what would be removed changes. */
  readonly id: string
  readonly items: readonly Remain[]
  readonly problems: readonly MintmarkError[]
}

const keyOf = ({ where, what, id }: Remain): string => `${where} ${what} ${id}`

/**
 * What `clean --target` would remove now: all that runs made which no command takes up again, but for what releases are made of.
 * @throws MintmarkError USAGE for a target that this version does not have, CONFIG_INVALID, PROVIDER_REFUSED for another account
 */
export async function planRemains(
  world: World,
  id: TargetId,
  update: (text: string) => void,
): Promise<RemainsPlan> {
  const target = targetOf(id)
  // One that was taken up at the last moment may be at work for as long again.
  const before = new Date(world.clock.now().getTime() - 2 * resumeWithinMs)
  const items: Remain[] = []
  const problems: MintmarkError[] = []
  for (const image of await imageNames(world)) {
    const definition = await loadDefinition(world, image)
    if (definition.targets[id] === undefined) continue
    update(`looking for what runs of ${image} left`)
    const records = await locateAll(world, image)
    const artifacts = records.map((located) => openRecord(located).statement.predicate.artifact)
    const remains = await target.remains({ world, image, definition, before, artifacts })
    items.push(...remains.found)
    problems.push(...remains.problems)
  }
  return { id: digestOf(items.map(keyOf).sort(compare)).slice(0, 12), items, problems }
}

/**
 * Removes what the plan lists, in its order. What can't be removed does not keep the rest from going.
 * @returns what is still there, and why
 * @throws MintmarkError CONFLICT when there is something else to remove by now, INTERRUPTED
 */
export async function applyRemains(
  world: World,
  id: TargetId,
  plan: RemainsPlan,
  update: (text: string) => void,
): Promise<readonly MintmarkError[]> {
  const now = await planRemains(world, id, update)
  if (now.id !== plan.id)
    throw new MintmarkError('CONFLICT', `what plan ${plan.id} would remove has changed meanwhile`, {
      hint: `look at it again: ./mintmark clean --target ${id}`,
    })
  const left: MintmarkError[] = []
  for (const { what, id: name, where, remove } of now.items) {
    update(`removing the ${what} ${name} in ${where}`)
    try {
      await remove(update)
    } catch (cause) {
      if (!(cause instanceof MintmarkError) || cause.code === 'INTERRUPTED') throw cause
      left.push(cause)
    }
  }
  return left
}
