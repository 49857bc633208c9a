import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bornOf, chainOf, nameOfBase, parentOf } from '../../pipeline/core/base-facts.ts'
import { BaseLock, RecordedBase } from '../../pipeline/model/base.ts'
import { textOf } from '../helpers/sources.ts'

const facts = suite('facts of a base')
const digest = (letter: string): string => letter.repeat(64)

const archive = RecordedBase.parse({
  from: 'archive',
  id: digest('a'),
  distribution: 'debian',
  release: '13',
  version: '13.7',
  codename: 'trixie',
  arch: 'x86_64',
  suites: [],
  packages: { count: 1, sha256: digest('b') },
  diskSha256: digest('c'),
  bootstrapped: '2026-11-01T00:00:00.000Z',
  tools: {},
})

const parent = RecordedBase.parse({
  from: 'parent',
  id: digest('d'),
  distribution: 'debian',
  release: '13',
  version: '13.7',
  arch: 'x86_64',
  image: 'corp-base',
  imageVersion: '1.2.0',
  channel: 'stable',
  record: digest('e'),
  anchored: true,
  artifact: digest('d'),
  created: '2026-11-02T00:00:00.000Z',
  ancestry: chainOf(archive),
  diskSha256: digest('d'),
})

const image = RecordedBase.parse({
  from: 'image',
  id: digest('f'),
  distribution: 'ubuntu',
  release: '24.04',
  version: '24.04-20261101',
  codename: 'noble',
  arch: 'x86_64',
  publisher: 'local',
  name: 'own.qcow2',
  url: null,
  checksums: null,
  signature: null,
  built: '2026-11-03T00:00:00.000Z',
  diskSha256: digest('f'),
})

facts('a record of before lifecycles were looked at is still one', () => {
  assert.is(archive.lifecycle, undefined)
})

facts('names, ages and chains', () => {
  assert.equal([archive, image, parent].map(nameOfBase), [
    'debian 13.7',
    'ubuntu 24.04-20261101',
    'corp-base@1.2.0',
  ])
  assert.equal(
    [archive, image, parent].map((base) => bornOf(base).slice(0, 10)),
    ['2026-11-01', '2026-11-03', '2026-11-02'],
  )
  assert.equal(chainOf(parent), [
    { from: 'parent', id: digest('e'), name: 'corp-base@1.2.0' },
    { from: 'archive', id: digest('a'), name: 'debian 13.7' },
  ])
})

facts('the parent of a recorded image', () => {
  assert.is(parentOf({ base: archive }), null)
  assert.is(parentOf({ base: image }), null)
  assert.equal(parentOf({ base: parent }), {
    image: 'corp-base',
    version: '1.2.0',
    channel: 'stable',
    record: digest('e'),
    artifact: digest('d'),
  })
})

facts('the locks of this checkout are locks', () => {
  for (const name of ['debian-12', 'debian-13'])
    assert.is(BaseLock.parse(JSON.parse(textOf(`images/${name}.lock.json`))).from, 'archive')
})

facts.run()
