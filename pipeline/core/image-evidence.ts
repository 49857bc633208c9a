import { MintmarkError } from '../errors.ts'
import type { ImageLock } from '../model/base.ts'
import { shownAddress } from '../model/shown-address.ts'
import { dayMs } from './days.ts'
import type { Publisher, PublisherKey } from './publishers.ts'
import { parseGpgvStatus } from './release-file.ts'

const refuse = (what: string, hint?: string): MintmarkError =>
  new MintmarkError('BASE_REFUSED', what, hint === undefined ? {} : { hint })

/**
 * The publisher of a family's images of this release, when there is one and it can be trusted.
 * @throws MintmarkError BASE_REFUSED
 */
export function publisherOf(
  { family, release }: { readonly family: string; readonly release: string },
  table: readonly Publisher[],
): Publisher {
  const known = table.find((candidate) => candidate.family === family)
  if (known === undefined) {
    throw refuse(
      `no publisher of images of ${family} is known`,
      `known are ${table.map((candidate) => candidate.family).join(', ')}; with a file of your own: base: {from: image, file: PATH}`,
    )
  }
  if (known.refused !== null || known.keys.length === 0 || known.signature === null)
    throw refuse(
      `no pinned key of the publisher: ${known.title}: ${known.refused ?? 'it has none'}`,
      'with an image that you have checked yourself: base: {from: image, file: PATH}',
    )
  if (!(release in known.releases))
    throw refuse(
      `${known.title} is not known for ${family} ${release}`,
      `known are ${Object.keys(known.releases).join(', ')}; a new one goes into pipeline/core/publishers.ts`,
    )
  return known
}

/** The newest build among the names of an index, by its date (group 1), then by its name; null when there is none. */
export function newestBuild(names: readonly string[], pattern: RegExp): string | null {
  const dated = names.flatMap((name) => {
    const date = pattern.exec(name)?.[1]
    return date === undefined ? [] : [{ name, date }]
  })
  const order = (a: (typeof dated)[number], b: (typeof dated)[number]): number =>
    b.date.localeCompare(a.date) || b.name.localeCompare(a.name, 'en', { numeric: true })
  return dated.sort(order)[0]?.name ?? null
}

/** Names that a web server's listing of a folder links to, folders without their slash. */
export function namesInIndex(html: string): readonly string[] {
  const names = [...html.matchAll(/<a\s[^>]*?href="(?:\.\/)?([^"/?#]+)\/?"/gi)].map((match) => match[1] ?? '')
  return [...new Set(names)].filter((name) => name !== '..' && name !== '.')
}

/** The day in a build's name as an instant. @throws MintmarkError BASE_REFUSED when it is no day */
export function dayOf(digits: string): string {
  const day = `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6, 8)}T00:00:00.000Z`
  const ms = Date.parse(day)
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== day)
    throw refuse(`"${digits}" in the build's name is no date`)
  return day
}

/** An address of the publisher's at the mirror instead: a URL, or an absolute path of a folder. */
export function mirrored(url: string, host: string, mirror: string | null): string {
  return mirror === null ? url : `${mirror.replace(/\/+$/, '')}${url.slice(host.length)}`
}

/** @throws MintmarkError CONFIG_INVALID for a setting that is neither a URL nor an absolute path */
export function mirrorSettingOf(value: string | undefined): string | null {
  if (value === undefined || value === '') return null
  if (/^\/[^\p{Cc}]*$/u.test(value)) return value
  const url = URL.canParse(value) ? new URL(value) : null
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '')
    return value
  throw new MintmarkError(
    'CONFIG_INVALID',
    `MINTMARK_IMAGE_MIRROR is "${shownAddress(value)}": an http or https address without credentials or an absolute path is needed`,
    { hint: 'export MINTMARK_IMAGE_MIRROR=https://mirror.corp.example, or unset it' },
  )
}

interface Signed {
  readonly key: PublisherKey
  /** When the signature was made. */
  readonly made: string
}

