import { join } from 'node:path'
import { renderCheck, renderHarden } from '../core/hardening/render-hardening.ts'
import { packagesNeeded, packagesUnwanted, selectControls } from '../core/hardening/select-controls.ts'
import { codenameOf } from '../core/lifecycle.ts'
import { type RenderedBundle, renderBundle, type Templates } from '../core/render-bundle.ts'
import { packagesOfContent } from '../core/render-content.ts'
import { neverBooted, type System, systemOf } from '../core/systems.ts'
import { engines } from '../engines/registry.ts'
import { MintmarkError } from '../errors.ts'
import type { Definition } from '../model/definition.ts'
import { ControlOs } from '../model/hardening.ts'
import { Bundle } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'
import { toolTable } from '../tools/table.ts'
import { buildKey } from './build-key.ts'
import { loadContent } from './load-content.ts'
import { loadHardening } from './load-hardening.ts'
import type { Stage } from './stage.ts'

const templateNames = [
  'build.pkr.hcl',
  'guest/prepare.sh',
  'guest/reboot.sh',
  'guest/check.sh',
  'guest/seal.sh',
  'guest/last.sh',
  'guest/content.sh',
  'guest/step.sh',
  'guest/secrets.sh',
  'host/ansible.sh',
  'packer/upload.pkr.hcl',
  'packer/files.pkr.hcl',
  'packer/run.pkr.hcl',
  'packer/ansible.pkr.hcl',
  'packer/secrets.pkr.hcl',
  'packer/drop-secrets.pkr.hcl',
  'packer/poweroff.pkr.hcl',
] as const

const managed = ['prepare', 'check', 'seal'] as const

async function loadTemplates(world: World, source: string, { manager }: System): Promise<Templates> {
  const names = [
    ...templateNames,
    ...managed.map((name) => `packages/${manager}/${name}.sh`),
    `${source}/source.pkr.hcl`,
  ]
  const texts = await Promise.all(
    names.map((name) => world.files.readText(join(world.places.installation, 'templates', `${name}.hbs`))),
  )
  return new Map(names.map((name, index) => [name, texts[index] ?? '']))
}

/** @throws MintmarkError CONFIG_INVALID for a system that no control is written for */
function knownSystem(image: string, { os }: Definition): System {
  const system = systemOf(os)
  if (system !== null) return system
  throw new MintmarkError(
    'CONFIG_INVALID',
    `images/${image}.yaml asks for ${os.family} ${os.release}, which no control is written for yet`,
    { hint: `there are controls for: ${ControlOs.options.join(', ')}` },
  )
}

/** What the definition renders to, without writing anything: also the source of a version's facts. */
export async function renderedBundle(
  world: World,
  image: string,
  definition: Definition,
  target: Pick<Target, 'sourceInput' | 'loginUser'>,
): Promise<RenderedBundle> {
  const source = target.sourceInput(definition)
  const system = knownSystem(image, definition)
  const [templates, hardening, content] = await Promise.all([
    loadTemplates(world, source.template, system),
    loadHardening(world),
    loadContent(world, image, definition),
  ])
  const [profile = ''] = definition.hardening.profiles
  const excepted = definition.hardening.exceptions.map((exception) => exception.control)
  const controls = selectControls(hardening, { profile, os: system.id })
  const unknown = excepted.filter((id) => !controls.some((control) => control.id === id))
  if (unknown.length > 0) {
    throw new MintmarkError(
      'CONFIG_INVALID',
      `images/${image}.yaml has an exception for ${unknown.join(', ')}, which profile ${profile} does not have`,
      {
        hint: './mintmark coverage lists the controls',
      },
    )
  }
  const { remove } = definition.content.packages
  const add = [...definition.content.packages.add, ...packagesOfContent(definition)]
  const packages = packagesNeeded(controls, hardening, system.manager, add)
  const contradiction = remove.filter((name) => packages.includes(name) || add.includes(name))
  if (contradiction.length > 0) {
    throw new MintmarkError(
      'CONFIG_INVALID',
      `images/${image}.yaml removes ${contradiction.join(', ')}, which it adds or which its content or profile ${profile} needs`,
      {
        hint: './mintmark explain CONTROL says what a control needs',
      },
    )
  }
  const settings = { image, manager: system.manager, ports: definition.content.ports }
  return renderBundle(templates, {
    image,
    definition,
    content,
    system,
    codename: codenameOf(definition.os) ?? '',
    loginUser: target.loginUser(definition),
    source,
    pluginVersion: toolTable[source.plugin].version,
    controls,
    // An excepted control is not applied, yet still checked: the record shows what it is.
    hardenScript: renderHarden(
      hardening,
      controls.filter(({ id }) => !excepted.includes(id)),
      settings,
    ),
    checkScript: renderCheck(hardening, controls, settings),
    packages,
    unwanted: packagesUnwanted(controls, hardening),
  })
}

