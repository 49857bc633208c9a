import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../../pipeline/core/digest.ts'
import { blobName } from '../../pipeline/ports/catalog-key.ts'
import type { Files } from '../../pipeline/ports/files.ts'
import { withLock } from '../../pipeline/ports/lock.ts'
import { catalogOpener } from '../../pipeline/ports/open-catalog.ts'
import { processTag } from '../../pipeline/ports/process-tag.ts'
import { catalogCases, codeOf } from '../helpers/catalog-cases.ts'
import { makeBucket, s3Store, testBucket } from '../helpers/catalog-store.ts'
import { type FlakyProxy, flakyProxy } from '../helpers/flaky-s3.ts'
import { type MotoServer, startMoto } from '../helpers/moto-server.ts'
import { refusal } from '../helpers/refusal.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

interface Context {
  box: TestWorld
  moto: MotoServer
  proxy: FlakyProxy
  /** Another one for each test. */
  prefix: string
}

const it = suite<Context>('s3 catalog')
let serverBox: TestWorld
let tests = 0

it.before(async (context) => {
  serverBox = await testWorld()
  context.moto = await startMoto(serverBox.world)
  context.proxy = await flakyProxy(context.moto.endpoint)
  await makeBucket(context.moto)
})
it.before.each(async (context) => {
  context.box = await testWorld()
  tests += 1
  context.prefix = `team/t${tests}`
})
it.after.each((context) => context.box.close())
it.after(async ({ moto, proxy }) => {
  await proxy.stop()
  await moto.stop()
  await serverBox.close()
})

const key = 'channels/debian-13/nightly/qemu-x86_64.json'

for (const { title, run } of catalogCases)
  it(title, ({ box, moto, prefix }) => run({ store: s3Store(box, moto, prefix), box, env: moto.env }))

it('lists more keys than one answer holds', async ({ box, moto, prefix }) => {
  const { catalog } = s3Store(box, moto, prefix)
  const put = (index: number) =>
    moto.client.send(
      new PutObjectCommand({
        Bucket: testBucket,
        Key: `${prefix}/releases/debian-13/1.0.${index}/reservation.json`,
        Body: '{}',
      }),
    )
  const all = Array.from({ length: 1005 }, (_, index) => index)
  for (let start = 0; start < all.length; start += 50)
    await Promise.all(all.slice(start, start + 50).map(put))
  const keys = await catalog.list('releases/')
  assert.is(keys.length, 1005)
  assert.is(new Set(keys).size, 1005)
})

