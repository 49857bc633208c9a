import { isSamePerson } from '../../core/channel-needs.ts'
import { shellQuote } from '../../core/quote.ts'
import { renderDiffMarkdown, renderDiffText } from '../../core/render-diff.ts'
import { visible } from '../../core/show-value.ts'
import { MintmarkError } from '../../errors.ts'
import { actorOf } from '../../stages/actor.ts'
import { approve } from '../../stages/approve.ts'
import { trustedKeys } from '../../stages/verify-release.ts'
import { textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'

/** `approve IMAGE[@VERSION] CHANNEL`: shows the diff and its digest; with `--diff` of that digest, a signed event that it was accepted. */
export const run: RunVerb = async ({ world, args, options }) => {
  const [ref = '', channel = ''] = args
  const diff = textOption(options, 'diff')
  const comment = textOption(options, 'comment')
  if (comment !== null && diff === null)
    throw new MintmarkError('USAGE', '--comment is for an approval, and --diff is not given')
  if (comment !== null && comment.length > 2000)
    throw new MintmarkError('USAGE', `--comment has ${comment.length} characters: at most 2000 are kept`)
  const by = await actorOf(world, textOption(options, 'by'))
  const trust = { trust: await trustedKeys(world, null), onlyTrust: false }
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
    variants: variants.map((variant) => ({ variant: variant.release.variant, diff: variant.diff })),
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
