import { chmod, cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../../pipeline/cli/verbs/verify.ts'
import { canonicalJson } from '../../../pipeline/core/digest.ts'
import { bytesToSign, envelopeText, parseEnvelope } from '../../../pipeline/core/dsse.ts'
import { parsePayload, payloadOf } from '../../../pipeline/core/statement.ts'
import { MintmarkError } from '../../../pipeline/errors.ts'
import type { Envelope, RecordPredicate } from '../../../pipeline/model/release.ts'
import { nodeFiles } from '../../../pipeline/ports/files.ts'
import { type Signing, signing } from '../../../pipeline/ports/signing.ts'
import type { World } from '../../../pipeline/ports/world.ts'
import type { Link } from '../../../pipeline/stages/verify-release.ts'
import { publicKeyOf } from '../../helpers/public-key-of.ts'
import { type FixtureRelease, fixtureRelease } from '../../helpers/release-fixture.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

interface Context {
  /** A catalog with one release, and its key: made once, copied for each test. */
  made: TestWorld
  box: TestWorld
  world: World
  first: FixtureRelease
}

const it = suite<Context>('verify')

/** A checkout without a trust.yaml and outside git. */
const elsewhere = (box: TestWorld): World => ({
  ...box.world,
  places: { ...box.world.places, root: join(box.folder, 'checkout') },
})

it.before(async (context) => {
  context.made = await testWorld()
  context.first = await fixtureRelease(elsewhere(context.made))
})
it.after((context) => context.made.close())
it.before.each(async (context) => {
  context.box = await testWorld()
  context.world = elsewhere(context.box)
  await cp(join(context.made.folder, 'data'), join(context.box.folder, 'data'), { recursive: true })
})
it.after.each((context) => context.box.close())

const recordKey = 'releases/debian-13/1.0.0/qemu-x86_64.dsse.json'
const pointerKey = 'channels/debian-13/nightly/qemu-x86_64.json'

interface Outcome {
  readonly exit: number
  readonly text: string
  readonly data: { readonly ok: boolean; readonly anchored: boolean; readonly links: readonly Link[] }
}

async function verify({ box, world }: Context, ref: string, trust?: string): Promise<Outcome> {
  box.told.results.length = 0
  const exit = await run({ world, args: [ref], options: trust === undefined ? {} : { trust } })
  const [result] = box.told.results
  return { exit: exit ?? 0, text: result?.text ?? '', data: result?.data as Outcome['data'] }
}

/** The names of the links that are wrong. */
async function wrong(context: Context, ref = 'debian-13@1.0.0', trust?: string): Promise<readonly string[]> {
  const { exit, text, data } = await verify(context, ref, trust)
  const names = [...new Set(data.links.filter((link) => !link.right).map((link) => link.name))]
  assert.is(exit, names.length === 0 ? 0 : 9)
  assert.is(data.ok, names.length === 0)
  for (const name of names) assert.match(text, new RegExp(`✗ +${name} `))
  return names
}

/** What somebody does who can write to the catalog. */
async function overwrite({ world }: Context, key: string, change: (text: string) => string): Promise<void> {
  const path = join(world.places.catalog, key)
  const text = await readFile(path, 'utf8')
  const changed = change(text)
  assert.is.not(changed, text, `nothing was changed in ${key}`)
  await chmod(path, 0o600)
  await writeFile(path, changed)
}

const changePayload =
  (from: string, to: string) =>
  (text: string): string => {
    const { envelope, payload } = parseEnvelope(text)
    const body = Buffer.from(payload).toString().replace(from, to)
    return envelopeText(Buffer.from(body), envelope.signatures)
  }

/** The same facts but for a change, signed with a key of the attacker's own. */
async function forge(
  context: Context,
  key: Signing,
  change: (predicate: RecordPredicate) => Partial<RecordPredicate>,
  rename: (signature: Envelope['signatures'][number]) => Envelope['signatures'][number] = (item) => item,
): Promise<void> {
  const path = join(context.world.places.catalog, recordKey)
  const statement = parsePayload(parseEnvelope(await readFile(path, 'utf8')).payload)
  const predicate = { ...statement.predicate, ...change(statement.predicate) }
  const payload = payloadOf({ ...statement, predicate })
  const text = envelopeText(payload, [rename(await key.sign(bytesToSign(payload)))])
  await overwrite(context, recordKey, () => text)
}

const otherKey = (context: Context): Signing => signing(join(context.box.folder, 'mintmark/other'), nodeFiles)

it('finds an untouched release right, and says that nobody else vouches for it', async (context) => {
  const { exit, text, data } = await verify(context, 'debian-13')
  assert.is(exit, 0, text)
  assert.is(data.anchored, false)
  assert.match(text, /unanchored/)
  assert.match(text, /debian-13@1\.0\.0 is unchanged/)
  assert.is(data.links.filter((link) => link.name === 'report').length, 8)
})

it('finds the release of a file, and refuses a changed file', async (context) => {
  const { world, box, first } = context
  const copy = join(box.folder, 'copy.qcow2')
  await world.files.copy(world.catalog.blobPath(first.published.subject) ?? '', copy)
  assert.is((await verify(context, copy)).exit, 0)
  await chmod(copy, 0o600)
  await writeFile(copy, 'changed')
  try {
    await verify(context, copy)
    assert.unreachable()
  } catch (cause) {
    assert.ok(cause instanceof MintmarkError && cause.code === 'VERIFY_FAILED', String(cause))
  }
})

it('tamper: one fact of the payload', async (context) => {
  await overwrite(context, recordKey, changePayload('"verdict":"passed"', '"verdict":"Passed"'))
  assert.equal(await wrong(context), ['record'])
})

it('tamper: a fact of the payload that stays well formed', async (context) => {
  await overwrite(context, recordKey, changePayload('"fail":1', '"fail":0'))
  assert.equal(await wrong(context), ['signature', 'channel'])
})

it('tamper: a byte of the signature', async (context) => {
  await overwrite(context, recordKey, (text) => {
    const { envelope, payload } = parseEnvelope(text)
    const [signature] = envelope.signatures
    const bytes = Buffer.from(signature?.sig ?? '', 'base64')
    bytes[7] = (bytes[7] ?? 0) ^ 1
    return envelopeText(payload, [{ keyid: signature?.keyid ?? '', sig: bytes.toString('base64') }])
  })
  assert.equal(await wrong(context), ['signature', 'channel'])
})

it('tamper: signed by a key that nobody trusts', async (context) => {
  await forge(context, otherKey(context), () => ({ owner: 'team-evil' }))
  assert.equal(await wrong(context), ['signature', 'channel'])
})

it('tamper: signed by another key under the name of ours', async (context) => {
  const { keyid } = await publicKeyOf(context.world.keys)
  await forge(
    context,
    otherKey(context),
    () => ({}),
    (item) => ({ ...item, keyid }),
  )
  const { text } = await verify(context, 'debian-13@1.0.0')
  assert.match(text, /not made by the key/)
  assert.equal(await wrong(context), ['signature', 'channel'])
})

it('tamper: the bytes of the image', async (context) => {
  const path = context.world.catalog.blobPath(context.first.published.subject) ?? ''
  await chmod(path, 0o600)
  await writeFile(path, 'another image')
  assert.equal(await wrong(context), ['artifact'])
})

it('tamper: the image is gone', async (context) => {
  await rm(context.world.catalog.blobPath(context.first.published.subject) ?? '')
  assert.equal(await wrong(context), ['artifact'])
})

it('tamper: a report is changed, or gone', async (context) => {
  const { reports } = parsePayload(
    parseEnvelope((await context.world.catalog.read(recordKey))?.value ?? '').payload,
  ).predicate
  const path = context.world.catalog.blobPath(reports['sarif']?.sha256 ?? '') ?? ''
  await chmod(path, 0o600)
  await writeFile(path, '{}')
  assert.equal(await wrong(context), ['report'])
  await rm(path)
  assert.equal(await wrong(context), ['report'])
})

it('tamper: the record of another image in its place', async (context) => {
  await fixtureRelease(context.world, { image: 'web-base', runId: 'r-2' })
  const other = await context.world.catalog.read('releases/web-base/1.0.0/qemu-x86_64.dsse.json')
  await overwrite(context, recordKey, () => other?.value ?? '')
  assert.equal(await wrong(context), ['place', 'channel'])
})

it('tamper: the record of an older version in place of a newer', async (context) => {
  await fixtureRelease(context.world, { runId: 'r-2' })
  const older = (await context.world.catalog.read(recordKey))?.value ?? ''
  await overwrite(context, 'releases/debian-13/1.0.1/qemu-x86_64.dsse.json', () => older)
  assert.equal(await wrong(context, 'debian-13'), ['place', 'channel'])
})

it('tamper: the folder of a version is renamed', async (context) => {
  const folder = join(context.world.places.catalog, 'releases/debian-13')
  await context.world.files.rename(join(folder, '1.0.0'), join(folder, '7.0.0'))
  assert.equal(await wrong(context, 'debian-13@7.0.0'), ['place'])
})

it('tamper: the reservation is gone or of another run', async (context) => {
  const key = 'releases/debian-13/1.0.0/reservation.json'
  await overwrite(context, key, (text) => text.replace('"run":"r-1"', '"run":"r-9"'))
  assert.equal(await wrong(context), ['place'])
  await rm(join(context.world.places.catalog, key))
  assert.equal(await wrong(context), ['place'])
})

it('tamper: the channel names another image', async (context) => {
  await overwrite(context, pointerKey, (text) =>
    canonicalJson({ ...(JSON.parse(text) as object), sha256: 'ab'.repeat(32) }),
  )
  assert.equal(await wrong(context, 'debian-13'), ['channel'])
  assert.equal(await wrong(context, 'debian-13@1.0.0'), ['channel'])
})

it('tamper: the channel is of another channel or no pointer at all', async (context) => {
  await overwrite(context, pointerKey, (text) => text.replace('"channel":"nightly"', '"channel":"stable"'))
  assert.equal(await wrong(context, 'debian-13@1.0.0'), ['channel'])
  await overwrite(context, pointerKey, () => '{}')
  assert.equal(await wrong(context, 'debian-13@1.0.0'), ['channel'])
})

it('tamper: a rejected image with a valid signature', async (context) => {
  const reason = { kind: 'secret', id: 'x', text: 'a key', mend: 'remove it' } as const
  await forge(context, context.world.keys, (predicate) => ({
    gate: { ...predicate.gate, verdict: 'rejected', reasons: [reason] },
  }))
  assert.equal(await wrong(context), ['channel', 'subject'])
})

it('tamper: a gate that judged another image, with a valid signature', async (context) => {
  await forge(context, context.world.keys, (predicate) => ({
    gate: { ...predicate.gate, subject: 'ab'.repeat(32) },
  }))
  assert.equal(await wrong(context), ['channel', 'subject'])
})

it('with --trust, only that key counts, not even our own', async (context) => {
  const mine = join(context.world.places.keys, 'signing.pub.pem')
  assert.equal(await wrong(context, 'debian-13', mine), [])
  assert.is((await verify(context, 'debian-13', mine)).data.anchored, true)
  const other = join(context.box.folder, 'other.pem')
  await writeFile(other, (await publicKeyOf(otherKey(context))).pem)
  assert.equal(await wrong(context, 'debian-13', other), ['signature', 'channel', 'provenance'])
})

it('on a machine without any key, no record is its own proof', async (context) => {
  await rm(context.world.places.keys, { recursive: true })
  assert.equal(await wrong(context), ['signature', 'channel', 'provenance'])
  assert.is(await context.world.keys.existing(), null, 'and looking made no key')
})

async function trustFile(context: Context, entry: Readonly<Record<string, unknown>>): Promise<void> {
  const { keyid, pem } = await publicKeyOf(context.world.keys)
  const key = { keyid, name: 'team-platform release job', publicKey: pem, ...entry }
  await context.world.files.write(
    join(context.world.places.root, 'scans/policies/trust.yaml'),
    JSON.stringify({ schema: 1, keys: [key] }),
  )
}

it('is anchored by trust.yaml while the key is valid there', async (context) => {
  await trustFile(context, { from: '2020-01-01', until: '2099-12-31' })
  const { exit, text, data } = await verify(context, 'debian-13')
  assert.equal([exit, data.anchored], [0, true])
  assert.match(text, /by team-platform release job/)
  await trustFile(context, { from: '2020-01-01', until: '2020-12-31' })
  assert.equal(await wrong(context), ['signature', 'channel', 'provenance'])
  await trustFile(context, { from: '2099-01-01', until: '2099-12-31' })
  assert.equal(await wrong(context), ['signature', 'channel', 'provenance'])
})

it('refuses a trust.yaml whose keyid is not its key', async (context) => {
  await trustFile(context, { keyid: 'ab'.repeat(32), from: '2020-01-01', until: '2099-12-31' })
  try {
    await verify(context, 'debian-13')
    assert.unreachable()
  } catch (cause) {
    assert.ok(cause instanceof MintmarkError && cause.code === 'CONFIG_INVALID', String(cause))
  }
})

it.run()
