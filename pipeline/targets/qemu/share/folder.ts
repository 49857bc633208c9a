import { dirname, join } from 'node:path'
import { canonicalJson, sha256 } from '../../../core/digest.ts'
import { bytesToSign, envelopeText, parseEnvelope } from '../../../core/dsse.ts'
import { hashedPieces } from '../../../core/hashed-pieces.ts'
import {
  incusMetadata,
  parseShareIndex,
  type ShareHeads,
  sameIndex,
  shareFiles,
  shareIndex,
  shareIndexPayload,
  shareIndexText,
  shareSums,
} from '../../../core/share-lists.ts'
import type { PlaceSight, SeenHead, SeenRelease } from '../../../core/share-sight.ts'
import type { SharedImage } from '../../../core/shared-image.ts'
import { size } from '../../../core/size.ts'
import { parseSigned } from '../../../core/statement.ts'
import { MintmarkError } from '../../../errors.ts'
import { type ShareIndex, ShareIndexStatement } from '../../../model/share.ts'
import type { World } from '../../../ports/world.ts'
import type { GrantInput, RevokeInput, ShareInput, SharingPlace } from '../../target.ts'
import { diskPieces } from './disk-pieces.ts'
import {
  type ExportFolder,
  giveToGroup,
  groupFolder,
  isForGroup,
  openFolder,
  whileLocked,
  writePieces,
  writeShared,
} from './export-folder.ts'

const indexName = 'index.json'
const envelopeName = 'index.json.dsse.json'
const sumsName = 'SHA256SUMS'

/** What is beyond the image itself when the disk is nearly full: lists, records. */
const spareBytes = 16 * 2 ** 20

/** The index as it is, whoever wrote it; null when there is none of the image. */
async function readIndex(world: World, folder: ExportFolder, image: string): Promise<ShareIndex | null> {
  const path = join(folder.home, indexName)
  if ((await world.files.info(path))?.kind !== 'file') return null
  return parseShareIndex(await world.files.readText(path), image)
}

/** True when the signed text beside the index says the same, and is signed by somebody who is believed. */
async function isSigned({ world, isTrusted }: ShareInput, home: string, index: ShareIndex): Promise<boolean> {
  const path = join(home, envelopeName)
  if ((await world.files.info(path))?.kind !== 'file') return false
  try {
    const { envelope, payload } = parseEnvelope(await world.files.readText(path), envelopeName)
    const { predicate } = parseSigned(payload, ShareIndexStatement, envelopeName)
    if (canonicalJson(predicate) !== canonicalJson(index)) return false
    return await isTrusted({ envelope, payload, day: index.updated.slice(0, 10) })
  } catch (cause) {
    // Whatever it is, it does not speak for this index: the next grant writes both.
    if (cause instanceof MintmarkError && cause.code === 'VERIFY_FAILED') return false
    throw cause
  }
}

/** A release's folder and its files. */
function placesOf({ home }: ExportFolder, release: SharedImage): readonly string[] {
  const { disk, record, incus } = shareFiles(release)
  return [dirname(disk), disk, record, incus].map((name) => join(home, name))
}

/** What a listed release has beside its image, when it is as it was written. */
async function isWhole(folder: ExportFolder, world: World, release: SharedImage): Promise<boolean> {
  const paths = placesOf(folder, release)
  for (const path of paths) if (!(await isForGroup(world, folder, path))) return false
  const [, , record = '', incus = ''] = paths
  return (
    (await world.files.sha256(record)) === release.record &&
    (await world.files.sha256(incus)) === sha256(incusMetadata(release))
  )
}

/** True when lists and folder are as a grant leaves them. */
async function areListsRight(
  folder: ExportFolder,
  input: ShareInput,
  index: ShareIndex,
  there: readonly SharedImage[],
): Promise<boolean> {
  const { world } = input
  const { home } = folder
  for (const path of there.flatMap((release) => placesOf(folder, release)))
    if ((await world.files.info(path)) !== null && !(await isForGroup(world, folder, path))) return false
  const lists = [indexName, envelopeName, sumsName].map((name) => join(home, name))
  for (const path of [home, ...lists]) if (!(await isForGroup(world, folder, path))) return false
  const [, , sums = ''] = lists
  if ((await world.files.readText(sums)) !== shareSums(there)) return false
  return isSigned(input, home, index)
}

