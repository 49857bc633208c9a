import { problemLines, shareCounts, shareLines, shareMarkdown } from '../../core/render-share.ts'
import { quietMarkdown } from '../../core/report/quiet-markdown.ts'
import { markdownText } from '../../core/report/render-markdown.ts'
import { visible } from '../../core/show-value.ts'
import { errorTable, partlyDone } from '../../errors.ts'
import type { World } from '../../ports/world.ts'
import { keepComment } from '../../stages/keep-comment.ts'
import { pullRequestNumber } from '../../stages/pull-request.ts'
import { isOpen, isStuck, type Reviewed, review, settingsNotes } from '../../stages/review.ts'
import { jobsGithub, tellGithub } from '../tell-github.ts'
import type { RunVerb } from '../verb.ts'

function linesOf(item: Reviewed): readonly string[] {
  switch (item.status) {
    case 'valid':
      return [`✓ ${item.image}`]
    case 'failed': {
      const { message, lines, hint } = item.error
      return [`✗ ${item.image}  ${message}`, ...[...lines, `→ ${hint}`].map((text) => `    ${text}`)]
    }
    case 'looked': {
      const { plan, problems, notes, besides } = item.look
      const lines = [...shareLines(plan), ...besides, ...problems.flatMap(problemLines), ...notes]
      const plans = isOpen(item.look) ? [`plan ${plan.digest}`] : []
      return [
        `${isStuck(item.look) ? '!' : '✓'} ${item.image}  ${shareCounts(plan) || 'nothing to do'}`,
        ...[...lines, ...plans].map((text) => `    ${text}`),
      ]
    }
  }
}

/** For the page of a CI run: what is wrong, and who would get or lose what. */
function markdownOf(items: readonly Reviewed[]): string {
  const failed = items.flatMap((item) =>
    item.status === 'failed'
      ? [[item.image, ...[item.error.message, ...item.error.lines].map((text) => `- ${markdownText(text)}`)]]
      : [],
  )
  const looked = items.flatMap((item) => (item.status === 'looked' ? [item] : []))
  const quiet = looked.filter(({ look }) => !isOpen(look) && !isStuck(look)).length
  return [
    `### Review of ${items.length} ${items.length === 1 ? 'definition' : 'definitions'}`,
    ...failed.flatMap(([image = '', ...lines]) => [
      '',
      `#### ${markdownText(image)} is not accepted`,
      '',
      ...lines,
    ]),
    ...looked
      .filter(({ look }) => isOpen(look) || isStuck(look))
      .flatMap(({ image, look: { plan, problems, notes, besides } }) => [
        '',
        shareMarkdown(image, plan, [...problems.map(({ why }) => why), ...notes], besides),
      ]),
    '',
    failed.length === 0 && looked.length === quiet
      ? 'All are well written, and nobody gets or loses an image.'
      : '',
    '',
  ].join('\n')
}

function exitOf(items: readonly Reviewed[]): number {
  const errors = items.flatMap((item) => (item.status === 'failed' ? [item.error] : []))
  const wrong = errors.find(({ code }) => code === 'CONFIG_INVALID')
  if (wrong !== undefined) return errorTable[wrong.code].exit
  const [first] = errors
  if (first !== undefined && errors.length === items.length) return errorTable[first.code].exit
  return first !== undefined || items.some((item) => item.status === 'looked' && isStuck(item.look))
    ? partlyDone
    : 0
}

/** One comment of the pull request that this job is for says what the page says; its texts are those of people whom nobody let in yet. */
async function comment(world: World, number: number, page: string): Promise<number> {
  const github = jobsGithub(world, '--comment')
  const { exit } = await tellGithub(world, 'comment', async () => {
    const value = await keepComment(github, { number, topic: 'review', body: quietMarkdown(page) })
    return { value, told: `of pull request ${number}: ${value}` }
  })
  return exit
}

/**
 * `review [FOLDER] [--schema] [--render] [--comment]`: whether definitions are well written, and what their share lists would change; of
 * FOLDER, as data, or our own. `--comment` keeps a comment of the pull request that started the job up to date; without one it does nothing.
 * Exit 3 when one is wrong, 10 when something can't be given or could not be looked at. In GitHub the step has the outputs `matrix`
 * (an entry for each image with something to do: `image`, and the digest `plan`) and `jobs`.
 */
export const run: RunVerb = async ({ world, args, options }) => {
  const { job, report } = world
  const [folder = ''] = args
  const number = options['comment'] === true ? await pullRequestNumber(world) : null
  if (number !== null) jobsGithub(world, '--comment')
  const step = report.step('review')
  const items = await review(world, {
    folder: folder === '' ? null : folder,
    schemaOnly: options['schema'] === true,
    render: options['render'] === true,
    update: step.update,
  }).catch((cause: unknown) => {
    step.fail(cause instanceof Error ? cause.message : String(cause))
    throw cause
  })
  const judged = exitOf(items)
  const include = items.flatMap((item) =>
    item.status === 'looked' && isOpen(item.look) ? [{ image: item.image, plan: item.look.plan.digest }] : [],
  )
  const definitions = `${items.length} ${items.length === 1 ? 'definition' : 'definitions'}`
  const told = `${definitions}, ${include.length} with something to share or take back`
  if (judged === 0) step.done(told)
  else step.fail(told)
  for (const note of await settingsNotes(world)) report.note(note)
  for (const item of items)
    if (item.status === 'failed') {
      const { message, lines, hint } = item.error
      job?.error(`review ${item.image}`, [message, ...lines, `→ ${hint}`].join('\n'))
    }
  const page = markdownOf(items)
  await job?.summary(page)
  await job?.output({ matrix: JSON.stringify({ include }), jobs: String(include.length) })
  const commented = number === null ? 0 : await comment(world, number, page)
  const exit = judged === 0 ? commented : judged
  report.result(items.flatMap(linesOf).map(visible).join('\n'), {
    exit,
    matrix: { include },
    images: items.map((item) =>
      item.status === 'failed'
        ? {
            image: item.image,
            status: item.status,
            error: { code: item.error.code, message: item.error.message, details: item.error.lines },
          }
        : item.status === 'valid'
          ? item
          : { image: item.image, status: item.status, plan: item.look.plan },
    ),
  })
  return exit
}
