import { dirname, join } from 'node:path'
import {
  containerDisk,
  labels,
  layerAround,
  layoutFile,
  type OciImage,
  tagOf,
  withdrawnTag,
} from '../../../core/container-disk.ts'
import { hashedPieces } from '../../../core/hashed-pieces.ts'
import type { PlaceSight, SeenHead, SeenRelease } from '../../../core/share-sight.ts'
import type { SharedImage } from '../../../core/shared-image.ts'
import { size } from '../../../core/size.ts'
import { MintmarkError } from '../../../errors.ts'
import type { Arch } from '../../../model/ids.ts'
import type { World } from '../../../ports/world.ts'
import type { GrantInput, RevokeInput, ShareInput, SharingPlace } from '../../target.ts'
import { diskPieces } from './disk-pieces.ts'
import {
  deleteManifest,
  type Inspected,
  inspect,
  listTags,
  push,
  type Repository,
  repositoryOf,
} from './skopeo.ts'

const isOf = (found: Inspected, release: SharedImage): boolean =>
  found.labels[labels.image] === release.image &&
  found.labels[labels.variant] === release.variant &&
  found.labels[labels.sha256] === release.sha256 &&
  found.labels[labels.record] === release.record

const referenceOf = ({ name }: Repository, digest: string): string => `${name}@${digest}`

type Known = ShareInput['known'][number]

/** `@sha256:...` of what an event says was pushed to this repository; null when none says so. */
const pushedOf = ({ name }: Repository, reference: string | null): string | null =>
  reference?.startsWith(`${name}@`) === true ? reference.slice(name.length) : null

/** What the tag of a release's version is, or what was pushed when the tag is gone. */
function judged(repository: Repository, { release, reference }: Known, found: Inspected): SeenRelease {
  const { variant, version } = release
  const tag = `${repository.name}:${tagOf(version, release.arch)}`
  const wrong = (why: string): SeenRelease => ({ variant, version, status: 'ambiguous', why })
  if (!isOf(found, release)) return wrong(`${tag} is ${found.digest}, which is not this release`)
  if (reference !== null && reference !== referenceOf(repository, found.digest))
    return wrong(`${tag} is ${found.digest}, what was put there is ${reference}`)
  return { variant, version, status: 'present', why: null }
}

interface Channels {
  readonly channel: string
  readonly arch: Arch
  readonly variant: string
}

/** Each channel, for each architecture that there is a release of. */
function channelsOf({ channels, known }: ShareInput): readonly Channels[] {
  const variants = new Map(known.map(({ release }) => [release.variant, release.arch]))
  return channels.flatMap((channel) => [...variants].map(([variant, arch]) => ({ channel, arch, variant })))
}

/** What a channel's tag is: a version only when it is the very image of that version's tag. */
function headOf(
  repository: Repository,
  input: ShareInput,
  of: Channels,
  found: Inspected,
  digests: ReadonlyMap<string, string>,
): SeenHead {
  const { channel, variant, arch } = of
  const head = (version: string | null, why: string | null = null): SeenHead => ({
    channel,
    variant,
    version,
    why,
  })
  const tag = `${repository.name}:${tagOf(channel, arch)}`
  if (found.labels[labels.image] !== input.image)
    return head(null, `${tag} is no image of ${input.image}: give each image a repository of its own`)
  if (found.labels[labels.withdrawn] !== undefined) return head(null)
  const { [labels.version]: version = '' } = found.labels
  if (!input.known.some(({ release }) => release.variant === variant && release.version === version))
    return head(null, `${tag} is ${found.digest}, of which this catalog has no record`)
  const digest = digests.get(`${variant} ${version}`)
  if (digest === undefined) return head(null)
  return digest === found.digest
    ? head(version)
    : head(null, `${tag} is ${found.digest} and says that it is ${version}, which is ${digest}`)
}

async function observe(input: ShareInput): Promise<PlaceSight> {
  const { world, principal } = input
  const repository = repositoryOf(principal)
  const tags = new Set(await listTags(world, repository))
  const seen = async (tag: string): Promise<Inspected | null> =>
    tags.has(tag) ? inspect(world, repository, `:${tag}`) : null
  const releases: SeenRelease[] = []
  const digests = new Map<string, string>()
  for (const known of input.known) {
    const { version, variant, arch } = known.release
    const tagged = await seen(tagOf(version, arch))
    // Without its tag it still is to be had, by its digest.
    const pushed = pushedOf(repository, known.reference)
    const found = tagged ?? (pushed === null ? null : await inspect(world, repository, pushed))
    if (found === null) continue
    const release = judged(repository, known, found)
    releases.push(release)
    if (tagged !== null && release.status === 'present') digests.set(`${variant} ${version}`, found.digest)
  }
  const heads: SeenHead[] = []
  for (const channel of channelsOf(input)) {
    const found = await seen(tagOf(channel.channel, channel.arch))
    if (found !== null) heads.push(headOf(repository, input, channel, found, digests))
  }
  return { principal, status: 'seen', releases, heads }
}

/** A private folder with an OCI layout, removed when `work` ends; what a killed one leaves goes with the next clean or release. */
async function withLayout<T>(world: World, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await world.files.tempFolder('share-', world.places.runs)
  try {
    await world.files.write(join(folder, 'oci-layout'), layoutFile, { mode: 0o600 })
    return await work(folder)
  } finally {
    await world.files.remove(folder)
  }
}

async function writeImage(world: World, folder: string, image: OciImage): Promise<string> {
  for (const { sha256, text } of [image.config, image.manifest])
    await world.files.write(join(folder, 'blobs/sha256', sha256), text, { mode: 0o600 })
  await world.files.write(join(folder, 'index.json'), image.index, { mode: 0o600 })
  return `sha256:${image.manifest.sha256}`
}

