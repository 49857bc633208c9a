import { chmod, cp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { canonicalJson, sha256 } from '../../pipeline/core/digest.ts'
import { bytesToSign, envelopeText, parseEnvelope } from '../../pipeline/core/dsse.ts'
import { eventKey, eventPayload, eventsPrefix, headKey, parseEvent } from '../../pipeline/core/events.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import type { ReleaseEvent } from '../../pipeline/model/event.ts'
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { type Signing, signing } from '../../pipeline/ports/signing.ts'
import type { World } from '../../pipeline/ports/world.ts'
import type { Trust } from '../../pipeline/stages/chain.ts'
import {
  appendEvent,
  appendEvents,
  eventsOf,
  readEvents,
  trustedEvents,
  whyNotWrite,
} from '../../pipeline/stages/events.ts'
import { findRelease, type Release } from '../../pipeline/stages/read-release.ts'
import { trustedKeys, verifyRelease } from '../../pipeline/stages/verify-release.ts'
import { rescanned } from '../helpers/events.ts'
import { publicKeyOf } from '../helpers/public-key-of.ts'
import { fixtureRelease } from '../helpers/release-fixture.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

interface Context {
  /** A catalog with two releases, the first with three events; made once, copied for each test. */
  made: TestWorld
  box: TestWorld
  world: World
  release: Release
}

const it = suite<Context>('events')
const trust: Trust = { trust: [], onlyTrust: false }
const place = { image: 'debian-13', version: '1.0.0', variant: 'qemu-x86_64' }

const elsewhere = (box: TestWorld): World => ({
  ...box.world,
  places: { ...box.world.places, root: join(box.folder, 'checkout') },
})
const add = (world: World, release: Release, findings: number) =>
  appendEvent(world, release, trust, async () => rescanned(findings))

it.before(async (context) => {
  context.made = await testWorld()
  const world = elsewhere(context.made)
  await fixtureRelease(world)
  await fixtureRelease(world, { runId: 'r-2' })
  const release = await findRelease(world, 'debian-13@1.0.0')
  for (const findings of [1, 2, 3]) await add(world, release, findings)
  await add(world, await findRelease(world, 'debian-13@1.0.1'), 1)
})
it.after((context) => context.made.close())
it.before.each(async (context) => {
  context.box = await testWorld()
  context.world = elsewhere(context.box)
  await cp(join(context.made.folder, 'data'), join(context.box.folder, 'data'), { recursive: true })
  context.release = await findRelease(context.world, 'debian-13@1.0.0')
})
it.after.each((context) => context.box.close())

const better = (event: ReleaseEvent): ReleaseEvent =>
  event.kind === 'rescanned' ? { ...event, data: { ...event.data, findings: 0 } } : event

const pathOf = ({ world }: Context, sequence: number): string =>
  join(world.places.catalog, eventKey(eventsPrefix(place), sequence))

/** What somebody does who can write to the catalog: the event, with something else in it, signed by `key` or as it was. */
async function forge(
  context: Context,
  sequence: number,
  change: (event: ReleaseEvent) => ReleaseEvent,
  key: Signing | null = context.world.keys,
): Promise<void> {
  const path = pathOf(context, sequence)
  const { envelope, payload } = parseEnvelope(await readFile(path, 'utf8'))
  const changed = eventPayload(change(parseEvent(payload)))
  const signatures = key === null ? envelope.signatures : [await key.sign(bytesToSign(changed))]
  await chmod(path, 0o600)
  await writeFile(path, envelopeText(changed, signatures))
}

async function broken({ world, release }: Context): Promise<string> {
  const { broken: link } = await readEvents(world, release, trust)
  try {
    await trustedEvents(world, release, trust)
    assert.is(link, null)
    return ''
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || link === null) throw cause
    assert.is(cause.code, link.code)
    assert.ok(cause.message.includes(link.text))
  }
  const checked = await verifyRelease(world, release, { ...trust, blobs: true })
  const wrong = checked.links.filter((item) => item.name === 'event' && !item.right)
  assert.equal(
    wrong.map((item) => item.text),
    [link?.text],
  )
  assert.is(checked.ok, false)
  return `${link?.code}: ${link?.text}`
}

it('each event names the one before, the record and the image', async ({ world, release }) => {
  const { events, broken: link } = await readEvents(world, release, trust)
  assert.is(link, null)
  assert.equal(
    eventsOf(events, 'rescanned').map(({ event }) => [event.sequence, event.data.findings, event.previous]),
    [
      [1, 1, null],
      [2, 2, events[0]?.sha256],
      [3, 3, events[1]?.sha256],
    ],
  )
  for (const { event } of events) {
    assert.is(event.record, release.record)
    assert.is(event.subject, release.statement.predicate.artifact.sha256)
  }
  // They are beside the records: nothing takes one for a record.
  assert.is((await findRelease(world, 'debian-13')).version, '1.0.1')
})

