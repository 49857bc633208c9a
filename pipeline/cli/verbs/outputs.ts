import { amiName, parameterName } from '../../core/aws-publish-plan.ts'
import { didYouMean } from '../../core/did-you-mean.ts'
import { formatLookup, lookupFormats, lookups } from '../../core/image-lookup.ts'
import { formatOutputs, type Outputs, outputFormats } from '../../core/outputs.ts'
import { regionalImages } from '../../core/regional-copies.ts'
import { MintmarkError } from '../../errors.ts'
import type { World } from '../../ports/world.ts'
import type { Trust } from '../../stages/chain.ts'
import { trustedEvents } from '../../stages/events.ts'
import { locateRelease, type Release } from '../../stages/read-release.ts'
import { takeImage } from '../../stages/take-image.ts'
import { trustedKeys, trustedRelease } from '../../stages/verify-release.ts'
import { textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'

/** Where the release's file is, fetched where it is none of this machine. @throws MintmarkError VERIFY_FAILED */
async function pathOf(world: World, { image, version, statement }: Release): Promise<string> {
  const { sha256, bytes } = statement.predicate.artifact
  if ((await world.catalog.statBlob(sha256)) === bytes)
    return world.catalog.blobPath(sha256) ?? takeImage(world, `the image of ${image}@${version}`, sha256)
  throw new MintmarkError('VERIFY_FAILED', `the image sha256:${sha256} is not in the catalog as recorded`, {
    hint: `./mintmark verify ${image}@${version}`,
    where: { blob: world.catalog.blobAddress(sha256) },
  })
}

/** One of a few words, as an option gives it. @throws MintmarkError USAGE */
function oneOf<T extends string>(wanted: string, known: readonly T[], option: string): T {
  const found = known.find((item) => item === wanted)
  if (found !== undefined) return found
  const meant = didYouMean(wanted, known)
  throw new MintmarkError('USAGE', `there is no ${option} "${wanted}"`, {
    hint: `${meant === null ? '' : `did you mean ${meant}? `}--${option} ${known.join(', ')}`,
  })
}

/** Where an image that a cloud keeps is looked up; undefined for a file. @throws MintmarkError NOT_FOUND for a region without it */
async function cloudOf(
  world: World,
  release: Release,
  { region, trust }: { readonly region: string | null; readonly trust: Trust },
): Promise<Outputs['cloud']> {
  const { image, version, via } = release
  const { artifact, arch } = release.statement.predicate
  const events = await trustedEvents(world, release, trust)
  const images = regionalImages(
    artifact,
    events.map(({ event }) => event),
  )
  const found = region === null ? images[0] : images.find((item) => item.region === region)
  if (found !== undefined)
    return {
      account: found.account,
      region: found.region,
      id: found.imageId,
      name: amiName(image, version, arch),
      parameter: parameterName(image, arch, via ?? version),
      regions: images.map((item) => ({ region: item.region, id: item.imageId })),
    }
  if (region === null) return undefined
  throw new MintmarkError('NOT_FOUND', `${image}@${version} is not in ${region}`, {
    hint:
      images.length === 0
        ? 'it is a file: leave --region out'
        : `it is in ${images.map((item) => item.region).join(', ')}`,
  })
}

/**
 * `outputs REF [--format F] [--region R] [--by parameter|owner]`: a release for Terraform, a shell or a program. The record is verified
 * first; the image's bytes are not, where they are a file already: that is what `verify` is for. From a bucket it is fetched.
 */
export const run: RunVerb = async ({ world, args, options }) => {
  const [ref] = args
  if (ref === undefined) {
    throw new MintmarkError('USAGE', 'outputs needs a release', { hint: './mintmark outputs debian-13' })
  }
  const format = oneOf(
    textOption(options, 'format') ?? 'json',
    [...outputFormats, ...lookupFormats],
    'format',
  )
  const asked = textOption(options, 'by')
  const by = oneOf(asked ?? 'parameter', lookups, 'by')
  const lookup = lookupFormats.find((item) => item === format)
  if (asked !== null && lookup === undefined)
    throw new MintmarkError('USAGE', `--by is for ${lookupFormats.join(', ')}, and the format is ${format}`)
  const trustFile = textOption(options, 'trust')
  const release = await trustedRelease(world, await locateRelease(world, ref), trustFile)
  const { artifact, login } = release.statement.predicate
  const path = artifact.format === 'qcow2' ? await pathOf(world, release) : null
  const trust = { trust: await trustedKeys(world, trustFile), onlyTrust: trustFile !== null }
  const region = textOption(options, 'region')
  const cloud =
    artifact.format === 'ami' || region !== null
      ? await cloudOf(world, release, { region, trust })
      : undefined
  const outputs: Outputs = {
    image: release.image,
    version: release.version,
    channel: release.via ?? release.channels[0] ?? null,
    sha256: artifact.sha256,
    path,
    size: artifact.bytes,
    format: artifact.format,
    login,
    ...(cloud === undefined ? {} : { cloud }),
  }
  const value = outputFormats.find((item) => item === format) ?? 'json'
  world.report.result(
    lookup === undefined ? formatOutputs(outputs, value) : formatLookup(outputs, lookup, by),
    outputs,
  )
  return 0
}
