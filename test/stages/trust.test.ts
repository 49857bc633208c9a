import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MintmarkError } from '../../pipeline/errors.ts'
import { chooseSigner } from '../../pipeline/ports/choose-signer.ts'
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { signing } from '../../pipeline/ports/signing.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { appendEvent } from '../../pipeline/stages/events.ts'
import { findRelease, locateRelease } from '../../pipeline/stages/read-release.ts'
import { recordStage } from '../../pipeline/stages/record.ts'
import { signerReady } from '../../pipeline/stages/signer-ready.ts'
import { trustedKeys, type Verification, verifyRelease } from '../../pipeline/stages/verify-release.ts'
import { rescanned } from '../helpers/events.ts'
import { fixtureRelease } from '../helpers/release-fixture.ts'
import { issuer, sigstoreServer, subject } from '../helpers/sigstore-server.ts'
import {
  elsewhere,
  fillCheckout,
  record,
  resign,
  type Spoiled,
  trustedEntry,
  trustedIdentity,
  writeTrust,
} from '../helpers/tampered.ts'
import { testWorld } from '../helpers/world.ts'

interface Context {
  at: Spoiled
}

const it = suite<Context>('trust')

it.before.each(async (context) => {
  const box = await testWorld()
  context.at = { box, world: elsewhere(box) }
  await fillCheckout(context.at.world)
})
it.after.each(({ at }) => at.box.close())

const onDay = (world: World, day: string): World => ({
  ...world,
  clock: { now: () => new Date(`${day}T12:00:00.000Z`), sleep: async () => undefined },
})

const withKey = ({ box }: Spoiled, world: World, name: string): World => ({
  ...world,
  keys: signing(join(box.folder, name), nodeFiles),
})

/** By trust.yaml alone, with no key of the machine. */
async function verified({ world }: Spoiled, ref: string): Promise<Verification> {
  const quick = onDay(world, '2026-12-01')
  return verifyRelease(quick, await locateRelease(world, ref), {
    trust: await trustedKeys(world, null),
    onlyTrust: true,
    blobs: true,
  })
}

async function wrong(at: Spoiled, ref: string): Promise<readonly string[]> {
  const { links, ok, anchored } = await verified(at, ref)
  const broken = links.filter((link) => !link.right)
  assert.is(ok, broken.length === 0)
  if (ok) assert.is(anchored, true)
  return broken.map((link) => `${link.name}: ${link.text}`)
}

async function refused(work: Promise<unknown>): Promise<MintmarkError> {
  try {
    await work
  } catch (cause) {
    if (cause instanceof MintmarkError) return cause
    throw cause
  }
  throw new Error('nothing was thrown')
}

/** Two releases, one before and one after the key was changed. */
async function rotated(at: Spoiled) {
  const before = withKey(at, onDay(at.world, '2026-03-01'), 'old')
  const after = withKey(at, onDay(at.world, '2026-09-01'), 'new')
  const days = { from: '2026-01-01', until: '2026-06-30', name: 'team-platform first key' }
  const first = await trustedEntry(before.keys, days)
  const second = await trustedEntry(after.keys, { from: '2026-06-01', name: 'team-platform second key' })
  await writeTrust(at, [first, second])
  await fixtureRelease(before)
  await fixtureRelease(after, { runId: 'r-2' })
  return { before, after, first, second }
}

it('rotation: records of before stay trusted, the channel goes on, the old key signs nothing new', async ({
  at,
}) => {
  const { before } = await rotated(at)
  assert.equal(await wrong(at, 'debian-13@1.0.0'), [])
  assert.equal(await wrong(at, 'debian-13'), [])
  await resign(at, record, before.keys)
  const [says] = await wrong(at, 'debian-13@1.0.1')
  assert.is(
    says,
    'signature: by team-platform first key, trusted from 2026-01-01 to 2026-06-30, on 2026-09-01',
  )
})

it('rotation: a key whose days are over writes no event', async ({ at }) => {
  const { before } = await rotated(at)
  const late = onDay(before, '2026-10-01')
  const early = await refused(signerReady(late))
  assert.match(early.message, /the key of team-platform first key is trusted from 2026-01-01 to 2026-06-30$/)
  assert.match(early.hint, /signing\.pem of .* away/)
  await signerReady(onDay(before, '2026-06-30'))
  const error = await refused(fixtureRelease(late, { runId: 'r-3' }))
  assert.is(error.code, 'VERIFY_FAILED')
  assert.match(
    error.message,
    /can't be moved: this machine's key sha256:\w+… is not among those that are trusted$/,
  )
  assert.equal(await wrong(at, 'debian-13'), [], 'and the channel is as it was')
})

it('an event that nobody would trust is not written', async ({ at }) => {
  const { after } = await rotated(at)
  const release = await findRelease(after, 'debian-13@1.0.0')
  const trust = { trust: await trustedKeys(after, null), onlyTrust: true }
  const add = (world: World) => appendEvent(world, release, trust, async () => rescanned(1))
  const stranger = withKey(at, after, 'stranger')
  const error = await refused(add(stranger))
  assert.is(error.code, 'VERIFY_FAILED')
  assert.match(
    error.message,
    /^nobody would trust what was to be written for debian-13@1\.0\.0: event 1 is not/,
  )
  assert.equal(await at.world.catalog.list('releases/debian-13/1.0.0/qemu-x86_64/'), [])
  assert.is((await add(after))?.event.sequence, 1)
})

