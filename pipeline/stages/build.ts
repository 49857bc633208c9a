import { join } from 'node:path'
import { secretPatterns, withoutSecrets } from '../core/secret-search.ts'
import { size } from '../core/size.ts'
import { engines } from '../engines/registry.ts'
import { MintmarkError } from '../errors.ts'
import type { Definition } from '../model/definition.ts'
import { CheckReport } from '../model/hardening.ts'
import { Accelerator, BuildResult } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import type { BuildInput } from '../targets/building.ts'
import type { Target } from '../targets/target.ts'
import { buildKey, dropBuildKey } from './build-key.ts'
import { variantAt } from './choose-target.ts'
import { dropLeaks, proveAbsence } from './prove-absence.ts'
import { locateVariant, openRecord } from './read-release.ts'
import { readSecrets, withSecretFiles } from './secrets.ts'
import type { Stage, StageContext } from './stage.ts'

async function controlResults(world: World, path: string) {
  if ((await world.files.info(path)) === null) {
    throw new MintmarkError('BUILD_FAILED', 'the build machine gave no control results', { where: { path } })
  }
  const parsed = CheckReport.safeParse(JSON.parse(await world.files.readText(path)))
  if (parsed.success) return parsed.data.results
  throw new MintmarkError('BUILD_FAILED', `mintmark-check's answer can't be read: ${parsed.error.message}`, {
    where: { path },
  })
}

/** @throws MintmarkError TOOL_MISSING where the definition has a step for ansible and this machine lacks it */
async function needAnsible(world: World, { content }: Definition): Promise<void> {
  if (!content.steps.some((step) => 'ansible' in step)) return
  if ((await world.exec.which('ansible-playbook')) !== null) return
  throw new MintmarkError('TOOL_MISSING', 'ansible-playbook is not on this machine, and a step needs it', {
    hint: './mintmark setup --for ansible --yes',
  })
}

type Patterns = ReturnType<typeof secretPatterns>

/** What a failed build's machine said at last, where it is still to be heard; without the secrets. */
async function withConsole(
  run: BuildInput,
  target: Target,
  patterns: Patterns,
  cause: unknown,
): Promise<unknown> {
  if (!(cause instanceof MintmarkError) || cause.code !== 'BUILD_FAILED') return cause
  try {
    const said = await target.buildConsole(run)
    if (said.length === 0) return cause
    const { message, hint, where, lines } = cause
    const told = said.map((line) => withoutSecrets(line, patterns))
    return new MintmarkError('BUILD_FAILED', message, {
      hint,
      where,
      cause: cause.cause,
      details: [...lines, "the machine's console ends with:", ...told],
    })
  } catch {
    // That the build failed is what has to be told.
    return cause
  }
}

interface Building {
  /** Called before anything is made: nothing is looked for, or removed, of a build that was refused before. */
  readonly began: () => void
  /** Called with the image that stays. */
  readonly keep: (built: string) => void
}

/** Builds, and removes all that the build made but for the image that stays. What can't be removed is told. */
async function withSweep<T>(
  { world, image, definition, target, runId, version, step }: StageContext,
  patterns: Patterns,
  build: (run: BuildInput, building: Building) => Promise<T>,
): Promise<T> {
  const run: BuildInput = { world, image, definition, runId, version }
  let begun = false
  let kept: string | null = null
  const building = {
    began: () => {
      begun = true
    },
    keep: (built: string) => {
      kept = built
    },
  }
  const sweep = async (): Promise<void> => {
    try {
      await target.sweep({ ...run, keep: kept, update: (text) => step.update(text) })
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      world.report.warn(
        `what the build of run ${runId} left could not all be removed: ${why}; ./mintmark clean --target ${target.id} removes it later`,
      )
    }
  }
  try {
    return await build(run, building)
  } catch (cause) {
    throw await withConsole(run, target, patterns, cause)
  } finally {
    if (begun) await sweep()
  }
}

/**
 * A cloud's image is not copied when it is released: what was recorded is what the run built.
 * @throws MintmarkError CONFLICT where building again, which removes what the run made before, would remove a release
 */
