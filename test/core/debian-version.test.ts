import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compareDebianVersions } from '../../pipeline/core/debian-version.ts'

const versions = suite('debian versions')

const sign = (value: number): number => Math.sign(value)

versions('examples of the Policy and of the archive', () => {
  const ascending = [
    '1.0~~',
    '1.0~~a',
    '1.0~',
    '1.0',
    '1.0-1',
    '1.0a',
    '1.0+deb13u1',
    '1.1~rc1',
    '1.1',
    '1.10',
    '1:0.9',
  ]
  for (const [index, lower] of ascending.entries()) {
    assert.is(compareDebianVersions(lower, lower), 0, lower)
    for (const higher of ascending.slice(index + 1)) {
      assert.ok(compareDebianVersions(lower, higher) < 0, `${lower} < ${higher}`)
      assert.ok(compareDebianVersions(higher, lower) > 0, `${higher} > ${lower}`)
    }
  }
  assert.is(sign(compareDebianVersions('3.5.1-1', '3.5.1-1+deb13u1')), -1)
  assert.is(compareDebianVersions('1.0-0', '1.0'), 0)
  assert.is(compareDebianVersions('0:1.002-01', '1.2-1'), 0)
})

const upstream = fc
  .array(
    fc.constantFrom('0', '1', '2', '10', '007', '9', 'a', 'Z', 'rc', 'deb', '~', '+', '.', '~~', '.0', '-'),
    {
      maxLength: 6,
    },
  )
  .map((parts) => `1${parts.join('')}`)
const version = fc
  .tuple(fc.option(fc.nat(3)), upstream, fc.option(upstream))
  .map(([epoch, main, revision]) =>
    `${epoch === null ? '' : `${epoch}:`}${main}${revision === null ? '' : `-${revision.replaceAll('-', '')}`}`.replace(
      /-+$/,
      '',
    ),
  )

versions('dpkg itself orders them so', () => {
  // One shell asks dpkg about all pairs: a process a pair is what takes the time.
  const pairs = fc.sample(fc.tuple(version, version), { numRuns: 300, seed: 13 })
  const script =
    'while read -r a b; do if dpkg --compare-versions "$a" lt "$b"; then echo -1; elif dpkg --compare-versions "$a" eq "$b"; then echo 0; else echo 1; fi; done'
  const input = pairs.map(([a, b]) => `${a} ${b}\n`).join('')
  const said = execFileSync('sh', ['-c', script], {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const wrong = said
    .trim()
    .split('\n')
    .flatMap((line, index) => {
      const [a = '', b = ''] = pairs[index] ?? []
      return sign(compareDebianVersions(a, b)) === Number(line) ? [] : [`${a} ${b}: dpkg says ${line}`]
    })
  assert.is(said.trim().split('\n').length, pairs.length)
  assert.equal(wrong, [])
})

versions('it is an order', () => {
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      assert.is(sign(compareDebianVersions(a, b)), -sign(compareDebianVersions(b, a)) + 0)
      if (compareDebianVersions(a, b) <= 0 && compareDebianVersions(b, c) <= 0)
        assert.ok(compareDebianVersions(a, c) <= 0)
    }),
  )
})

versions.run()
