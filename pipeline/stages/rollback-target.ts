import { versionsBehind, versionsSeen } from '../core/channel-moves.ts'
import { isSamePerson } from '../core/channel-needs.ts'
import { compareVersions } from '../core/versions.ts'
import { MintmarkError } from '../errors.ts'
import { firstChannel } from '../model/channel.ts'
import type { World } from '../ports/world.ts'
import type { Trust } from './chain.ts'
import { type ChannelPlace, channelPlaces, readHistory } from './channel-history.ts'
import { shortDigest } from './check-signature.ts'
import { ensureMovable, type PointsTo, pointsTo } from './move-channel.ts'
import { locateAll, locateVariant, type Release } from './read-release.ts'
import { verifyRelease } from './verify-release.ts'

/** Where a channel is to go back to. */
export interface WayBack {
  readonly image: string
  readonly channel: string
  /** Null: what the channel had before. */
  readonly to: string | null
  readonly reason: string
  readonly by: string
  readonly trust: Trust
}

/** A variant of the channel, and the release that it goes back to. */
export interface Candidate {
  readonly place: ChannelPlace
  readonly now: PointsTo
  readonly release: Release
}

/** Of this variant, ascending: all of them were in nightly, also before it had a history. */
async function releasedVersions(world: World, { image, variant }: ChannelPlace): Promise<readonly string[]> {
  const all = await locateAll(world, image)
  return all
    .filter((located) => located.variant === variant)
    .map(({ version }) => version)
    .sort(compareVersions)
}

/** For a channel of before there were histories: the version below what it points to. */
async function versionBelow(
  world: World,
  place: ChannelPlace,
  versions: readonly string[],
  trust: Trust,
): Promise<string | undefined> {
  const now = await pointsTo(world, place, trust)
  return versions.filter((version) => now !== null && compareVersions(version, now.version) < 0).at(-1)
}

/** The version to go back to. @throws MintmarkError NOT_FOUND when the channel never had it, or had nothing before */
async function versionOf(world: World, place: ChannelPlace, input: WayBack): Promise<string> {
  const { image, channel, to, trust } = input
  const look = `./mintmark releases ${image} --history ${channel}`
  const { moves, broken } = await readHistory(world, place, trust)
  if (broken !== null)
    throw new MintmarkError(
      broken.code,
      `the history of ${image}@${channel} can't be trusted: ${broken.text}`,
      {
        hint: look,
      },
    )
  const events = moves.map(({ event }) => event)
  const older = channel === firstChannel ? await releasedVersions(world, place) : []
  const seen = [...new Set([...older, ...versionsSeen(events)])].sort(compareVersions)
  if (to !== null) {
    if (seen.includes(to)) return to
    throw new MintmarkError('NOT_FOUND', `${channel} of ${image} never had ${to}`, {
      hint: seen.length === 0 ? look : `it had: ${seen.join(', ')}`,
    })
  }
  // The same command again, after it was stopped or its answer was lost, does not go back once more.
  const last = events.at(-1)
  if (
    last?.data.why === 'rolled-back' &&
    last.data.reason === input.reason &&
    isSamePerson(last.data.by, input.by)
  )
    return last.version
  const before =
    events.length > 0 ? versionsBehind(events).at(-2) : await versionBelow(world, place, older, trust)
  if (before !== undefined) return before
  throw new MintmarkError('NOT_FOUND', `${channel} of ${image} had nothing before ${seen.at(-1) ?? 'this'}`, {
    hint: `release or promote another version: ./mintmark releases ${image}`,
  })
}

/** The older release, checked to its last byte: a roll-back to a damaged one helps nobody. */
async function verifiedTarget(
  world: World,
  place: ChannelPlace,
  version: string,
  trust: Trust,
): Promise<Release> {
  const name = `${place.image}@${version}`
  const located = await locateVariant(world, { ...place, version })
  if (located === null)
    throw new MintmarkError('NOT_FOUND', `there is no ${name} for ${place.variant} any more`)
  const { anchored, links, release } = await verifyRelease(world, located, { ...trust, blobs: true })
  const { moves } = await readHistory(world, place, trust)
  const was = moves.filter(({ event }) => event.version === version).at(-1)?.event.record
  if (release !== null && was !== undefined && was !== release.record)
    throw new MintmarkError('VERIFY_FAILED', `${name} is not the record that ${place.channel} had`, {
      hint: `name another version that was there: ./mintmark releases ${place.image} --history ${place.channel}`,
      details: [`it had the record ${shortDigest(was)}, this one is ${shortDigest(release.record)}`],
    })
  // What nightly points to has no say in what stable goes back to.
  const wrong = links.filter((link) => !link.right && link.name !== 'channel')
  const looseEnd = !anchored && place.channel !== firstChannel
  if (release !== null && wrong.length === 0 && !looseEnd) return release
  throw new MintmarkError('VERIFY_FAILED', `${name} is not fit for ${place.channel}`, {
    hint: `name another version that was there: ./mintmark releases ${place.image} --history ${place.channel}`,
    details: looseEnd
      ? ['signature: no signer of scans/policies/trust.yaml vouches for it']
      : wrong.map((link) => `${link.name}: ${link.text}`),
  })
}

/**
 * Each variant of a channel with the release that it goes back to, verified to its last byte.
 * @throws MintmarkError NOT_FOUND, USAGE, VERIFY_FAILED, CHAIN_BROKEN
 */
export async function candidatesOf(world: World, input: WayBack): Promise<readonly Candidate[]> {
  const { image, channel, trust, to } = input
  const places = await channelPlaces(world, image, channel)
  const versions = new Map<string, ChannelPlace>()
  for (const place of places) versions.set(await versionOf(world, place, input), place)
  const [version = '', ...others] = versions.keys()
  if (others.length > 0)
    throw new MintmarkError('USAGE', `the variants of ${image}@${channel} had different versions before`, {
      hint: `name one with --to: ${[version, ...others].join(' or ')}`,
    })
  const candidates: Candidate[] = []
  for (const place of places) {
    await ensureMovable(world, place, trust)
    const release = await verifiedTarget(world, place, to ?? version, trust)
    const now = await pointsTo(world, place, trust)
    if (now !== null) candidates.push({ place, now, release })
  }
  return candidates
}
