import { columns } from '../../core/columns.ts'
import { problemLines } from '../../core/render-share.ts'
import type { Use } from '../../core/share-sight.ts'
import { visible } from '../../core/show-value.ts'
import { MintmarkError } from '../../errors.ts'
import { proveShares, type ShareProof } from '../../stages/share-prove.ts'
import { textOption } from '../options.ts'
import type { VerbInput } from '../verb.ts'

/** In some regions it is as it should be, in some it is not. */
const partlyDone = 10
/** Nowhere is it. */
const refused = 8

const asked = ['visible', 'launchable', 'key', 'copyable'] as const

const word = (use: Use | null): string => (use === null ? '?' : use.yes ? 'yes' : 'no')

function linesOf({ image, version, role, proofs }: ShareProof): readonly string[] {
  const several = new Set(proofs.map(({ variant }) => variant)).size > 1
  const rows = proofs.map((proof) => [
    proof.ok ? '✓' : '✗',
    several ? `${proof.region} ${proof.variant}` : proof.region,
    proof.imageId ?? '-',
    ...asked.map((name) => word(proof[name])),
  ])
  const head = ['', 'region', 'image', 'visible', 'launchable', 'key usable', 'copyable']
  const lines = columns([head, ...rows]).split('\n')
  return [
    `${image}@${version} as ${role} has it`,
    ...lines.slice(0, 1),
    ...proofs.flatMap((proof, index) => [
      lines[index + 1] ?? '',
      ...asked.flatMap((name) => {
        const use = proof[name]
        return use === null || use.yes ? [] : [`    ${name}: ${visible(use.why)}`]
      }),
      ...(proof.problem === null ? [] : problemLines(proof.problem)),
    ]),
  ]
}

/** `share prove REF --role ARN [--region R]`: exit 8 when the role can use it nowhere, 10 when only in some regions. */
export async function proveVerb({
  world,
  image,
  options,
}: Pick<VerbInput, 'world' | 'options'> & { readonly image: string }): Promise<number> {
  const role = textOption(options, 'role')
  if (role === null)
    throw new MintmarkError('USAGE', 'share prove needs --role: who gets the image looks at it', {
      hint: `./mintmark share prove ${image} --role arn:aws:iam::123456789012:role/launcher`,
    })
  const step = world.report.step('prove')
  let proof: ShareProof
  try {
    proof = await proveShares(world, {
      ref: image,
      role,
      region: textOption(options, 'region'),
      subnet: textOption(options, 'subnet'),
      update: (text) => step.update(text),
    })
  } catch (cause) {
    step.fail(cause instanceof Error ? cause.message : String(cause))
    throw cause
  }
  const good = proof.proofs.filter(({ ok }) => ok).length
  const all = proof.proofs.length
  const exit = good === all ? 0 : good === 0 ? refused : partlyDone
  const told = `usable in ${good} of ${all} regions`
  if (exit === 0) step.done(told)
  else step.fail(told)
  world.report.result([...linesOf(proof), told].join('\n'), { ...proof, exit })
  return exit
}
