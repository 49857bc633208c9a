import { join } from 'node:path'
import { checkDefinition } from '../core/check-definition.ts'
import { didYouMean } from '../core/did-you-mean.ts'
import { parseYaml } from '../core/parse-yaml.ts'
import { MintmarkError } from '../errors.ts'
import { BaseLock } from '../model/base.ts'
import { Definition, notYetSupported } from '../model/definition.ts'
import { ImageName } from '../model/ids.ts'
import type { World } from '../ports/world.ts'
import { policyNames } from './load-policy.ts'
import { loadSettings } from './load-settings.ts'

/** Names of all definitions below images/, sorted. */
export async function imageNames(world: World): Promise<readonly string[]> {
  const names = await world.files.list(join(world.places.root, 'images'))
  return names.filter((name) => name.endsWith('.yaml')).map((name) => name.slice(0, -'.yaml'.length))
}

/**
 * `images/<image>.yaml`, checked.
 * @throws MintmarkError NOT_FOUND with the nearest name, or CONFIG_INVALID with every problem's place
 */
export async function loadDefinition(world: World, image: string): Promise<Definition> {
  const known = await imageNames(world)
  if (!known.includes(image)) {
    const meant = didYouMean(image, known)
    throw new MintmarkError('NOT_FOUND', `there is no definition images/${image}.yaml`, {
      hint:
        meant === null
          ? `there are: ${known.join(', ')}; ./mintmark init ${image} writes a new one`
          : `did you mean ${meant}?`,
    })
  }
  const path = `images/${image}.yaml`
  if (!ImageName.safeParse(image).success) {
    throw new MintmarkError(
      'CONFIG_INVALID',
      `${path}: a file name of lower-case letters, digits, "-" and "." is needed, found "${image}"`,
    )
  }
  const text = await world.files.readText(join(world.places.root, path))
  const { teams = null } = await loadSettings(world, world.places.root)
  const names = await policyNames(world)
  const policies = names.length === 0 ? null : names
  return parseYaml(Definition, text, {
    path,
    notYetSupported,
    check: (definition) => checkDefinition(definition, { image, teams, policies }),
  })
}

/** @throws MintmarkError LOCK_MISSING or CONFIG_INVALID */
export async function loadLock(world: World, image: string): Promise<BaseLock> {
  const path = `images/${image}.lock.json`
  const whole = join(world.places.root, path)
  if ((await world.files.info(whole)) === null) {
    throw new MintmarkError(
      'LOCK_MISSING',
      `${path} is not there: nothing says which archive ${image} may be built from`,
      {
        hint: `./mintmark base update ${image}`,
      },
    )
  }
  return parseYaml(BaseLock, await world.files.readText(whole), { path })
}
