import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  hashesOfRelease,
  indexFilesOf,
  parseIndex,
  parsePackagesFile,
  renderIndex,
} from '../../pipeline/core/packages-file.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { textOf } from '../helpers/sources.ts'

const index = suite('packages index')

index('of each name the newest version for this machine, whatever else the stanza holds', () => {
  const text = `Package: a
Version: 1.0
Architecture: amd64
Description: Version: 9
 Package: x

Package: a
Version: 1.0+b1
Architecture: amd64

Package: a
Version: 2.0
Architecture: arm64

Package: b
Architecture: all
Version: 1:3
`
  assert.equal(
    [...parsePackagesFile(text)],
    [
      ['a', '1.0+b1'],
      ['b', '1:3'],
    ],
  )
  assert.is(parsePackagesFile('').size, 0)
})

index("Debian's own Release files name their indices", () => {
  for (const path of [
    'debian/dists/trixie',
    'debian/dists/trixie-updates',
    'debian-security/dists/trixie-security',
  ]) {
    const hashes = hashesOfRelease(textOf(`test/fixtures/archive/${path}/InRelease`))
    const { served, plain, compression } = indexFilesOf(hashes, 'trixie', 'main')
    assert.is(served.path, 'main/binary-amd64/Packages.xz')
    assert.is(compression, '.xz')
    assert.ok(plain !== null && plain.size > served.size)
  }
})

index('only the section SHA256 counts, and an index that is not named is an error', () => {
  const text = `MD5Sum:\n ${'1'.repeat(64)} 5 main/binary-amd64/Packages\nSHA256:\n ${'2'.repeat(64)} 7 main/binary-amd64/Packages.gz\nX: y\n ${'3'.repeat(64)} 7 main/binary-amd64/Packages.xz\n`
  const { served, plain, compression } = indexFilesOf(hashesOfRelease(text), 's', 'main')
  assert.equal([served.sha256, plain, compression], ['2'.repeat(64), null, '.gz'])
  assert.throws(
    () => indexFilesOf(hashesOfRelease(text), 's', 'contrib'),
    (error: unknown) => error instanceof MintmarkError && /names no contrib/.test(error.message),
  )
})

index('what is kept reads back, and a part of it is nothing', () => {
  const entry = fc.tuple(
    fc.stringMatching(/^[a-z0-9][a-z0-9+.-]+$/),
    fc.stringMatching(/^[0-9][A-Za-z0-9.+~:-]*$/),
  )
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1 }), (entries) => {
      const whole = new Map(entries)
      const text = renderIndex(whole)
      assert.equal(parseIndex(text), whole)
      for (const cut of [1, 2, Math.floor(text.length / 2), text.length])
        assert.is(parseIndex(text.slice(0, text.length - cut)), null)
    }),
  )
})

index.run()
