import { didYouMean } from '../core/did-you-mean.ts'
import { parsePointer } from '../core/statement.ts'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'
import { type Located, locateAll, locateRelease, refuseUnknownImage } from './read-release.ts'

/** Which releases of the catalog are meant. */
export interface Choice {
  /** Images (what their channels point to) or references like debian-13@1.0.0; none: every image of the catalog. */
  readonly refs: readonly string[]
  /** Only what this channel points to. */
  readonly channel: string | null
  /** Every release, whether a channel points to it or not. */
  readonly all: boolean
}

export interface Place {
  readonly image: string
  readonly version: string
  readonly variant: string
  /** Channels that point to it. */
  readonly channels: readonly string[]
}

export interface Chosen extends Place {
  /** Its record, or why there is none. */
  readonly located: Located | MintmarkError
}

/** What the channels of an image point to, also where there is nothing any more. */
async function channelsOf(world: World, image: string, channel: string | null): Promise<readonly Chosen[]> {
  const records = await locateAll(world, image)
  const found = new Map<string, Chosen>()
  for (const key of await world.catalog.list(`channels/${image}/`)) {
    const [, , name = '', file = ''] = key.split('/')
    if (channel !== null && name !== channel) continue
    const variant = file.replace(/\.json$/, '')
    let version = '?'
    let located: Located | MintmarkError
    try {
      version = parsePointer((await world.catalog.read(key))?.value ?? '', key).version
      const record = records.find((item) => item.version === version && item.variant === variant)
      located =
        record ??
        new MintmarkError('VERIFY_FAILED', `${key} points to ${image}@${version}, which has no record`)
    } catch (cause) {
      if (!(cause instanceof MintmarkError)) throw cause
      located = cause
    }
    const id = `${version} ${variant}`
    const channels = [...(found.get(id)?.channels ?? []), name]
    found.set(id, { image, version, variant, channels, located })
  }
  return [...found.values()]
}

const everyRelease = async (world: World, image: string): Promise<readonly Chosen[]> =>
  (await locateAll(world, image)).map((located) => chosenOf(located))

function chosenOf(located: Located): Chosen {
  const { image, version, variant, pointers } = located
  const channels = pointers.filter((item) => item.version === version).map((item) => item.channel)
  return { image, version, variant, channels: [...channels].sort(), located }
}

/** Images of the catalog: those with a record, and those that only a channel remembers. */
async function knownImages(world: World): Promise<readonly string[]> {
  const keys = [...(await world.catalog.list('channels/')), ...(await world.catalog.list('releases/'))]
  const named = keys.filter((key) => key.startsWith('channels/') || /\/[^/]+\.dsse\.json$/.test(key))
  return [...new Set(named.map((key) => key.split('/')[1] ?? ''))].sort()
}

/** @param who the image that was named; null when none was */
async function refuseChannel(world: World, who: string | null, channel: string | null): Promise<never> {
  if (channel === null)
    throw new MintmarkError(
      'NOT_FOUND',
      `no channel points to a release${who === null ? '' : ` of ${who}`}`,
      {
        hint: '--all takes every release',
      },
    )
  const keys = await world.catalog.list('channels/')
  const known = [...new Set(keys.map((key) => key.split('/')[2] ?? ''))]
  const meant = didYouMean(channel, known)
  throw new MintmarkError(
    'NOT_FOUND',
    who === null ? `no image has a channel "${channel}"` : `${who} has no channel "${channel}"`,
    {
      hint: `${meant === null ? '' : `did you mean ${meant}? `}there are: ${known.join(', ')}`,
    },
  )
}

/**
 * The releases that are meant, each once. One that a channel points to and that is not there comes as an error in its place.
 * @throws MintmarkError NOT_FOUND with the nearest name; USAGE
 */
export async function chooseReleases(world: World, input: Choice): Promise<readonly Chosen[]> {
  const { refs, channel, all } = input
  if (all && channel !== null) throw new MintmarkError('USAGE', '--all and --channel exclude each other')
  const images = await knownImages(world)
  const chosen: Chosen[] = []
  for (const ref of refs.length === 0 ? images : refs) {
    if (ref.includes('@')) {
      if (all || channel !== null)
        throw new MintmarkError('USAGE', `${ref} names one release: leave --all and --channel out`)
      chosen.push(chosenOf(await locateRelease(world, ref)))
    } else if (images.includes(ref)) {
      const found = all ? await everyRelease(world, ref) : await channelsOf(world, ref, channel)
      // An image that is named must not be passed over.
      if (found.length === 0 && refs.length > 0) await refuseChannel(world, ref, channel)
      chosen.push(...found)
    } else await refuseUnknownImage(world, ref)
  }
  const byName = new Map(chosen.map((item) => [`${item.image}@${item.version} ${item.variant}`, item]))
  if (chosen.length > 0) return [...byName.values()]
  if (images.length === 0)
    throw new MintmarkError('NOT_FOUND', 'the catalog has no release', {
      hint: './mintmark release debian-13 makes the first',
      where: { catalog: world.catalog.location },
    })
  return refuseChannel(world, null, channel)
}
