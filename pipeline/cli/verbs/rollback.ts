import { visible } from '../../core/show-value.ts'
import { MintmarkError } from '../../errors.ts'
import { actorOf } from '../../stages/actor.ts'
import { rollback } from '../../stages/rollback.ts'
import { trustedKeys } from '../../stages/verify-release.ts'
import { distributionData, distributionExit, distributionLines } from '../distribution.ts'
import { databaseOption, exploitedOption, textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'

/**
 * `rollback IMAGE CHANNEL --reason TEXT`: exit 0 moved, or it was there already; 5 when the older release has findings that the current
 * one has not, without `--accept-findings`; 9 when the channel moved meanwhile or something is not what was signed; 10 when some regions
 * stay behind.
 */
export const run: RunVerb = async ({ world, args, options }) => {
  const [image = '', channel = ''] = args
  const reason = textOption(options, 'reason')?.trim() ?? ''
  if (image.includes('@'))
    throw new MintmarkError(
      'USAGE',
      `"${image}" names a release: rollback takes the image, and --to VERSION`,
      {
        hint: `./mintmark rollback ${image.split('@')[0]} ${channel} --to ${image.split('@')[1]} --reason "..."`,
      },
    )
  if (reason === '' || reason.length > 2000)
    throw new MintmarkError('USAGE', 'rollback needs --reason, of 1 to 2000 characters', {
      hint: `./mintmark rollback ${image} ${channel} --reason "ssh hangs after an hour"`,
    })
  const by = await actorOf(world, textOption(options, 'by'))
  const step = world.report.step('rollback')
  try {
    const done = await rollback(world, {
      image,
      channel,
      reason,
      by,
      to: textOption(options, 'to'),
      trust: { trust: await trustedKeys(world, null), onlyTrust: false },
      trivyDb: databaseOption(options, world.env),
      knownExploited: exploitedOption(options, world.env),
      acceptFindings: options['acceptFindings'] === true,
      update: (text) => step.update(text),
    })
    const { version, from, worse, notes, distribution, ...result } = done
    step.done(`${image}@${version}`)
    const told = done.already
      ? [`${channel} points to ${image}@${version} already`]
      : [
          ...notes.map((text) => `note: ${text}`),
          ...(worse.length === 0 ? [] : [`accepted, and recorded: ${worse.map(visible).join(', ')}`]),
          `${image} ${channel}: ${from ?? 'nothing'} → ${version}  rolled back by ${visible(by)}: ${visible(reason)}`,
        ]
    world.report.result([...told, ...distributionLines(distribution)].join('\n'), {
      ...result,
      version,
      from,
      worse,
      notes,
      by,
      reason,
      ...distributionData(distribution),
    })
    return distributionExit(distribution)
  } catch (cause) {
    step.fail(cause instanceof Error ? cause.message : String(cause))
    throw cause
  }
}
