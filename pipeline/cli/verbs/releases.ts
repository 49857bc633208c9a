import { columns } from '../../core/columns.ts'
import { size } from '../../core/size.ts'
import { MintmarkError } from '../../errors.ts'
import type { Located } from '../../stages/read-release.ts'
import { locateAll, openRecord, refuseUnknownImage } from '../../stages/read-release.ts'
import { localTime } from '../local-time.ts'
import type { RunVerb } from '../verb.ts'
import { vulnerabilities } from '../vulnerabilities.ts'

interface Row {
  readonly cells: readonly string[]
  readonly data: Readonly<Record<string, unknown>>
}

const header = ['image', 'version', 'channel', 'made', 'size', 'vulnerabilities', 'controls']

function rowOf(located: Located): Row {
  const { image, version, variant } = located
  try {
    const { statement, channels, record } = openRecord(located)
    const { created, artifact, controls, gate } = statement.predicate
    const held = `${controls.pass}/${controls.total - controls.notapplicable}`
    return {
      cells: [
        image,
        version,
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

/** `releases [image]`: what was released, newest first. Signatures are for `verify` to check. */
export const run: RunVerb = async ({ world, args }) => {
  const [image] = args
  const all = await locateAll(world)
  const wanted = image === undefined ? all : all.filter((located) => located.image === image)
  if (image !== undefined && wanted.length === 0) await refuseUnknownImage(world, image)
  const rows = wanted.map(rowOf)
  const whole = rows.filter((row) => row.cells.length === header.length)
  const damaged = rows.filter((row) => row.cells.length !== header.length)
  const text =
    rows.length === 0
      ? 'nothing is released yet\nthe first:  ./mintmark release debian-13 --yes'
      : [
          ...(whole.length === 0 ? [] : [columns([header, ...whole.map((row) => row.cells)])]),
          ...damaged.map((row) => row.cells.join('  ')),
        ].join('\n')
  world.report.result(text, { catalog: world.catalog.location, releases: rows.map((row) => row.data) })
  return 0
}
