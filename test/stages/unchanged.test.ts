import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../../pipeline/core/digest.ts'
import { putWaiver } from '../../pipeline/core/edit-waivers.ts'
import { hashesOfRelease, indexFilesOf, renderIndex } from '../../pipeline/core/packages-file.ts'
import { Definition } from '../../pipeline/model/definition.ts'
import { blobName } from '../../pipeline/ports/catalog-key.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { loadJudgement } from '../../pipeline/stages/gate.ts'
import { type Decision, decideUnchanged, type UnchangedInput } from '../../pipeline/stages/unchanged.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import { ami, amiBase, cloudTarget } from '../helpers/ami-release.ts'
import { aptRepository } from '../helpers/apt-repository.ts'
import { makeBucket, s3Store } from '../helpers/catalog-store.ts'
import { flakyProxy } from '../helpers/flaky-s3.ts'
import { waiver } from '../helpers/gate-input.ts'
import { fixtureDay, type TestMirror, testMirror } from '../helpers/mirror.ts'
import { startMoto } from '../helpers/moto-server.ts'
import { base, definition, type FixtureOptions, facts, fixtureRelease } from '../helpers/release-fixture.ts'
import { textOf } from '../helpers/sources.ts'
import { fixtureDb } from '../helpers/trivy-db-registry.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

// Debian's own signed Release files with the real gpgv; what their indices hold is put into the cache, but for a
// repository of our own, that is fetched, verified and unpacked.
const unchanged = suite<{ box: TestWorld; mirror: TestMirror; world: World }>('unchanged')

const served = new Map<string, Buffer>()
const suites = {
  trixie: 'debian',
  'trixie-updates': 'debian',
  'trixie-security': 'debian-security',
}

/** Says what a suite has, in place of its index. */
async function has(world: World, name: keyof typeof suites, packages: Readonly<Record<string, string>>) {
  const hashes = hashesOfRelease(textOf(`test/fixtures/archive/${suites[name]}/dists/${name}/InRelease`))
  const { served: index } = indexFilesOf(hashes, name, 'main')
  const path = join(world.places.indices, `${index.sha256}.tsv`)
  await world.files.write(path, renderIndex(new Map(Object.entries(packages))))
}

unchanged.before.each(async (context) => {
  served.clear()
  context.box = await testWorld({ now: fixtureDay })
  context.mirror = await testMirror((path, original) => served.get(path) ?? original)
  const root = join(context.box.folder, 'root')
  await context.box.world.files.makeFolder(join(root, 'scans'))
  for (const name of ['pipeline', 'scans/policies', 'templates', 'hardening'])
    await symlink(join(checkout, name), join(root, name))
  const lock = 'images/debian-13.lock.json'
  await context.box.world.files.write(join(root, lock), textOf(lock))
  const { world } = context.box
  context.world = {
    ...world,
    env: { ...world.env, ...context.mirror.env },
    places: { ...world.places, root },
  }
  await has(context.world, 'trixie', { chrony: '4.6.1-3', openssl: '3.5.1-1' })
  await has(context.world, 'trixie-updates', { tzdata: '2026b-1' })
  await has(context.world, 'trixie-security', {})
})
unchanged.after.each(async ({ box, mirror }) => {
  await mirror.close()
  await box.close()
})

/** Judged with the database of the fixtures, and with today's policy. */
async function released(world: World, options: FixtureOptions = {}): Promise<void> {
  const database = sha256(await world.files.readBytes(join(fixtureDb, 'trivy.db')))
  await fixtureRelease(world, {
    packages: 'chrony\t4.6.1-3\tamd64\nopenssl\t3.5.1-1\tamd64\n',
    database: { sha256: database },
    policy: sha256(textOf('scans/policies/default.yaml')),
    ...options,
  })
}

async function decide(world: World, change: Partial<UnchangedInput> = {}): Promise<Decision> {
  return decideUnchanged({
    world,
    image: 'debian-13',
    definition,
    bundle: facts.bundle,
    target: targets.qemu,
    trivyDb: fixtureDb,
    judgement: await loadJudgement(world, null),
    secondScanner: null,
    asked: null,
    update: () => undefined,
    ...change,
  })
}

async function causes(world: World, change: Partial<UnchangedInput> = {}): Promise<readonly string[]> {
  const decision = await decide(world, change)
  return decision.unchanged ? ['unchanged'] : decision.causes.map((cause) => cause.text)
}

unchanged('the first release has no predecessor', async ({ world }) => {
  assert.equal(await causes(world), ['it has no release yet'])
})

