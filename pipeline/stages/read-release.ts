import { dirname, join } from 'node:path'
import { inTurns } from '../core/all-ended.ts'
import { didYouMean } from '../core/did-you-mean.ts'
import { sha256 } from '../core/digest.ts'
import { parseEnvelope } from '../core/dsse.ts'
import { compare } from '../core/lists.ts'
import { parsePayload, parsePointer } from '../core/statement.ts'
import { compareVersions } from '../core/versions.ts'
import { MintmarkError } from '../errors.ts'
import { ImageName, TargetId } from '../model/ids.ts'
import { type ChannelPointer, type Envelope, type Statement, Version } from '../model/release.ts'
import type { World } from '../ports/world.ts'

/** A bucket answers each in its own time. */
const recordsAtOnce = 16

const defaultChannel = 'nightly'
const digestPrefix = /^(?:sha256:)?([0-9a-f]{8,64})$/
const recordKey = /^releases\/([^/]+)\/([^/]+)\/([^/]+)\.dsse\.json$/

/** Where a record is; nothing of its content is believed yet. */
export interface Located {
  readonly image: string
  readonly version: string
  readonly variant: string
  /** The record's key in the catalog. */
  readonly key: string
  readonly text: string
  /** Every channel of this variant, wherever it points. */
  readonly pointers: readonly ChannelPointer[]
  /** Keys of channels of this variant whose text is no pointer of theirs. */
  readonly damaged: readonly string[]
  /** The channel that the reference names, else null. */
  readonly via: string | null
}

/** A record as it was read: well formed, but whose signature it has is for verify-release to say. */
export interface Release extends Located {
  /** Digest of the envelope's text. */
  readonly record: string
  readonly envelope: Envelope
  readonly payload: Uint8Array
  readonly statement: Statement
  /** Channels that point to it, sorted. */
  readonly channels: readonly string[]
}

/** @throws MintmarkError VERIFY_FAILED when the text is no record */
export function openRecord(located: Located): Release {
  const { envelope, payload } = parseEnvelope(located.text)
  const statement = parsePayload(payload)
  const channels = located.pointers
    .filter((pointer) => pointer.version === located.version)
    .map((pointer) => pointer.channel)
    .sort()
  return { ...located, record: sha256(located.text), envelope, payload, statement, channels }
}

async function readPointers(
  world: World,
  image: string,
  variant: string,
): Promise<Pick<Located, 'pointers' | 'damaged'>> {
  const pointers: ChannelPointer[] = []
  const damaged: string[] = []
  for (const key of await world.catalog.list(`channels/${image}/`)) {
    if (!key.endsWith(`/${variant}.json`)) continue
    const entry = await world.catalog.read(key)
    if (entry === null) continue
    try {
      pointers.push(parsePointer(entry.value, key))
    } catch (cause) {
      if (!(cause instanceof MintmarkError)) throw cause
      damaged.push(key)
    }
  }
  return { pointers, damaged }
}

async function locate(world: World, key: string, via: string | null): Promise<Located | null> {
  const [, image = '', version = '', variant = ''] = recordKey.exec(key) ?? []
  const entry = await world.catalog.read(key)
  if (entry === null) return null
  return {
    image,
    version,
    variant,
    key,
    text: entry.value,
    via,
    ...(await readPointers(world, image, variant)),
  }
}

/** The record of one variant, as a channel's pointer names it; null when there is none. */
export const locateVariant = (
  world: World,
  { image, version, variant }: Pick<Located, 'image' | 'version' | 'variant'>,
): Promise<Located | null> => locate(world, `releases/${image}/${version}/${variant}.dsse.json`, null)

/** The records of a version, one for each variant that there is; sorted. */
export async function locateVersion(
  world: World,
  image: string,
  version: string,
): Promise<readonly Located[]> {
  const keys = (await world.catalog.list(`releases/${image}/${version}/`)).filter(isRecord)
  const found = await Promise.all(keys.map((key) => locate(world, key, null)))
  return found.filter((located) => located !== null)
}

