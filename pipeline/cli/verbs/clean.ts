import { columns } from '../../core/columns.ts'
import { size } from '../../core/size.ts'
import { MintmarkError } from '../../errors.ts'
import { applyClean, type CleanPlan, type CleanScope, planClean } from '../../stages/clean.ts'
import { textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'
import { cleanTarget } from './clean-target.ts'

const listed = (plan: CleanPlan): string =>
  columns([
    ...plan.items.map((item) => [size(item.bytes), item.path, item.what]),
    [size(plan.bytes), 'in all', ''],
  ])

const commandOf = (plan: CleanPlan): string =>
  `./mintmark clean${plan.scope === 'runs' ? ' --runs' : ''} --plan ${plan.id}`

/**
 * `clean [--runs] [--plan ID]`: shows what goes and asks. Without a terminal it only shows, and `--plan` with the id that
 * was shown is the consent; a plan that has changed since is refused.
 */
export const run: RunVerb = async ({ world, options }) => {
  const accepted = textOption(options, 'plan')
  const target = textOption(options, 'target')
  if (target !== null && options['runs'] === true)
    throw new MintmarkError('USAGE', '--runs is for this machine, --target for what is left elsewhere', {
      hint: `give one of them: ./mintmark clean --target ${target}`,
    })
  if (target !== null) return cleanTarget(world, target, accepted)
  const scope: CleanScope = options['runs'] === true ? 'runs' : 'all'
  const plan = await planClean(world, scope)
  const data = { plan: plan.id, scope, items: plan.items, bytes: plan.bytes }
  if (accepted !== null && accepted !== plan.id) {
    throw new MintmarkError('CONFLICT', `plan ${accepted} is not what would be removed now`, {
      hint: `look at it again: ./mintmark clean${scope === 'runs' ? ' --runs' : ''}`,
      details: plan.items.map((item) => `${size(item.bytes)}  ${item.path}`),
    })
  }
  if (plan.items.length === 0) {
    const text = scope === 'runs' ? 'there is no run folder' : 'mintmark holds nothing outside the checkout'
    world.report.result(text, { ...data, removed: false })
    return 0
  }
  if (accepted === null && !world.report.interactive) {
    world.report.result(`${listed(plan)}\nnothing is removed yet; to remove it:  ${commandOf(plan)}`, {
      ...data,
      removed: false,
      command: commandOf(plan),
    })
    return 0
  }
  if (accepted === null) {
    world.report.note(listed(plan))
    if (!(await world.report.confirm('remove all of this?'))) {
      world.report.result('nothing is removed', { ...data, removed: false })
      return 0
    }
  }
  await applyClean(world, plan)
  world.report.result(`removed ${size(plan.bytes)}: ${plan.items.map((item) => item.path).join(', ')}`, {
    ...data,
    removed: true,
  })
  return 0
}
