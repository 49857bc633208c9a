import { columns } from '../../core/columns.ts'
import { suggestion } from '../../core/did-you-mean.ts'
import { MintmarkError } from '../../errors.ts'
import { TargetId } from '../../model/ids.ts'
import type { World } from '../../ports/world.ts'
import { applyRemains, planRemains, type RemainsPlan } from '../../stages/clean-target.ts'

/** Exit code: some of it is done, and some could not be. */
const partlyDone = 10

const listed = ({ items }: RemainsPlan): string =>
  columns(
    items.map(({ where, what, id, image, run, made }) => [
      where,
      what,
      id,
      `${image}, run ${run}`,
      made.slice(0, 16).replace('T', ' '),
    ]),
  )

/**
 * `clean --target ID [--plan ID]`: what older runs left where images are built. Shows it and asks, like `clean`. Exit 10 when a region could
 * not be looked at or something could not be removed.
 */
export async function cleanTarget(world: World, name: string, accepted: string | null): Promise<number> {
  const parsed = TargetId.safeParse(name)
  if (!parsed.success)
    throw new MintmarkError('USAGE', `the target is "${name}"${suggestion(name, TargetId.options)}`, {
      hint: `give one of them: ${TargetId.options.map((id) => `--target ${id}`).join(' or ')}`,
    })
  const target = parsed.data
  const step = world.report.step('clean')
  const update = (text: string): void => step.update(text)
  const plan = await planRemains(world, target, update)
  step.done(`${plan.items.length} things that older runs left`)
  for (const { message } of plan.problems) world.report.warn(message)
  const items = plan.items.map(({ remove: _remove, ...item }) => item)
  const data = { plan: plan.id, target, items, problems: plan.problems.map(({ message }) => message) }
  const code = plan.problems.length === 0 ? 0 : partlyDone
  const command = `./mintmark clean --target ${target} --plan ${plan.id}`
  if (accepted !== null && accepted !== plan.id)
    throw new MintmarkError('CONFLICT', `plan ${accepted} is not what would be removed now`, {
      hint: `look at it again: ./mintmark clean --target ${target}`,
      details: listed(plan).split('\n'),
    })
  if (plan.items.length === 0) {
    world.report.result(`older runs left nothing at ${target}`, { ...data, removed: false })
    return code
  }
  if (accepted === null && !world.report.interactive) {
    world.report.result(`${listed(plan)}\nnothing is removed yet; to remove it:  ${command}`, {
      ...data,
      removed: false,
      command,
    })
    return code
  }
  if (accepted === null) {
    world.report.note(listed(plan))
    if (!(await world.report.confirm('remove all of this?'))) {
      world.report.result('nothing is removed', { ...data, removed: false })
      return code
    }
  }
  const left = await applyRemains(world, target, plan, update)
  for (const { message } of left) world.report.warn(message)
  const gone = plan.items.length - left.length
  world.report.result(`removed ${gone} of ${plan.items.length} things at ${target}`, {
    ...data,
    removed: true,
    left: left.map(({ message }) => message),
  })
  return left.length === 0 ? code : partlyDone
}
