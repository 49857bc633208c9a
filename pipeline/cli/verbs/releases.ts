import { columns } from '../../core/columns.ts'
import { size } from '../../core/size.ts'
import { errorTable, MintmarkError } from '../../errors.ts'
import type { World } from '../../ports/world.ts'
import type { Trust } from '../../stages/chain.ts'
import { brokenHistory, channelPlaces, readHistory } from '../../stages/channel-history.ts'
import { pointsTo } from '../../stages/move-channel.ts'
import type { Located } from '../../stages/read-release.ts'
import { locateAll, openRecord, refuseUnknownImage } from '../../stages/read-release.ts'
import { type TakenVersion, takenVersions } from '../../stages/reserve.ts'
import { trustedKeys } from '../../stages/verify-release.ts'
import { historyData, historyLines, type ToldHistory } from '../history-table.ts'
import { localTime } from '../local-time.ts'
import { textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'
import { vulnerabilities } from '../vulnerabilities.ts'

interface Row {
  readonly cells: readonly string[]
  readonly data: Readonly<Record<string, unknown>>
}

const header = ['image', 'version', 'channel', 'made', 'size', 'vulnerabilities', 'controls']

function rowOf(located: Located, several: boolean): Row {
  const { image, version, variant } = located
  try {
    const { statement, channels, record } = openRecord(located)
    const { created, artifact, controls, gate } = statement.predicate
    const held = `${controls.pass}/${controls.total - controls.notapplicable}`
    return {
      cells: [
        image,
        several ? `${version} ${variant}` : version,
        channels.join(', ') || '-',
        localTime(created),
        size(artifact.bytes),
        vulnerabilities(gate),
        held,
      ],
      data: {
        image,
        version,
        variant,
        channels,
        created,
        sha256: artifact.sha256,
        bytes: artifact.bytes,
        record,
        vulnerability: gate.vulnerability,
        counts: gate.counts,
        controls,
      },
    }
  } catch (cause) {
    if (!(cause instanceof MintmarkError)) throw cause
    const damaged = `damaged: ${cause.message}`
    return { cells: [image, version, damaged], data: { image, version, variant, damaged: cause.message } }
  }
}

/** More than this many versions that came to nothing are for the data. */
const mostShown = 5

/** Versions that were taken and are not whole: some variant has no record. */
async function incomplete(world: World, images: readonly string[]): Promise<readonly TakenVersion[]> {
  const all: TakenVersion[] = []
  for (const image of images)
    try {
      all.push(...(await takenVersions(world, image)))
    } catch (cause) {
      // A damaged reservation is for verify to tell; the list of what there is goes on.
      if (!(cause instanceof MintmarkError)) throw cause
      world.report.warn(`${cause.message}: what is incomplete of ${image} can't be told`)
    }
  return all.filter(({ there, missing }) => there.length === 0 || missing.length > 0)
}

function incompleteLines(taken: readonly TakenVersion[]): readonly string[] {
  const half = taken.filter(({ there }) => there.length > 0)
  const none = taken.filter(({ there }) => there.length === 0)
  const row = ({ reservation, there, missing }: TakenVersion): readonly string[] => [
    reservation.image,
    reservation.version,
    there.length === 0 ? 'no release' : `INCOMPLETE: no ${missing.join(', ')}, only ${there.join(', ')}`,
    `run ${reservation.run} took it ${localTime(reservation.reserved)}`,
  ]
  const shown = [...half, ...none.slice(0, mostShown)]
  const more = none.length - mostShown
  return [
    ...(shown.length === 0 ? [] : [columns(shown.map(row))]),
    ...(more > 0 ? [`${more} more versions without a release: see --json`] : []),
  ]
}

const incompleteData = ({ reservation, there, missing }: TakenVersion) => ({
  image: reservation.image,
  version: reservation.version,
  run: reservation.run,
  reserved: reservation.reserved,
  there,
  missing,
})

/** `releases IMAGE --history [CHANNEL]`: where its channels have been; exit 9 when a history is not what was signed. */
async function history(world: World, image: string | undefined, channel: string | null): Promise<number> {
  if (image === undefined)
    throw new MintmarkError('USAGE', '--history needs an image', {
      hint: './mintmark releases debian-13 --history stable',
    })
  const trust: Trust = { trust: await trustedKeys(world, null), onlyTrust: false }
  const places = await channelPlaces(world, image, channel)
  const histories: ToldHistory[] = []
  for (const place of places) {
    const found = await readHistory(world, place, trust)
    const none = found.moves.length === 0 && brokenHistory(found) === null
    histories.push({
      ...found,
      place,
      older: none ? ((await pointsTo(world, place, trust))?.version ?? null) : null,
    })
  }
  world.report.result(histories.map((item) => historyLines(item).join('\n')).join('\n\n'), {
    catalog: world.catalog.location,
    image,
    channels: histories.map(historyData),
  })
  return histories.some((told) => brokenHistory(told) !== null) ? errorTable.VERIFY_FAILED.exit : 0
}

/** `releases [image]`: what was released, newest first, and what is incomplete. Signatures are for `verify` to check. */
export const run: RunVerb = async ({ world, args, options }) => {
  const [image] = args
  if (options['history'] !== undefined) return history(world, image, textOption(options, 'history'))
  const all = await locateAll(world)
  const wanted = image === undefined ? all : all.filter((located) => located.image === image)
  const images =
    image === undefined
      ? [...new Set((await world.catalog.list('releases/')).map((key) => key.split('/')[1] ?? ''))]
      : [image]
  const taken = await incomplete(world, images)
  if (image !== undefined && wanted.length === 0 && taken.length === 0) await refuseUnknownImage(world, image)
  const several = new Set(wanted.map(({ variant }) => variant)).size > 1
  const rows = wanted.map((located) => rowOf(located, several))
  const whole = rows.filter((row) => row.cells.length === header.length)
  const damaged = rows.filter((row) => row.cells.length !== header.length)
  const text =
    rows.length === 0 && taken.length === 0
      ? `nothing is released yet: ${world.catalog.location} is empty or not there\nthe first:  ./mintmark release debian-13 --yes`
      : [
          ...(whole.length === 0 ? [] : [columns([header, ...whole.map((row) => row.cells)])]),
          ...damaged.map((row) => row.cells.join('  ')),
          ...incompleteLines(taken),
        ].join('\n')
  world.report.result(text, {
    catalog: world.catalog.location,
    releases: rows.map((row) => row.data),
    incomplete: taken.map(incompleteData),
  })
  return 0
}
