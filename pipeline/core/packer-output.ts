import * as z from 'zod'
import { MintmarkError } from '../errors.ts'

/** One line of `packer -machine-readable`. */
export type PackerEvent =
  | { readonly kind: 'ui'; readonly level: 'say' | 'message' | 'error'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string }
  | { readonly kind: 'other' }

const unescaped = (text: string): string =>
  text.replaceAll('%!(PACKER_COMMA)', ',').replaceAll('\\n', '\n').replaceAll('\\r', '')

/** `timestamp,target,type,data...`; commas inside data are `%!(PACKER_COMMA)`. */
export function parsePackerLine(line: string): PackerEvent {
  const [, , type, ...data] = line.split(',')
  if (type === 'ui') {
    const [level, ...rest] = data
    const text = unescaped(rest.join(',')).replace(/^(?:==>|\s)*\s*(?:qemu|amazon-ebs)\.image: ?/, '')
    if (level === 'say' || level === 'message' || level === 'error') return { kind: 'ui', level, text }
  }
  if (type === 'error') return { kind: 'error', text: unescaped(data.join(',')) }
  return { kind: 'other' }
}

/** What a build goes through, in order, with what announces it in Packer's or our scripts' words. */
const milestones: readonly { readonly name: string; readonly sign: RegExp }[] = [
  {
    name: 'starting the machine',
    sign: /^Starting VM|^Starting HTTP server|^Creating hard drive|^Retrieving|^Launching a source AWS instance/,
  },
  { name: 'waiting for its SSH', sign: /^Waiting for SSH|^Using SSH communicator/ },
  { name: 'upgrading and installing packages', sign: /guest\/prepare\.sh/ },
  { name: 'putting files in place', sign: /guest\/content\.sh/ },
  { name: 'running the steps', sign: /guest\/(?:step|secrets)\.sh|^Running local shell script/ },
  { name: 'hardening', sign: /guest\/harden\.sh/ },
  { name: 'rebooting', sign: /guest\/reboot\.sh/ },
  { name: 'checking the controls', sign: /guest\/check\.sh/ },
  { name: 'sealing', sign: /guest\/seal\.sh/ },
  { name: 'shutting down', sign: /^Gracefully halting|^Waiting for the instance to stop/ },
  { name: 'keeping the disk', sign: /^Converting hard drive|^Creating AMI/ },
]
export const milestoneCount = milestones.length

/** The milestone (from 0) that a text begins, or null. */
export function milestoneOf(text: string): { readonly index: number; readonly name: string } | null {
  const index = milestones.findIndex((milestone) => milestone.sign.test(text))
  const found = milestones[index]
  return found === undefined ? null : { index, name: found.name }
}

/** What a script of ours says about itself: `mintmark: installing 14 packages`. */
export function spoken(text: string): string | null {
  return /^mintmark: (.+)$/.exec(text.trim())?.[1] ?? null
}

const noise =
  /^(?:Get:|Hit:|Ign:|Selecting |Preparing to |Unpacking |Setting up |Processing |\(Reading |debconf: |Adding tag: |==> (?:Wait completed|Builds finished|Some builds) |\s*$)/

/** What our scripts say of a step of the definition that failed: `step 1 of 2 (scripts/agent.sh) ended with exit code 9`; or null. */
export function failedStep(events: readonly PackerEvent[]): string | null {
  const said = events.flatMap((event) => (event.kind === 'ui' ? event.text.split('\n') : []))
  return (
    said.findLast((line) => /^step \d+ of \d+ \(\S+\) ended with exit code \d+$/.test(line.trim()))?.trim() ??
    null
  )
}

/** The lines of a failed build that tell why: errors first to last, else the last lines that are no apt chatter. */
export function tellingLines(events: readonly PackerEvent[], limit: number): readonly string[] {
  const errors = events.flatMap((event) =>
    event.kind === 'error' || (event.kind === 'ui' && event.level === 'error') ? event.text.split('\n') : [],
  )
  const said = events.flatMap((event) =>
    event.kind === 'ui' && event.level !== 'error' ? event.text.split('\n') : [],
  )
  const last = said.filter((line) => !noise.test(line)).slice(-limit)
  const unique = [...new Set(errors.map((line) => line.trim()).filter((line) => line !== ''))]
  return [...last, ...unique].slice(-2 * limit)
}

const Manifest = z.object({
  builds: z
    .array(
      z.object({
        builder_type: z.string(),
        artifact_id: z.string().optional(),
        files: z.array(z.object({ name: z.string(), size: z.number() })).nullable(),
      }),
    )
    .min(1),
})

/** What a build made: a file, or an image that a cloud keeps, with its region: eu-west-1:ami-0abc. */
export type BuiltArtifact =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'image'; readonly id: string }

/**
 * The artifact as Packer's manifest post-processor names it; never read from log text.
 * @throws MintmarkError BUILD_FAILED for none, and for images in several regions
 */
export function builtArtifact(manifest: string): BuiltArtifact {
  const parsed = Manifest.safeParse(JSON.parse(manifest))
  const last = parsed.data?.builds.at(-1)
  const id = last?.artifact_id ?? ''
  if (/^[a-z0-9-]+:ami-[0-9a-f]+$/.test(id)) return { kind: 'image', id }
  const file = last?.files?.find((item) => item.name.endsWith('.qcow2'))
  if (file === undefined)
    throw new MintmarkError(
      'BUILD_FAILED',
      `Packer's manifest names neither a qcow2 file nor one AMI: "${id}"`,
    )
  return { kind: 'file', path: file.name }
}
