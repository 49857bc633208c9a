import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { certificatesIn, hasPrivateKey } from '../../pipeline/core/pem.ts'
import { checkout } from '../helpers/world.ts'

const pem = suite('pem')
const roots = readFileSync(join(checkout, 'test/fixtures/images/rich/certificates/corp-roots.pem'))
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'sec1', format: 'pem' })
  .toString()

pem('a file of two certificates gives two files', () => {
  const read = certificatesIn(roots)
  assert.is(read.length, 2)
  assert.ok(typeof read !== 'string' && read.every((text) => text.endsWith('-----END CERTIFICATE-----\n')))
  const windows = certificatesIn(Buffer.from(roots.toString().replaceAll('\n', '\r\n')))
  assert.equal(windows, read)
})

pem('what is no certificate is told', () => {
  assert.match(String(certificatesIn(Buffer.from('hello'))), /is no PEM certificate/)
  assert.match(String(certificatesIn(Buffer.concat([roots, Buffer.from(key)]))), /private key/)
  const damaged = roots.toString().replace(/\n[A-Za-z0-9+/]{64}\n/, '\n')
  assert.match(String(certificatesIn(Buffer.from(damaged))), /number 1 of 2/)
})

pem('private keys of all kinds are seen, public ones are not', () => {
  for (const label of ['', 'RSA ', 'EC ', 'OPENSSH ', 'ENCRYPTED '])
    assert.ok(hasPrivateKey(Buffer.from(`x\n-----BEGIN ${label}PRIVATE KEY-----\n`)), label)
  assert.ok(hasPrivateKey(Buffer.from('-----BEGIN PGP PRIVATE KEY BLOCK-----\n')))
  assert.not.ok(hasPrivateKey(Buffer.from('-----BEGIN PUBLIC KEY-----\n')))
  assert.not.ok(hasPrivateKey(roots))
})

pem.run()
