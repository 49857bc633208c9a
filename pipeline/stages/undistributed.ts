import { grouped } from '../core/lists.ts'
import { placeProblem } from '../core/place-problem.ts'
import { variantOf } from '../core/statement.ts'
import type { World } from '../ports/world.ts'
import type { Trust } from './chain.ts'
import { channelsOfVariant, type DistributeQuery, follow } from './distribute.ts'
import type { Release } from './read-release.ts'
import { toldCopies } from './tell-copies.ts'

export interface UndistributedQuery
  extends Pick<DistributeQuery, 'image' | 'definition' | 'target' | 'update'> {
  /** Places that did not answer before; those that do not now are added. */
  readonly silent: Map<string, string>
}

const firstLine = (text: string): string => text.split('\n')[0] ?? ''

async function placesOf(
  world: World,
  { definition, target, silent, update }: UndistributedQuery,
  { release, channels }: { readonly release: Release; readonly channels: readonly string[] },
  trust: Trust,
): Promise<readonly string[]> {
  const { version } = release
  try {
    const places = await target.undistributed?.({
      world,
      definition,
      record: release.statement.predicate,
      channels,
      told: await toldCopies(world, release, trust),
      silent,
      update,
    })
    return (places ?? []).map(({ place, why }) => `${place} is behind with ${version}: ${firstLine(why)}`)
  } catch (cause) {
    return [`where ${version} is can't be told: ${firstLine(placeProblem(cause).why)}`]
  }
}

/**
 * What is missing in places of the target, of the releases that channels point to: what an earlier run left behind, and what was changed
 * there. Looks only.
 * @returns lines for people; none when everything is everywhere
 * @throws MintmarkError INTERRUPTED, INTERNAL
 */
export async function undistributed(
  world: World,
  query: UndistributedQuery,
  trust: Trust,
): Promise<readonly string[]> {
  const { image, target, update } = query
  if (target.undistributed === undefined) return []
  update('looking for places that are behind')
  const variant = variantOf({ target: target.id, arch: target.arch })
  const lines: string[] = []
  const found: { readonly channel: string; readonly release: Release }[] = []
  for (const channel of await channelsOfVariant(world, image, variant)) {
    const { release, problem } = await follow(world, { ...query, channels: null }, channel, trust)
    if (problem !== null) lines.push(`what ${channel} points to can't be told: ${firstLine(problem.why)}`)
    if (release !== null) found.push({ channel, release })
  }
  for (const [, group] of grouped(found, ({ release }) => release.record)) {
    const [first] = group
    if (first === undefined) continue
    const channels = group.map(({ channel }) => channel)
    lines.push(...(await placesOf(world, query, { release: first.release, channels }, trust)))
  }
  return lines
}
