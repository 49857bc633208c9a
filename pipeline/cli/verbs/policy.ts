import { didYouMean } from '../../core/did-you-mean.ts'
import { parseRepository, repositoryForms, subjectNote } from '../../core/github-repository.ts'
import { environmentLines, githubSettings, repositoryLines } from '../../core/github-settings.ts'
import { showValue } from '../../core/show-value.ts'
import { namedTargets } from '../../core/variants.ts'
import { MintmarkError } from '../../errors.ts'
import type { World } from '../../ports/world.ts'
import { loadDefinition } from '../../stages/load-definition.ts'
import { ownWorkflows } from '../../stages/own-workflows.ts'
import type { PolicyInput, RolePolicy } from '../../targets/policies.ts'
import { targets } from '../../targets/registry.ts'
import { textOption } from '../options.ts'
import type { RunVerb, VerbInput } from '../verb.ts'

type Options = VerbInput['options']
type RolesOf = (input: PolicyInput) => readonly RolePolicy[]

/** Targets whose accounts have permissions. */
const able = Object.values(targets).flatMap((target) =>
  target?.policies === undefined ? [] : [{ id: target.id, policies: target.policies }],
)

const listOption = (options: Options, name: string): readonly string[] =>
  textOption(options, name)
    ?.split(',')
    .filter((item) => item !== '') ?? []

const example = './mintmark policy aws --image debian-13'
const oidcExample = `${example} --role oidc --repository corp/images --environment golden`
const githubExample = './mintmark policy github --repository corp/images'

function jobsOf(options: Options, hint: string): PolicyInput['jobs'] {
  const repository = textOption(options, 'repository')
  const [environments, branches] = [listOption(options, 'environment'), listOption(options, 'branch')]
  if (repository !== null) return { repository, environments, branches }
  const given = environments.length + branches.length > 0 || textOption(options, 'role') === 'oidc'
  if (!given) return null
  throw new MintmarkError('USAGE', 'who may take a role is not given: --repository is missing', { hint })
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

/** The roles' documents. One role alone is printed as the document that the cloud takes. */
async function printRoles({ world, options }: VerbInput, of: RolesOf): Promise<void> {
  const role = textOption(options, 'role')
  const jobs = jobsOf(options, oidcExample)
  const all = of({
    image: await imageOf(world, textOption(options, 'image')),
    account: textOption(options, 'account'),
    regions: listOption(options, 'region'),
    jobs,
  })
  const wanted = chosen(all, role)
  const trusted = wanted.some((policy) => policy.role === 'oidc')
  const repository = jobs === null ? null : parseRepository(jobs.repository)
  const note = repository === null ? null : subjectNote(repository)
  if (trusted && note !== null) world.report.note(note)
  const [only] = wanted
  if (role !== null && only !== undefined) {
    world.report.result(shown(only.document), only.document)
    return
  }
  const text = wanted.map(({ role: name, purpose, document }) => `${name}: ${purpose}\n${shown(document)}`)
  const data = Object.fromEntries(wanted.map(({ role: name, document }) => [name, document]))
  world.report.result(text.join('\n\n'), data)
}

/** Each cloud's trust policy for one environment's jobs; none where no account is given, for a trust policy names one. */
function trustOf(input: PolicyInput, environment: string): Readonly<Record<string, unknown>> {
  const { image, account, jobs } = input
  const named = image === null ? null : namedTargets(image.definition)
  const asked = able.filter(({ id }) => (named === null ? account !== null : named.includes(id)))
  const ofOne = {
    ...input,
    jobs: jobs === null ? null : { ...jobs, environments: [environment], branches: [] },
  }
  return Object.fromEntries(
    asked.flatMap(({ id, policies }) =>
      policies(ofOne)
        .filter(({ role }) => role === 'oidc')
        .map(({ document }) => [id, document] as const),
    ),
  )
}

/** What the workflows need of the settings of a repository at GitHub. */
async function printGithub({ world, options }: VerbInput): Promise<void> {
  const jobs = jobsOf({ ...options, role: 'oidc' }, githubExample)
  const asked = jobs?.repository ?? ''
  const repository = parseRepository(asked)
  if (repository === null)
    throw new MintmarkError('USAGE', `--repository is ${showValue(asked)}: expected ${repositoryForms}`, {
      hint: githubExample,
    })
  const input: PolicyInput = {
    image: await imageOf(world, textOption(options, 'image')),
    account: textOption(options, 'account'),
    regions: listOption(options, 'region'),
    jobs,
  }
  const settings = githubSettings(await ownWorkflows(world))
  const environments = settings.environments.map((item) => ({ ...item, trust: trustOf(input, item.name) }))
  const given = environments.some(({ trust }) => Object.keys(trust).length > 0)
  const note = subjectNote(repository)
  const text = [
    repositoryLines(settings),
    ...environments.map((item) => [
      ...environmentLines(repository.name, item),
      ...Object.entries(item.trust).map(
        ([id, document]) => `  who may take its role at ${id}:\n${shown(document)}`,
      ),
    ]),
    ...(given ? [] : [['who may take a role: add --image IMAGE, or --account 123456789012']]),
    ...(given && note !== null ? [[note]] : []),
  ]
  world.report.result(text.map((lines) => lines.join('\n')).join('\n\n'), {
    repository: repository.name,
    subject: repository.subject,
    ...settings,
    environments,
  })
}

/** What `policy` knows of, by name: each cloud that has accounts, and GitHub. */
const subjects: ReadonlyMap<string, (input: VerbInput) => Promise<void>> = new Map([
  ...able.map(({ id, policies }) => [id, (input: VerbInput) => printRoles(input, policies)] as const),
  ['github', printGithub] as const,
])

/**
 * `policy TARGET [--role ROLE] [--image IMAGE]`: the permissions that this tool takes of a cloud's account. `policy github --repository
 * OWNER/NAME` (or with ids, OWNER@ID/NAME@ID): environments with their protection, variables and who may take which role.
 * @throws MintmarkError USAGE for a target that has no accounts, or none that there is
 */
export const run: RunVerb = async (input) => {
  const [id] = input.args
  const print = subjects.get(id ?? '')
  if (print !== undefined) {
    await print(input)
    return undefined
  }
  if (id === undefined) throw new MintmarkError('USAGE', 'policy needs a target', { hint: example })
  const names = [...subjects.keys()].join(', ')
  throw new MintmarkError('USAGE', `${showValue(id)} is no target with policies: there are ${names}`, {
    hint: example,
  })
}
