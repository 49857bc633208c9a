import { didYouMean } from '../../core/did-you-mean.ts'
import { formatOutputs, type Outputs, outputFormats } from '../../core/outputs.ts'
import { MintmarkError } from '../../errors.ts'
import { locateRelease } from '../../stages/read-release.ts'
import { takeImage } from '../../stages/take-image.ts'
import { trustedRelease } from '../../stages/verify-release.ts'
import { textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'

/**
 * `outputs REF [--format json|env|tfvars]`: a release for Terraform, a shell or a program. The record is verified
 * first; the image's bytes are not, where they are a file already: that is what `verify` is for. From a bucket it is fetched.
 */
export const run: RunVerb = async ({ world, args, options }) => {
  const [ref] = args
  if (ref === undefined) {
    throw new MintmarkError('USAGE', 'outputs needs a release', { hint: './mintmark outputs debian-13' })
  }
  const wanted = textOption(options, 'format') ?? 'json'
  const format = outputFormats.find((item) => item === wanted)
  if (format === undefined) {
    const meant = didYouMean(wanted, outputFormats)
    throw new MintmarkError('USAGE', `there is no format "${wanted}"`, {
      hint: `${meant === null ? '' : `did you mean ${meant}? `}--format ${outputFormats.join(', ')}`,
    })
  }
  const release = await trustedRelease(world, await locateRelease(world, ref), textOption(options, 'trust'))
  const { artifact, login } = release.statement.predicate
  const bytes = await world.catalog.statBlob(artifact.sha256)
  if (bytes !== artifact.bytes) {
    throw new MintmarkError(
      'VERIFY_FAILED',
      `the image sha256:${artifact.sha256} is not in the catalog as recorded`,
      {
        hint: `./mintmark verify ${release.image}@${release.version}`,
        where: { blob: world.catalog.blobAddress(artifact.sha256) },
      },
    )
  }
  const path =
    world.catalog.blobPath(artifact.sha256) ??
    (await takeImage(world, `the image of ${release.image}@${release.version}`, artifact.sha256))
  const outputs: Outputs = {
    image: release.image,
    version: release.version,
    channel: release.via ?? release.channels[0] ?? null,
    sha256: artifact.sha256,
    path,
    size: artifact.bytes,
    format: artifact.format,
    login,
  }
  world.report.result(formatOutputs(outputs, format), outputs)
  return 0
}
