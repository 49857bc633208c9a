import { join } from 'node:path'
import { didYouMean } from '../core/did-you-mean.ts'
import { NewImage } from '../core/new-definition.ts'
import { showValue } from '../core/show-value.ts'
import { MintmarkError } from '../errors.ts'
import { ControlOs } from '../model/hardening.ts'
import type { World } from '../ports/world.ts'
import { imageNames } from '../stages/load-definition.ts'
import { loadSettings } from '../stages/load-settings.ts'
import { textOption } from './options.ts'
import type { VerbInput } from './verb.ts'

type Options = VerbInput['options']

const example = './mintmark init web --package nginx --port 443'

/** Each answer's flag; the name is the argument. */
const flags: Readonly<Record<string, string>> = {
  name: 'name',
  packages: '--package',
  ports: '--port',
  securityTeam: '--security-team',
}
const flagOf = (field: string): string => flags[field] ?? `--${field}`

const words = (text: string): readonly string[] => text.split(/[\s,]+/).filter((item) => item !== '')

/** What a field is set to: by its flag, else by the person at the terminal, else the default. */
function answers(world: World, options: Options, asking: boolean) {
  return async (option: string, question: string, standard: string): Promise<string> => {
    const given = textOption(options, option)
    if (given !== null) return given
    if (!asking) return standard
    const answer = await world.report.ask(`${question}${standard === '' ? '' : ` [${standard}]`}: `)
    return answer === null || answer.trim() === '' ? standard : answer.trim()
  }
}

/** One problem is the message; of several each has a line. */
export const refused = (problems: readonly string[]): MintmarkError =>
  new MintmarkError(
    'USAGE',
    problems.length === 1 ? (problems[0] ?? '') : `${problems.length} answers are wrong`,
    {
      hint: `./mintmark init --help, or e.g. ${example}`,
      details: problems.length === 1 ? [] : problems,
    },
  )

const notAmong = (what: string, found: string, known: readonly string[]): readonly string[] => {
  if (known.includes(found)) return []
  const meant = didYouMean(found, known)
  return [
    `${what} is ${showValue(found)}: ${meant === null ? `expected one of: ${known.join(', ')}` : `did you mean ${meant}?`}`,
  ]
}

async function ask(world: World, name: string | undefined, options: Options): Promise<unknown> {
  const asking = name === undefined && world.report.interactive
  if (name === undefined && !asking) {
    throw new MintmarkError('USAGE', 'init needs a name for the new image', { hint: example })
  }
  const { teams } = await loadSettings(world, world.places.root)
  const answer = answers(world, options, asking)
  const chosen = name ?? (await world.report.ask('name of the image, e.g. web: '))?.trim() ?? ''
  return {
    name: chosen,
    os: await answer('os', `system (${ControlOs.options.join(', ')})`, 'debian-13'),
    base: await answer('base', 'base (archive, image, or IMAGE@CHANNEL)', 'archive'),
    owner: await answer('owner', 'owner, a team', teams?.[0] ?? 'team-platform'),
    packages: words(await answer('package', 'packages to install, e.g. nginx chrony', '')),
    ports: words(await answer('port', 'ports to open besides 22, e.g. 443', '')).map((port) =>
      /^[0-9]+$/.test(port) ? Number(port) : port,
    ),
    profile: await answer('profile', 'hardening profile', 'baseline'),
    layout: await answer('layout', 'disk layout (simple, cis)', 'simple'),
    size: await answer('size', 'disk size', '4G'),
  }
}

/** What can only be told by looking at the checkout. */
async function checkKnown(world: World, told: NewImage): Promise<void> {
  const { files, places } = world
  const profiles = (await files.list(join(places.installation, 'hardening/profiles')))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -'.yaml'.length))
  const images = (await imageNames(world)).filter((image) => image !== told.name)
  const { teams } = await loadSettings(world, places.root)
  const [image = '', channel] = told.base.split('@')
  const problems = [
    ...notAmong('--profile', told.profile, profiles),
    ...(channel === undefined ? [] : notAmong('--base', image, images)),
    ...(teams === undefined ? [] : notAmong('--owner', told.owner, teams)),
  ]
  if (problems.length > 0) throw refused(problems)
}

/** What a schema says of an answer. */
interface AnswerIssue {
  readonly code: string
  readonly message: string
  readonly path: readonly PropertyKey[]
  readonly input?: unknown
  readonly values?: readonly unknown[]
}

/** What is wrong with answers that their schema refused: a line for each, by its flag. */
export const answerProblems = (issues: readonly AnswerIssue[]): readonly string[] =>
  issues.map((issue) => {
    const wanted =
      issue.code === 'invalid_value'
        ? `expected ${(issue.values ?? []).map(String).join(' or ')}`
        : issue.message
    return `${flagOf(String(issue.path[0]))} is ${showValue(issue.input)}: ${wanted}`
  })

/**
 * The answers that a new definition is made of: by flags, or without a name on a terminal from a person.
 * @throws MintmarkError USAGE with all that is wrong
 */
export async function newImage(world: World, name: string | undefined, options: Options): Promise<NewImage> {
  const parsed = NewImage.safeParse(await ask(world, name, options), { reportInput: true })
  if (!parsed.success) throw refused(answerProblems(parsed.error.issues))
  await checkKnown(world, parsed.data)
  return parsed.data
}
