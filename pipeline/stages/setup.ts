import { MintmarkError } from '../errors.ts'
import type { ToolName } from '../ports/tools.ts'
import type { World } from '../ports/world.ts'
import { toolTable } from '../tools/table.ts'

/** `ansible`: a release of a definition that has a step for it. */
export type Purpose = 'release' | 'ansible' | 'test'

const toolNames: readonly ToolName[] = ['packer', 'packer-plugin-qemu', 'trivy']

/** What is not there yet, or not in an accepted version. */
export async function missingFor(world: World, purpose: Purpose) {
  const packages = (await world.tools.debianPackages(purpose))
    .filter((item) => !item.present)
    .map((item) => item.name)
  const tools: ToolName[] = []
  for (const name of toolNames) {
    if ((await world.tools.inspect(name)).status !== 'accepted') tools.push(name)
  }
  return { packages, tools }
}

/**
 * Installs what the purpose needs and this machine lacks, with consent: given by `yes`, or asked for on a terminal.
 * @throws MintmarkError TOOL_MISSING with the one command that helps
 */
export async function ensureTools(
  world: World,
  purpose: Purpose,
  yes: boolean,
): Promise<{ readonly installed: readonly string[] }> {
  const { packages, tools } = await missingFor(world, purpose)
  if (packages.length === 0 && tools.length === 0) return { installed: [] }
  const minutes = tools.reduce((sum, name) => sum + toolTable[name].build.minutes, 0)
  const list = [
    ...packages,
    ...tools.map((name) => `${toolTable[name].title} ${toolTable[name].version}`),
  ].join(', ')
  const what = `missing: ${list}${minutes === 0 ? '' : ` (about ${minutes} min when they have to be built)`}`
  if (!yes) {
    world.report.note(what)
    const agreed = world.report.interactive && (await world.report.confirm('install them now?'))
    if (!agreed) {
      throw new MintmarkError(
        'TOOL_MISSING',
        `${packages.length + tools.length} things are missing: ${list}`,
        {
          hint: `./mintmark setup${purpose === 'release' ? '' : ` --for ${purpose}`} --yes`,
        },
      )
    }
  }
  if (packages.length > 0) {
    const step = world.report.step('packages')
    try {
      await world.tools.installDebianPackages(packages, step.update)
    } catch (cause) {
      step.fail('could not be installed')
      throw cause
    }
    step.done(packages.join(' '))
  }
  // One after the other: each build uses all cores by itself.
  for (const name of tools) {
    const step = world.report.step('tools')
    try {
      const tool = await world.tools.install(name, step.update)
      step.done(`${toolTable[name].title} ${tool.version}, ${tool.origin}`)
    } catch (cause) {
      step.fail(`${toolTable[name].title} could not be installed`)
      throw cause
    }
  }
  if (tools.length > 0) await world.tools.dropBuildFiles()
  return { installed: [...packages, ...tools] }
}
