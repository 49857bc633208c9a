import { errorTable } from '../../errors.ts'
import type { ToolName } from '../../ports/tools.ts'
import { describeMachine } from '../../stages/machine.ts'
import { targets } from '../../targets/registry.ts'
import { optionalTools, toolTable } from '../../tools/table.ts'
import type { RunVerb } from '../verb.ts'

const sign = (good: boolean): string => (good ? '✓' : '✗')

/** Everything that a release needs, as it is on this machine. Exit 4 when something is missing. */
export const run: RunVerb = async ({ world }) => {
  const names = Object.keys(toolTable) as ToolName[]
  const tools = await Promise.all(
    names.map(async (name) => ({
      name,
      title: toolTable[name].title,
      state: await world.tools.inspect(name),
    })),
  )
  const packages = await world.tools.debianPackages('release')
  const machine = await describeMachine(world, targets.qemu)
  const isOptional = (name: ToolName): boolean => optionalTools[name] !== undefined
  const rows = tools.map(({ name, title, state }) => {
    if (state.status === 'accepted')
      return `✓ ${title.padEnd(24)} ${state.tool.version.padEnd(9)} ${state.tool.origin}: ${state.tool.path}`
    if (state.status === 'refused')
      return `✗ ${title.padEnd(24)} ${state.version.padEnd(9)} refused, ${state.why}: ${state.path}`
    return isOptional(name)
      ? `· ${title.padEnd(24)} not installed, only needed where it is asked for: ./mintmark setup --for ${optionalTools[name]?.[0]}`
      : `✗ ${title.padEnd(24)} missing`
  })
  const missing = packages.filter((item) => !item.present)
  const ready =
    missing.length === 0 && tools.every(({ name, state }) => state.status === 'accepted' || isOptional(name))
  const lines = [
    ...rows,
    ...packages.map(
      (item) =>
        `${sign(item.present)} ${item.name.padEnd(24)} ${item.present ? `${item.version ?? 'not from Debian'}: ${item.path}` : 'missing: a Debian package'}`,
    ),
    '',
    `accelerator  ${machine.accelerator}: ${machine.why}`,
    `free disk    ${Math.round(machine.freeBytes / 2 ** 30)} GB at ${world.places.runs}`,
    `catalog      ${world.catalog.location}`,
    '',
    ready ? 'ready: ./mintmark release debian-13' : 'not ready: ./mintmark setup --yes',
  ]
  world.report.result(lines.join('\n'), { ready, tools, packages, machine, places: world.places })
  return ready ? 0 : errorTable.TOOL_MISSING.exit
}
