import { didYouMean } from '../../core/did-you-mean.ts'
import { MintmarkError } from '../../errors.ts'
import type { World } from '../../ports/world.ts'
import { loadDefinition } from '../../stages/load-definition.ts'
import type { PolicyInput, RolePolicy } from '../../targets/policies.ts'
import { targets } from '../../targets/registry.ts'
import { textOption } from '../options.ts'
import type { RunVerb, VerbInput } from '../verb.ts'

type Options = VerbInput['options']

const listOption = (options: Options, name: string): readonly string[] =>
  textOption(options, name)
    ?.split(',')
    .filter((item) => item !== '') ?? []

const example = './mintmark policy aws --image debian-13'

/** @throws MintmarkError USAGE for a target that has no accounts, or none that there is */
function policiesOf(id: string | undefined): (input: PolicyInput) => readonly RolePolicy[] {
  if (id === undefined) throw new MintmarkError('USAGE', 'policy needs a target', { hint: example })
  const able = Object.values(targets).filter((target) => target?.policies !== undefined)
  const found = able.find((target) => target.id === id)
  if (found?.policies !== undefined) return found.policies
  const names = able.map((target) => target.id)
  throw new MintmarkError('USAGE', `"${id}" is no target with policies: there are ${names.join(', ')}`, {
    hint: example,
  })
}

function jobsOf(options: Options): PolicyInput['jobs'] {
  const repository = textOption(options, 'repository')
  const [environments, branches] = [listOption(options, 'environment'), listOption(options, 'branch')]
  if (repository !== null) return { repository, environments, branches }
  const given = environments.length + branches.length > 0 || textOption(options, 'role') === 'oidc'
  if (!given) return null
  throw new MintmarkError('USAGE', 'who may take a role is not given: --repository is missing', {
    hint: `${example} --role oidc --repository corp/images --environment golden`,
  })
}

async function imageOf(world: World, name: string | null): Promise<PolicyInput['image']> {
  return name === null ? null : { name, definition: await loadDefinition(world, name) }
}

function chosen(all: readonly RolePolicy[], role: string | null): readonly RolePolicy[] {
  if (role === null) return all
  const found = all.filter((policy) => policy.role === role)
  if (found.length > 0) return found
  const names = [...new Set([...all.map((policy) => policy.role), 'oidc'])]
  const meant = didYouMean(role, names)
  throw new MintmarkError('USAGE', `there is no role "${role}"`, {
    hint: `${meant === null ? '' : `did you mean ${meant}? `}--role ${names.join(', ')}`,
  })
}

const shown = (document: unknown): string => JSON.stringify(document, null, 2)

/**
 * `policy TARGET [--role ROLE] [--image IMAGE]`: the permissions that this tool takes of a cloud's account. One role alone is printed as
 * the document that the cloud takes.
 */
export const run: RunVerb = async ({ world, args, options }) => {
  const of = policiesOf(args[0])
  const role = textOption(options, 'role')
  const all = of({
    image: await imageOf(world, textOption(options, 'image')),
    account: textOption(options, 'account'),
    regions: listOption(options, 'region'),
    jobs: jobsOf(options),
  })
  const wanted = chosen(all, role)
  const [only] = wanted
  if (role !== null && only !== undefined) {
    world.report.result(shown(only.document), only.document)
    return
  }
  const text = wanted.map(({ role: name, purpose, document }) => `${name}: ${purpose}\n${shown(document)}`)
  const data = Object.fromEntries(wanted.map(({ role: name, document }) => [name, document]))
  world.report.result(text.join('\n\n'), data)
}
