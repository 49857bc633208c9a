import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compareVersions, levelOf, nextVersion } from '../../pipeline/core/versions.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import type { VersionFacts } from '../../pipeline/model/release.ts'

const it = suite('versions')

const before: VersionFacts = {
  os: 'debian-13',
  login: 'debian',
  layout: 'simple',
  profile: 'cis-l2-server',
  packages: { add: ['chrony', 'nginx'], remove: ['telnet'] },
  ports: [22, 443],
  controls: ['a', 'b'],
  bundle: 'aa'.repeat(32),
}
const bundle = 'bb'.repeat(32)

const cases: readonly (readonly [what: string, change: Partial<VersionFacts>, level: string])[] = [
  ['nothing but newer packages', {}, 'patch'],
  ['another OS release', { os: 'debian-14', bundle }, 'major'],
  ['another login user', { login: 'admin', bundle }, 'major'],
  ['another disk layout', { layout: 'cis', bundle }, 'major'],
  ['another profile', { profile: 'mlps-l3', bundle }, 'major'],
  ['a package less', { packages: { add: ['chrony'], remove: ['telnet'] }, bundle }, 'major'],
  [
    'a package of the base taken out',
    { packages: { ...before.packages, remove: ['perl', 'telnet'] }, bundle },
    'major',
  ],
  ['a port closed', { ports: [22], bundle }, 'major'],
  ['a port closed and one opened', { ports: [22, 8443], bundle }, 'major'],
  [
    'a package more',
    { packages: { ...before.packages, add: ['chrony', 'nginx', 'rsyslog'] }, bundle },
    'minor',
  ],
  [
    'a package of the base no longer taken out',
    { packages: { ...before.packages, remove: [] }, bundle },
    'minor',
  ],
  ['a port opened', { ports: [22, 80, 443], bundle }, 'minor'],
  ['a control more', { controls: ['a', 'b', 'c'], bundle }, 'minor'],
  ['a control less', { controls: ['a'], bundle }, 'minor'],
  ['a template changed', { bundle }, 'minor'],
  [
    'a package added and another removed',
    { packages: { add: ['nginx', 'rsyslog'], remove: ['telnet'] }, bundle },
    'major',
  ],
  ['a port opened and a control more', { ports: [22, 80, 443], controls: ['a', 'b', 'c'], bundle }, 'minor'],
  [
    'another OS release and a package more',
    { os: 'debian-14', packages: { ...before.packages, add: ['chrony', 'nginx', 'rsyslog'] }, bundle },
    'major',
  ],
  ['another profile with the same controls', { profile: 'baseline', controls: ['a', 'b'], bundle }, 'major'],
  ['a control for another one', { controls: ['a', 'c'], bundle }, 'minor'],
  ['a port closed, and nothing else that the bundle tells', { ports: [22] }, 'major'],
  [
    'all at once',
    {
      os: 'debian-14',
      login: 'admin',
      layout: 'cis',
      profile: 'mlps-l3',
      packages: { add: [], remove: [] },
      ports: [],
      controls: [],
      bundle,
    },
    'major',
  ],
]

for (const [what, change, level] of cases) {
  it(`${what}: ${level}`, () => {
    assert.is(levelOf(before, { ...before, ...change }), level)
  })
}

it('does not mind the order of lists', () => {
  const shuffled = { ...before, ports: [443, 22], packages: { add: ['nginx', 'chrony'], remove: ['telnet'] } }
  assert.is(levelOf(before, shuffled), 'patch')
})

const previous = { version: '1.4.2', facts: before }

it('begins with 1.0.0 and goes on one level up', () => {
  assert.is(nextVersion(null, before, null), '1.0.0')
  assert.is(nextVersion(previous, before, null), '1.4.3')
  assert.is(nextVersion(previous, { ...before, bundle }, null), '1.5.0')
  assert.is(nextVersion(previous, { ...before, os: 'debian-14' }, null), '2.0.0')
})

it('never gives a taken number again', () => {
  assert.is(nextVersion(null, before, null, ['1.0.0']), '1.0.1')
  assert.is(nextVersion(previous, before, null, ['1.4.2', '1.4.3', '1.4.4']), '1.4.5')
  assert.is(nextVersion(previous, { ...before, bundle }, null, ['1.4.2', '1.4.3']), '1.5.0')
  assert.is(nextVersion(previous, { ...before, bundle }, null, ['1.5.0']), '1.5.1')
  assert.is(nextVersion(previous, before, null, ['2.0.0']), '2.0.1')
  assert.is(nextVersion(previous, before, null, ['1.10.0', '1.9.0']), '1.10.1')
})

const codeOf = (work: () => unknown): string => {
  try {
    work()
    return 'nothing thrown'
  } catch (cause) {
    return cause instanceof MintmarkError ? cause.code : String(cause)
  }
}

it('takes a given version only above all taken ones', () => {
  assert.is(nextVersion(previous, before, '3.0.0', ['1.4.2', '2.0.0']), '3.0.0')
  assert.is(nextVersion(null, before, '0.1.0'), '0.1.0')
  for (const given of [
    '1.4.2',
    '1.4.1',
    '2.0.0',
    '0.9.9',
    'v3.0.0',
    '3.0',
    '3.0.0-rc.1',
    '03.0.0',
    '',
    'latest',
  ]) {
    assert.is(
      codeOf(() => nextVersion(previous, before, given, ['1.4.2', '2.0.0'])),
      'USAGE',
      given,
    )
  }
})

it('is always above everything that was taken', () => {
  const version = fc.tuple(fc.nat(30), fc.nat(30), fc.nat(30)).map((parts) => parts.join('.'))
  fc.assert(
    fc.property(
      version,
      fc.array(version),
      fc.constantFrom({}, { bundle }, { os: 'x' }),
      (last, taken, change) => {
        const next = nextVersion({ version: last, facts: before }, { ...before, ...change }, null, taken)
        for (const other of [last, ...taken]) assert.ok(compareVersions(next, other) > 0)
      },
    ),
  )
})

it('a person may ask for more than the changes call for, and never for less', () => {
  const previous = { version: '1.4.2', facts: before }
  const minor = { ...before, bundle }
  assert.is(nextVersion(previous, minor, null, [], 'minor'), '1.5.0')
  assert.is(nextVersion(previous, minor, null, [], 'major'), '2.0.0')
  assert.is(nextVersion(previous, minor, null, ['1.4.2', '1.5.0'], 'minor'), '1.5.1')
  assert.is(nextVersion(null, minor, null, [], 'patch'), '1.0.0')
  assert.is(nextVersion(previous, minor, '1.4.3', [], null), '1.4.3', 'a version itself is free')
  try {
    nextVersion(previous, minor, null, [], 'patch')
    assert.unreachable()
  } catch (cause) {
    assert.ok(cause instanceof MintmarkError)
    assert.is(cause.code, 'USAGE')
    assert.is(cause.message, '--bump is "patch", and what changed since 1.4.2 calls for a minor version')
  }
})

it.run()
