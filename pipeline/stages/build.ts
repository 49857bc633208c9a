import { join } from 'node:path'
import { secretPatterns, withoutSecrets } from '../core/secret-search.ts'
import { size } from '../core/size.ts'
import { engines } from '../engines/registry.ts'
import { MintmarkError } from '../errors.ts'
import type { Definition } from '../model/definition.ts'
import { CheckReport } from '../model/hardening.ts'
import { BuildResult } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import { targets } from '../targets/registry.ts'
import { buildKey, dropBuildKey } from './build-key.ts'
import { dropLeaks, proveAbsence } from './prove-absence.ts'
import { readSecrets, withSecretFiles } from './secrets.ts'
import type { Stage } from './stage.ts'

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

async function virtualBytes(world: World, path: string): Promise<number> {
  const { stdout } = await world.exec.run(['qemu-img', 'info', '--output=json', path])
  const size = (JSON.parse(stdout) as { 'virtual-size'?: unknown })['virtual-size']
  if (typeof size !== 'number')
    throw new MintmarkError('BUILD_FAILED', `qemu-img does not tell the size of ${path}`)
  return size
}

/** @throws MintmarkError TOOL_MISSING where the definition has a step for ansible and this machine lacks it */
async function needAnsible(world: World, { content }: Definition): Promise<void> {
  if (!content.steps.some((step) => 'ansible' in step)) return
  if ((await world.exec.which('ansible-playbook')) !== null) return
  throw new MintmarkError('TOOL_MISSING', 'ansible-playbook is not on this machine, and a step needs it', {
    hint: './mintmark setup --for ansible --yes',
  })
}

/** Packer makes the one artifact; its digest is taken here and is its id from now on. */
export const buildStage: Stage<'build'> = {
  id: 'build',
  needs: ['base', 'render'],
  output: BuildResult,
  async run(context) {
    const { world, definition, step } = context
    const { files } = world
    const bundle = context.need('render')
    const folder = join(context.folder, 'bundle')
    for (const file of bundle.files) {
      if ((await files.sha256(join(folder, file.path))) === file.sha256) continue
      throw new MintmarkError('CHAIN_BROKEN', `${file.path} is not what was rendered`, {
        where: { bundle: folder },
      })
    }
    const target = targets.qemu
    const login = await buildKey(context, target.loginUser(definition))
    const work = join(context.folder, 'build')
    await files.makeFolder(work, { mode: 0o700 })
    const variables = await target.buildVariables({ world, folder: work, base: context.need('base') })
    await needAnsible(world, definition)
    const secrets = await readSecrets(world, context.image, definition)
    const patterns = secretPatterns(secrets)
    const built = await withSecretFiles(world, context.image, secrets, async (secretFolder) => {
      try {
        return await engines.packer.build(
          {
            world,
            bundle: folder,
            folder: work,
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
        if (!(cause instanceof MintmarkError) || secrets.length === 0) throw cause
        const leaks = await dropLeaks(world, context.folder, patterns)
        throw new MintmarkError(cause.code, withoutSecrets(cause.message, patterns), {
          hint: cause.hint,
          where: cause.where,
          details: [...cause.lines.map((line) => withoutSecrets(line, patterns)), ...leaks],
        })
      }
    })
    if (secrets.length > 0) {
      step.update('looking for the secrets in the image')
      await proveAbsence(world, { folder: context.folder, artifact: built.artifact, patterns })
    }
    step.update('taking the digest')
    const controls = await controlResults(world, join(work, 'results/mintmark-check.json'))
    const path = join(context.folder, 'image.qcow2')
    await files.rename(built.artifact, path)
    await files.setMode(path, 0o444)
    await dropBuildKey(context)
    const [sha256, info] = [await files.sha256(path), await files.info(path)]
    const bytes = info?.size ?? 0
    return {
      output: {
        artifact: { path, sha256, bytes, virtualBytes: await virtualBytes(world, path) },
        accelerator: variables['accelerator'] === 'kvm' ? 'kvm' : 'tcg',
        steps: [...built.steps],
        controls,
        tools: { ...built.tools },
        secrets: secrets.map(({ name }) => name),
      },
      line: `image sha256:${sha256.slice(0, 8)}… ${size(bytes)} · ${controls.filter((control) => control.status === 'pass').length} of ${controls.length} controls hold${secrets.length === 0 ? '' : ` · ${secrets.length} secret${secrets.length === 1 ? '' : 's'} absent`}`,
    }
  },
}