/** RFC 9580, 9.5: SHA-256, SHA-384, SHA-512. */
const strongDigests = new Set(['8', '9', '10'])

/**
 * Who signed a checksum file, by what `gpgv --status-fd` said about it. The hash of the signature over the file must be
 * strong. How a key signed itself does not matter: its fingerprint is pinned.
 * @throws MintmarkError BASE_REFUSED
 */
export function checkSignature(status: string, file: string, publisher: Publisher): Signed {
  const signers = parseGpgvStatus(status)
  if (signers.bad.length > 0)
    throw refuse(`the signature does not fit ${file} (${signers.bad.join('; ')})`, mirrorHint)
  const key = publisher.keys.find((candidate) => signers.good.includes(candidate.fingerprint))
  if (key === undefined) {
    const others = [...signers.good, ...signers.uncounted]
    throw refuse(
      `${file} is not signed by a pinned key of ${publisher.title}: ${others.length === 0 ? 'by nobody' : `by ${others.join(', ')}`}`,
      mirrorHint,
    )
  }
  const fields = status
    .split('\n')
    .map((line) => line.trim().split(' '))
    .find((words) => words[1] === 'VALIDSIG' && words[11] === key.fingerprint)
  const seconds = Number(fields?.[4])
  if (fields === undefined || !Number.isInteger(seconds))
    throw refuse(`gpgv does not say when ${file} was signed`)
  if (!strongDigests.has(fields[9] ?? ''))
    throw refuse(`${file} is signed with a weak hash (algorithm ${fields[9]} of RFC 9580)`, mirrorHint)
  return { key, made: new Date(seconds * 1000).toISOString() }
}

const mirrorHint = 'the mirror may be broken or dishonest: unset MINTMARK_IMAGE_MIRROR and try again'

/**
 * Dates that must fit: the signature was made after the build (an old checksum file in a new folder is a roll-back), nothing
 * is from the future, nothing is older than what the lock had.
 * @throws MintmarkError BASE_REFUSED
 */
export function checkDates(
  found: { readonly name: string; readonly built: string; readonly made: string | null },
  earlier: Pick<ImageLock, 'built' | 'signature' | 'name'> | null,
  now: Date,
): void {
  const at = (instant: string): number => Date.parse(instant)
  if (found.made !== null && at(found.made) < at(found.built)) {
    throw refuse(
      `${found.name} is of ${found.built}, and its checksums were signed before that, on ${found.made}: an older build under a newer name`,
      mirrorHint,
    )
  }
  for (const instant of [found.built, ...(found.made === null ? [] : [found.made])]) {
    if (at(instant) > now.getTime() + dayMs)
      throw refuse(
        `${found.name} is of ${instant}, more than a day after this machine's clock (${now.toISOString()})`,
        'set the clock of this machine: timedatectl status',
      )
  }
  if (earlier === null) return
  const made = earlier.signature?.made
  if (
    at(found.built) < at(earlier.built) ||
    (found.made !== null && made !== undefined && at(found.made) < at(made))
  ) {
    throw refuse(
      `${found.name} of ${found.built} is older than what the lock pins, ${earlier.name} of ${earlier.built}: the mirror was rolled back or lags behind`,
      'unset MINTMARK_IMAGE_MIRROR, or wait until the mirror has caught up',
    )
  }
}

/** @throws MintmarkError BASE_REFUSED for a base that is older than the definition allows */
export function checkAge(
  {
    what,
    born,
    maxAge,
    mend,
  }: { readonly what: string; readonly born: string; readonly maxAge: string; readonly mend: string },
  now: Date,
): void {
  const days = Number(maxAge.slice(0, -1))
  const age = (now.getTime() - Date.parse(born)) / dayMs
  if (age <= days) return
  throw refuse(`${what} is of ${born}, ${Math.floor(age)} days old, older than ${maxAge}`, mend)
}