it('dropped: the first, one between, the last, all', async (context) => {
  const first = pathOf(context, 1)
  await rename(first, `${first}.away`)
  assert.is(await broken(context), 'CHAIN_BROKEN: event 1 is missing, there is 000002.dsse.json')
  await rename(`${first}.away`, first)
  await rename(pathOf(context, 2), `${pathOf(context, 2)}.away`)
  assert.is(await broken(context), 'CHAIN_BROKEN: event 2 is missing, there is 000003.dsse.json')
  await rename(`${pathOf(context, 2)}.away`, pathOf(context, 2))
  await rm(pathOf(context, 3))
  assert.is(await broken(context), 'CHAIN_BROKEN: event 3 is missing, 3 were written')
  for (const sequence of [1, 2]) await rm(pathOf(context, sequence))
  assert.is(await broken(context), 'CHAIN_BROKEN: event 1 is missing, 3 were written')
})

it('dropped in the middle, and the rest moved up', async (context) => {
  await rm(pathOf(context, 2))
  await rename(pathOf(context, 3), pathOf(context, 2))
  assert.is(await broken(context), 'CHAIN_BROKEN: event 2 says that it is event 3')
})

it('reordered', async (context) => {
  const [second, third] = [pathOf(context, 2), pathOf(context, 3)]
  await rename(second, `${second}.away`)
  await rename(third, second)
  await rename(`${second}.away`, third)
  assert.is(await broken(context), 'CHAIN_BROKEN: event 2 says that it is event 3')
})

it('changed: any byte of it', async (context) => {
  const path = pathOf(context, 2)
  const text = await readFile(path, 'utf8')
  await chmod(path, 0o600)
  for (let at = 0; at < text.length; at += Math.ceil(text.length / 40)) {
    const other = text[at] === 'A' ? 'B' : 'A'
    await writeFile(path, text.slice(0, at) + other + text.slice(at + 1))
    assert.match(await broken(context), /^VERIFY_FAILED: event 2 /, `byte ${at}`)
  }
  await writeFile(path, `${text} `)
  assert.match(await broken(context), /^VERIFY_FAILED: event 2 was changed/)
  await writeFile(path, '')
  assert.match(await broken(context), /^VERIFY_FAILED: event 2 was changed: .*not JSON/)
})

it('changed, and signed again by nobody, or by somebody else', async (context) => {
  await forge(context, 3, better, null)
  assert.match(await broken(context), /^VERIFY_FAILED: event 3 is not signed .*not made by the key/)
  await forge(context, 3, better, signing(join(context.box.folder, 'other'), nodeFiles))
  assert.match(await broken(context), /^VERIFY_FAILED: event 3 is not signed .*nobody here trusts/)
})

it('changed by who has the key: the next event, or the head, names another one', async (context) => {
  await forge(context, 3, better)
  assert.match(
    await broken(context),
    /^CHAIN_BROKEN: event 3 is sha256:.*the one that was written is sha256:/,
  )
  await forge(context, 2, better)
  assert.match(await broken(context), /^CHAIN_BROKEN: event 3 names sha256:.* event 2 is sha256:/)
})

it('of another release, record or image', async (context) => {
  await cp(
    join(context.world.places.catalog, eventKey(eventsPrefix({ ...place, version: '1.0.1' }), 1)),
    pathOf(context, 1),
    { force: true },
  )
  assert.is(await broken(context), 'VERIFY_FAILED: event 1 is of debian-13@1.0.1 qemu-x86_64')
  await forge(context, 1, (event) => ({ ...event, version: '1.0.0' }))
  assert.match(await broken(context), /^VERIFY_FAILED: event 1 is about the record/)
  const { record } = context.release
  await forge(context, 1, (event) => ({ ...event, record, subject: sha256('other') }))
  assert.match(await broken(context), /^VERIFY_FAILED: event 1 is about the image/)
})

it('a stranger among them, and a spoilt head', async (context) => {
  const { world } = context
  await world.catalog.createOnly(`releases/debian-13/1.0.0/qemu-x86_64/events/note.json`, '{}')
  assert.is(await broken(context), 'CHAIN_BROKEN: note.json is no event')
  await rm(join(world.places.catalog, 'releases/debian-13/1.0.0/qemu-x86_64/events/note.json'))
  await writeFile(join(world.places.catalog, headKey(eventsPrefix(place))), 'nothing')
  assert.is(await broken(context), 'VERIFY_FAILED: head.json is not what was written')
})

it('nothing is added to a chain that is broken', async (context) => {
  await rm(pathOf(context, 2))
  try {
    await add(context.world, context.release, 4)
    assert.unreachable()
  } catch (cause) {
    assert.is((cause as MintmarkError).code, 'CHAIN_BROKEN')
  }
})

