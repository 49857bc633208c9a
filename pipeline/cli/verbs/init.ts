import { join } from 'node:path'
import { checkDefinition } from '../../core/check-definition.ts'
import { newDefinition } from '../../core/new-definition.ts'
import { parseYaml } from '../../core/parse-yaml.ts'
import { MintmarkError } from '../../errors.ts'
import { Definition } from '../../model/definition.ts'
import { newImage } from '../new-image.ts'
import { newRepo } from '../new-repo.ts'
import type { RunVerb } from '../verb.ts'

/**
 * `init [NAME]`: writes images/NAME.yaml from flags or, without a name on a terminal, from answers. `init --repo [FOLDER]`: a team's own
 * repository with one definition. Never overwrites.
 */
export const run: RunVerb = async ({ world, args, options }) => {
  if (options['repo'] === true) return newRepo({ world, args, options })
  const told = await newImage(world, args[0], options)
  const path = `images/${told.name}.yaml`
  const text = newDefinition(told)
  const check = (definition: Definition) =>
    checkDefinition(definition, { image: told.name, teams: null, policies: null })
  const definition = parseYaml(Definition, text, { path, check })
  if (!(await world.files.createOnly(join(world.places.root, path), text))) {
    throw new MintmarkError('USAGE', `${path} is there already: nothing was changed`, {
      hint: `edit ${path}, or choose another name: ./mintmark init NAME`,
    })
  }
  const next = [`./mintmark base update ${told.name}`, `./mintmark release ${told.name}`]
  world.report.result(
    [
      `${path} is written: read it and change what you need`,
      'then:',
      ...next.map((line) => `  ${line}`),
    ].join('\n'),
    { image: told.name, path, definition, next },
  )
  return undefined
}
