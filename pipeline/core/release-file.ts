import { MintmarkError } from '../errors.ts'
import type { ArchiveLock, SeenSuite } from '../model/base.ts'
import { dayMs } from './days.ts'
import type { Suite } from './debian-archive.ts'

/** What `gpgv --status-fd` said about one file. */
export interface Signers {
  /** Primary keys with a good signature, upper-case hex, sorted. */
  readonly good: readonly string[]
  /** Signatures that do not fit the content, in gpgv's words: one is enough to refuse the file. */
  readonly bad: readonly string[]
  /** Signatures that count for nothing: by a key that is not in the keyring, expired or revoked, or of an unknown kind. */
  readonly uncounted: readonly string[]
}

/**
 * Reads gpgv's status lines. A VALIDSIG alone proves nothing: gpgv says it for expired and revoked keys too, so the
 * GOODSIG of the same signature must stand before it.
 */
export function parseGpgvStatus(status: string): Signers {
  const good = new Set<string>()
  const bad = new Set<string>()
  const uncounted = new Set<string>()
  let isGood = false
  for (const line of status.split('\n')) {
    const [mark, keyword = '', ...rest] = line.trim().split(' ')
    if (mark !== '[GNUPG:]') continue
    if (keyword === 'NEWSIG') isGood = false
    else if (keyword === 'GOODSIG') isGood = true
    else if (keyword === 'BADSIG') {
      isGood = false
      bad.add(rest.join(' '))
    } else if (/^(EXPSIG|EXPKEYSIG|REVKEYSIG)$/.test(keyword)) {
      isGood = false
      uncounted.add(`${rest.join(' ')} (${keyword === 'REVKEYSIG' ? 'revoked' : 'expired'})`)
    } else if (keyword === 'ERRSIG') {
      isGood = false
      // The last field, which older versions lack, is the signing key's fingerprint; the first its id.
      uncounted.add(rest[6] !== undefined && rest[6] !== '-' ? rest[6] : (rest[0] ?? ''))
    } else if (keyword === 'VALIDSIG' && isGood) {
      const primary = rest[9] ?? rest[0] ?? ''
      if (/^[0-9A-F]{40}$/.test(primary)) good.add(primary)
      isGood = false
    }
  }
  return { good: [...good].sort(), bad: [...bad].sort(), uncounted: [...uncounted].sort() }
}

export interface ReleaseFields {
  readonly origin: string
  readonly label: string
  readonly suite: string
  readonly codename: string
  readonly version: string
  readonly date: string
  readonly validUntil: string | null
}

/**
 * The fields of a Release file that say what it is. Give it only the text that the signature covers.
 * A field that is there twice is refused: two readers could believe two different things.
 */
export function parseRelease(text: string): ReleaseFields {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^([A-Za-z-]+):(.*)$/.exec(line)
    if (match === null) continue
    const name = (match[1] ?? '').toLowerCase()
    if (fields.has(name))
      throw new MintmarkError('BASE_REFUSED', `the Release file has the field ${match[1]} twice`)
    fields.set(name, (match[2] ?? '').trim())
  }
  const field = (name: string): string => fields.get(name) ?? ''
  return {
    origin: field('origin'),
    label: field('label'),
    suite: field('suite'),
    codename: field('codename'),
    version: field('version'),
    date: field('date'),
    validUntil: fields.get('valid-until') ?? null,
  }
}

/** Milliseconds since 1970 of a Release file's date (RFC 5322, always UTC), or null. */
export function parseReleaseDate(text: string): number | null {
  if (!/^(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} (?:UTC|GMT|\+0000)$/.test(text))
    return null
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? null : ms
}

export interface ReleaseCheck {
  readonly suite: Suite
  readonly lock: ArchiveLock
  readonly image: string
  readonly fields: ReleaseFields
  readonly signers: Signers
  /** Of the file as it was served, signature included: lower-case hex. */
  readonly sha256: string
  readonly now: Date
}

/**
 * Judges one suite's signed Release file: who signed it, whether it is the suite that was asked for, and whether it is
 * neither older than the lock's floor, nor from the future, nor past its Valid-Until.
 *
 * The Codename must be exact. The field Suite is an alias that moves with every new Debian (stable, oldstable,
 * oldoldstable), so any of these is right, but with the suite's own ending: `stable-updates` is never taken for
 * `stable-security`, nor is testing or a proposed update.
 * @throws MintmarkError BASE_REFUSED with what was found and what was expected
 */