const isRecord = (key: string): boolean => recordKey.test(key)

/** Every record of an image, or of all images: by name, the newest version first. */
export async function locateAll(world: World, image: string | null = null): Promise<readonly Located[]> {
  const keys = await world.catalog.list(image === null ? 'releases/' : `releases/${image}/`)
  const found = await inTurns(keys.filter(isRecord), recordsAtOnce, (key) => locate(world, key, null))
  return found
    .filter((located) => located !== null)
    .sort((a, b) => compare(a.image, b.image) || compareVersions(b.version, a.version))
}

/** Images that have a record, sorted. */
export async function releasedImages(world: World): Promise<readonly string[]> {
  const keys = await world.catalog.list('releases/')
  return [...new Set(keys.filter(isRecord).map((key) => key.split('/')[1] ?? ''))]
}

/** @throws MintmarkError NOT_FOUND with the nearest name and what there is; VERIFY_FAILED where its records are lost */
export async function refuseUnknownImage(world: World, name: string): Promise<never> {
  const known = await releasedImages(world)
  const mayBeLost = !known.includes(name) && ImageName.safeParse(name).success
  const channels = mayBeLost ? await world.catalog.list(`channels/${name}/`) : []
  if (channels.length > 0)
    throw new MintmarkError(
      'VERIFY_FAILED',
      `channels of ${name} point to releases, and no record of it is there`,
      {
        hint: './mintmark catalog check says what is missing',
        where: { catalog: world.catalog.location },
      },
    )
  const meant = didYouMean(name, known)
  throw new MintmarkError('NOT_FOUND', `the catalog has no release of "${name}"`, {
    hint:
      known.length === 0
        ? 'it is empty; ./mintmark release debian-13 makes the first'
        : `${meant === null ? '' : `did you mean ${meant}? `}there are: ${known.join(', ')}`,
    where: { catalog: world.catalog.location },
  })
}

/** Of several variants the one of the target that comes first in the format: a file of this machine before what a cloud keeps. */
function firstVariant(keys: readonly string[]): string | undefined {
  const rank = (key: string): number =>
    TargetId.options.findIndex((id) => key.slice(key.lastIndexOf('/') + 1).startsWith(`${id}-`))
  return [...keys].sort((a, b) => rank(a) - rank(b) || compare(a, b))[0]
}

/** For messages. */
const ofVariant = (variant: string | null): string => (variant === null ? '' : ` for ${variant}`)

/** Of that variant, or of any. */
const isOf = (key: string, variant: string | null, end: string): boolean =>
  variant === null || key.endsWith(`/${variant}${end}`)

async function byVersion(
  world: World,
  image: string,
  version: string,
  variant: string | null,
): Promise<Located> {
  const keys = await world.catalog.list(`releases/${image}/`)
  const records = keys.filter((key) => isRecord(key) && isOf(key, variant, '.dsse.json'))
  const key = firstVariant(records.filter((item) => item.split('/')[2] === version))
  const located = key === undefined ? null : await locate(world, key, null)
  if (located !== null) return located
  const reserved = keys.includes(`releases/${image}/${version}/reservation.json`)
  const versions = records.map((item) => item.split('/')[2] ?? '').sort(compareVersions)
  throw new MintmarkError(
    'NOT_FOUND',
    reserved
      ? `${image}@${version} was taken by a run that made no release of it`
      : `there is no ${image}@${version}${ofVariant(variant)}`,
    { hint: `there are: ${versions.slice(-8).join(', ')}` },
  )
}