it('sends a large file in parts, and stops it when the file changes', async ({ box, moto, prefix }) => {
  const large = join(box.folder, 'large')
  const bytes = randomBytes(40 * 2 ** 20)
  await writeFile(large, bytes)
  const { catalog } = s3Store(box, moto, prefix, { inOneRequest: 2 ** 20 })
  const blob = await catalog.putBlob(large)
  assert.equal(blob, { sha256: sha256(bytes), bytes: bytes.length })
  assert.equal(await catalog.checkBlob(blob.sha256), { status: 'intact', bytes: bytes.length })
  const head = await moto.client.send(
    new HeadObjectCommand({ Bucket: testBucket, Key: `${prefix}/${blobName(blob.sha256)}` }),
  )
  assert.match(head.ETag ?? '', /-3"$/, 'in three parts')
  assert.equal(await catalog.putBlob(large), blob, 'and not sent again')

  for (const inOneRequest of [2 ** 20, 2 ** 40]) {
    /** The file is written to after its digest was taken. */
    const files: Files = { ...box.world.files, sha256: async () => sha256('what it was before') }
    const { catalog: other } = s3Store(box, moto, `${prefix}-${inOneRequest}`, { inOneRequest, files })
    assert.is(await codeOf(other.putBlob(large)), 'CHAIN_BROKEN')
    assert.equal((await other.survey()).blobs, [])
  }
  const { Uploads = [] } = await moto.client.send(new ListMultipartUploadsCommand({ Bucket: testBucket }))
  assert.equal(Uploads, [])
})

it('sends no blob again that is there', async ({ box, moto, prefix, proxy }) => {
  const { catalog } = s3Store(box, moto, prefix)
  const { sha256: digest } = await catalog.putBlob(Buffer.from('a report'))
  const { catalog: again } = s3Store(box, moto, prefix, { endpoint: proxy.endpoint })
  const sent = () => proxy.seen.filter((item) => item.startsWith('PUT ') && item.endsWith(digest)).length
  await again.putBlob(Buffer.from('a report'))
  assert.is(sent(), 0)
  await again.restoreBlob(digest, Buffer.from('a report'))
  assert.is(sent(), 1)
})

it('knows its own write when the answer was lost, and no other', async ({ box, moto, prefix, proxy }) => {
  const { catalog } = s3Store(box, moto, prefix, { endpoint: proxy.endpoint })
  proxy.next('PUT', key, 'answer-lost')
  assert.is(await catalog.createOnly(key, 'one'), true)
  const seen = await catalog.read(key)
  proxy.next('PUT', key, 'answer-lost', 'answer-lost')
  assert.is(await catalog.compareAndSwap(key, seen?.etag ?? '', 'two'), true)
  proxy.next('PUT', key, 'answer-lost')
  assert.is(await catalog.compareAndSwap(key, seen?.etag ?? '', 'three'), false)
  assert.is((await catalog.read(key))?.value, 'two')
})

it('asks again while another write is under way', async ({ box, moto, prefix, proxy }) => {
  const { catalog } = s3Store(box, moto, prefix, { endpoint: proxy.endpoint })
  proxy.next('PUT', key, 'conflict', 'conflict')
  assert.is(await catalog.createOnly(key, 'one'), true)
  const digest = sha256('a report')
  proxy.next('PUT', digest, 'conflict')
  await catalog.putBlob(Buffer.from('a report'))
  assert.is((await catalog.checkBlob(digest)).status, 'intact')
})

it('a restore that S3 does not take is no restore', async ({ box, moto, prefix, proxy }) => {
  const { catalog } = s3Store(box, moto, prefix, { endpoint: proxy.endpoint })
  const digest = sha256('a report')
  proxy.next('PUT', digest, 'conflict')
  assert.is(await codeOf(catalog.restoreBlob(digest, Buffer.from('a report'))), 'CONFLICT')
  assert.is((await catalog.checkBlob(digest)).status, 'missing')
})

it('a pause between two attempts ends with the run', async ({ box, moto, prefix, proxy }) => {
  const stop = new AbortController()
  const { catalog } = s3Store(box, moto, prefix, { endpoint: proxy.endpoint, signal: stop.signal })
  const path = `${prefix}/${key}`
  proxy.next('PUT', path, ...new Array<'conflict'>(8).fill('conflict'))
  const work = codeOf(catalog.createOnly(key, 'one'))
  while (proxy.seen.filter((item) => item.startsWith('PUT ') && item.endsWith(path)).length < 4)
    await new Promise((resolve) => setTimeout(resolve, 5))
  const began = performance.now()
  stop.abort()
  assert.is(await work, 'INTERRUPTED')
  assert.ok(performance.now() - began < 300, `${performance.now() - began} ms`)
})

it('waits for nobody who fetches another image, and a wait ends with the run', async (context) => {
  const { box, moto, prefix } = context
  const stop = new AbortController()
  const { catalog } = s3Store(box, moto, prefix, { signal: stop.signal })
  const one = await catalog.putBlob(Buffer.from('image bytes'))
  const two = await catalog.putBlob(Buffer.from('other bytes'))
  const { blobs } = box.world.places
  await withLock(join(blobs, `${one.sha256}.lock`), 1000, async () => {
    assert.is((await catalog.takeBlob(two.sha256)).status, 'intact')
    const work = codeOf(catalog.takeBlob(one.sha256))
    setTimeout(() => stop.abort(), 300)
    assert.is(await work, 'INTERRUPTED')
  })
})

it('begins a download again that broke off', async ({ box, moto, prefix, proxy }) => {
  const { catalog } = s3Store(box, moto, prefix, { endpoint: proxy.endpoint })
  const { sha256: digest } = await catalog.putBlob(Buffer.from('image bytes'))
  proxy.next('GET', digest, 'cut', 'cut')
  const taken = await catalog.takeBlob(digest)
  assert.is(taken.status === 'intact' && (await readFile(taken.path, 'utf8')), 'image bytes')
  proxy.next('GET', digest, 'cut')
  assert.equal(await catalog.checkBlob(digest), { status: 'intact', bytes: 11 })
  assert.equal(await box.world.files.list(box.world.places.blobs), [digest, `${digest}.lock`])
})

it('has what was fetched once, and fetches it again when it was changed', async ({ box, moto, prefix }) => {
  const store = s3Store(box, moto, prefix)
  const { sha256: digest } = await store.catalog.putBlob(Buffer.from('image bytes'))
  const path = join(box.world.places.blobs, digest)
  await store.catalog.takeBlob(digest)
  await store.drop(blobName(digest))
  assert.equal(await store.catalog.takeBlob(digest), { status: 'intact', path, bytes: 11 })
  await store.catalog.putBlob(Buffer.from('image bytes'))
  await box.world.files.write(path, 'image bytez')
  const dead = processTag().replace(/[^-]+$/, 'zz')
  await box.world.files.write(`${path}.${dead}.ab.tmp`, 'of one that was killed')
  assert.is((await store.catalog.takeBlob(digest)).status, 'intact')
  assert.is(await readFile(path, 'utf8'), 'image bytes')
  assert.equal(await box.world.files.list(box.world.places.blobs), [digest, `${digest}.lock`])
})

it('warns once of a bucket without versions and without a block, and changes nothing there', async (context) => {
  const { box, moto, prefix } = context
  const { catalog } = s3Store(box, moto, prefix)
  await catalog.list('')
  assert.equal(box.told.lines, [])
  await catalog.createOnly(key, 'one')
  await catalog.putBlob(Buffer.from('x'))
  assert.is(box.told.lines.length, 2)
  assert.match(box.told.lines[0] ?? '', 'versioning is off')
  assert.match(box.told.lines[1] ?? '', 'does not block public access')

  const bucket = 'mintmark-safe'
  await makeBucket(moto, bucket)
  const every = {
    BlockPublicAcls: true,
    IgnorePublicAcls: true,
    BlockPublicPolicy: true,
    RestrictPublicBuckets: true,
  }
  await moto.client.send(
    new PutPublicAccessBlockCommand({ Bucket: bucket, PublicAccessBlockConfiguration: every }),
  )
  await moto.client.send(
    new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
  )
  const { catalog: safe } = s3Store(box, moto, prefix, { address: { bucket, prefix: '' } })
  await safe.createOnly(key, 'one')
  assert.is(box.told.lines.length, 2)
  assert.is(safe.location, `s3://${bucket}`)
  assert.equal(await safe.list(''), [key])
})

it('encrypts with the key that is named', async ({ box, moto, prefix }) => {
  const kmsKey = 'arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab'
  const { catalog } = s3Store(box, moto, prefix, { kmsKey })
  await catalog.createOnly(key, 'one')
  const { sha256: digest } = await catalog.putBlob(Buffer.from('a report'))
  for (const name of [key, blobName(digest)]) {
    const head = await moto.client.send(
      new HeadObjectCommand({ Bucket: testBucket, Key: `${prefix}/${name}` }),
    )
    assert.is(head.ServerSideEncryption, 'aws:kms', name)
    assert.is(head.SSEKMSKeyId, kmsKey)
  }
  const seen = await catalog.read(key)
  assert.is(await catalog.compareAndSwap(key, seen?.etag ?? '', 'two'), true)
})

it('says of each refusal who has to do what', async ({ box, moto, prefix }) => {
  const opened = (env: Readonly<Record<string, string>>, address = `s3://${testBucket}/${prefix}`) =>
    catalogOpener({
      files: box.world.files,
      env,
      cache: box.world.places.blobs,
      signal: box.world.signal,
      warn: () => undefined,
    })(address)
  const told = async (work: Promise<unknown>): Promise<string> => {
    const { code, message, hint } = await refusal(work)
    return `${code} ${message} → ${hint}`
  }
  const here = { MINTMARK_S3_ENDPOINT: moto.endpoint }
  assert.match(
    await told(opened(here, 's3://no-such-bucket/x').list('')),
    /^PROVIDER_REFUSED there is no bucket no-such-bucket → .*MINTMARK_CATALOG/,
  )
  assert.match(
    await told(opened({ MINTMARK_S3_ENDPOINT: 'http://127.0.0.1:9' }).read(key)),
    /^PROVIDER_UNREACHABLE s3:.* can't be reached for s3:GetObject \(ECONNREFUSED\)/,
  )
  for (const [endpoint, shown] of [
    ['http://s3.corp.example', 'http://s3.corp.example'],
    ['https://me:secret@s3.corp.example', 'https://s3.corp.example'],
    ['https://me:sec/ret@s3.corp.example', '…'],
    ['https://s3.corp.example:9000/x?token=secret', 'https://s3.corp.example:9000'],
    ['minio', 'minio'],
  ] as const) {
    const error = await refusal((async () => opened({ MINTMARK_S3_ENDPOINT: endpoint }))())
    assert.is(error.code, 'USAGE')
    assert.match(error.message, `"${shown}"`)
  }
  for (const address of ['s3://', 's3:/x', 's3://Bucket/x', 's3://bucket/a/../b', 's3://bucket//x'])
    assert.is((await refusal((async () => opened(here, address))())).code, 'USAGE', address)

  const before = { ...process.env }
  delete process.env['AWS_ACCESS_KEY_ID']
  delete process.env['AWS_SECRET_ACCESS_KEY']
  Object.assign(process.env, { HOME: box.folder, AWS_EC2_METADATA_DISABLED: 'true' })
  try {
    assert.match(
      await told(opened(here).list('')),
      /^PROVIDER_REFUSED s3:.* needs AWS credentials, and none are to be had .*AWS_PROFILE/,
    )
  } finally {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'HOME', 'AWS_EC2_METADATA_DISABLED'])
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
  }
})