it('a lost key: what it signed stays trusted by its public half', async ({ at }) => {
  await rotated(at)
  await rm(join(at.box.folder, 'old'), { recursive: true })
  assert.equal(await wrong(at, 'debian-13@1.0.0'), [])
})

/** What `find CATALOG -name '*.dsse.json' -exec sha256sum {} +` prints of a copy from before the theft. */
async function envelopes({ world }: Spoiled): Promise<readonly string[]> {
  const names = await readdir(world.places.catalog, { recursive: true })
  const found = names.filter((name) => name.endsWith('.dsse.json'))
  return Promise.all(found.map((name) => world.files.sha256(join(world.places.catalog, name))))
}

it('a stolen key: no date of it is believed, but the envelopes that are known', async ({ at }) => {
  const { before, first, second } = await rotated(at)
  const known = await envelopes(at)
  await writeTrust(at, [{ ...first, revoked: true }, second])
  const all = await wrong(at, 'debian-13@1.0.0')
  assert.match(all[0] ?? '', /^signature: by team-platform first key, .* revoked: whoever took it can sign/)
  assert.match((await wrong(at, 'debian-13')).join('\n'), /^channel: .*event 1 is not signed .* revoked/)
  await writeTrust(at, [{ ...first, revoked: true, stillTrusted: known }, second])
  assert.equal(await wrong(at, 'debian-13@1.0.0'), [])
  assert.equal(await wrong(at, 'debian-13'), [])
  // The thief signs for a day on which the key was good.
  await resign(at, record, before.keys, (item) => ({
    ...item,
    predicate: { ...item.predicate, created: '2026-03-02T12:00:00.000Z' },
  }))
  const [says] = await wrong(at, 'debian-13@1.0.1')
  assert.match(says ?? '', /^signature: by team-platform first key, .* revoked/)
})

it('a stolen key that is not revoked can be dated back: only the days before the theft are lost', async ({
  at,
}) => {
  const { before } = await rotated(at)
  await resign(at, record, before.keys, (item) => ({
    ...item,
    predicate: { ...item.predicate, created: '2026-03-02T12:00:00.000Z' },
  }))
  // The signature alone does not show it; the channel's history, which the new key signed, does.
  const says = await wrong(at, 'debian-13@1.0.1')
  assert.equal(
    says.map((text) => text.split(':')[0]),
    ['channel', 'provenance'],
  )
})

it('keyless: released, killed and taken up, verified without any network', async ({ at }) => {
  const server = await sigstoreServer()
  Object.assign(process.env, server.ciEnv)
  try {
    const notes: string[] = []
    const keys = chooseSigner(server.env, at.world.places.keys, nodeFiles, (text) => void notes.push(text))
    const world: World = { ...at.world, keys }
    const early = await refused(signerReady(world))
    assert.match(early.message, /nobody could verify .*nightly\.yml@refs\/heads\/main is not among those/)
    await writeTrust(at, [], { entries: [trustedIdentity(issuer, subject)], root: server.root })
    await signerReady(world)
    const first = await fixtureRelease(world)
    await fixtureRelease(world, { runId: 'r-2' })
    assert.ok(notes.length >= 6, 'each signature is told')
    // The first run again, as if it had been killed before its stage file was written.
    const again = await recordStage.run({ ...first.run.context, world })
    assert.equal(again.output, { ...first.recorded })
    assert.is(await world.files.info(join(world.places.keys, 'signing.pem')), null, 'no key was made')
  } finally {
    for (const name of Object.keys(server.ciEnv)) delete process.env[name]
    await server.close()
  }
  assert.equal(await wrong(at, 'debian-13@1.0.0'), [])
  assert.equal(await wrong(at, 'debian-13'), [])
  const { links } = await verified(at, 'debian-13')
  const text = links.find((link) => link.name === 'signature')?.text ?? ''
  assert.match(text, /^by team-platform release job, https:\/\/github\.com\/corp\/.*, logged 20/)
  await writeTrust(at, [], {
    entries: [trustedIdentity(issuer, `${subject.split('@')[0]}@*`)],
    root: server.root,
  })
  assert.equal(await wrong(at, 'debian-13'), [], 'every branch of the workflow')
})

it('keyless: the root has to be there and be one', async ({ at }) => {
  await fixtureRelease(at.world)
  await writeTrust(at, [], { entries: [trustedIdentity(issuer, subject)], root: '{}' })
  const root = join(at.world.places.root, 'scans/policies/sigstore-root.json')
  const located = await locateRelease(at.world, 'debian-13')
  const trust = await trustedKeys(at.world, null)
  // A record that a key signed needs no root.
  await verifyRelease(at.world, located, { trust, onlyTrust: false, blobs: false })
  await rename(root, `${root}.away`)
  const error = await refused(trustedKeys(at.world, null))
  assert.is(error.code, 'CONFIG_INVALID')
  assert.match(error.hint, /cosign trusted-root create/)
  assert.is((await trustedKeys(at.world, null, `${root}.away`)).length, 1, '--sigstore-root names another')
})

it.run()
