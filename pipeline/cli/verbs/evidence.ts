import { sha256 } from '../../core/digest.ts'
import { size } from '../../core/size.ts'
import { MintmarkError } from '../../errors.ts'
import { findAudited } from '../../stages/audit.ts'
import { packEvidence } from '../../stages/evidence.ts'
import { trustedKeys } from '../../stages/verify-release.ts'
import { textOption } from '../options.ts'
import { checkOutput } from '../output-file.ts'
import type { RunVerb } from '../verb.ts'

const mode = 0o600

/** `evidence REF`: all that is known of a release as one zip, which can be checked without mintmark. */
export const run: RunVerb = async ({ world, args, options }) => {
  const [ref] = args
  if (ref === undefined)
    throw new MintmarkError('USAGE', 'evidence needs a release', {
      hint: './mintmark evidence debian-13@1.0.0',
    })
  const trustFile = textOption(options, 'trust')
  const trust = { trust: await trustedKeys(world, trustFile), onlyTrust: trustFile !== null }
  const audited = await findAudited(world, ref)
  const { image, version, variant } = audited.release
  const name = `${image}@${version}`
  const file = textOption(options, 'output') ?? `${image}-${version}-${variant}-evidence.zip`
  const force = options['force'] === true
  await checkOutput(world, file, { force, like: 'evidence.zip' })
  const step = world.report.step('evidence')
  const pack = async () => {
    try {
      return await packEvidence(world, audited, {
        trust,
        trustFile,
        incomplete: options['incomplete'] === true,
        update: (text) => step.update(text),
      })
    } catch (cause) {
      step.fail(cause instanceof Error ? cause.message : String(cause))
      throw cause
    }
  }
  const { zip, index } = await pack()
  // Somebody else may have written it meanwhile.
  if (force) await world.files.write(file, zip, { mode })
  else if (!(await world.files.createOnly(file, zip, { mode })))
    await checkOutput(world, file, { force: false, like: 'evidence.zip' })
  step.done(`${index.files.length} files about ${name}`)
  if (!index.complete)
    world.report.warn(`it is marked as incomplete: ${index.problems.length} links of ${name} are wrong`)
  const digest = sha256(zip)
  const text = [
    `${file}: ${index.complete ? 'the evidence' : 'INCOMPLETE evidence'} about ${name}, ${size(zip.length)}`,
    `sha256:${digest}`,
    ...(index.anchored
      ? []
      : ['unanchored: nobody of scans/policies/trust.yaml signed the record, only a key of this machine']),
    ...index.missing.map(({ what, why }) => `not in it: ${what}: ${why}`),
    'README.txt in it says how to check it without mintmark',
  ].join('\n')
  world.report.result(text, { ...index, file, sha256: digest, bytes: zip.length })
  return 0
}