/** A user of the server's own IAM, who may do nothing; moto reads the service from the signature's scope. */
async function userWithoutRights(endpoint: string): Promise<Readonly<Record<string, string>>> {
  const scope =
    'AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=x'
  const iam = async (action: string): Promise<string> => {
    const body = new URLSearchParams({ Action: action, UserName: 'nobody', Version: '2010-05-08' })
    const answer = await fetch(endpoint, { method: 'POST', body, headers: { authorization: scope } })
    return answer.text()
  }
  await iam('CreateUser')
  const text = await iam('CreateAccessKey')
  const [, id = ''] = /<AccessKeyId>(.*?)</.exec(text) ?? []
  const [, secret = ''] = /<SecretAccessKey>(.*?)</.exec(text) ?? []
  return { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret }
}

it('names the least that has to be allowed, and never a credential', async ({ box, moto, prefix }) => {
  const resetAuth = (actions: number) =>
    fetch(`${moto.endpoint}/moto-api/reset-auth`, { method: 'POST', body: String(actions) })
  const before = { ...process.env }
  const nobody = await userWithoutRights(moto.endpoint)
  const { catalog: known } = s3Store(box, moto, prefix)
  const { catalog } = s3Store(box, moto, prefix)
  try {
    await resetAuth(0)
    const strange = await refusal(known.list(''))
    assert.is(strange.code, 'PROVIDER_REFUSED')
    assert.match(strange.message, 'does not take these AWS credentials (InvalidAccessKeyId)')
    Object.assign(process.env, nobody)
    for (const work of [
      () => catalog.list(''),
      () => catalog.read(key),
      () => catalog.createOnly(key, 'x'),
    ]) {
      const error = await refusal(work())
      assert.is(error.code, 'PROVIDER_REFUSED')
      assert.match(error.message, /refuses s3:(?:ListBucket|GetObject|PutObject) \(AccessDenied\)/)
      assert.match(error.hint, 'allow s3:ListBucket, s3:GetObject, s3:PutObject, s3:AbortMultipartUpload')
      const all = JSON.stringify([error.message, error.hint, error.where, error.lines, box.told.lines])
      for (const value of Object.values(nobody)) assert.not.ok(all.includes(value))
    }
    assert.match(box.told.lines.join(), 'could not be looked at (AccessDenied)')
  } finally {
    for (const name of Object.keys(nobody)) process.env[name] = before[name] ?? ''
    await resetAuth(1e9)
  }
  await known.list('')
})

it('ends at once when it is stopped', async ({ box, moto, prefix }) => {
  const stop = new AbortController()
  const { catalog } = s3Store(box, moto, prefix, { signal: stop.signal })
  await catalog.list('')
  stop.abort()
  assert.is(await codeOf(catalog.list('')), 'INTERRUPTED')
})

it.run()
