import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bornOfLock, pinnedOf, reviewedOf } from '../../pipeline/core/pinned-lock.ts'
import { ArchiveLock, ImageLock } from '../../pipeline/model/base.ts'
import { amiLock } from '../helpers/ami-release.ts'
import { textOf } from '../helpers/sources.ts'

const pinned = suite('pinned-lock')

const archive = ArchiveLock.parse(JSON.parse(textOf('images/debian-13.lock.json')))
const image = ImageLock.parse({
  schema: 1,
  from: 'image',
  publisher: 'canonical',
  distribution: 'ubuntu',
  release: '24.04',
  codename: 'noble',
  arch: 'x86_64',
  name: 'noble-20261101.img',
  url: 'https://cloud-images.ubuntu.com/releases/noble/release-20261101/noble-20261101.img',
  sha256: 'a'.repeat(64),
  checksums: { name: 'SHA256SUMS', sha256: 'b'.repeat(64) },
  signature: {
    fingerprint: 'A'.repeat(40),
    name: 'a key',
    origin: 'made by this test',
    made: '2026-11-01T00:00:00Z',
    checked: '2026-11-22T00:00:00Z',
  },
  built: '2026-11-01T00:00:00Z',
  updated: '2026-11-22T00:00:00Z',
})
const floorOf = (suites: Readonly<Record<string, string>>): ArchiveLock => ({
  ...archive,
  floor: { ...archive.floor, ...suites },
})

pinned('when it was looked at changes nothing; what it pins does', () => {
  assert.ok(image.signature)
  const again = {
    ...image,
    updated: '2026-11-23T00:00:00Z',
    signature: { ...image.signature, checked: '2026-11-23T00:00:00Z' },
  }
  const other = { ...image, sha256: 'c'.repeat(64) }
  for (const of of [pinnedOf, reviewedOf]) {
    assert.is(of(again), of(image))
    assert.is.not(of(other), of(image))
    assert.is.not(of({ ...amiLock, name: 'another' }), of(amiLock))
    assert.is.not(of({ ...archive, keys: archive.keys.slice(1) }), of(archive))
  }
})

pinned('a file of the team’s own is what its bytes are', () => {
  const own: ImageLock = { ...image, publisher: 'local', url: null, checksums: null, signature: null }
  const later = { ...own, built: '2026-11-23T00:00:00Z' }
  assert.is(reviewedOf(later), reviewedOf(own))
  assert.is.not(reviewedOf({ ...own, sha256: 'c'.repeat(64) }), reviewedOf(own))
  assert.is.not(reviewedOf({ ...image, built: later.built }), reviewedOf(image))
})

pinned('an archive is as old as its newest floor', () => {
  assert.equal([archive, image, amiLock, { ...archive, floor: {} }].map(bornOfLock), [
    '2026-11-20T02:11:10.000Z',
    '2026-11-01T00:00:00Z',
    '2026-09-12T00:00:00.000Z',
    archive.updated,
  ])
})

pinned('floors of an archive are new to people once a week', () => {
  const days = [...Array(28).keys()].map((day) => new Date(Date.UTC(2026, 10, 20 + day, 3)).toISOString())
  const locks = days.map((day) => floorOf({ 'trixie-security': day }))
  assert.is(new Set(locks.map(pinnedOf)).size, 28)
  const seen = locks.map(reviewedOf)
  const moves = seen.filter((text, index) => index > 0 && text !== seen[index - 1]).length
  assert.is(moves, 4)
  assert.is(reviewedOf(floorOf({ trixie: '2026-11-15T00:00:00.000Z' })), reviewedOf(archive))
})

pinned.run()
