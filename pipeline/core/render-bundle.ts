import type { Definition } from '../model/definition.ts'
import type { Control } from '../model/hardening.ts'
import type { Bundle } from '../model/stages.ts'
import { canonicalJson, digestOf, sha256 } from './digest.ts'
import {
  contentBlocks,
  contentFiles,
  contentTables,
  type LoadedContent,
  packagesOfContent,
  withBlocks,
} from './render-content.ts'
import { renderTemplate } from './render-template.ts'
import { type System, sourceRows } from './systems.ts'

/** Template name (below templates/, without .hbs) -> its text. */
export type Templates = ReadonlyMap<string, string>

export interface BundleInput {
  readonly image: string
  readonly definition: Definition
  readonly content: LoadedContent
  readonly system: System
  /** Of its release; empty when it has none. */
  readonly codename: string
  /** The user that cloud-init makes. */
  readonly loginUser: string
  /** The Packer source of the target: its template's folder and the values that the target adds. */
  readonly source: {
    readonly template: string
    readonly name: string
    readonly poweroff: 'engine' | 'guest'
    readonly values: Readonly<Record<string, unknown>>
  }
  readonly pluginVersion: string
  readonly controls: readonly Control[]
  /** Rendered by core/hardening. */
  readonly hardenScript: string
  readonly checkScript: string
  readonly packages: readonly string[]
  readonly unwanted: readonly string[]
}

export interface RenderedBundle {
  readonly bundle: Bundle
  /** Path below the bundle's folder -> content. */
  readonly files: ReadonlyMap<string, string | Uint8Array>
}

/** Packer's own placeholders: data to us, so that they pass through Handlebars untouched. */
const executeCommand = 'chmod 0700 {{ .Path }}; sudo -n env {{ .Vars }} sh {{ .Path }}'

const shutdownCommand = 'sudo -n sh /run/mintmark-last.sh'

/** The text with the package manager's own functions in the place of their marker. */
const withManager = (text: string, functions: string): string =>
  text.replace('# package manager\n', () => functions)

const sorted = (names: readonly string[]): string[] => [...new Set(names)].sort()

/** Pure: the same input gives the same bytes. No version, run, key, mirror or time is in it. */
export function renderBundle(templates: Templates, input: BundleInput): RenderedBundle {
  const { definition, content } = input
  const text = (name: string, data: Readonly<Record<string, unknown>>): string =>
    renderTemplate(templates.get(name) ?? '', data)
  const guest = {
    image: input.image,
    sources: sourceRows(input.system, input.codename),
    keyring: input.system.keyring,
    orphans: input.system.orphans,
    options: input.system.options.join(' '),
    loginUser: input.loginUser,
    packages: sorted([
      ...input.packages,
      ...definition.content.packages.add,
      ...packagesOfContent(definition),
    ]),
    unwanted: sorted([...input.unwanted, ...definition.content.packages.remove]),
    ...contentTables(definition, content),
  }
  const managed = (name: 'prepare' | 'check' | 'seal'): readonly [string, string] => [
    `guest/${name}.sh`,
    withManager(text(`guest/${name}.sh`, guest), text(`packages/${input.system.manager}/${name}.sh`, {})),
  ]
  const blocks = contentBlocks(definition, content, text)
  const build = text('build.pkr.hcl', {
    loginUser: input.loginUser,
    sources: [input.source.name],
    executeCommand,
    shutdownCommand,
  })
  const { steps } = definition.content
  const only = (wanted: boolean, name: string): readonly (readonly [string, string])[] =>
    wanted ? [[name, text(name, guest)]] : []
  const files = new Map<string, string | Uint8Array>([
    [
      'source.pkr.hcl',
      text(`${input.source.template}/source.pkr.hcl`, {
        pluginVersion: `= ${input.pluginVersion}`,
        diskSize: definition.disk.size,
        ...input.source.values,
      }),
    ],
    [
      'build.pkr.hcl',
      withBlocks(
        withBlocks(withBlocks(build, 'upload', blocks.upload), 'steps', blocks.steps),
        'poweroff',
        input.source.poweroff === 'guest' ? [text('packer/poweroff.pkr.hcl', {})] : [],
      ),
    ],
    ['cloud-init/user-data.json', `${canonicalJson({ disable_root: true, package_update: false })}\n`],
    managed('prepare'),
    ['guest/harden.sh', input.hardenScript],
    ['guest/mintmark-check', input.checkScript],
    ['guest/reboot.sh', text('guest/reboot.sh', guest)],
    managed('check'),
    managed('seal'),
    ['guest/last.sh', text('guest/last.sh', guest)],
    ...only(definition.content.files.length > 0, 'guest/content.sh'),
    ...only(
      steps.some((step) => 'run' in step),
      'guest/step.sh',
    ),
    ...only(
      steps.some(({ secrets }) => secrets.length > 0),
      'guest/secrets.sh',
    ),
    ...only(
      steps.some((step) => 'ansible' in step),
      'host/ansible.sh',
    ),
    ...contentFiles(content, input.system.manager),
  ])
  const listed = [...files.entries()]
    .map(([path, content]) => ({ path, sha256: sha256(content) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
  return {
    bundle: {
      digest: digestOf(listed),
      files: listed,
      controls: sorted(input.controls.map((control) => control.id)),
    },
    files,
  }
}