/** Writes the release as an OCI layout. @returns the manifest's digest */
async function layOut(input: GrantInput, folder: string): Promise<string> {
  const { world, release } = input
  const free = await world.files.freeBytes(folder)
  if (free < release.bytes) {
    throw new MintmarkError(
      'NO_SPACE',
      `${dirname(folder)} has ${size(free)} free, packing ${release.image}@${release.version} takes ${size(release.bytes)}`,
    )
  }
  const { before, after } = layerAround(release)
  const disk = hashedPieces(diskPieces(world, await input.disk()))
  const layer = hashedPieces([before], disk.pieces, [after])
  const path = join(folder, 'layer')
  input.update(`packing ${size(release.bytes)}`)
  await world.files.write(path, layer.pieces, { mode: 0o600 })
  const { sha256 } = disk.result()
  if (sha256 !== release.sha256) {
    throw new MintmarkError(
      'VERIFY_FAILED',
      `the image that was packed has sha256:${sha256}, the record says sha256:${release.sha256}`,
      { hint: `./mintmark verify ${release.image}@${release.version}` },
    )
  }
  const packed = layer.result()
  await world.files.makeFolder(join(folder, 'blobs/sha256'), { mode: 0o700 })
  await world.files.rename(path, join(folder, 'blobs/sha256', packed.sha256))
  return writeImage(world, folder, containerDisk(release, packed))
}

async function grant(input: GrantInput): Promise<string> {
  const { world, principal, release, channel } = input
  const repository = repositoryOf(principal)
  const tag = tagOf(release.version, release.arch)
  const sight = await observe(input)
  const found =
    sight.status !== 'seen'
      ? undefined
      : sight.releases.find((item) => item.version === release.version && item.variant === release.variant)
  const head =
    sight.status !== 'seen'
      ? undefined
      : sight.heads?.find((item) => item.channel === channel && item.variant === release.variant)
  const why = found?.why ?? head?.why ?? null
  if (why !== null) {
    throw new MintmarkError('CONFLICT', why, {
      hint: 'look at it there and take it away yourself, then run the same command again',
    })
  }
  const now = head?.version ?? null
  if (now !== input.from && now !== release.version) {
    throw new MintmarkError(
      'CONFLICT',
      `${repository.name}:${channel} is ${now ?? 'gone'} by now, it was ${input.from ?? 'not there'} when it was looked at`,
      { hint: `./mintmark share plan ${release.image}` },
    )
  }
  const known = input.known.find((item) => item.release.record === release.record)?.reference ?? null
  const pushed = pushedOf(repository, known)
  if (found?.status === 'present' && pushed !== null) {
    const digest = pushed.slice(1)
    input.update(`moving ${repository.name}:${channel}`)
    // The version's tag may be gone, and its image not.
    await push(world, repository, pushed, tag, digest)
    await push(world, repository, pushed, tagOf(channel, release.arch), digest)
    return referenceOf(repository, digest)
  }
  return withLayout(world, async (folder) => {
    const digest = await layOut(input, folder)
    input.update(`pushing ${size(release.bytes)} to ${repository.name}:${tag}`)
    await push(world, repository, folder, tag, digest)
    await push(world, repository, folder, tagOf(channel, release.arch), digest)
    return referenceOf(repository, digest)
  })
}

/** Takes a tag away and leaves its image: the tag is moved to an empty image, and that one is deleted. */
async function dropTag(input: RevokeInput, repository: Repository, tag: string): Promise<void> {
  const { world, image, release } = input
  await withLayout(world, async (folder) => {
    const digest = await writeImage(world, folder, withdrawnTag(image, release.arch, tag))
    await push(world, repository, folder, tag, digest)
    await deleteManifest(world, repository, digest)
  })
}

async function revoke(input: RevokeInput): Promise<string> {
  const { world, principal, image, release, channel, keepsImage, dropsHead } = input
  const repository = repositoryOf(principal)
  const tags = await listTags(world, repository)
  const seen = async (tag: string): Promise<Inspected | null> =>
    tags.includes(tag) ? inspect(world, repository, `:${tag}`) : null
  const known = input.known.find((item) => item.release.record === release.record)?.reference ?? null
  const pushed = pushedOf(repository, known)
  // A tag that is gone leaves the image there: whoever has the digest still pulls it.
  const version =
    (await seen(tagOf(release.version, release.arch))) ??
    (pushed === null ? null : await inspect(world, repository, pushed))
  if (version !== null && !isOf(version, release)) {
    throw new MintmarkError(
      'CONFLICT',
      `${repository.name}:${tagOf(release.version, release.arch)} is ${version.digest}, which is not this release`,
      { hint: 'look at it there and take it away yourself, then run the same command again' },
    )
  }
  const headTag = tagOf(channel, release.arch)
  const head = dropsHead ? await seen(headTag) : null
  // Given by another channel since it was looked at.
  let keeps = keepsImage
  for (const other of input.channels.filter((item) => item !== channel || !dropsHead))
    if (version !== null && (await seen(tagOf(other, release.arch)))?.digest === version.digest) keeps = true
  const goesAlong = !keeps && head?.digest === version?.digest
  if (head !== null && head.labels[labels.image] === image && !goesAlong)
    await dropTag(input, repository, headTag)
  if (version !== null && !keeps) await deleteManifest(world, repository, version.digest)
  return version === null
    ? (known ?? `${repository.name}:${release.version}`)
    : referenceOf(repository, version.digest)
}

/** A repository of a private OCI registry: KubeVirt's containerDisk, pushed and looked at by skopeo. */
export const ociSharing: SharingPlace = { observe, grant, revoke }
