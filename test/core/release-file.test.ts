import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { firstLock, suitesOf } from '../../pipeline/core/debian-archive.ts'
import {
  checkRelease,
  parseGpgvStatus,
  parseRelease,
  parseReleaseDate,
  type ReleaseCheck,
} from '../../pipeline/core/release-file.ts'
import { MintmarkError } from '../../pipeline/errors.ts'

const automatic = '04B54C3CDCA79751B16BC6B5225629DF75B188BD'
const stable = '41587F7DB8C774BCCF131416762F67A0B2C39DE4'
const valid = (primary: string): string =>
  `[GNUPG:] VALIDSIG B8E5F13176D2A7A75220028078DBA3BC47EF2265 2026-11-20 1795140725 0 4 0 1 8 01 ${primary}`
const good = (primary: string): string =>
  `[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 78DBA3BC47EF2265 Debian\n${valid(primary)}\n`

const status = suite('gpgv status')

status('the primary key counts, not the subkey that signed', () => {
  assert.equal(parseGpgvStatus(good(stable) + good(automatic)), {
    good: [automatic, stable],
    bad: [],
    uncounted: [],
  })
})

status('an expired or revoked key counts for nothing, although gpgv calls its signature valid', () => {
  for (const word of ['EXPKEYSIG', 'REVKEYSIG', 'EXPSIG']) {
    const seen = parseGpgvStatus(
      `[GNUPG:] NEWSIG\n[GNUPG:] ${word} 78DBA3BC47EF2265 Debian\n${valid(automatic)}\n`,
    )
    assert.equal([seen.good, seen.bad, seen.uncounted.length], [[], [], 1], word)
  }
})

status('a good signature lends nothing to the next one', () => {
  const seen = parseGpgvStatus(`${good(automatic)}${valid(stable)}\n`)
  assert.equal(seen.good, [automatic])
})

status('a bad signature and an unknown key are told apart', () => {
  const seen = parseGpgvStatus(
    '[GNUPG:] BADSIG 78DBA3BC47EF2265 Debian\n[GNUPG:] ERRSIG 6ED0E7B82643E131 1 8 01 1795140707 9 4CB50190207B4758A3F73A796ED0E7B82643E131\n[GNUPG:] NO_PUBKEY 6ED0E7B82643E131\n',
  )
  assert.equal(seen, {
    good: [],
    bad: ['78DBA3BC47EF2265 Debian'],
    uncounted: ['4CB50190207B4758A3F73A796ED0E7B82643E131'],
  })
})

status('lines that are not gpgv-status lines say nothing', () => {
  assert.equal(parseGpgvStatus(good(automatic).replaceAll('[GNUPG:]', 'GNUPG:')).good, [])
  fc.assert(fc.property(fc.string(), (text) => parseGpgvStatus(text).good.length === 0))
})

status.run()

const text = (changes: Readonly<Record<string, string | null>> = {}): string => {
  const fields: Record<string, string | null> = {
    Origin: 'Debian',
    Label: 'Debian-Security',
    Suite: 'stable-security',
    Version: '13',
    Codename: 'trixie-security',
    Date: 'Fri, 20 Nov 2026 00:12:42 UTC',
    'Valid-Until': 'Fri, 27 Nov 2026 00:12:42 UTC',
    ...changes,
  }
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    value === null ? [] : [`${name}: ${value}`],
  )
  return `${lines.join('\n')}\nSHA256:\n ${'0'.repeat(64)} 1234 main/binary-amd64/Packages\n`
}

const fields = suite('Release fields')

fields('are read, a missing Valid-Until is null', () => {
  const read = parseRelease(text({ 'Valid-Until': null }))
  assert.is(read.codename, 'trixie-security')
  assert.is(read.validUntil, null)
})

fields('one that is there twice is refused', () => {
  assert.throws(
    () => parseRelease(`${text()}Codename: sid\n`),
    (error: unknown) =>
      error instanceof MintmarkError &&
      error.code === 'BASE_REFUSED' &&
      error.message.includes('Codename twice'),
  )
})

fields('dates are RFC 5322 in UTC and nothing else', () => {
  assert.is(parseReleaseDate('Fri, 20 Nov 2026 00:12:42 UTC'), Date.UTC(2026, 10, 20, 0, 12, 42))
  assert.is(parseReleaseDate('Fri,  20 Nov 2026 00:12:42 UTC'), null)
  for (const wrong of [
    '2026-11-20',
    'Fri, 20 Nov 2026 00:12:42 +0200',
    'tomorrow',
    '',
    'Fri, 45 Nov 2026 00:12:42 UTC',
  ]) {
    assert.is(parseReleaseDate(wrong), null, wrong)
  }
})

fields.run()

