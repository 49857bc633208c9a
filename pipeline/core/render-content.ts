import type { Definition, Step } from '../model/definition.ts'
import type { PackageManager } from '../model/hardening.ts'
import { armoured } from './openpgp-armor.ts'

/** A step's file or files, as bytes. */
export type LoadedStep =
  | { readonly kind: 'run'; readonly script: Uint8Array }
  /** The playbook's name, and all files of its folder by their path below it. */
  | { readonly kind: 'ansible'; readonly playbook: string; readonly files: ReadonlyMap<string, Uint8Array> }

/** What a definition's content names, read and checked; each list in the definition's order. */
export interface LoadedContent {
  /** Binary keyrings. */
  readonly keys: readonly Uint8Array[]
  /** One certificate each; the name becomes a file name in the image. */
  readonly certificates: readonly { readonly name: string; readonly pem: string }[]
  readonly files: readonly Uint8Array[]
  readonly steps: readonly LoadedStep[]
}

/** Packages that the content needs before anything of it is used. */
export function packagesOfContent({ content }: Definition): readonly string[] {
  const needed = content.certificates.length > 0 || content.repos.some(({ url }) => url.startsWith('https:'))
  return needed ? ['ca-certificates'] : []
}

const source = (step: Step): string => ('run' in step ? step.run : step.ansible)

/** Rows of a table that a guest script reads: tabs between the fields, which the schema keeps out of them. */
const table = (rows: readonly (readonly string[])[]): string => rows.map((row) => row.join('\t')).join('\n')

/** What guest scripts need to know of the content: values for their headers. */
export function contentTables(
  { content }: Definition,
  loaded: LoadedContent,
): Readonly<Record<string, string>> {
  return {
    repos: table(
      content.repos.map(({ name, url, suite, components }, index) => [
        String(index),
        name,
        // dnf has none; a guest's `read` would take two tabs for one.
        suite ?? '-',
        url,
        components.join(' '),
      ]),
    ),
    certificates: table(loaded.certificates.map(({ name }, index) => [String(index), name])),
    files: table(
      content.files.map(({ to, mode, owner }, index) => [String(index), mode, ...owner.split(':'), to]),
    ),
    steps: table(content.steps.map((step, index) => [String(index), source(step)])),
  }
}

/** The form in which a repository's keys are taken. */
const keyForms: Readonly<Record<PackageManager, (keyring: Uint8Array) => Uint8Array | string>> = {
  apt: (bytes) => bytes,
  dnf: (bytes) => armoured({ label: 'PUBLIC KEY BLOCK', bytes }),
}

/** Path in the bundle -> bytes. Named by kind and place in the list; only a playbook's folder keeps its own names. */
export function contentFiles(
  loaded: LoadedContent,
  manager: PackageManager,
): ReadonlyMap<string, string | Uint8Array> {
  const files = new Map<string, string | Uint8Array>()
  for (const [index, bytes] of loaded.keys.entries())
    files.set(`content/keys/${index}`, keyForms[manager](bytes))
  for (const [index, { pem }] of loaded.certificates.entries())
    files.set(`content/certificates/${index}`, pem)
  for (const [index, bytes] of loaded.files.entries()) files.set(`content/files/${index}`, bytes)
  for (const [index, step] of loaded.steps.entries()) {
    if (step.kind === 'run') files.set(`content/steps/${index}`, step.script)
    else for (const [path, bytes] of step.files) files.set(`ansible/${index}/${path}`, bytes)
  }
  return files
}

type Render = (template: string, data: Readonly<Record<string, unknown>>) => string

/** Packer's provisioners for the content, in the order of the build. */
export function contentBlocks(
  definition: Definition,
  loaded: LoadedContent,
  render: Render,
): { readonly upload: readonly string[]; readonly steps: readonly string[] } {
  const { content } = definition
  const { keys, certificates, files } = loaded
  const uploaded =
    [...keys, ...certificates, ...files].length > 0 || loaded.steps.some(({ kind }) => kind === 'run')
  const steps = content.steps.flatMap((step, index) => {
    const loadedStep = loaded.steps[index]
    const data = { step: String(index), secrets: [...step.secrets].sort() }
    const before = step.secrets.length === 0 ? [] : [render('packer/secrets.pkr.hcl', data)]
    if (loadedStep?.kind === 'ansible') {
      const label = `step ${index + 1} of ${content.steps.length} (${source(step)})`
      const given = { ...data, label, playbook: `ansible/${index}/${loadedStep.playbook}` }
      const after = step.secrets.length === 0 ? [] : [render('packer/drop-secrets.pkr.hcl', data)]
      return [...before, render('packer/ansible.pkr.hcl', given), ...after]
    }
    return [...before, render('packer/run.pkr.hcl', data)]
  })
  const put = content.files.length > 0 ? [render('packer/files.pkr.hcl', {})] : []
  return {
    upload: uploaded ? [render('packer/upload.pkr.hcl', {})] : [],
    steps: [...put, ...steps],
  }
}

/** The build's text with blocks in the place of a marker's line; without blocks, the marker goes with the empty line after it. */
export function withBlocks(text: string, marker: string, blocks: readonly string[]): string {
  const line = `  # ${marker}\n\n`
  return text.replace(line, () => blocks.map((block) => `${block.trimEnd()}\n\n`).join(''))
}