/** What lies at a release's place, read through unless that was done just now. */
async function lookAt(
  world: World,
  folder: ExportFolder,
  release: SharedImage,
  read = true,
): Promise<SeenRelease> {
  const { variant, version } = release
  const seen = (status: SeenRelease['status'], why: string | null = null): SeenRelease => ({
    variant,
    version,
    status,
    why,
  })
  const path = join(folder.home, shareFiles(release).disk)
  const around = await world.files.info(dirname(path))
  if (around === null) return seen('absent')
  if (around.kind !== 'folder') return seen('ambiguous', `${dirname(path)} is a ${around.kind}`)
  const info = await world.files.info(path)
  if (info === null) return seen('absent')
  if (info.kind !== 'file') return seen('ambiguous', `${path} is a ${info.kind}`)
  if (info.size !== release.bytes)
    return seen('ambiguous', `${path} has ${info.size} bytes, the release has ${release.bytes}`)
  if (!read) return seen('present')
  const digest = await world.files.sha256(path)
  return digest === release.sha256
    ? seen('present')
    : seen('ambiguous', `${path} has sha256:${digest}, the release has sha256:${release.sha256}`)
}

async function observe(input: ShareInput): Promise<PlaceSight> {
  const { world, principal, image, known } = input
  const folder = await openFolder(world, principal, image)
  const releases: SeenRelease[] = []
  for (const { release } of known) releases.push(await lookAt(world, folder, release))
  const index = await readIndex(world, folder, image)
  if (index === null) return { principal, status: 'seen', releases: releases.filter(isThere), heads: [] }
  const there = await listed(folder, input, null)
  const right = await areListsRight(folder, input, index, there)
  const heads: SeenHead[] = []
  for (const [channel, variants] of Object.entries(index.channels)) {
    for (const [variant, version] of Object.entries(variants)) {
      const release = known.find((item) => isNamed(item.release, { variant, version }))?.release
      if (release === undefined) continue
      const whole = right && (await isWhole(folder, world, release))
      heads.push({ channel, variant, version, why: null, ...(whole ? {} : { mends: true }) })
    }
  }
  return { principal, status: 'seen', releases: releases.filter(isThere), heads }
}

const isThere = ({ status }: SeenRelease): boolean => status !== 'absent'

const isNamed = (
  release: SharedImage,
  named: { readonly variant: string; readonly version: string },
): boolean => release.version === named.version && release.variant === named.variant

/** Releases whose image is there in its full size, but for those left out. */
async function listed(
  folder: ExportFolder,
  { world, known }: ShareInput,
  without: SharedImage | null,
): Promise<readonly SharedImage[]> {
  const there: SharedImage[] = []
  for (const { release } of known) {
    if (without !== null && isNamed(release, without)) continue
    const info = await world.files.info(join(folder.home, shareFiles(release).disk))
    if (info?.kind === 'file' && info.size === release.bytes) there.push(release)
  }
  return there
}

/**
 * Writes index and sums. What is given is in the sums before the index names it; what is taken leaves the index first: nobody who
 * follows the index meets a file that is not there, or not whole.
 */
async function writeLists(
  folder: ExportFolder,
  input: ShareInput,
  releases: readonly SharedImage[],
  heads: ShareHeads,
): Promise<void> {
  const { world, image } = input
  const updated = world.clock.now().toISOString()
  const index = shareIndex(image, releases, heads, updated)
  const before = await readIndex(world, folder, image)
  for (const name of [indexName, envelopeName, sumsName])
    await giveToGroup(world, folder, join(folder.home, name))
  const sums = (): Promise<void> => writeShared(world, folder, sumsName, shareSums(releases))
  if (before !== null && sameIndex(before, index) && (await isSigned(input, folder.home, before)))
    return sums()
  const grows = releases.length >= (before?.releases.length ?? 0)
  if (grows) await sums()
  const payload = shareIndexPayload(index, releases)
  const text = envelopeText(payload, [await world.keys.sign(bytesToSign(payload))])
  await writeShared(world, folder, envelopeName, text)
  await writeShared(world, folder, indexName, shareIndexText(index))
  if (!grows) await sums()
}

