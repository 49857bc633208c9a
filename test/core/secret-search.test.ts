import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Sighting,
  searchChunks,
  secretCore,
  secretPatterns,
  withoutSecrets,
} from '../../pipeline/core/secret-search.ts'

const search = suite('secret-search')

const value = fc.uint8Array({ minLength: 8, maxLength: 90 }).filter((bytes) => {
  const last = bytes.at(-1)
  return last !== 0x0a && last !== 0x0d && bytes.some((byte) => byte !== 0)
})
const around = fc.uint8Array({ maxLength: 40 })

function inPieces(bytes: Uint8Array, secret: Uint8Array, piece: number): readonly Sighting[] {
  const searching = searchChunks(secretPatterns([{ name: 'token', value: secret }]))
  for (let at = 0; at < bytes.length; at += piece) searching.push(bytes.subarray(at, at + piece))
  return searching.found
}

search('a raw value is found at any offset, across the borders of chunks of any size', () => {
  fc.assert(
    fc.property(
      value,
      fc.nat(300),
      fc.nat(300),
      fc.integer({ min: 1, max: 120 }),
      (secret, before, after, piece) => {
        const disk = Buffer.concat([Buffer.alloc(before), secret, Buffer.alloc(after)])
        const [found] = inPieces(disk, secret, piece)
        assert.is(found?.secret, 'token')
        assert.ok(found !== undefined && found.offset <= before && found.offset >= before - 90)
        if (secret[0] !== 0) assert.is(found?.offset, before)
      },
    ),
    { numRuns: 500 },
  )
})

search('base64 of a text around the value is found in every alignment, hex in both cases', () => {
  fc.assert(
    fc.property(value, around, around, fc.integer({ min: 1, max: 120 }), (secret, before, after, piece) => {
      const whole = Buffer.concat([before, secret, after])
      for (const text of [
        whole.toString('base64'),
        whole.toString('base64url'),
        whole.toString('hex'),
        whole.toString('hex').toUpperCase(),
      ]) {
        const disk = Buffer.concat([Buffer.alloc(57), Buffer.from(text, 'latin1'), Buffer.alloc(57)])
        assert.is(inPieces(disk, secret, piece).length, 1, text)
      }
    }),
    { numRuns: 300 },
  )
})

search('what is not there is not found', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.uint8Array({ maxLength: 2000 }),
      (secret, disk) => {
        const core = Buffer.from(secretCore(secret))
        fc.pre(core.length >= 8 && !Buffer.from(disk).includes(core))
        assert.equal(
          inPieces(disk, secret, 64).filter(({ encoding }) => encoding === 'raw'),
          [],
        )
      },
    ),
  )
})

search(
  'the line end of a file is no part of the value; a value of several lines is found by its longest',
  () => {
    assert.is(inPieces(Buffer.from('a=hunter2hunter2;'), Buffer.from('hunter2hunter2\r\n'), 5).length, 1)
    const key = '-----BEGIN X-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v1234567890abcdef\n-----END X-----\n'
    const log = 'qemu.image: -----BEGIN X-----\nqemu.image: MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v1234567890abcdef\n'
    assert.is(inPieces(Buffer.from(log), Buffer.from(key), 7).length, 1)
    assert.is(inPieces(Buffer.from('-----BEGIN X-----\n'), Buffer.from(key), 7).length, 0)
  },
)

search('many secrets: each is told once, by its name', () => {
  const searching = searchChunks(
    secretPatterns([
      { name: 'a', value: Buffer.from('first-secret') },
      { name: 'b', value: Buffer.from('second-secret') },
      { name: 'c', value: Buffer.from('third-secret') },
    ]),
  )
  searching.push(Buffer.from('..second-secret..first-secret..second-sec'))
  searching.push(Buffer.from('ret..'))
  assert.equal(searching.found, [
    { secret: 'a', encoding: 'raw', offset: 17 },
    { secret: 'b', encoding: 'raw', offset: 2 },
  ])
})

search('a text is told without the values', () => {
  const patterns = secretPatterns([{ name: 'token', value: Buffer.from('s3cr3t-value') }])
  const hex = Buffer.from('s3cr3t-value').toString('hex')
  assert.is(
    withoutSecrets(`posting s3cr3t-value and ${hex}`, patterns),
    'posting [secret token] and [secret token]',
  )
})

search.run()