async function byChannel(world: World, image: string, channel: string, of: string | null): Promise<Located> {
  const keys = (await world.catalog.list(`channels/${image}/`)).filter((key) => isOf(key, of, '.json'))
  const key = firstVariant(keys.filter((item) => item.split('/')[2] === channel))
  const entry = key === undefined ? null : await world.catalog.read(key)
  if (key === undefined || entry === null) {
    const channels = [...new Set(keys.map((item) => item.split('/')[2] ?? ''))]
    const meant = didYouMean(channel, channels)
    throw new MintmarkError('NOT_FOUND', `${image} has no channel "${channel}"${ofVariant(of)}`, {
      hint:
        channels.length === 0
          ? `name a version: ./mintmark releases ${image}`
          : `${meant === null ? '' : `did you mean ${image}@${meant}? `}its channels: ${channels.join(', ')}`,
    })
  }
  const { version, variant } = parsePointer(entry.value, key)
  const located = await locate(world, `releases/${image}/${version}/${variant}.dsse.json`, channel)
  if (located !== null) return located
  throw new MintmarkError('VERIFY_FAILED', `${key} points to ${image}@${version}, which has no record`, {
    hint: `./mintmark releases ${image} lists what there is`,
  })
}

/** The one record about this artifact, or with this digest of its own. */
async function byDigest(world: World, prefix: string): Promise<Located | null> {
  const matches: Located[] = []
  for (const located of await locateAll(world)) {
    if (sha256(located.text).startsWith(prefix)) {
      matches.push(located)
      continue
    }
    try {
      if (openRecord(located).statement.predicate.artifact.sha256.startsWith(prefix)) matches.push(located)
    } catch (cause) {
      // A damaged record is about no artifact; `releases` lists it as damaged.
      if (!(cause instanceof MintmarkError)) throw cause
    }
  }
  if (matches.length > 1 && prefix.length < 64) {
    throw new MintmarkError('USAGE', `sha256:${prefix} is the beginning of ${matches.length} digests`, {
      hint: `name one of: ${matches.map((item) => `${item.image}@${item.version}`).join(', ')}`,
    })
  }
  return matches[0] ?? null
}

async function byFile(world: World, path: string): Promise<Located> {
  const digest = await world.files.sha256(path)
  const located = await byDigest(world, digest)
  if (located !== null) return located
  const folder = dirname(path)
  const beside = (await world.files.list(folder)).find((name) => name.endsWith('.dsse.json'))
  throw new MintmarkError('VERIFY_FAILED', `no record is about ${path}: it has sha256:${digest}`, {
    hint:
      beside === undefined
        ? 'do not use this file: it is no release of this catalog, or it was changed since'
        : `a record that came with it is checked by: ./mintmark verify ${join(folder, beside)}`,
    where: { catalog: world.catalog.location },
  })
}

/**
 * Finds the record that a reference means: `debian-13` (what nightly points to), `debian-13@1.0.0`, `debian-13@nightly`,
 * a sha256 of an artifact or a record (8 digits are enough), or the path of an image file.
 * @param variant of which a name is meant; null: the first that there is, in the order of the targets
 * @throws MintmarkError NOT_FOUND with the nearest name; VERIFY_FAILED for a file that no record is about
 */
export async function locateRelease(
  world: World,
  ref: string,
  variant: string | null = null,
): Promise<Located> {
  const [image = '', wanted, ...more] = ref.split('@')
  const images = await releasedImages(world)
  if (images.includes(image) && more.length === 0) {
    return wanted !== undefined && Version.safeParse(wanted).success
      ? byVersion(world, image, wanted, variant)
      : byChannel(world, image, wanted ?? defaultChannel, variant)
  }
  const [, prefix] = digestPrefix.exec(ref) ?? []
  if (prefix !== undefined) {
    const located = await byDigest(world, prefix)
    if (located !== null) return located
  }
  if ((await world.files.info(ref))?.kind === 'file') return byFile(world, ref)
  if (prefix !== undefined) {
    throw new MintmarkError('NOT_FOUND', `no record is about sha256:${prefix}`, {
      where: { catalog: world.catalog.location },
    })
  }
  if (ref.includes('/')) throw new MintmarkError('NOT_FOUND', `there is no file ${ref}`)
  return refuseUnknownImage(world, image)
}

/** Like `locateRelease`, with the record opened. @throws MintmarkError VERIFY_FAILED when it is none */
export async function findRelease(world: World, ref: string): Promise<Release> {
  return openRecord(await locateRelease(world, ref))
}