/** The bytes of the release's image; throws before the last ones of what is none. */
async function* imagePieces({ world, release }: GrantInput, path: string): AsyncGenerator<Uint8Array> {
  const copy = hashedPieces(diskPieces(world, path))
  yield* copy.pieces
  const { sha256: found, bytes } = copy.result()
  if (found === release.sha256 && bytes === release.bytes) return
  throw new MintmarkError(
    'VERIFY_FAILED',
    `the image that was copied has sha256:${found}, the record says sha256:${release.sha256}`,
    { hint: `./mintmark verify ${release.image}@${release.version}` },
  )
}

/** Copies the image: never a link, for its group must not get at the catalog's own bytes. */
async function copyImage(folder: ExportFolder, input: GrantInput): Promise<void> {
  const { world, release } = input
  const free = await world.files.freeBytes(folder.home)
  if (free < release.bytes + spareBytes) {
    throw new MintmarkError(
      'NO_SPACE',
      `${folder.path} has ${size(free)} free, ${release.image}@${release.version} takes ${size(release.bytes)}`,
      { hint: `free some space there, then run the same command again`, where: { folder: folder.path } },
    )
  }
  input.update(`copying ${size(release.bytes)} to ${folder.path}`)
  const path = await input.disk()
  await writePieces(world, folder, shareFiles(release).disk, imagePieces(input, path))
}

async function grant(input: GrantInput): Promise<string> {
  const { world, principal, image, release, channel } = input
  const folder = await openFolder(world, principal, image)
  const files = shareFiles(release)
  return whileLocked(world, folder, async () => {
    const before = (await readIndex(world, folder, image))?.channels ?? {}
    const named = before[channel]?.[release.variant]
    const isKnown = input.known.some(
      (item) => item.release.version === named && item.release.variant === release.variant,
    )
    const now = named !== undefined && isKnown ? named : null
    if (now !== input.from && now !== release.version) {
      throw new MintmarkError(
        'CONFLICT',
        `${channel} of ${folder.home} is ${now ?? 'gone'} by now, it was ${input.from ?? 'not there'} when it was looked at`,
        { hint: `./mintmark share plan ${image}` },
      )
    }
    const seen = await lookAt(world, folder, release, input.copies)
    if (seen.status === 'ambiguous') {
      throw new MintmarkError('CONFLICT', seen.why ?? `something else is at ${files.disk}`, {
        hint: 'look at it and move it away, then run the same command again',
      })
    }
    if (seen.status === 'absent') await copyImage(folder, input)
    const there = await listed(folder, input, null)
    for (const item of there) {
      const [around = '', ...paths] = placesOf(folder, item)
      await groupFolder(world, around, folder.group)
      for (const path of paths) await giveToGroup(world, folder, path)
    }
    await writeShared(world, folder, files.record, input.record)
    await writeShared(world, folder, files.incus, incusMetadata(release))
    const heads = { ...before, [channel]: { ...before[channel], [release.variant]: release.version } }
    await writeLists(folder, input, there, heads)
    return join(folder.home, files.disk)
  })
}

async function revoke(input: RevokeInput): Promise<string> {
  const { world, principal, image, release, channel, keepsImage, dropsHead } = input
  const folder = await openFolder(world, principal, image)
  const files = shareFiles(release)
  const reference = join(folder.home, files.disk)
  return whileLocked(world, folder, async () => {
    const before = (await readIndex(world, folder, image))?.channels ?? {}
    const { [release.variant]: _gone, ...variants } = before[channel] ?? {}
    const heads = dropsHead ? { ...before, [channel]: variants } : before
    // Given by another channel since it was looked at.
    const isHead = Object.values(heads).some((named) => named[release.variant] === release.version)
    const keeps = keepsImage || isHead
    await writeLists(folder, input, await listed(folder, input, keeps ? null : release), heads)
    if (keeps) return reference
    for (const name of [files.disk, files.incus, files.record])
      await world.files.remove(join(folder.home, name))
    const home = dirname(reference)
    if ((await world.files.info(home))?.kind === 'folder' && (await world.files.list(home)).length === 0)
      await world.files.remove(home)
    return reference
  })
}

/** A folder of this machine, or one that is mounted here, for libvirt, Incus and whoever else may read it. */
export const folderSharing: SharingPlace = { observe, grant, revoke }
