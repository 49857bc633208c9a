import { dayMs, daysUntil } from '../../core/days.ts'
import { didYouMean } from '../../core/did-you-mean.ts'
import { showValue, visible } from '../../core/show-value.ts'
import { MintmarkError } from '../../errors.ts'
import type { Definition } from '../../model/definition.ts'
import { Waiver, WaiverStatus } from '../../model/gate.ts'
import type { World } from '../../ports/world.ts'
import { imageNames, loadDefinition } from '../../stages/load-definition.ts'
import { type LoadedPolicy, loadPolicy } from '../../stages/load-policy.ts'
import { loadSettings } from '../../stages/load-settings.ts'
import { writeWaivers } from '../../stages/write-waivers.ts'
import { textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'

type Options = Parameters<RunVerb>[0]['options']

const example =
  './mintmark waive CVE-2026-12345 --package libssl3 --reason "the module is not loaded" --until 2027-03-31'

/** Each answer's flag; the vulnerability is the argument. */
const flags: Readonly<Record<string, string>> = { vulnerability: 'the vulnerability', expires: '--until' }
const flagOf = (field: string): string => flags[field] ?? `--${field}`

function refuseUnless(problems: readonly string[]): void {
  const [first] = problems
  if (first === undefined) return
  throw new MintmarkError('USAGE', problems.length === 1 ? first : `${problems.length} answers are wrong`, {
    hint: `./mintmark waive --help, or e.g. ${example}`,
    details: problems.length === 1 ? [] : problems,
  })
}

const suggestion = (word: string, known: readonly string[]): string => {
  const meant = didYouMean(word, known)
  return meant === null ? `expected one of: ${known.join(', ')}` : `did you mean ${meant}?`
}

/** What the schema says of the answers, by their flags. */
function wrongAnswers(asked: Readonly<Record<string, unknown>>): readonly string[] {
  const parsed = Waiver.safeParse(asked, { reportInput: true })
  if (parsed.success) return []
  const seen = new Set<string>()
  return parsed.error.issues.flatMap((issue) => {
    const field = String(issue.path[0])
    if (seen.has(field)) return []
    seen.add(field)
    const flag = flagOf(field)
    if (asked[field] === undefined) return [`${flag} is missing`]
    const wanted =
      field === 'status'
        ? suggestion(String(issue.input), WaiverStatus.options)
        : field === 'expires'
          ? 'expected a day of the calendar, e.g. 2027-03-31'
          : issue.message
    return [`${flag} is ${showValue(issue.input)}: ${wanted}`]
  })
}

function wrongDay(until: string | null, now: Date, policies: readonly LoadedPolicy[]): readonly string[] {
  const days = daysUntil(until ?? '', now)
  if (until === null || Number.isNaN(days)) return []
  if (days < 0) return [`--until is ${showValue(until)}: expected a day that is not over`]
  const [shortest] = [...policies].sort((a, b) => a.policy.maxWaiverDays - b.policy.maxWaiverDays)
  if (shortest === undefined || days <= shortest.policy.maxWaiverDays) return []
  const { maxWaiverDays } = shortest.policy
  const last = new Date(now.getTime() + maxWaiverDays * dayMs).toISOString().slice(0, 10)
  return [
    `--until is ${showValue(until)}: policy ${shortest.name} honours no waiver for longer than ${maxWaiverDays} days, so until ${last}`,
  ]
}

/** The team that answers for it: as given, else the image's owner, else the only team that there is. */
function ownerOf(
  options: Options,
  image: Definition | null,
  teams: readonly string[],
): { readonly owner: string | null; readonly problem: readonly string[] } {
  const owner = textOption(options, 'owner') ?? image?.owner ?? (teams.length === 1 ? teams[0] : undefined)
  return owner === undefined
    ? {
        owner: null,
        problem: [`--owner is missing: which team answers for it? There are ${teams.join(', ')}`],
      }
    : { owner, problem: [] }
}

/** Where the status won't do: written all the same, but it has to be known. */
function honoured(waiver: Waiver, policies: readonly LoadedPolicy[]): readonly string[] {
  return policies.flatMap(({ policy, name }) => {
    const [fixable, unfixed] = [policy.waiveFixable, policy.waiveUnfixed].map((list) =>
      list.includes(waiver.status),
    )
    if (fixable && unfixed) return []
    if (!fixable && !unfixed) return [`policy ${name} lets no finding pass for status ${waiver.status}`]
    return [
      `policy ${name} lets a finding pass for status ${waiver.status} only while it has ${fixable ? 'a' : 'no'} fix`,
    ]
  })
}

const told = (waiver: Waiver): readonly string[] => [
  `${waiver.vulnerability}  ${waiver.package}  ${waiver.image === undefined ? 'all images' : `image ${waiver.image}`}  ${waiver.status}, until ${waiver.expires}`,
  `  ${visible(waiver.reason)}`,
]

async function policiesOf(
  world: World,
  definitions: readonly Definition[],
): Promise<readonly LoadedPolicy[]> {
  const names = [...new Set(definitions.map(({ scan }) => scan.policy))].sort()
  return Promise.all((names.length === 0 ? ['default'] : names).map((name) => loadPolicy(world, name)))
}

/** `waive CVE --package P --reason R --until DAY`: a team answers for a finding, for a time. The same twice changes nothing. */
export const run: RunVerb = async ({ world, args, options }) => {
  const name = textOption(options, 'image')
  const image = name === null ? null : await loadDefinition(world, name)
  const { teams } = await loadSettings(world, world.places.root)
  // One image's mistake is no other's: all are read only where each may have a say.
  const names = image === null || teams === undefined ? await imageNames(world) : []
  const all = await Promise.all(names.map((item) => loadDefinition(world, item)))
  const policies = await policiesOf(world, image === null ? all : [image])
  const { owner, problem } = ownerOf(
    options,
    image,
    teams ?? [...new Set(all.map((item) => item.owner))].sort(),
  )
  const packages = (textOption(options, 'package') ?? '').split(',').filter((item) => item !== '')
  const until = textOption(options, 'until')
  const asked = {
    vulnerability: args[0],
    ...(name === null ? {} : { image: name }),
    status: textOption(options, 'status') ?? 'affected',
    reason: textOption(options, 'reason') ?? undefined,
    owner: owner ?? undefined,
    expires: until ?? undefined,
  }
  const each = (packages.length === 0 ? [undefined] : packages).map((item) => ({ ...asked, package: item }))
  refuseUnless([
    ...new Set([
      ...each.flatMap(wrongAnswers).filter((text) => owner !== null || !text.startsWith('--owner')),
      ...problem,
      ...(owner !== null && teams !== undefined && !teams.includes(owner)
        ? [`--owner is ${showValue(owner)}, no team of mintmark.yaml: ${suggestion(owner, teams)}`]
        : []),
      ...wrongDay(until, world.clock.now(), policies),
    ]),
  ])
  const waivers = each.map((item) => Waiver.parse(item))
  const { file, written } = await writeWaivers(world, waivers, owner ?? '')
  const changed = written.filter((item) => item.changed)
  const lines = [
    changed.length === 0
      ? `${file} says so already: nothing was changed`
      : `${file} is written (${owner} answers for it):`,
    ...written.flatMap(({ waiver, was, changed: isNew }) => [
      ...(was === null || !isNew ? [] : ['it said:', ...told(was), 'it says now:']),
      ...told(waiver),
    ]),
    ...[...new Set(waivers.flatMap((waiver) => honoured(waiver, policies)))].map((text) => `note: ${text}`),
    ...(changed.length === 0 ? [] : [`commit it, then: ./mintmark release ${name ?? 'IMAGE'}`]),
  ]
  world.report.result(lines.join('\n'), { file, changed: changed.length > 0, waivers: written })
  return 0
}
