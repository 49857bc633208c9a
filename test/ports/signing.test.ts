import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { chmod, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MintmarkError } from '../../pipeline/errors.ts'
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { toPublic } from '../../pipeline/ports/public-key.ts'
import { signing } from '../../pipeline/ports/signing.ts'
import { publicKeyOf } from '../helpers/public-key-of.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const it = suite<{ box: TestWorld }>('signing')

it.before.each(async (context) => {
  context.box = await testWorld()
})
it.after.each((context) => context.box.close())

const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777

async function failed(work: () => unknown): Promise<MintmarkError> {
  try {
    await work()
  } catch (cause) {
    if (cause instanceof MintmarkError) return cause
    throw cause
  }
  throw new Error('nothing was thrown')
}

it('makes a private key outside the catalog on first use, and not before', async ({ box }) => {
  const { keys, places, files } = box.world
  assert.is(await keys.existing(), null)
  assert.is(await files.info(places.keys), null)
  const { keyid, pem } = await publicKeyOf(keys)
  assert.match(keyid, /^[0-9a-f]{64}$/)
  assert.is(await mode(places.keys), 0o700)
  assert.is(await mode(join(places.keys, 'signing.pem')), 0o600)
  assert.is(await files.readText(join(places.keys, 'signing.pub.pem')), pem)
  assert.not.ok(places.keys.startsWith(places.catalog))
  assert.equal(await keys.existing(), { keyid, pem })
})

it('has the keyid and signatures that OpenSSL computes too', async ({ box }) => {
  const { keys, places, exec, files } = box.world
  if ((await exec.which('openssl')) === null) return
  const bytes = Buffer.from('what is signed')
  const { keyid, sig } = await keys.sign(bytes)
  const publicPem = join(places.keys, 'signing.pub.pem')
  const der = join(box.folder, 'key.der')
  await exec.run(['openssl', 'pkey', '-pubin', '-in', publicPem, '-outform', 'DER', '-out', der])
  assert.is(await files.sha256(der), keyid)
  await files.write(join(box.folder, 'sig'), Buffer.from(sig, 'base64'))
  await files.write(join(box.folder, 'bytes'), bytes)
  const verified = await exec.run([
    ...['openssl', 'pkeyutl', '-verify', '-pubin', '-inkey', publicPem, '-rawin'],
    ...['-in', join(box.folder, 'bytes'), '-sigfile', join(box.folder, 'sig')],
  ])
  assert.match(verified.stdout, /Verified Successfully/)
})

it('verifies the first test vector of RFC 8032', ({ box }) => {
  const { keys } = box.world
  const spki = Buffer.concat([
    Buffer.from('302a300506032b6570032100', 'hex'),
    Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex'),
  ])
  const pem = `-----BEGIN PUBLIC KEY-----\n${spki.toString('base64')}\n-----END PUBLIC KEY-----\n`
  const key = keys.parsePublicKey(pem, 'RFC 8032')
  const sig = Buffer.from(
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    'hex',
  )
  assert.is(keys.verify(key, Buffer.from(''), sig.toString('base64')), true)
  assert.is(keys.verify(key, Buffer.from('x'), sig.toString('base64')), false)
  assert.is(keys.verify(key, Buffer.from(''), ''), false)
})

it('agrees on one key when several first runs come at once', async ({ box }) => {
  const { places } = box.world
  const made = await Promise.all(
    Array.from({ length: 8 }, () => publicKeyOf(signing(places.keys, nodeFiles))),
  )
  assert.is(new Set(made.map((key) => key.keyid)).size, 1)
  assert.equal(await box.world.files.list(places.keys), ['signing.pem', 'signing.pub.pem'])
})

it('refuses a key that others can read, and a folder that others can write to', async ({ box }) => {
  const { keys, places } = box.world
  await publicKeyOf(keys)
  const path = join(places.keys, 'signing.pem')
  for (const bad of [0o640, 0o604, 0o660, 0o644]) {
    await chmod(path, bad)
    const error = await failed(() => keys.sign(Buffer.from('x')))
    assert.is(error.code, 'TOOL_REFUSED')
    assert.match(error.hint, /chmod 600/)
  }
  await chmod(path, 0o600)
  await chmod(places.keys, 0o770)
  assert.is((await failed(() => keys.sign(Buffer.from('x')))).code, 'TOOL_REFUSED')
  await chmod(places.keys, 0o700)
  await keys.sign(Buffer.from('x'))
})

it('never tells the private key, not even of a broken one', async ({ box }) => {
  const { keys, places, files } = box.world
  const path = join(places.keys, 'signing.pem')
  await publicKeyOf(keys)
  const secret = (await files.readText(path)).split('\n')[1] ?? ''
  assert.ok(secret.length > 20)
  await files.write(path, `-----BEGIN PRIVATE KEY-----\nAA${secret}\n-----END PRIVATE KEY-----\n`, {
    mode: 0o600,
  })
  const error = await failed(() => keys.sign(Buffer.from('x')))
  assert.is(error.code, 'TOOL_REFUSED')
  assert.not.ok(
    JSON.stringify([error.message, error.lines, error.where, String(error.cause)]).includes(secret),
  )
})

it('takes public keys that it can verify by, and no others', async ({ box }) => {
  const { keys, places, files } = box.world
  await publicKeyOf(keys)
  const privatePem = await files.readText(join(places.keys, 'signing.pem'))
  assert.match((await failed(() => keys.parsePublicKey(privatePem, 'k.pem'))).message, /private key/)
  assert.match((await failed(() => keys.parsePublicKey('nonsense', 'k.pem'))).message, /no public key/)
  const pemOf = (key: KeyObject): string => key.export({ format: 'pem', type: 'spki' }).toString()
  const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).publicKey
  const curve = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).publicKey
  for (const key of [rsa(2048), curve('prime256v1')])
    assert.match(keys.parsePublicKey(pemOf(key), 'k.pem').keyid, /^[0-9a-f]{64}$/)
  const refused: readonly (readonly [KeyObject, RegExp])[] = [
    [rsa(1024), /RSA key of 1024 bits, expected 2048 at least/],
    [curve('secp384r1'), /curve secp384r1, expected P-256/],
    [generateKeyPairSync('x25519').publicKey, /type x25519, expected/],
  ]
  for (const [key, says] of refused)
    assert.match((await failed(() => keys.parsePublicKey(pemOf(key), 'k.pem'))).message, says)
})

it("verifies the signatures of a KMS' keys: exactly these bytes, this key, this way", ({ box }) => {
  const { keys } = box.world
  const bytes = Buffer.from('what is signed')
  const pair = {
    ec: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
    rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  }
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  const signed = [
    [pair.ec, sign('sha256', bytes, pair.ec.privateKey)],
    [pair.rsa, sign('sha256', bytes, { key: pair.rsa.privateKey, ...pss })],
  ] as const
  for (const [{ publicKey }, signature] of signed) {
    const key = toPublic(publicKey)
    assert.is(keys.verify(key, bytes, signature.toString('base64')), true)
    assert.is(keys.verify(key, Buffer.from('what is signee'), signature.toString('base64')), false)
    const other = Buffer.from(signature)
    other.writeUInt8(other.readUInt8(40) ^ 1, 40)
    for (const wrong of ['', 'AAAA', other.toString('base64'), signature.subarray(0, -1).toString('base64')])
      assert.is(keys.verify(key, bytes, wrong), false)
  }
  const weak = sign('sha256', bytes, pair.rsa.privateKey)
  assert.is(keys.verify(toPublic(pair.rsa.publicKey), bytes, weak.toString('base64')), false, 'PKCS 1 v1.5')
})

it.run()
