import { columns } from '../../core/columns.ts'
import { markdownText } from '../../core/report/render-markdown.ts'
import { visible } from '../../core/show-value.ts'
import { changesPending, errorTable, MintmarkError } from '../../errors.ts'
import { actorOf } from '../../stages/actor.ts'
import { type Promoted, promote } from '../../stages/promote.ts'
import { trustedKeys } from '../../stages/verify-release.ts'
import { distributionData, distributionExit, distributionLines } from '../distribution.ts'
import { withLocalTimes } from '../local-time.ts'
import { databaseOption, exploitedOption, textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'

const needLines = ({ needs, notes }: Promoted): readonly string[] => [
  ...(needs.length === 0
    ? []
    : columns(needs.map(({ met, name, text }) => [met ? '✓' : '✗', name, withLocalTimes(text)])).split('\n')),
  ...notes.map((text) => `note: ${withLocalTimes(text)}`),
]

const mends = ({ needs }: Promoted): readonly string[] => [
  ...new Set(needs.flatMap(({ met, mend }) => (met || mend === null ? [] : [withLocalTimes(mend)]))),
]

function lines(promoted: Promoted, by: string): readonly string[] {
  const { promotion, outcome, from, distribution } = promoted
  const { image, version, channel, digest } = promotion
  const step = `${image} ${channel}: ${from[0] ?? 'nothing'} → ${version}`
  const told = needLines(promoted)
  const diff = `diff sha256:${digest}`
  switch (outcome) {
    case 'done-before':
      return [`${channel} points to ${image}@${version} already`, ...distributionLines(distribution)]
    case 'would-move':
      return [...told, `would move  ${step}  ${diff}`]
    case 'moved':
      return [...told, `${step}  promoted by ${visible(by)}  ${diff}`, ...distributionLines(distribution)]
    case 'refused':
      return [...told, ...mends(promoted).map((text) => `→ ${text}`), `not moved  ${step}  ${diff}`]
  }
}

function dataOf({ promotion, needs, notes, outcome, from, distribution }: Promoted, by: string) {
  const { image, version, channel, variants, digest } = promotion
  return {
    image,
    version,
    channel,
    outcome,
    by,
    diff: digest,
    variants: variants.map(({ release, anchored }, index) => ({
      variant: release.variant,
      from: from[index] ?? null,
      record: release.record,
      sha256: release.statement.predicate.artifact.sha256,
      anchored,
    })),
    needs,
    notes,
    ...distributionData(distribution),
  }
}

/**
 * `promote IMAGE[@VERSION] CHANNEL`: exit 0 moved, or it was there already; 5 when it lacks something; 9 when the channel moved
 * meanwhile or something is not what was signed; 10 when some regions stay behind.
 */
export const run: RunVerb = async ({ world, args, options }) => {
  const [ref = '', channel = ''] = args
  const dryRun = options['dryRun'] === true
  if (options['detailedExitcode'] === true && !dryRun)
    throw new MintmarkError('USAGE', '--detailed-exitcode goes with --dry-run, which is not given')
  const by = await actorOf(world, textOption(options, 'by'))
  const step = world.report.step('promote')
  try {
    const promoted = await promote(world, {
      ref,
      channel,
      by,
      dryRun,
      trust: { trust: await trustedKeys(world, null), onlyTrust: false },
      trivyDb: databaseOption(options, world.env),
      knownExploited: exploitedOption(options, world.env),
      update: (text) => step.update(text),
    })
    const { image, version } = promoted.promotion
    const unmet = promoted.needs.filter(({ met }) => !met)
    if (promoted.outcome === 'refused' && !dryRun) {
      const [first, ...others] = mends(promoted)
      throw new MintmarkError(
        'PROMOTION_REFUSED',
        `${image}@${version} can't be promoted to ${channel}: ${unmet.map(({ name }) => name).join(', ')}`,
        {
          details: [...needLines(promoted), ...others.map((text) => `→ ${text}`)],
          ...(first === undefined ? {} : { hint: first }),
        },
      )
    }
    step.done(`${image}@${version}`)
    const page = lines(promoted, by).map((text) => `- ${markdownText(text)}`)
    await world.job?.summary(`### Promotion\n\n${page.join('\n')}\n`)
    world.report.result(lines(promoted, by).join('\n'), dataOf(promoted, by))
    if (promoted.outcome === 'refused') return errorTable.PROMOTION_REFUSED.exit
    if (promoted.outcome === 'would-move' && options['detailedExitcode'] === true) return changesPending
    return distributionExit(promoted.distribution)
  } catch (cause) {
    step.fail(cause instanceof Error ? cause.message : String(cause))
    throw cause
  }
}
