import { MintmarkError } from '../errors.ts'
import type { Lifecycle, LifecycleRow } from '../model/lifecycle.ts'
import { dayHolds } from './days.ts'
import { didYouMean } from './did-you-mean.ts'
import { lifecycles } from './lifecycle-data.ts'

const holds = (day: string | null, now: Date): day is string => day !== null && dayHolds(day, now)

/** The state of a release at a clock. */
export function lifecycleAt(row: LifecycleRow, now: Date): Lifecycle {
  const { source } = row
  if (row.denied !== null) return { state: 'denied', until: null, source }
  if (holds(row.regular, now)) return { state: 'regular', until: row.regular, source }
  if (holds(row.lts, now)) return { state: 'lts', until: row.lts, source }
  if (holds(row.extended, now)) return { state: 'extended', until: row.extended, source }
  return { state: 'eol', until: null, source }
}

/** The last day on which a release had updates that a base may rely on. */
const lastDay = (row: LifecycleRow): string => row.lts ?? row.regular

interface Asked {
  readonly family: string
  readonly release: string
}

export interface Judged {
  readonly lifecycle: Lifecycle
  /** What people have to be told although the base is accepted; null when there is nothing. */
  readonly warning: string | null
}

/**
 * Judges a release at a clock: regular is accepted, LTS with a warning, all else is refused.
 * @param where `images/x.yaml:LINE:COLUMN`, where the release is written
 * @throws MintmarkError BASE_REFUSED
 */
export function judgeLifecycle(
  { family, release }: Asked,
  now: Date,
  where: string,
  rows: readonly LifecycleRow[] = lifecycles,
): Judged {
  const ours = rows.filter((row) => row.family === family)
  const usable = ours.filter((row) => ['regular', 'lts'].includes(lifecycleAt(row, now).state))
  const known = usable.map((row) => row.release).join(', ')
  const instead = known === '' ? 'choose another distribution' : `write one of these at ${where}: ${known}`
  const refuse = (what: string, hint = instead): MintmarkError =>
    new MintmarkError('BASE_REFUSED', `${where} os.release: ${what}`, {
      hint,
      where: { os: `${family} ${release}` },
    })
  const row = ours.find((candidate) => candidate.release === release)
  if (row === undefined) {
    const meant = didYouMean(
      release,
      ours.map((candidate) => candidate.release),
    )
    throw refuse(
      `${family} "${release}" is not in the lifecycle data${meant === null ? '' : `; did you mean "${meant}"?`}`,
      `known are ${ours.length === 0 ? 'none' : ours.map((candidate) => candidate.release).join(', ')}; a new one goes into pipeline/core/lifecycle-data.ts, with its source`,
    )
  }
  const lifecycle = lifecycleAt(row, now)
  switch (lifecycle.state) {
    case 'regular':
      return { lifecycle, warning: null }
    case 'lts':
      return {
        lifecycle,
        warning: `${family} ${release} is past its regular support (${row.regular}): long-term support until ${lifecycle.until}`,
      }
    case 'extended':
      throw refuse(
        `${family} ${release} gets updates only by extended support (until ${lifecycle.until}); its own ended on ${lastDay(row)}`,
      )
    case 'eol':
      throw refuse(`${family} ${release} is past its end of life (${lastDay(row)})`)
    case 'denied':
      throw refuse(`${family} ${release} is denied: ${row.denied}`)
  }
}

/** The row of a release, e.g. for showing its dates. */
export const lifecycleRow = ({ family, release }: Asked): LifecycleRow | null =>
  lifecycles.find((row) => row.family === family && row.release === release) ?? null

/** The codename of a release, e.g. trixie; null when it has none or is not known. */
export const codenameOf = (asked: Asked): string | null => lifecycleRow(asked)?.codename ?? null