unchanged(
  'equal inputs, nothing pending, still passing: unchanged, also an hour later',
  async ({ world }) => {
    await released(world)
    const decision = await decide(world)
    assert.is(decision.unchanged && decision.release.version, '1.0.0')
    assert.match(decision.unchanged ? decision.because : '', 'none of 2 packages has an upgrade')
    const later = {
      ...world,
      clock: { ...world.clock, now: () => new Date(fixtureDay.getTime() + 3_600_000) },
    }
    assert.equal(await causes(later), ['unchanged'])
    assert.equal(await causes(world, { asked: '1.0.0' }), ['unchanged'])
  },
)

unchanged("another target's record of the same version is not what is judged", async ({ world }) => {
  await released(world)
  await released(world, { target: cloudTarget(), base: amiBase, built: ami })
  assert.equal(await causes(world), ['unchanged'])
})

unchanged('a version that is asked for', async ({ world }) => {
  await released(world)
  assert.equal(await causes(world, { asked: '2.0.0' }), [
    'version 2.0.0 was asked for, the last release is 1.0.0',
  ])
})

unchanged('another bundle, another test, other keys in the lock', async ({ world }) => {
  await released(world)
  const [bundle = ''] = await causes(world, { bundle: 'f'.repeat(64) })
  assert.match(bundle, /^images\/debian-13\.yaml, a file of its content.*changed \(bundle .* -> ffffffff\)$/)
  const tested = { ...definition, test: [{ run: 'true', exit: 0 }] }
  assert.equal(await causes(world, { definition: tested }), ['images/debian-13.yaml changed: test'])
  const path = join(world.places.root, 'images/debian-13.lock.json')
  const lock = JSON.parse(await world.files.readText(path)) as { keys: unknown[]; updated: string }
  await world.files.write(path, JSON.stringify({ ...lock, updated: '2026-11-23T00:00:00.000Z' }))
  assert.equal(await causes(world), ['unchanged'])
  await world.files.write(path, JSON.stringify({ ...lock, keys: lock.keys.slice(1) }))
  assert.match((await causes(world)).join(), /^images\/debian-13\.lock\.json or the recipe of the bootstrap/)
})

unchanged('a security update and another upgrade', async ({ world }) => {
  await released(world)
  await has(world, 'trixie-updates', { chrony: '4.6.2-1' })
  await has(world, 'trixie-security', { openssl: '3.5.1-1+deb13u1' })
  assert.equal(await causes(world), [
    'a security update is pending: openssl 3.5.1-1 -> 3.5.1-1+deb13u1 (trixie-security)',
    'an upgrade is pending: chrony 4.6.1-3 -> 4.6.2-1 (trixie-updates)',
  ])
})