it('a head that a killed writer left behind is no fault, and is moved by the next', async (context) => {
  const { world, release } = context
  const [first] = await trustedEvents(world, release, trust)
  const path = join(world.places.catalog, headKey(eventsPrefix(place)))
  await writeFile(path, canonicalJson({ schema: 1, sequence: 1, sha256: first?.sha256 }))
  assert.is(await broken(context), '')
  const fourth = await add(world, release, 4)
  assert.equal(JSON.parse(await readFile(path, 'utf8')), { schema: 1, sequence: 4, sha256: fourth?.sha256 })
})

it('the second event is never there without a head, also where the first writer was killed', async (context) => {
  const { world } = context
  const release = await findRelease(world, 'debian-13@1.0.1')
  const key = headKey(eventsPrefix({ ...place, version: '1.0.1' }))
  await rm(join(world.places.catalog, key))
  // One that is killed after its second event.
  let written = 0
  const createOnly: World['catalog']['createOnly'] = async (name, value) => {
    if (written === 2) throw new Error('killed')
    written += 1
    return world.catalog.createOnly(name, value)
  }
  const mortal = { ...world, catalog: { ...world.catalog, createOnly } }
  try {
    await appendEvents(mortal, release, trust, async () => [2, 3, 4].map(rescanned))
    assert.unreachable()
  } catch (cause) {
    assert.is((cause as Error).message, 'killed')
  }
  const { events, broken: link, headMissing } = await readEvents(world, release, trust)
  assert.equal([events.length, link, headMissing], [3, null, false])
})

it('who is slower takes the next number, and sees what the faster one wrote', async ({ world, release }) => {
  const seen: (number | undefined)[] = []
  const stored = await appendEvent(world, release, trust, async (last) => {
    seen.push(last?.event.sequence)
    // In between, somebody else.
    if (seen.length === 1) await add(world, release, 40)
    return rescanned(50)
  })
  assert.equal(seen, [3, 4])
  assert.is(stored?.event.sequence, 5)
  const none = await appendEvent(world, release, trust, async (last) =>
    last?.event.kind === 'rescanned' && last.event.data.findings === 50 ? null : rescanned(50),
  )
  assert.is(none, null)
  assert.is((await trustedEvents(world, release, trust)).length, 5)
})

it('several processes at once, one of them killed: a whole chain', async ({ world, release }) => {
  const writer = [
    process.execPath,
    '--import',
    'tsx',
    fileURLToPath(new URL('../helpers/event-writer.ts', import.meta.url)),
  ]
  const start = (count: number, onLine?: (line: string) => void) =>
    world.exec.start([...writer, world.places.catalog, world.places.keys, String(count)], {
      cwd: checkout,
      ...(onLine === undefined ? {} : { onLine }),
    })
  let lines = 0
  const victim = start(500, () => {
    lines += 1
    if (lines === 3) victim.kill()
  })
  const others = [start(5), start(5)]
  const ended = await Promise.all(others.map((item) => item.done))
  assert.equal(
    ended.map(({ code, stderr }) => `${code}${stderr}`),
    ['0', '0'],
  )
  await victim.done
  const events = await trustedEvents(world, release, trust)
  assert.ok(events.length >= 3 + 10 + 3, `${events.length}`)
  const numbers = ended.flatMap(({ stdout }) => stdout.trim().split('\n').map(Number))
  assert.is(new Set(numbers).size, 10)
})

it('whose key does not count for the others may not write', async ({ world, release }) => {
  assert.is(await whyNotWrite(world, release, trust), null)
  const stranger = { ...world, keys: signing(join(world.places.runs, 'stranger'), nodeFiles) }
  assert.is(await whyNotWrite(stranger, release, trust), 'this machine has no key of its own')
  assert.is(await stranger.keys.existing(), null)
  await publicKeyOf(stranger.keys)
  assert.match((await whyNotWrite(stranger, release, trust)) ?? '', /not among those/)
  // Both are vouched for by the team.
  const days = { from: '2026-01-01', until: '2099-12-31' }
  const keys = [await publicKeyOf(world.keys), await publicKeyOf(stranger.keys)].map(({ keyid, pem }) => ({
    keyid,
    name: `job ${keyid.slice(0, 4)}`,
    publicKey: pem,
    ...days,
  }))
  const policy = { schema: 1, keys }
  await world.files.write(join(world.places.root, 'scans/policies/trust.yaml'), JSON.stringify(policy))
  const known: Trust = { trust: await trustedKeys(world, null), onlyTrust: false }
  assert.is(await whyNotWrite(stranger, release, known), null)
  assert.is(await appendEvent(stranger, release, known, async () => null), null)
})

it.run()
