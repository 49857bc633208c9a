import { join } from 'node:path'
import { checkDefinition } from '../core/check-definition.ts'
import { didYouMean } from '../core/did-you-mean.ts'
import { parseYaml } from '../core/parse-yaml.ts'
import { MintmarkError } from '../errors.ts'
import { Definition, notYetSupported } from '../model/definition.ts'
import { ImageName } from '../model/ids.ts'
import type { World } from '../ports/world.ts'
import { policyNames } from './load-policy.ts'
import { loadSettings } from './load-settings.ts'

const folderOf = ({ places }: World): string => places.images ?? join(places.root, 'images')

/** Names of all definitions below images/, sorted. */
export async function imageNames(world: World): Promise<readonly string[]> {
  const names = await world.files.list(folderOf(world))
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
  const text = await world.files.readText(join(folderOf(world), `${image}.yaml`))
  const { teams = null } = await loadSettings(world, world.places.root)
  const names = await policyNames(world)
  const policies = names.length === 0 ? null : names
  return parseYaml(Definition, text, {
    path,
    notYetSupported,
    check: (definition) => checkDefinition(definition, { image, teams, policies }),
  })
}
