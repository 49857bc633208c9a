import { join } from 'node:path'
import { sha256 } from '../core/digest.ts'
import { unique } from '../core/lists.ts'
import { parseYaml } from '../core/parse-yaml.ts'
import { MintmarkError } from '../errors.ts'
import { Policy } from '../model/gate.ts'
import type { World } from '../ports/world.ts'
import { ownOrShipped } from './own-or-shipped.ts'

const folder = 'scans/policies'

/** Files of the folder that are no policy of the gate. */
const others = ['trust']

export interface LoadedPolicy {
  readonly policy: Policy
  readonly name: string
  /** Of the file's text. */
  readonly sha256: string
}

/** Names of the policies that a definition may ask for, sorted: the team's own and those that mintmark brings. */
export async function policyNames({
  files,
  places,
}: Pick<World, 'files' | 'places'>): Promise<readonly string[]> {
  const [own, shipped] = await Promise.all(
    [places.root, places.installation].map((where) => files.list(join(where, folder))),
  )
  return unique([...(own ?? []), ...(shipped ?? [])])
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -'.yaml'.length))
    .filter((name) => !others.includes(name))
}

/** Those of the team's policies that stand for one of mintmark's, by name, sorted; none in a checkout of mintmark. */
export async function replacedPolicies({
  files,
  places,
}: Pick<World, 'files' | 'places'>): Promise<readonly string[]> {
  if (places.root === places.installation) return []
  const shipped = await files.list(join(places.installation, folder))
  return (await files.list(join(places.root, folder)))
    .filter((name) => name.endsWith('.yaml') && shipped.includes(name))
    .map((name) => name.slice(0, -'.yaml'.length))
    .filter((name) => !others.includes(name))
}

/**
 * `scans/policies/<name>.yaml`, the team's own where there is one, checked; that there is one was checked with the definition.
 * @throws MintmarkError CONFIG_INVALID with every problem's place
 */
export async function loadPolicy(
  world: Pick<World, 'files' | 'places'>,
  name: string,
): Promise<LoadedPolicy> {
  const path = join(folder, `${name}.yaml`)
  const { files } = world
  const whole = await ownOrShipped(world, path)
  if ((await files.info(whole)) === null)
    throw new MintmarkError('CONFIG_INVALID', `${path} is not there: nothing says what a release may have`, {
      hint: 'restore the file, e.g. git checkout -- scans/policies',
    })
  const text = await files.readText(whole)
  return { policy: parseYaml(Policy, text, { path }), name, sha256: sha256(text) }
}