export function checkRelease(check: ReleaseCheck): SeenSuite {
  const { suite, lock, image, fields, signers } = check
  const refuse = (what: string, hint: string): MintmarkError =>
    new MintmarkError('BASE_REFUSED', `${suite.name} is refused: ${what}`, {
      hint,
      where: { suite: suite.name },
    })
  const mirror =
    'the mirror may be broken or dishonest: export MINTMARK_DEBIAN_MIRROR=http://deb.debian.org/debian and MINTMARK_DEBIAN_SECURITY_MIRROR=http://deb.debian.org/debian-security'

  const pinned = new Set(lock.keys.map((key) => key.fingerprint))
  const signedBy = signers.good.filter((fingerprint) => pinned.has(fingerprint))
  if (signers.bad.length > 0)
    throw refuse(`a signature does not fit its content (${signers.bad.join('; ')})`, mirror)
  if (signedBy.length === 0) {
    const others = [...signers.good, ...signers.uncounted]
    throw refuse(
      `none of the ${pinned.size} keys that images/${image}.lock.json pins has signed it, ${others.length === 0 ? 'nor has any other' : `only ${others.join(', ')}`}`,
      `compare the keys in images/${image}.lock.json with https://ftp-master.debian.org/keys.html; ${mirror}`,
    )
  }

  const expect = (name: string, found: string, isRight: boolean, expected: string): void => {
    if (!isRight) throw refuse(`its ${name} is "${found}", expected ${expected}`, mirror)
  }
  expect('Origin', fields.origin, fields.origin === 'Debian', '"Debian"')
  expect('Label', fields.label, fields.label === suite.label, `"${suite.label}"`)
  expect('Codename', fields.codename, fields.codename === suite.name, `"${suite.name}"`)
  const aliases = ['stable', 'oldstable', 'oldoldstable'].map((alias) => `${alias}${suite.suffix}`)
  expect(
    'Suite',
    fields.suite,
    aliases.includes(fields.suite),
    aliases.map((alias) => `"${alias}"`).join(' or '),
  )
  const [major = ''] = fields.version.split(/[.-]/)
  expect('Version', fields.version, major === lock.release, `"${lock.release}" or a point release of it`)

  const now = check.now.getTime()
  const date = parseReleaseDate(fields.date)
  if (date === null) throw refuse(`its Date is "${fields.date}", which is no date`, mirror)
  const iso = (ms: number): string => new Date(ms).toISOString()
  const floor = lock.floor[suite.name]
  if (floor !== undefined && date < Date.parse(floor)) {
    throw refuse(
      `its Date is ${iso(date)}, older than ${floor}, the oldest that images/${image}.lock.json accepts: the mirror was rolled back or lags behind`,
      'use another mirror (MINTMARK_DEBIAN_MIRROR, MINTMARK_DEBIAN_SECURITY_MIRROR), or wait until this one has caught up',
    )
  }
  if (date > now + dayMs) {
    throw refuse(
      `its Date is ${iso(date)}, more than a day after this machine's clock (${check.now.toISOString()})`,
      'set the clock of this machine: timedatectl status',
    )
  }
  const validUntil = fields.validUntil === null ? null : parseReleaseDate(fields.validUntil)
  if (fields.validUntil !== null && validUntil === null)
    throw refuse(`its Valid-Until is "${fields.validUntil}", which is no date`, mirror)
  if (validUntil !== null && validUntil < now) {
    throw refuse(
      `it was valid until ${iso(validUntil)}, and it is ${check.now.toISOString()}: the mirror no longer gets updates, or this machine's clock is wrong`,
      'use another mirror (MINTMARK_DEBIAN_MIRROR, MINTMARK_DEBIAN_SECURITY_MIRROR), or set the clock: timedatectl status',
    )
  }
  return {
    suite: suite.name,
    codename: fields.codename,
    version: /^\d+\.\d+$/.test(fields.version) ? fields.version : null,
    date: iso(date),
    validUntil: validUntil === null ? null : iso(validUntil),
    inRelease: check.sha256,
    signedBy,
  }
}
