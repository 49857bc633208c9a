import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { firstLock } from '../../pipeline/core/debian-archive.ts'
import {
  fingerprintChanges,
  fingerprintOf,
  pinOfAmi,
  pinOfArchive,
  pinOfBase,
  workDigest,
} from '../../pipeline/core/fingerprint.ts'
import type { AmiLock, RegionalAmi } from '../../pipeline/model/ami.ts'
import { Definition } from '../../pipeline/model/definition.ts'
import type { Fingerprint } from '../../pipeline/model/release.ts'
import { amiLock } from '../helpers/ami-release.ts'
import { base, definition } from '../helpers/release-fixture.ts'

const prints = suite('fingerprint')
const day = new Date('2026-11-22T03:00:00Z')
const a = 'a'.repeat(64)
const b = 'b'.repeat(64)

const print = (change: Partial<Fingerprint> = {}): Fingerprint => ({
  ...fingerprintOf({
    base: { from: 'archive', digest: a, name: 'debian 13' },
    definition,
    bundle: a,
    tools: { packer: '1.11.2', trivy: '0.70.0' },
  }),
  ...change,
})
const changes = (before: Partial<Fingerprint>, now: Partial<Fingerprint>): readonly string[] =>
  fingerprintChanges('web', print(before), print(now))

prints('equal inputs, no change', () => {
  assert.equal(changes({}, {}), [])
})

prints('who answers, who gets it and what channels need are no part of the work; all else is', () => {
  const owned: Definition = { ...definition, owner: 'team-other' }
  const channels = {
    nightly: {},
    stable: { needs: { approvals: 2, soak: '7d' }, share: { qemu: ['folder:/srv/golden'] } },
  }
  const shared = Definition.parse({ ...definition, channels })
  for (const other of [owned, shared]) {
    assert.is(workDigest(other), workDigest(definition))
    assert.equal(
      fingerprintOf({
        base: { from: 'archive', digest: a, name: 'debian 13' },
        definition: other,
        bundle: a,
        tools: {},
      }),
      fingerprintOf({
        base: { from: 'archive', digest: a, name: 'debian 13' },
        definition,
        bundle: a,
        tools: {},
      }),
    )
  }
  for (const field of Object.keys(definition).filter((name) => name !== 'owner' && name !== 'channels'))
    assert.is.not(workDigest({ ...definition, [field]: 'other' }), workDigest(definition), field)
})

prints('each cause has its own words', () => {
  assert.equal(changes({}, { bundle: b }), [
    'images/web.yaml, a file of its content, templates/ or hardening/ changed (bundle aaaaaaaa -> bbbbbbbb)',
  ])
  assert.equal(changes({}, { tools: { packer: '1.12.0', trivy: '0.70.0' } }), ['packer 1.11.2 -> 1.12.0'])
  assert.equal(changes({}, { tools: { packer: '1.11.2' } }), ['trivy 0.70.0 -> none'])
  const archive = (digest: string): Partial<Fingerprint> => ({
    base: { from: 'archive', digest, name: 'debian 13' },
  })
  assert.equal(changes(archive(a), archive(b)), [
    'images/web.lock.json or the recipe of the bootstrap changed (aaaaaaaa -> bbbbbbbb)',
  ])
  const image = (digest: string): Partial<Fingerprint> => ({
    base: { from: 'image', digest, name: 'debian 13' },
  })
  assert.equal(changes(image(a), image(b)), [
    'images/web.lock.json pins another base image (aaaaaaaa -> bbbbbbbb)',
  ])
  assert.equal(changes(image(a), archive(a)), ['the base changed from image to archive'])
  const parent = (digest: string, name: string): Partial<Fingerprint> => ({
    base: { from: 'parent', digest, name },
  })
  assert.equal(changes(parent(a, 'corp-base 1.2.0'), parent(b, 'corp-base 1.3.0')), [
    'the parent corp-base 1.2.0 -> 1.3.0',
  ])
  assert.equal(changes(parent(a, 'corp-base 1.2.0'), parent(b, 'other 1.0.0')), [
    'the parent corp-base 1.2.0 -> other 1.0.0',
  ])
  assert.equal(changes(parent(a, 'corp-base 1.2.0'), parent(b, 'corp-base 1.2.0')), [
    'the parent corp-base 1.2.0 has another record (aaaaaaaa -> bbbbbbbb)',
  ])
})

prints('what is built or tested differently without being in the bundle counts, the rest does not', () => {
  const of = (change: Partial<typeof definition>): Fingerprint =>
    fingerprintOf({
      base: print().base,
      definition: { ...definition, ...change },
      bundle: a,
      tools: print().tools,
    })
  assert.equal(fingerprintChanges('web', print(), of({ test: [{ run: 'nginx -t', exit: 0 }] })), [
    'images/web.yaml changed: test',
  ])
  assert.equal(fingerprintChanges('web', print(), of({ disk: { ...definition.disk, size: '9G' } })), [
    'images/web.yaml changed: disk',
  ])
  assert.equal(fingerprintChanges('web', print(), of({ owner: 'team-other' })), [])
})

prints('a lock that was only looked at again is the same; other keys and another recipe are not', () => {
  const lock = firstLock('13', day)
  const later = {
    ...lock,
    updated: '2027-01-01T00:00:00.000Z',
    floor: { trixie: '2026-12-31T00:00:00.000Z' },
  }
  assert.is(pinOfArchive(later, 'r'), pinOfArchive(lock, 'r'))
  assert.is.not(pinOfArchive(lock, 'r2'), pinOfArchive(lock, 'r'))
  assert.is.not(pinOfArchive({ ...lock, keys: [] }, 'r'), pinOfArchive(lock, 'r'))
})

prints('an AMI that its publisher brought out once more is another; one more region is not', () => {
  const [region = '', image] = Object.entries(amiLock.regions)[0] ?? []
  const pin = pinOfAmi(amiLock, image)
  assert.ok(image)
  const regions: Readonly<Record<string, RegionalAmi>> = { ...amiLock.regions, 'ap-south-1': image }
  const wider: AmiLock = { ...amiLock, regions }
  assert.is(pinOfAmi(wider, wider.regions[region]), pin)
  assert.is.not(pinOfAmi(amiLock, { ...image, imageId: 'ami-0000000000000000a' }), pin)
  assert.is.not(pinOfAmi(amiLock, { ...image, snapshot: 'snap-0000000000000000a' }), pin)
})

prints('a base says what it was made of', () => {
  assert.equal(
    pinOfBase(base, () => b),
    { from: 'archive', digest: b, name: 'debian 13' },
  )
})

prints.run()
