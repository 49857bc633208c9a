import { MintmarkError } from '../errors.ts'
import { shellQuote } from './quote.ts'

/** What another tool needs to know of a release to use it. */
export interface Outputs {
  readonly image: string
  readonly version: string
  readonly channel: string | null
  readonly sha256: string
  /** Absolute path; null when it is no file. */
  readonly path: string | null
  /** Bytes of the file. */
  readonly size: number
  readonly format: string
  readonly login: string
  /** Of an image that a cloud keeps; left out for a file. */
  readonly cloud?: {
    readonly account: string
    readonly region: string
    readonly id: string
    /** The same in every region. */
    readonly name: string
    /** Of Systems Manager, in each of the regions: what it names is the channel's image, or the version's. */
    readonly parameter: string
    /** Every region that has it, with the image's id there. */
    readonly regions: readonly { readonly region: string; readonly id: string }[]
  }
}

export const outputFormats = ['json', 'env', 'tfvars'] as const
export type OutputFormat = (typeof outputFormats)[number]

function refuseControls(text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    throw new MintmarkError('USAGE', `${JSON.stringify(text)} has control characters and can't be printed`)
  }
}

function envQuoted(text: string): string {
  refuseControls(text)
  return shellQuote(text)
}

/** A quoted string for HCL, with its two kinds of template switched off. */
export function hclQuoted(text: string): string {
  refuseControls(text)
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    // `$$` in a replacement's text would mean one `$`.
    .replaceAll(/[$%]\{/g, (start) => `${start.charAt(0)}${start}`)
  return `"${escaped}"`
}

/** Name and value of each output, in the order in which they are printed. */
const rows = (outputs: Outputs): readonly (readonly [string, string | number | null])[] => [
  ['image_name', outputs.image],
  ['image_version', outputs.version],
  ['image_channel', outputs.channel],
  ['image_sha256', outputs.sha256],
  ['image_path', outputs.path],
  ['image_size', outputs.size],
  ['image_format', outputs.format],
  ['image_login', outputs.login],
  ...(outputs.cloud === undefined
    ? []
    : ([
        ['image_account', outputs.cloud.account],
        ['image_region', outputs.cloud.region],
        ['image_id', outputs.cloud.id],
        ['image_ami_name', outputs.cloud.name],
        ['image_parameter', outputs.cloud.parameter],
      ] as const)),
]

function tfvars(outputs: Outputs): string {
  const width = Math.max(...rows(outputs).map(([name]) => name.length))
  return rows(outputs)
    .map(([name, value]) => {
      const literal = typeof value === 'string' ? hclQuoted(value) : String(value)
      return `${name.padEnd(width)} = ${literal}`
    })
    .join('\n')
}

/** @throws MintmarkError USAGE when a value can't be written in that format */
export function formatOutputs(outputs: Outputs, format: OutputFormat): string {
  switch (format) {
    case 'json':
      return JSON.stringify(outputs, null, 2)
    case 'env':
      return rows(outputs)
        .map(([name, value]) => `MINTMARK_${name.toUpperCase()}=${envQuoted(String(value ?? ''))}`)
        .join('\n')
    case 'tfvars':
      return tfvars(outputs)
  }
}
