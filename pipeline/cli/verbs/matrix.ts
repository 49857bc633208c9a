import { askedLines, matrixMarkdown, matrixOf, plannedLine } from '../../core/matrix.ts'
import { showValue } from '../../core/show-value.ts'
import { type Level, levels } from '../../core/versions.ts'
import { errorTable, MintmarkError, partlyDone } from '../../errors.ts'
import type { World } from '../../ports/world.ts'
import { actorOf } from '../../stages/actor.ts'
import { type MatrixInput, planMatrix, planRelease } from '../../stages/plan-matrix.ts'
import {
  databaseOption,
  emergencyOption,
  exploitedOption,
  filledOption,
  runOption,
  secondScannerOption,
} from '../options.ts'
import type { RunVerb } from '../verb.ts'

type Options = Parameters<RunVerb>[0]['options']

const isFailed = <T extends { readonly status: string }>(
  item: T,
): item is T & { readonly status: 'failed' } => item.status === 'failed'

/** A workflow gives all names as one text. */
const names = (text: string): readonly string[] => text.split(/[\s,]+/).filter((name) => name !== '')

/** @throws MintmarkError USAGE for another word, or with a version beside it */
function bumpOption(options: Options): Level | null {
  const asked = filledOption(options, 'bump')
  if (asked === null || asked === 'auto') return null
  const level = levels.find((item) => item === asked)
  if (level === undefined)
    throw new MintmarkError('USAGE', `--bump is ${showValue(asked)}: expected auto, ${levels.join(', ')}`)
  if (filledOption(options, 'releaseVersion') === null) return level
  throw new MintmarkError('USAGE', `--bump ${level} and --release-version say two things`, {
    hint: 'leave one of them out, or say --bump auto',
  })
}

/** What only makes sense for a release by hand. */
const ofOneImage = ['bump', 'releaseVersion', 'channel', 'reason'] as const

/** @throws MintmarkError USAGE for what asks for more than jobs, without `--single` */
function refuseForMany(options: Options): void {
  const given = ofOneImage.find((name) => filledOption(options, name) !== null)
  const flag =
    given === 'releaseVersion' ? 'release-version' : options['emergency'] === true ? 'emergency' : given
  if (flag !== undefined)
    throw new MintmarkError('USAGE', `--${flag} is for a release by hand, and --single is not given`)
}

/** What is planned, and for a release by hand what later jobs have to know of it, and the page. */
async function planned(world: World, options: Options, input: MatrixInput) {
  if (options['single'] !== true) {
    refuseForMany(options)
    return { plan: await planMatrix(world, input), outputs: {}, more: [] }
  }
  const emergency = emergencyOption(options, world.env)
  const asked = { asked: filledOption(options, 'releaseVersion'), bump: bumpOption(options) }
  const by = await actorOf(world, null)
  const { plan, channel } = await planRelease(world, { ...input, ...asked }, filledOption(options, 'channel'))
  const [item] = plan
  const version = item?.status === 'planned' ? (item.version ?? '') : ''
  return {
    plan,
    outputs: { image: item?.image ?? '', version, channel: version === '' ? '' : (channel ?? '') },
    more: askedLines({ by, channel, emergency }),
  }
}

/**
 * `matrix [IMAGE...]`: the jobs for a workflow's `strategy.matrix`, on stdout and among the outputs of the GitHub step (`matrix`,
 * `jobs`, `run`; with `--single` also `image`, `version` and `channel`, which is empty for nightly). Exit 10 when some image could not
 * be planned; when none could, what the first of them exits with.
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
  const { plan, outputs, more } = await planned(world, options, {
    images: args.flatMap(names),
    targets: names(filledOption(options, 'target') ?? ''),
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
  await job?.summary(matrixMarkdown(id, plan, more))
  await job?.output({ matrix: text, jobs: String(matrix.include.length), run: id, ...outputs })
  const [first] = failed
  const exit =
    first === undefined ? 0 : failed.length < plan.length ? partlyDone : errorTable[first.code].exit
  report.result(text, { exit, run: id, matrix, images: plan, ...outputs })
  return exit
}