/**
 * The team's own scripts are theirs: of those that say they are sh, only the grammar is looked at.
 * @throws MintmarkError CONFIG_INVALID
 */
async function checkSteps(
  world: World,
  image: string,
  definition: Definition,
  bundle: string,
): Promise<void> {
  for (const [index, step] of definition.content.steps.entries()) {
    if (!('run' in step)) continue
    const path = join(bundle, 'content/steps', String(index))
    const [first = ''] = (await world.files.readText(path)).split('\n', 1)
    if (!/^#!\s*(?:\/usr)?(?:\/bin\/env\s+|\/bin\/)(?:da)?sh(?:\s|$)/.test(first)) continue
    const { code, stderr } = await world.exec.run(['sh', '-n', path], { ok: 'any' })
    if (code === 0) continue
    throw new MintmarkError(
      'CONFIG_INVALID',
      `images/${image}.yaml content.steps.${index}.run: images/${step.run} is no script that sh can read`,
      { details: stderr.replaceAll(path, `images/${step.run}`).trim().split('\n').slice(0, 10) },
    )
  }
}

export const renderStage: Stage<'render'> = {
  id: 'render',
  needs: [],
  output: Bundle,
  async run(context) {
    const { world, definition, target, step } = context
    const { files, exec } = world
    const { bundle, files: rendered } = await renderedBundle(world, context.image, definition, target)
    const folder = join(context.folder, 'bundle')
    await files.remove(folder)
    for (const [path, content] of rendered) await files.write(join(folder, path), content)

    step.update('shellcheck')
    const scripts = [...rendered.keys()].filter((path) => /^(?:guest|host)\//.test(path))
    const checked = await exec.run(['shellcheck', '--shell=sh', '--format=gcc', ...scripts], {
      cwd: folder,
      ok: 'any',
    })
    if (checked.code !== 0) {
      throw new MintmarkError('CONFIG_INVALID', 'shellcheck refuses what was rendered', {
        details: checked.stdout.trim().split('\n').slice(0, 20),
      })
    }

    await checkSteps(world, context.image, definition, folder)

    step.update('packer fmt and validate')
    const login = await buildKey(context, target.loginUser(definition))
    const work = join(context.folder, 'build')
    await files.makeFolder(work, { mode: 0o700 })
    const { image, runId, version } = context
    await engines.packer.validate({
      world,
      bundle: folder,
      folder: work,
      plugin: target.sourceInput(definition).plugin,
      variables: {
        ...(await target.buildVariables({
          world,
          image,
          definition,
          runId,
          version,
          folder: work,
          base: null,
          publicKey: login.publicKey,
          began: () => undefined,
          update: (text) => step.update(text),
        })),
        ssh_private_key_file: login.privateKey,
        ssh_public_key: login.publicKey,
        version,
        results: join(work, 'results'),
      },
    })
    const note = neverBooted(knownSystem(context.image, definition))
    return {
      output: bundle,
      line: `bundle sha256:${bundle.digest.slice(0, 8)}… · ${bundle.controls.length} controls · packer validate, shellcheck${note === null ? '' : ` · ${note}`}`,
    }
  },
}
