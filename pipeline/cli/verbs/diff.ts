import { diffDigest } from '../../core/diff-releases.ts'
import { renderDiffMarkdown, renderDiffText } from '../../core/render-diff.ts'
import { changesPending } from '../../errors.ts'
import { compareReleases } from '../../stages/diff.ts'
import type { RunVerb } from '../verb.ts'

/** `diff A B`: what is different between two releases. */
export const run: RunVerb = async ({ world, args, options }) => {
  const [from = '', to = ''] = args
  const files = options['files'] === true
  const step = files ? world.report.step('files') : null
  try {
    const diff = await compareReleases(world, {
      from,
      to,
      files,
      update: (text) => step?.update(text),
    })
    step?.done(`${diff.files?.length ?? 0} differ`)
    const render = options['markdown'] === true ? renderDiffMarkdown : renderDiffText
    world.report.result(render(diff), { ...diff, digest: diffDigest([diff]) })
    return options['detailedExitcode'] === true && !diff.identical ? changesPending : 0
  } catch (cause) {
    step?.fail(cause instanceof Error ? cause.message : String(cause))
    throw cause
  }
}
