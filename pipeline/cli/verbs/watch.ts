import {
  concernLines,
  concernsInShort,
  watchIssue,
  watchMarkdown,
  watchOver,
  watchTitle,
} from '../../core/render-watch.ts'
import { changesPending, MintmarkError, partlyDone } from '../../errors.ts'
import { keepIssue } from '../../stages/keep-issue.ts'
import { watch } from '../../stages/watch.ts'
import { textOption } from '../options.ts'
import { jobsGithub, tellGithub } from '../tell-github.ts'
import type { RunVerb, VerbInput } from '../verb.ts'

const defaultWorkflow = 'nightly.yml'
const defaultChannelAge = '45d'

/** The oldest that a channel may be: mintmark.yaml's, or a variable's. */
function channelAgeOf(env: VerbInput['world']['env']): string {
  const age = env['MINTMARK_WATCH_CHANNEL_AGE'] || defaultChannelAge
  if (/^[1-9][0-9]{0,3}d$/.test(age)) return age
  throw new MintmarkError(
    'USAGE',
    `MINTMARK_WATCH_CHANNEL_AGE is "${age}": expected a number of days, e.g. 45d`,
  )
}

/** A file below .github/workflows. */
function workflowOf(given: string | null): string {
  const name = given ?? defaultWorkflow
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*\.ya?ml$/.test(name)) return name
  throw new MintmarkError('USAGE', `--workflow is "${name}": expected a file name, e.g. ${defaultWorkflow}`)
}

/**
 * `watch [IMAGE...]`: what needs a person, of definitions, locks, waivers and channels; with `--github` of the last nights too; with
 * `--issue` one issue tells it until nothing is left. Exit 10 when something could not be looked at, 6 with `--detailed-exitcode` when
 * there is something, else 0.
 */
export const run: RunVerb = async ({ world, args, options }) => {
  const { report, job } = world
  const asIssue = options['issue'] === true
  const flag = asIssue ? '--issue' : '--github'
  const github = asIssue || options['github'] === true ? jobsGithub(world, flag) : null
  const workflow = workflowOf(textOption(options, 'workflow'))
  const step = report.step('watch')
  // A workflow gives all names as one argument.
  const images = args.flatMap((text) => text.split(/[\s,]+/)).filter((name) => name !== '')
  const concerns = await watch(world, {
    images,
    channelAge: channelAgeOf(world.env),
    nights: github === null ? null : { github, workflow },
    update: step.update,
  }).catch((cause: unknown) => {
    step.fail(cause instanceof Error ? cause.message : String(cause))
    throw cause
  })
  const told = concernsInShort(concerns)
  if (concerns.length === 0) step.done(told)
  else step.fail(told)
  const kept =
    github === null || !asIssue
      ? { value: null, exit: 0 }
      : await tellGithub(world, 'issue', async () => {
          const says = concerns.length === 0 ? null : { title: watchTitle, body: watchIssue(concerns) }
          const value = await keepIssue(github, { topic: 'watch', says, over: watchOver })
          return { value, told: value === null ? 'none is open' : `${value.url} ${value.did}` }
        })
  const issue = kept.value
  const unseen = concerns.some(({ state }) => state === 'unseen')
  const pending = concerns.length > 0 && options['detailedExitcode'] === true
  const exit = kept.exit || (unseen ? partlyDone : pending ? changesPending : 0)
  const overdue = concerns.filter(({ state }) => state === 'overdue').length
  await job?.summary(watchMarkdown(concerns))
  await job?.output({ concerns: String(concerns.length), overdue: String(overdue), issue: issue?.url ?? '' })
  report.result([...concerns.flatMap(concernLines), told].join('\n'), { exit, concerns, issue })
  return exit
}
