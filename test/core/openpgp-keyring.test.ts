import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { firstLock } from '../../pipeline/core/debian-archive.ts'
import { certificatesOf } from '../../pipeline/core/openpgp-keyring.ts'

const keyring = suite('openpgp keyring')
const real = readFileSync('/usr/share/keyrings/debian-archive-keyring.gpg')

keyring('every byte of the installed keyring belongs to a certificate, in order', () => {
  const certificates = certificatesOf(real)
  assert.ok(certificates.length >= 6)
  assert.equal(Buffer.concat(certificates.map(({ bytes }) => bytes)), real)
})

keyring('the keys of the built-in table are those of the installed package', () => {
  const installed = certificatesOf(real).map(({ fingerprint }) => fingerprint)
  for (const release of ['12', '13']) {
    for (const { fingerprint } of firstLock(release, new Date(0)).keys)
      assert.ok(installed.includes(fingerprint), fingerprint)
  }
})

keyring('reads each length form', () => {
  const body = (length: number): Buffer => Buffer.concat([Buffer.of(4), Buffer.alloc(length - 1, 7)])
  const forms: readonly (readonly [number[], number])[] = [
    [[0x98, 100], 100],
    [[0x99, 0x01, 0x00], 256],
    [[0x9a, 0, 0, 1, 4], 260],
    [[0xc6, 100], 100],
    [[0xc6, 192, 8], 200],
    [[0xc6, 255, 0, 0, 32, 1], 8193],
  ]
  for (const [head, length] of forms) {
    const [first, ...more] = certificatesOf(Buffer.concat([Buffer.from(head), body(length)]))
    assert.is(first?.bytes.length, head.length + length)
    assert.is(more.length, 0)
  }
})

keyring('damage and foreign files give less, never an error', () => {
  assert.equal(certificatesOf(Buffer.from('-----BEGIN PGP PUBLIC KEY BLOCK-----')), [])
  assert.ok(certificatesOf(real.subarray(0, real.length - 10)).length < certificatesOf(real).length + 1)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => Array.isArray(certificatesOf(bytes))))
})

keyring.run()
