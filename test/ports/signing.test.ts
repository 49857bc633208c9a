import { chmod, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MintmarkError } from '../../pipeline/errors.ts'
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { signing } from '../../pipeline/ports/signing.ts'
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
  const { keyid, pem } = await keys.publicKey()
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
  const made = await Promise.all(Array.from({ length: 8 }, () => signing(places.keys, nodeFiles).publicKey()))
  assert.is(new Set(made.map((key) => key.keyid)).size, 1)
  assert.equal(await box.world.files.list(places.keys), ['signing.pem', 'signing.pub.pem'])
})

it('refuses a key that others can read, and a folder that others can write to', async ({ box }) => {
  const { keys, places } = box.world
  await keys.publicKey()
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
  await keys.publicKey()
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

it('takes only public Ed25519 keys as such', async ({ box }) => {
  const { keys, places, files, exec } = box.world
  await keys.publicKey()
  const privatePem = await files.readText(join(places.keys, 'signing.pem'))
  assert.match((await failed(() => keys.parsePublicKey(privatePem, 'k.pem'))).message, /private key/)
  assert.match((await failed(() => keys.parsePublicKey('nonsense', 'k.pem'))).message, /no public key/)
  if ((await exec.which('openssl')) === null) return
  const { stdout: rsa } = await exec.run(['openssl', 'genrsa', '2048'])
  const { stdout: rsaPublic } = await exec.run(['openssl', 'rsa', '-pubout'], { input: rsa })
  assert.match((await failed(() => keys.parsePublicKey(rsaPublic, 'k.pem'))).message, /expected ed25519/)
})

it.run()
