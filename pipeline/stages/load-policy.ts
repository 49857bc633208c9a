import { join } from 'node:path'
import { sha256 } from '../core/digest.ts'
import { parseYaml } from '../core/parse-yaml.ts'
import { MintmarkError } from '../errors.ts'
import { Policy } from '../model/gate.ts'
import type { World } from '../ports/world.ts'

const folder = 'scans/policies'

/** Files of the folder that are no policy of the gate. */
const others = ['trust']

export interface LoadedPolicy {
  readonly policy: Policy
  readonly name: string
  /** Of the file's text. */
  readonly sha256: string
}

/** Names of the policies that a definition may ask for, sorted. */
export async function policyNames({
  files,
  places,
}: Pick<World, 'files' | 'places'>): Promise<readonly string[]> {
  const names = await files.list(join(places.root, folder))
  return names
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -'.yaml'.length))
    .filter((name) => !others.includes(name))
}

/**
 * `scans/policies/<name>.yaml`, checked; that there is one was checked with the definition.
 * @throws MintmarkError CONFIG_INVALID with every problem's place
 */
export async function loadPolicy(
  { files, places }: Pick<World, 'files' | 'places'>,
  name: string,
): Promise<LoadedPolicy> {
  const path = join(folder, `${name}.yaml`)
  const whole = join(places.root, path)
  if ((await files.info(whole)) === null)
    throw new MintmarkError('CONFIG_INVALID', `${path} is not there: nothing says what a release may have`, {
      hint: 'restore the file, e.g. git checkout -- scans/policies',
    })
  const text = await files.readText(whole)
  return { policy: parseYaml(Policy, text, { path }), name, sha256: sha256(text) }
}