async function refuseReleased({ world, image, version, target, runId }: StageContext): Promise<void> {
  const recorded = await locateVariant(world, { image, version, variant: variantAt(target) })
  if (recorded === null || openRecord(recorded).statement.predicate.artifact.format !== 'ami') return
  throw new MintmarkError(
    'CONFLICT',
    `${image}@${version} is released, and its image is that of run ${runId}: it is not built again`,
    { hint: `./mintmark release ${image} --fresh` },
  )
}

/** What the provider refused, where that is why the engine failed. */
function refusalOf(target: Target, run: BuildInput, cause: MintmarkError): MintmarkError {
  if (cause.code !== 'BUILD_FAILED') return cause
  return target.buildRefusal?.(run, cause.lines) ?? cause
}

/** Packer makes the one artifact; its digest is taken here and is its id from now on. */
export const buildStage: Stage<'build'> = {
  id: 'build',
  needs: ['base', 'render'],
  output: BuildResult,
  async run(context) {
    const { world, definition, target, step } = context
    const { files } = world
    await refuseReleased(context)
    const bundle = context.need('render')
    const folder = join(context.folder, 'bundle')
    for (const file of bundle.files) {
      if ((await files.sha256(join(folder, file.path))) === file.sha256) continue
      throw new MintmarkError('CHAIN_BROKEN', `${file.path} is not what was rendered`, {
        where: { bundle: folder },
      })
    }
    const login = await buildKey(context, target.loginUser(definition))
    const work = join(context.folder, 'build')
    await files.makeFolder(work, { mode: 0o700 })
    await needAnsible(world, definition)
    const secrets = await readSecrets(world, context.image, definition)
    const patterns = secretPatterns(secrets)
    return withSweep(context, patterns, async (run, { began, keep }) => {
      const update = (text: string): void => step.update(text)
      const { publicKey } = login
      const variables = await target.buildVariables({
        ...run,
        folder: work,
        base: context.need('base'),
        publicKey,
        began,
        update,
      })
      const environment = await target.buildEnvironment(run)
      const built = await withSecretFiles(world, context.image, secrets, async (secretFolder) => {
        try {
          return await engines.packer.build(
            {
              world,
              bundle: folder,
              folder: work,
              plugin: target.sourceInput(definition).plugin,
              environment,
              variables: {
                ...variables,
                ssh_private_key_file: login.privateKey,
                ssh_public_key: login.publicKey,
                version: context.version,
                secrets: secretFolder,
              },
            },
            // What a step prints is shown: a value in it is not.
            { update: (text) => step.update(withoutSecrets(text, patterns)) },
          )
        } catch (cause) {
          if (!(cause instanceof MintmarkError)) throw cause
          const told = refusalOf(target, run, cause)
          if (secrets.length === 0) throw told
          const leaks = await dropLeaks(world, context.folder, patterns)
          throw new MintmarkError(told.code, withoutSecrets(told.message, patterns), {
            hint: told.hint,
            where: told.where,
            details: [...told.lines.map((line) => withoutSecrets(line, patterns)), ...leaks],
          })
        }
      })
      if (secrets.length > 0) {
        step.update('looking for the secrets in the image')
        await proveAbsence(context, { folder: context.folder, built: built.artifact, patterns })
      }
      step.update('taking the digest')
      const controls = await controlResults(world, join(work, 'results/mintmark-check.json'))
      const artifact = await target.collect({ ...run, built: built.artifact, folder: context.folder, update })
      keep(built.artifact)
      await dropBuildKey(context)
      const { sha256, bytes } = artifact
      return {
        output: {
          artifact,
          accelerator: Accelerator.parse(variables['accelerator'] ?? 'cloud'),
          steps: [...built.steps],
          controls,
          tools: { ...built.tools },
          secrets: secrets.map(({ name }) => name),
        },
        line: `image sha256:${sha256.slice(0, 8)}… ${size(bytes)} · ${controls.filter((control) => control.status === 'pass').length} of ${controls.length} controls hold${secrets.length === 0 ? '' : ` · ${secrets.length} secret${secrets.length === 1 ? '' : 's'} absent`}`,
      }
    })
  },
}