const judged = suite('judging a Release file')
const now = new Date('2026-11-22T03:30:00Z')
const lock = firstLock('13', now)
const [main, updates, security] = suitesOf('trixie')
assert.ok(main && updates && security)

interface Change {
  readonly fields?: Readonly<Record<string, string | null>>
  readonly status?: string
  readonly check?: Partial<ReleaseCheck>
}

const judge = (change: Change = {}) =>
  checkRelease({
    suite: security,
    lock,
    image: 'web',
    fields: parseRelease(text(change.fields)),
    signers: parseGpgvStatus(change.status ?? good(automatic)),
    sha256: 'a'.repeat(64),
    now,
    ...change.check,
  })

function refused(change: Change, ...says: readonly (string | RegExp)[]): void {
  try {
    judge(change)
  } catch (error) {
    assert.instance(error, MintmarkError)
    const { code, message, hint } = error as MintmarkError
    assert.is(code, 'BASE_REFUSED')
    assert.match(message, /^trixie\S* is refused: /)
    assert.ok(hint.length > 20)
    for (const part of says) assert.match(message, part)
    return
  }
  assert.unreachable(`accepted: ${JSON.stringify(change)}`)
}

judged('a good one becomes what the record says', () => {
  assert.equal(judge(), {
    suite: 'trixie-security',
    codename: 'trixie-security',
    version: null,
    date: '2026-11-20T00:12:42.000Z',
    validUntil: '2026-11-27T00:12:42.000Z',
    inRelease: 'a'.repeat(64),
    signedBy: [automatic],
  })
  const point = { Label: 'Debian', Suite: 'stable', Version: '13.7', Codename: 'trixie', 'Valid-Until': null }
  const seen = judge({ fields: point, check: { suite: main } })
  assert.equal([seen.version, seen.validUntil], ['13.7', null])
})

judged('Debian ages: its alias moves on, its codename does not', () => {
  for (const alias of ['oldstable-security', 'oldoldstable-security'])
    assert.is(judge({ fields: { Suite: alias } }).codename, 'trixie-security')
})

judged('another suite, however well signed, is refused with what was found and expected', () => {
  refused(
    { fields: { Codename: 'bookworm-security' } },
    'Codename is "bookworm-security", expected "trixie-security"',
  )
  refused({ fields: { Suite: 'testing-security' } }, 'Suite is "testing-security"', '"oldstable-security"')
  refused({ fields: { Suite: 'stable-updates' } }, 'stable-updates')
  refused({ fields: { Label: 'Debian' } }, 'Label')
  refused({ fields: { Origin: 'Debian Backports' } }, 'Origin')
  refused({ fields: { Version: '12' } }, 'Version is "12"')
  refused({ fields: { Codename: null } }, 'Codename is ""')
})

judged('only pinned keys count', () => {
  refused({ status: '' }, 'nor has any other', 'images/web.lock.json')
  refused(
    { status: good('B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8') },
    'only B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8',
  )
  refused(
    { status: `${good(automatic)}[GNUPG:] NEWSIG\n[GNUPG:] BADSIG 762F67A0B2C39DE4 Debian\n` },
    'does not fit its content',
  )
})

judged('older than the floor is a roll-back: both dates are named', () => {
  const floor = { 'trixie-security': '2026-11-20T00:12:43.000Z' }
  refused(
    { check: { lock: { ...lock, floor } } },
    '2026-11-20T00:12:42.000Z',
    '2026-11-20T00:12:43.000Z',
    'rolled back',
  )
  judge({ check: { lock: { ...lock, floor: { 'trixie-security': '2026-11-20T00:12:42.000Z' } } } })
})

judged('a day of clock difference is allowed, more is not', () => {
  judge({ check: { now: new Date('2026-11-19T00:12:42Z') } })
  refused(
    { check: { now: new Date('2026-11-19T00:12:41Z') } },
    '2026-11-20T00:12:42.000Z',
    '2026-11-19T00:12:41.000Z',
  )
})

judged('past its Valid-Until it is refused; one without has none', () => {
  const late = new Date('2026-11-27T00:12:43Z')
  judge({ check: { now: new Date('2026-11-27T00:12:42Z') } })
  refused({ check: { now: late } }, 'valid until 2026-11-27T00:12:42.000Z', '2026-11-27T00:12:43.000Z')
  judge({ fields: { 'Valid-Until': null }, check: { now: late } })
})

judged('a date that is none is refused, not taken for 1970', () => {
  refused({ fields: { Date: 'yesterday' } }, 'Date is "yesterday"')
  refused({ fields: { Date: null } }, 'no date')
  refused({ fields: { 'Valid-Until': 'never' } }, 'Valid-Until is "never"')
})

judged.run()
