import { join } from 'node:path'
import {
  CreateAliasCommand,
  CreateKeyCommand,
  type KeySpec,
  KMSClient,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MintmarkError } from '../../pipeline/errors.ts'
import { chooseSigner } from '../../pipeline/ports/choose-signer.ts'
import type { Signing } from '../../pipeline/ports/signing.ts'
import { whyUnanchored } from '../../pipeline/stages/events.ts'
import { locateRelease } from '../../pipeline/stages/read-release.ts'
import { trustedKeys, verifyRelease } from '../../pipeline/stages/verify-release.ts'
import { type MotoServer, startMoto } from '../helpers/moto-server.ts'
import { publicKeyOf } from '../helpers/public-key-of.ts'
import { fixtureRelease } from '../helpers/release-fixture.ts'
import { elsewhere, fillCheckout, type Spoiled, trustedEntry, writeTrust } from '../helpers/tampered.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

interface Context {
  box: TestWorld
  moto: MotoServer
  client: KMSClient
  /** Spec -> id of a key that signs. */
  keys: Readonly<Record<'curve' | 'rsa' | 'other' | 'cipher', string>>
}

const it = suite<Context>('kms')
const bytes = Buffer.from('what is signed'.repeat(1000))
const endpointOfService = 'AWS_ENDPOINT_URL_KMS'

it.before(async (context) => {
  context.box = await testWorld()
  context.moto = await startMoto(context.box.world, join(checkout, 'test/helpers/moto-kms.py'))
  process.env[endpointOfService] = context.moto.endpoint
  context.client = new KMSClient({})
  const make = async (KeySpec: KeySpec): Promise<string> => {
    const KeyUsage = KeySpec === 'SYMMETRIC_DEFAULT' ? 'ENCRYPT_DECRYPT' : 'SIGN_VERIFY'
    const { KeyMetadata } = await context.client.send(new CreateKeyCommand({ KeySpec, KeyUsage }))
    return KeyMetadata?.KeyId ?? ''
  }
  context.keys = {
    curve: await make('ECC_NIST_P256'),
    rsa: await make('RSA_3072'),
    other: await make('ECC_NIST_P256'),
    cipher: await make('SYMMETRIC_DEFAULT'),
  }
  await context.client.send(
    new CreateAliasCommand({ AliasName: 'alias/golden', TargetKeyId: context.keys.curve }),
  )
})
it.after(async ({ box, moto, client }) => {
  client.destroy()
  delete process.env[endpointOfService]
  await moto.stop()
  await box.close()
})

const signerFor = ({ box }: Context, key: string): Signing =>
  chooseSigner({ MINTMARK_SIGNER: `kms:${key}` }, box.world.places.keys, box.world.files, () => undefined)

async function refused(work: () => Promise<unknown>): Promise<MintmarkError> {
  try {
    await work()
  } catch (cause) {
    if (cause instanceof MintmarkError) return cause
    throw cause
  }
  throw new Error('nothing was thrown')
}

for (const kind of ['curve', 'rsa'] as const) {
  it(`signs by a key of the kind ${kind}, and anybody can verify it without the service`, async (context) => {
    const signer = signerFor(context, context.keys[kind])
    assert.is(await signer.existing(), null)
    await signer.ready()
    const { keyid, sig } = await signer.sign(bytes)
    const key = await publicKeyOf(signer)
    assert.is(key.keyid, keyid)
    const plain = context.box.world.keys
    assert.is(plain.verify(plain.parsePublicKey(key.pem, 'kms'), bytes, sig), true)
    assert.is(plain.verify(key, Buffer.from('other'), sig), false)
    assert.is(plain.verify(await publicKeyOf(signerFor(context, context.keys.other)), bytes, sig), false)
    assert.equal(await signerFor(context, context.keys[kind]).existing(), key, 'known without asking')
  })
}

it('an alias that was moved signs by its new key, and says so', async (context) => {
  const before = await signerFor(context, 'alias/golden').sign(bytes)
  const running = signerFor(context, 'alias/golden')
  const { keyid } = await publicKeyOf(running)
  await context.client.send(
    new UpdateAliasCommand({ AliasName: 'alias/golden', TargetKeyId: context.keys.other }),
  )
  assert.is((await running.sign(bytes)).keyid, keyid, 'one process signs by one key')
  const after = await signerFor(context, 'alias/golden').sign(bytes)
  assert.is.not(after.keyid, before.keyid)
  const signer = signerFor(context, 'alias/golden')
  assert.is((await signer.existing())?.keyid, after.keyid)
})

it("a key that is not there, is no key for signatures, or is nobody's", async (context) => {
  const missing = signerFor(context, 'alias/nothing')
  const error = await refused(() => missing.ready())
  assert.is(error.code, 'PROVIDER_UNREACHABLE')
  assert.match(error.message, /^the key alias\/nothing can't be read: NotFoundException/)
  assert.match(error.hint, /MINTMARK_SIGNER/)
  const cipher = await refused(() => signerFor(context, context.keys.cipher).sign(bytes))
  assert.ok(['PROVIDER_UNREACHABLE', 'TOOL_REFUSED'].includes(cipher.code), cipher.message)
})

it('without the service: told in time, and what was signed is verified all the same', async (context) => {
  const signer = signerFor(context, context.keys.curve)
  const { sig } = await signer.sign(bytes)
  process.env[endpointOfService] = 'http://127.0.0.1:9'
  try {
    const error = await refused(() => signerFor(context, context.keys.rsa).sign(bytes))
    assert.is(error.code, 'PROVIDER_UNREACHABLE')
    const known = await signerFor(context, context.keys.curve).existing()
    assert.ok(known !== null && signer.verify(known, bytes, sig))
  } finally {
    process.env[endpointOfService] = context.moto.endpoint
  }
})

it('a whole release: signed by the key, anchored by trust.yaml, verified without the service', async (context) => {
  const box = await testWorld()
  const at: Spoiled = { box, world: elsewhere(box) }
  try {
    await fillCheckout(at.world)
    const keys = signerFor({ ...context, box }, context.keys.curve)
    const world = { ...at.world, keys }
    await writeTrust(at, [await trustedEntry(keys)])
    assert.is(await whyUnanchored(world, { trust: await trustedKeys(world, null), onlyTrust: true }), null)
    await fixtureRelease(world)
    await fixtureRelease(world, { runId: 'r-2' })
    process.env[endpointOfService] = 'http://127.0.0.1:9'
    const trust = await trustedKeys(at.world, null)
    const checked = await verifyRelease(at.world, await locateRelease(at.world, 'debian-13'), {
      trust,
      onlyTrust: true,
      blobs: true,
    })
    assert.equal([checked.ok, checked.anchored], [true, true], JSON.stringify(checked.links))
    assert.is(await at.world.files.info(`${at.world.places.keys}/signing.pem`), null)
  } finally {
    process.env[endpointOfService] = context.moto.endpoint
    await box.close()
  }
})

it.run()
