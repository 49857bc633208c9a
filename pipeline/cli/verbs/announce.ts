import { markdownText } from '../../core/report/render-markdown.ts'
import { visible } from '../../core/show-value.ts'
import { size } from '../../core/size.ts'
import { announce } from '../../stages/announce.ts'
import { trustedKeys } from '../../stages/verify-release.ts'
import { filledOption, textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'

/**
 * `announce IMAGE[@VERSION]`: a release at GitHub with record, provenance, SBOMs and report of each variant, and their checksums. In
 * GitHub the step has the outputs `tag` and `url`. To be called again after whatever stopped it.
 */
export const run: RunVerb = async ({ world, args, options }) => {
  const [ref = ''] = args
  const trustFile = textOption(options, 'trust')
  const step = world.report.step('announce')
  try {
    const { image, version, tag, url, attached, files, published } = await announce(world, {
      ref,
      notes: filledOption(options, 'notes'),
      trust: { trust: await trustedKeys(world, trustFile), onlyTrust: trustFile !== null },
      update: (text) => step.update(text),
    })
    step.done(`${tag}, ${attached.length} of ${files.length} files attached now`)
    const told = published
      ? 'announced'
      : attached.length > 0
        ? 'completed'
        : 'announced before: nothing is done'
    const lines = [
      `${image}@${version}: ${told}  ${tag}`,
      visible(url),
      ...files.map(
        ({ name, content }) => `${attached.includes(name) ? '+' : '='} ${name}  ${size(content.length)}`,
      ),
    ]
    await world.job?.summary(
      `### Announcement\n\n${markdownText(`${image}@${version}: ${told}`)}: <${new URL(url).href}>\n`,
    )
    await world.job?.output({ tag, url })
    world.report.result(lines.join('\n'), {
      image,
      version,
      tag,
      url,
      published,
      attached,
      files: files.map(({ name, content }) => ({ name, bytes: content.length })),
    })
    return 0
  } catch (cause) {
    step.fail(cause instanceof Error ? cause.message : String(cause))
    throw cause
  }
}