unchanged(
  'a mirror that is gone, rolled back or dishonest is never "nothing pending"',
  async ({ world, mirror }) => {
    await released(world)
    served.set(
      '/debian/dists/trixie-updates/InRelease',
      Buffer.from(textOf('test/fixtures/archive/debian/dists/bookworm-updates/InRelease')),
    )
    assert.match(
      (await causes(world)).join(),
      /^the archive could not be looked at: trixie-updates is refused/,
    )
    await mirror.close()
    const gone = (await causes(world)).join()
    assert.match(gone, /^the archive could not be looked at: http.*can't be had/, gone)
  },
)

unchanged('the clock: an exception, the base and the database get old', async ({ world }) => {
  await released(world)
  const at = (day: string): World => ({ ...world, clock: { ...world.clock, now: () => new Date(day) } })
  // The Release files of the fixtures are out of date by then too: that is told as well.
  const policy = async (day: string): Promise<readonly string[]> =>
    (await causes(at(day))).filter((text) => !text.startsWith('the archive could not'))
  assert.ok(
    (await policy('2027-04-02T00:00:00Z')).includes(
      'the exception for audit-disk-full-halts expired on 2027-03-31',
    ),
  )
  assert.ok((await policy('2027-02-21T03:00:00Z')).includes('the base is 91 days old, over maxAge 90d'))
  assert.match((await causes(at('2026-11-26T00:00:00Z'))).join(), /older than 72 hours/)
})

unchanged('a policy that is stricter today', async ({ world }) => {
  await released(world)
  const scans = join(world.places.root, 'scans')
  await world.files.remove(scans)
  const policy = textOf('scans/policies/default.yaml').replace(
    /maxDatabaseAgeHours: .*/,
    'maxDatabaseAgeHours: 0.001',
  )
  await world.files.write(join(scans, 'policies/default.yaml'), policy)
  const [first = '', second = ''] = await causes(world)
  assert.match(first, /^the policy changed \(default [0-9a-f]{8} -> default [0-9a-f]{8}\)$/)
  assert.match(second, /^policy default no longer passes it: database .*older than 0\.001 hours$/)
})

unchanged('a waiver that holds is no cause; one that has run out is named', async ({ world }) => {
  const finding = { id: 'CVE-2026-1', package: 'openssl', installed: '3.5.1-1' }
  await released(world, { findings: [{ ...finding, fixed: '3.5.2-1', severity: 'HIGH', title: '' }] })
  const scans = join(world.places.root, 'scans')
  await world.files.remove(scans)
  const path = 'scans/policies/default.yaml'
  await world.files.write(join(world.places.root, path), textOf(path))
  const write = (expires: string): Promise<void> =>
    world.files.write(join(scans, 'waivers/x.yaml'), putWaiver(null, waiver({ expires })).text)
  await write('2027-01-31')
  assert.equal(await causes(world), ['unchanged'])
  await write('2026-11-21')
  assert.equal(await causes(world), [
    'policy default no longer passes it: CVE-2026-1  openssl 3.5.1-1  high, fixed in 3.5.2-1',
    'CVE-2026-1: the waiver for openssl of team-security expired on 2026-11-21 (scans/waivers/x.yaml)',
  ])
})

unchanged('a second scanner that is asked for and did not look', async ({ world }) => {
  await released(world)
  assert.equal(await causes(world, { secondScanner: { name: 'grype', database: '/db' } }), [
    'grype was asked for, and did not look at the last release',
  ])
})

unchanged('an image or a report that is gone, or of another size', async ({ world }) => {
  await released(world)
  const decision = await decide(world)
  const { artifact, reports } = decision.release?.statement.predicate ?? {}
  const image = world.catalog.blobPath(artifact?.sha256 ?? '') ?? ''
  await world.files.rename(image, `${image}.away`)
  assert.equal(await causes(world), ['the image of debian-13@1.0.0 is no longer in the catalog'])
  await world.files.write(image, 'x')
  assert.match((await causes(world)).join(), /has 1 bytes in the catalog, not \d+$/)
  await world.files.rename(`${image}.away`, image)
  await world.files.remove(world.catalog.blobPath(reports?.['packages']?.sha256 ?? '') ?? '')
  assert.equal(await causes(world), ['the report packages of debian-13@1.0.0 is no longer in the catalog'])
})

unchanged('the same for a catalog in a bucket, whose image is not read', async ({ box, world: local }) => {
  const moto = await startMoto(box.world)
  const proxy = await flakyProxy(moto.endpoint)
  try {
    await makeBucket(moto)
    const store = s3Store(box, moto, 'unchanged', { endpoint: proxy.endpoint })
    const world = { ...local, catalog: store.catalog }
    await released(world)
    assert.equal(await causes(world), ['unchanged'])
    const decision = await decide(world)
    const { artifact, reports } = decision.release?.statement.predicate ?? {}
    const image = artifact?.sha256 ?? ''
    assert.ok(proxy.seen.some((item) => item.startsWith('HEAD') && item.endsWith(image)))
    assert.not.ok(proxy.seen.some((item) => item.startsWith('GET') && item.endsWith(image)))
    await store.drop(blobName(reports?.['packages']?.sha256 ?? ''))
    assert.equal(await causes(world), ['the report packages of debian-13@1.0.0 is no longer in the catalog'])
    await store.put(blobName(image), 'x')
    assert.match((await causes(world)).join(), /has 1 bytes in the catalog, not \d+$/)
  } finally {
    await proxy.stop()
    await moto.stop()
  }
})

unchanged('nightly that points elsewhere is never moved in silence', async ({ world }) => {
  await released(world, { runId: 'r-1' })
  const key = 'channels/debian-13/nightly/qemu-x86_64.json'
  const first = (await world.catalog.read(key))?.value ?? ''
  await released(world, { runId: 'r-2' })
  assert.equal(await causes(world), ['unchanged'])
  const path = join(world.places.catalog, key)
  const second = await world.files.readText(path)
  await world.files.write(path, first)
  assert.equal(await causes(world), ['nightly points to 1.0.0, not to 1.0.1, the last release'])
  assert.is(await world.files.readText(path), first)
  await world.files.remove(path)
  assert.equal(await causes(world), ['nightly points to nothing, not to 1.0.1, the last release'])
  await world.files.write(path, second.replace('1.0.1', '1.0.x'))
  assert.match(
    (await causes(world)).join(),
    /^the record of the last release can't be trusted: .*is not the pointer/,
  )
})

unchanged('a record that was changed, or that an older mintmark wrote', async ({ world }) => {
  await released(world)
  const path = join(world.places.catalog, 'releases/debian-13/1.0.0/qemu-x86_64.dsse.json')
  const envelope = JSON.parse(await world.files.readText(path)) as { payload: string }
  const statement = JSON.parse(Buffer.from(envelope.payload, 'base64').toString()) as {
    predicate: { fingerprint?: unknown; owner: string }
  }
  statement.predicate.owner = 'team-other'
  const payload = Buffer.from(JSON.stringify(statement)).toString('base64')
  await world.files.write(path, JSON.stringify({ ...envelope, payload }))
  assert.match(
    (await causes(world)).join(),
    /^the record of the last release can't be trusted: not made by the key/,
  )
})

unchanged('what was unknown stays so without a database, and is looked up with one', async ({ world }) => {
  await released(world, { database: false })
  const before = process.env['HTTPS_PROXY']
  process.env['HTTPS_PROXY'] = 'http://127.0.0.1:1'
  try {
    assert.equal(await causes(world, { trivyDb: null }), ['unchanged'])
  } finally {
    if (before === undefined) delete process.env['HTTPS_PROXY']
    else process.env['HTTPS_PROXY'] = before
  }
  assert.match((await causes(world)).join(), /^its vulnerabilities were unknown, and now there is a database/)
})

unchanged('another database is asked about the stored SBOM', async ({ world }) => {
  await released(world, { database: true })
  // The fixture's database knows Debian 12 alone, so for this image it proves nothing.
  assert.match((await causes(world)).join(), /no advisories for this release/)
})

unchanged('a repository of the team is looked at, by its own key', async ({ world: plain, box, mirror }) => {
  const origin = new URL(mirror.env.MINTMARK_DEBIAN_MIRROR).origin
  // The image's own address of it can't be reached from here, as in a build farm behind a mirror.
  const world = { ...plain, env: { ...plain.env, MINTMARK_REPO_MIRRORS: `corp=${origin}/corp` } }
  const repository = await aptRepository(world, join(box.folder, 'apt'))
  const publish = async (version: string): Promise<void> => {
    for (const [path, bytes] of await repository.files({ 'corp-agent': version }))
      served.set(`/corp/${path}`, bytes)
  }
  await world.files.write(join(world.places.root, 'images/files/corp.asc'), repository.key)
  const url = 'https://apt.corp.invalid/debian'
  const repo = { name: 'corp', url, suite: 'stable', components: ['main'], key: 'files/corp.asc' }
  const own = Definition.parse({ ...definition, content: { ...definition.content, repos: [repo] } })
  const packages = 'chrony\t4.6.1-3\tamd64\ncorp-agent\t1.0\tamd64\nopenssl\t3.5.1-1\tamd64\n'
  await publish('1.0')
  await released(world, { definition: own, packages, base })
  assert.equal(await causes(world, { definition: own }), ['unchanged'])
  const asked = mirror.asked.filter((path) => path.startsWith('/corp/')).length
  assert.equal(await causes(world, { definition: own }), ['unchanged'])
  const again = mirror.asked.filter((path) => path.startsWith('/corp/')).slice(asked)
  assert.equal(again, ['/corp/dists/stable/InRelease'], 'the index was kept')

  await publish('1.1')
  assert.equal(await causes(world, { definition: own }), [
    'an upgrade is pending: corp-agent 1.0 -> 1.1 (repository corp)',
  ])
  // An index that is not what was signed is not parsed.
  await publish('1.2')
  const index = [...served.keys()].find((path) => path.includes('/by-hash/')) ?? ''
  for (const path of served.keys()) if (path.includes('/binary-amd64/')) served.set(path, Buffer.alloc(200))
  assert.ok(index !== '')
  assert.match((await causes(world, { definition: own })).join(), /its Release file says/)
  const stranger = await aptRepository(world, join(box.folder, 'stranger'))
  for (const [path, bytes] of await stranger.files({ 'corp-agent': '9' })) served.set(`/corp/${path}`, bytes)
  assert.match(
    (await causes(world, { definition: own })).join(),
    /images\/files\/corp\.asc has not signed it$/,
  )
})

unchanged.run()
