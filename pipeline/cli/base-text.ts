import { columns } from '../core/columns.ts'
import { daysSince } from '../core/days.ts'
import { lifecycleAt } from '../core/lifecycle.ts'
import type { MintmarkError } from '../errors.ts'
import type { AmiLock } from '../model/ami.ts'
import type { ArchiveLock, ImageLock } from '../model/base.ts'
import type { LifecycleRow } from '../model/lifecycle.ts'
import type { BaseSight } from '../targets/target.ts'
import { localTime } from './local-time.ts'

/** `90d of 1 d, 89 d left`: the age against what the definition allows. */
export function ageText(born: string, maxAge: string, now: Date): string {
  const age = daysSince(born, now)
  const left = Number.parseInt(maxAge, 10) - age
  return `${age} d of at most ${Number.parseInt(maxAge, 10)} d${left < 0 ? ': too old' : `, ${left} d left`}`
}

export const refusals = (sights: readonly BaseSight[]): readonly MintmarkError[] =>
  sights.flatMap((sight) => ('refused' in sight ? [sight.refused] : []))

export const problemLines = (error: MintmarkError): readonly string[] => [
  '',
  error.message,
  ...error.lines,
  `  fix: ${error.hint}`,
]

function suiteRow(sight: BaseSight, lock: ArchiveLock, now: Date): readonly string[] {
  const floor = lock.floor[sight.suite]
  const since = floor === undefined ? '-' : localTime(floor)
  if ('refused' in sight) return [sight.suite, since, 'refused', '', '', '', '']
  const { date, validUntil, inRelease, signedBy } = sight.seen
  return [
    sight.suite,
    since,
    localTime(date),
    `${daysSince(date, now)} d`,
    validUntil === null ? '-' : localTime(validUntil),
    `sha256:${inRelease.slice(0, 12)}…`,
    signedBy.map((fingerprint) => fingerprint.slice(-16)).join(' '),
  ]
}

const header = ['suite', 'accepted since', 'in the archive', 'age', 'valid until', 'InRelease', 'signed by']

/** The archive's lock and what the archive has now. */
export function archiveText(
  image: string,
  lock: ArchiveLock,
  sights: readonly BaseSight[],
  lifecycle: readonly string[],
  now: Date,
): string {
  const table = columns([header, ...sights.map((sight) => suiteRow(sight, lock, now))])
  return [
    `${image}: ${lock.distribution} ${lock.release} (${lock.codename}) from the signed archive`,
    ...lifecycle,
    `images/${image}.lock.json of ${localTime(lock.updated)} accepts signatures by`,
    ...lock.keys.map((key) => `  ${key.fingerprint}  ${key.name}`),
    '',
    table.trimEnd(),
    ...refusals(sights).flatMap(problemLines),
  ].join('\n')
}

/** The image that a lock pins, with its evidence. */
export function imageText(
  image: string,
  lock: ImageLock,
  maxAge: string,
  lifecycle: readonly string[],
  now: Date,
): string {
  const { signature, checksums } = lock
  const rows = [
    ['publisher', lock.publisher === 'local' ? 'local: a file of your own' : lock.publisher],
    ['image', lock.name],
    ['address', lock.url ?? '-'],
    ['sha256', lock.sha256],
    ['checksums', checksums === null ? '-' : `${checksums.name} sha256:${checksums.sha256}`],
    ...(signature === null
      ? [['signature', 'NONE: no publisher vouches for these bytes']]
      : [
          ['signature', `${signature.fingerprint}  ${signature.name}`],
          ['', `made ${localTime(signature.made)}, verified ${localTime(signature.checked)}`],
          ['', `the key is from ${signature.origin}`],
        ]),
    ['built', `${lock.built.slice(0, 10)}, ${ageText(lock.built, maxAge, now)}`],
  ]
  const codename = lock.codename === null ? '' : ` (${lock.codename})`
  return [
    `${image}: ${lock.distribution} ${lock.release}${codename} from an image, ${lock.arch}`,
    ...lifecycle,
    `images/${image}.lock.json of ${localTime(lock.updated)} pins`,
    columns(rows).trimEnd(),
  ].join('\n')
}

/** The AMI that a lock pins, in each region that it was looked up in. */
export function amiText(
  image: string,
  lock: AmiLock,
  maxAge: string,
  lifecycle: readonly string[],
  now: Date,
): string {
  const { selector } = lock
  const rows = [
    ['publisher', `${lock.publisher}, account ${lock.owner}`],
    ['AMI', lock.name],
    ['found by', selector.by === 'parameter' ? selector.parameter : selector.pattern],
    ...Object.entries(lock.regions).map(([region, ami]) => [
      region,
      `${ami.imageId}, snapshot ${ami.snapshot}, made ${localTime(ami.created)}`,
    ]),
    ['built', `${lock.built.slice(0, 10)}, ${ageText(lock.built, maxAge, now)}`],
  ]
  return [
    `${image}: ${lock.distribution} ${lock.release} from an AMI, ${lock.arch}`,
    ...lifecycle,
    `images/${image}.lock.json of ${localTime(lock.updated)} pins`,
    columns(rows).trimEnd(),
  ].join('\n')
}

/** State and dates of a release; a release that is not known has none. */
export function lifecycleLines(row: LifecycleRow | null, now: Date): readonly string[] {
  if (row === null) return ['lifecycle: not known']
  const { state } = lifecycleAt(row, now)
  const dates = [
    `regular until ${row.regular}`,
    ...(row.lts === null ? [] : [`lts until ${row.lts}`]),
    ...(row.extended === null ? [] : [`extended until ${row.extended}`]),
    ...(row.denied === null ? [] : [`denied: ${row.denied}`]),
  ]
  return [`lifecycle: ${state} (${dates.join(', ')})`, `  by ${row.source}`]
}
