import { MintmarkError } from '../errors.ts'
import type { Definition } from '../model/definition.ts'
import type { ToolName } from '../ports/tools.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'
import { optionalTools, toolTable } from '../tools/table.ts'

/**
 * `ansible`, `tpm`: a release of a definition that has a step for it, or asks for one. `grype`: with that second scanner. `share`: with
 * an OCI registry. `aws`: on that target. `workflows`: to check those of GitHub, and nothing else.
 */
export const purposes = ['release', 'ansible', 'tpm', 'grype', 'share', 'aws', 'test', 'workflows'] as const
export type Purpose = (typeof purposes)[number]

const toolNames: readonly ToolName[] = ['packer', 'packer-plugin-qemu', 'trivy']

/** What a release of the definition on that target needs here. */
export function purposesOf(definition: Definition, target: Pick<Target, 'sourceInput'>): readonly Purpose[] {
  const { content, machine } = definition
  const plugin = optionalTools[target.sourceInput(definition).plugin]?.[0]
  const asked: readonly Purpose[] = [
    ...(plugin === undefined ? [] : [plugin]),
    ...(content.steps.some((step) => 'ansible' in step) ? (['ansible'] as const) : []),
    ...(machine.tpm ? (['tpm'] as const) : []),
  ]
  return asked.length === 0 ? ['release'] : asked
}

/** What is not there yet, or not in an accepted version. */
async function missingFor(world: World, wanted: readonly Purpose[]) {
  const items = await Promise.all(wanted.map((purpose) => world.tools.debianPackages(purpose)))
  const packages = [
    ...new Set(
      items
        .flat()
        .filter((item) => !item.present)
        .map((item) => item.name),
    ),
  ]
  const tools: ToolName[] = []
  const optional = (Object.keys(optionalTools) as ToolName[]).filter((name) =>
    wanted.some((purpose) => optionalTools[name]?.some((asked) => asked === purpose)),
  )
  const always = wanted.every((purpose) => purpose === 'workflows') ? [] : toolNames
  for (const name of [...always, ...optional]) {
    const state = await world.tools.inspect(name)
    if (state.status === 'accepted') continue
    tools.push(name)
    if (state.status === 'refused')
      world.report.note(`${toolTable[name].title} ${state.version} at ${state.path} is refused: ${state.why}`)
  }
  return { packages, tools }
}

/**
 * Installs what the purposes need and this machine lacks, with consent: given by `yes`, or asked for on a terminal.
 * @throws MintmarkError TOOL_MISSING with the one command that helps
 */
export async function ensureTools(
  world: World,
  wanted: readonly Purpose[],
  yes: boolean,
): Promise<{ readonly installed: readonly string[] }> {
  const { packages, tools } = await missingFor(world, wanted)
  if (packages.length === 0 && tools.length === 0) return { installed: [] }
  const special = wanted.filter((purpose) => purpose !== 'release')
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
          hint: ['./mintmark setup', ...special.map((purpose) => `--for ${purpose}`), '--yes'].join(' '),
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
