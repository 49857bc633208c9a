import { matrixMarkdown, matrixOf, plannedLine } from '../../core/matrix.ts'
import { errorTable, partlyDone } from '../../errors.ts'
import { planMatrix } from '../../stages/plan-matrix.ts'
import { databaseOption, exploitedOption, runOption, secondScannerOption, textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'

const isFailed = <T extends { readonly status: string }>(
  item: T,
): item is T & { readonly status: 'failed' } => item.status === 'failed'

/**
 * `matrix [IMAGE...]`: the jobs for a workflow's `strategy.matrix`, on stdout and among the outputs of the GitHub step (`matrix`,
 * `jobs`, `run`). Exit 10 when some image could not be planned; when none could, what the first of them exits with.
 */
export const run: RunVerb = async ({ world, args, options }) => {
  const { clock, job, report } = world
  const stamp = clock
    .now()
    .toISOString()
    .replace(/[-:]|\.\d+Z$/g, '')
    .replace('T', '-')
  const id = runOption(options, world.env) ?? job?.run ?? `matrix-${stamp}`
  const step = report.step('matrix')
  // A workflow gives all names as one argument.
  const images = args.flatMap((text) => text.split(/[\s,]+/)).filter((name) => name !== '')
  const plan = await planMatrix(world, {
    images,
    target: textOption(options, 'target'),
    run: id,
    changed: options['changed'] === true,
    reserve: options['reserve'] === true,
    trivyDb: databaseOption(options, world.env),
    knownExploited: exploitedOption(options, world.env),
    secondScanner: secondScannerOption(options, world.env),
    update: step.update,
  }).catch((cause: unknown) => {
    step.fail(cause instanceof Error ? cause.message : String(cause))
    throw cause
  })
  const failed = plan.filter(isFailed)
  const matrix = matrixOf(plan)
  const told = `${matrix.include.length} jobs for ${plan.length} images, run ${id}`
  if (failed.length === 0) step.done(told)
  else step.fail(`${told}; ${failed.length} could not be planned`)
  for (const item of plan) {
    report.note(plannedLine(item))
    if (!isFailed(item)) continue
    const lines = [...item.lines, `→ ${item.hint}`]
    for (const text of lines) report.note(`    ${text}`)
    job?.error(`matrix ${item.image}`, [item.message, ...lines].join('\n'))
  }
  const text = JSON.stringify(matrix)
  await job?.summary(matrixMarkdown(id, plan))
  await job?.output({ matrix: text, jobs: String(matrix.include.length), run: id })
  const [first] = failed
  const exit =
    first === undefined ? 0 : failed.length < plan.length ? partlyDone : errorTable[first.code].exit
  report.result(text, { exit, run: id, matrix, images: plan })
  return exit
}
