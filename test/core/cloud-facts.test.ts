import { createSign, generateKeyPairSync } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type CloudSeen, cloudFacts, signedByAws } from '../../pipeline/core/cloud-facts.ts'

const facts = suite('cloud facts')

const key = 'arn:aws:kms:us-east-1:111111111111:key/5f2c'
const good: CloudSeen = {
  account: '111111111111',
  region: 'us-east-1',
  imageId: 'ami-0123456789abcdef0',
  instanceId: 'i-0123456789abcdef0',
  architecture: 'x86_64',
  httpTokens: 'required',
  rootVolume: { encrypted: true, key },
  key,
  certificate: null,
}
const document = JSON.stringify({
  accountId: good.account,
  architecture: good.architecture,
  imageId: good.imageId,
  instanceId: good.instanceId,
  region: good.region,
})
const metadata = (change: object = {}) => ({
  metadata: {
    text: JSON.stringify({ without: 401, with: 200, document, signature: '', ...change }),
    code: 0,
  },
})

function verdict(id: string, seen: Partial<CloudSeen> = {}, answers: object = metadata()): string {
  const all = cloudFacts({ ...good, ...seen }, answers as ReturnType<typeof metadata>)
  const fact = all.find((one) => one.id === id)
  return `${fact?.status}: ${fact?.found}`
}

facts('a good instance passes all, and says what was not verified', () => {
  assert.is(verdict('imds-v2-only'), 'pass: without a token 401, with one 200, tokens are required')
  assert.is(verdict('root-volume-encrypted'), `pass: encrypted with ${key}`)
  assert.is(
    verdict('identity-document'),
    'pass: 111111111111, us-east-1, ami-0123456789abcdef0, x86_64; signature not verified: no certificate for us-east-1 is in scans/aws-identity',
  )
})

facts('both the service and EC2 have to ask for tokens', () => {
  assert.match(verdict('imds-v2-only', {}, metadata({ without: 200 })), /^fail: without a token 200/)
  assert.match(verdict('imds-v2-only', {}, metadata({ with: 401 })), /^fail/)
  assert.match(verdict('imds-v2-only', { httpTokens: 'optional' }), /^fail: .*tokens are optional$/)
})

facts('the root volume is encrypted, and with that key', () => {
  const volume = (rootVolume: CloudSeen['rootVolume']) => verdict('root-volume-encrypted', { rootVolume })
  assert.is(volume({ encrypted: false, key: null }), 'fail: not encrypted')
  assert.is(
    volume({ encrypted: true, key: `${key}0` }),
    'fail: encrypted with arn:aws:kms:us-east-1:111111111111:key/5f2c0',
  )
  assert.match(volume(null), /^unknown/)
})

facts('what nobody answered is unknown', () => {
  for (const id of ['imds-v2-only', 'identity-document']) {
    assert.is(verdict(id, {}, {}), 'unknown: it did not answer')
    assert.match(
      verdict(id, {}, { metadata: { text: 'sh: python3: not found', code: 127 } }),
      /^unknown: sh: python3/,
    )
  }
})

facts('each part of the document is held against the launch', () => {
  const wrong: readonly (readonly [Partial<CloudSeen>, RegExp])[] = [
    [{ account: '222222222222' }, /^fail: accountId is 111111111111, not 222222222222$/],
    [{ region: 'eu-west-1' }, /^fail: region is us-east-1, not eu-west-1$/],
    [{ imageId: 'ami-00000000' }, /^fail: imageId is /],
    [{ instanceId: 'i-00000000' }, /^fail: instanceId is /],
    [{ architecture: 'arm64' }, /^fail: architecture is x86_64, not arm64$/],
  ]
  for (const [seen, expected] of wrong) assert.match(verdict('identity-document', seen), expected)
  assert.match(verdict('identity-document', {}, metadata({ document: 'no' })), /^fail: no document: no/)
})

facts('with a certificate the signature is verified, over the bytes as they came', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const certificate = String(publicKey.export({ type: 'spki', format: 'pem' }))
  const signature = createSign('RSA-SHA256').update(document).sign(privateKey, 'base64')
  assert.ok(signedByAws(document, signature, certificate))
  assert.not.ok(signedByAws(`${document} `, signature, certificate))
  assert.not.ok(signedByAws(document, signature, 'no certificate'))
  const told = (answers: object) => verdict('identity-document', { certificate }, answers)
  assert.match(told(metadata({ signature })), /^pass: .*; signed by AWS$/)
  assert.match(told(metadata({ signature: 'AAAA' })), /^fail: .*; the signature is not AWS's$/)
  assert.match(told(metadata()), /^unknown: .*; the service gives no signature$/)
})

facts.run()
