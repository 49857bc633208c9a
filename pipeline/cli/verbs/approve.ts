import { isSamePerson } from '../../core/channel-needs.ts'
import { shellQuote } from '../../core/quote.ts'
import { renderDiffMarkdown, renderDiffText } from '../../core/render-diff.ts'
import { lacking, reviewMarkdown } from '../../core/render-look.ts'
import { shareCounts, shareLines } from '../../core/render-share.ts'
import { markdownText } from '../../core/report/render-markdown.ts'
import { visible } from '../../core/show-value.ts'
import { MintmarkError } from '../../errors.ts'
import { actorOf } from '../../stages/actor.ts'
import { approve } from '../../stages/approve.ts'
import type { Trust } from '../../stages/chain.ts'
import { approveAsReviewed, lookAtPromotion } from '../../stages/look-promotion.ts'
import type { Promotion } from '../../stages/promotion.ts'
import { trustedKeys } from '../../stages/verify-release.ts'
import { databaseOption, exploitedOption, textOption } from '../options.ts'
import type { RunVerb, VerbInput } from '../verb.ts'

const diffsOf = ({ variants }: Promotion) =>
  variants.map((variant) => ({ variant: variant.release.variant, diff: variant.diff }))

/** All that a reviewer of this CI run has to see: on the page of the run, with its digests among the step's outputs. */
async function look(input: VerbInput, ref: string, channel: string, trust: Trust): Promise<number> {
  const { world, options } = input
  const by = await actorOf(world, textOption(options, 'by'))
  const step = world.report.step('approve')
  const found = await lookAtPromotion(world, {
    ref,
    channel,
    trust,
    by,
    trivyDb: databaseOption(options, world.env),
    knownExploited: exploitedOption(options, world.env),
    update: (text) => step.update(text),
  }).catch((cause: unknown) => {
    step.fail(cause instanceof Error ? cause.message : String(cause))
    throw cause
  })
  const { promotion, needs, notes, share, reviews } = found
  const { image, version, digest } = promotion
  const name = `${image}@${version}`
  const lacks = lacking(needs)
  step.done(`${name} for ${channel}${lacks.length === 0 ? '' : `, which lacks ${lacks.join(', ')}`}`)
  const diffs = promotion.variants.map(({ diff }) => diff)
  await world.job?.summary(
    reviewMarkdown({ image, version, channel, by, digest, needs, notes, share, diffs }),
  )
  await world.job?.output({ diff: digest, sharing: share.plan.digest, reviews, lacks: lacks.join(',') })
  const lines = [
    ...diffs.map((diff) => `${renderDiffText(diff)}\n`),
    ...needs.map((need) => `${need.met ? '✓' : '✗'} ${need.name}  ${visible(need.text)}`),
    ...notes.map((text) => `note: ${visible(text)}`),
    ...shareLines(share.plan),
    `sharing: ${shareCounts(share.plan) || 'nothing to do'}`,
    `digest of this diff: sha256:${digest}`,
    `digest of this sharing: ${share.plan.digest}`,
  ]
  world.report.result(lines.join('\n'), {
    image,
    version,
    channel,
    by,
    digest,
    sharing: share.plan.digest,
    reviews,
    approved: false,
    written: false,
    needs,
    notes,
    variants: diffsOf(promotion),
  })
  return 0
}

/** The reviewer of this CI run is who approves. */
async function reviewed(input: VerbInput, environment: string, trust: Trust): Promise<number> {
  const { world, args, options } = input
  const [ref = '', channel = ''] = args
  const needed = (option: string): string => {
    const value = textOption(options, option)
    if (value !== null && value !== '') return value
    throw new MintmarkError(
      'USAGE',
      `--reviewed needs --${option}, and ${value === null ? 'it is not given' : 'it is empty'}`,
      {
        hint: `give it the output \`${option}\` of the step that ran ./mintmark approve without --diff`,
      },
    )
  }
  for (const option of ['by', 'comment'])
    if (textOption(options, option) !== null)
      throw new MintmarkError(
        'USAGE',
        `--${option} is what the reviewer of the run says, and --reviewed asks for it`,
      )
  const step = world.report.step('approve')
  const { promotion, reviewers, written } = await approveAsReviewed(world, {
    ref,
    channel,
    trust,
    environment,
    diff: needed('diff'),
    sharing: needed('sharing'),
    reviews: needed('reviews'),
    update: (text) => step.update(text),
  }).catch((cause: unknown) => {
    step.fail(cause instanceof Error ? cause.message : String(cause))
    throw cause
  })
  const { image, version, digest } = promotion
  const name = `${image}@${version}`
  const names = reviewers.map(({ by }) => by)
  const told =
    reviewers.length === 0
      ? `${channel} points to ${name} already: nothing is to be approved`
      : `${name} for ${channel}: ${written ? 'approved' : 'approved before: nothing is written'}  by ${names.map(visible).join(', ')}  diff sha256:${digest}`
  step.done(name)
  await world.job?.summary(`### Approval\n\n${markdownText(told)}\n`)
  world.report.result(told, {
    image,
    version,
    channel,
    digest,
    reviewers,
    approved: reviewers.length > 0,
    written,
  })
  return 0
}

/**
 * `approve IMAGE[@VERSION] CHANNEL`: shows the diff and its digest; with `--diff` of that digest, a signed event that it was accepted.
 * In a job of GitHub Actions with a token it shows, on the page of the run, what promotion lacks and who would get the image as well, with
 * the outputs `diff`, `sharing` and `reviews`; with `--reviewed ENVIRONMENT` and these, who let the run in is who accepted it.
 */
export const run: RunVerb = async (input) => {
  const { world, args, options } = input
  const [ref = '', channel = ''] = args
  const diff = textOption(options, 'diff')
  const comment = textOption(options, 'comment')
  const environment = textOption(options, 'reviewed')
  const trust = { trust: await trustedKeys(world, null), onlyTrust: false }
  if (environment !== null) return reviewed(input, environment, trust)
  if (comment !== null && diff === null)
    throw new MintmarkError('USAGE', '--comment is for an approval, and --diff is not given')
  if (comment !== null && comment.length > 2000)
    throw new MintmarkError('USAGE', `--comment has ${comment.length} characters: at most 2000 are kept`)
  if (diff === null && world.job !== undefined && world.github !== undefined)
    return look(input, ref, channel, trust)
  const by = await actorOf(world, textOption(options, 'by'))
  const { promotion, written } = await approve(world, { ref, channel, trust, diff, by, comment })
  const { image, version, digest, variants } = promotion
  const render = options['markdown'] === true ? renderDiffMarkdown : renderDiffText
  const shown = variants.map((variant) => render(variant.diff)).join('\n\n')
  const data = {
    image,
    version,
    channel,
    by,
    digest,
    approved: diff !== null,
    written,
    comment,
    variants: diffsOf(promotion),
  }
  if (diff === null) {
    const mine = isSamePerson(by, await actorOf(world, null)) ? '' : ` --by ${shellQuote(by)}`
    const command = `./mintmark approve ${image}@${version} ${channel}${mine} --diff ${digest}`
    world.report.result(
      `${shown}\n\ndigest of this diff: sha256:${digest}\nto accept it for ${channel}, as ${visible(by)}:  ${command}`,
      data,
    )
    return 0
  }
  const told = written ? 'approved' : 'approved before: nothing is written'
  world.report.result(
    `${image}@${version} for ${channel}: ${told}  by ${visible(by)}  diff sha256:${digest}\nthen, by somebody else:  ./mintmark promote ${image}@${version} ${channel}`,
    data,
  )
  return 0
}
