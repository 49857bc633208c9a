import { rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as rescanVerb } from '../../pipeline/cli/verbs/rescan.ts'
import { run as showVerb } from '../../pipeline/cli/verbs/show.ts'
import { run as verifyVerb } from '../../pipeline/cli/verbs/verify.ts'
import { sha256 } from '../../pipeline/core/digest.ts'
import { eventKey, eventsPrefix, headKey } from '../../pipeline/core/events.ts'
import { Definition } from '../../pipeline/model/definition.ts'
import type { CiJob } from '../../pipeline/ports/ci-job.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { publicKeyOf } from '../helpers/public-key-of.ts'
import { refusal } from '../helpers/refusal.ts'
import { base, definition, fixtureRelease } from '../helpers/release-fixture.ts'
import { textOf } from '../helpers/sources.ts'
import { earlierDb, fixtureDb } from '../helpers/trivy-db-registry.ts'
import { bash, type Looked, look, makeTree, oldSsh } from '../helpers/trivy-tree.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

interface Context {
  /** What Trivy itself says of a small Debian 12, by the earlier database. */
  looked: Looked
  cyclonedx: string
  made: TestWorld
  box: TestWorld
  world: World
}

const it = suite<Context>('rescan')
const now = new Date('2026-11-22T06:00:00Z')
const place = { image: 'debian-12', version: '1.0.0', variant: 'qemu-x86_64' }
const made12 = Definition.parse({
  ...definition,
  os: { ...definition.os, release: '12' },
})

it.before(async (context) => {
  context.made = await testWorld({ now })
  const tree = await makeTree(context.made, { release: '12', packages: [bash, oldSsh] })
  context.looked = await look(context.made, tree, '12', earlierDb)
  context.cyclonedx = await context.looked.text('cyclonedx')
})
it.after((context) => context.made.close())
it.before.each(async (context) => {
  context.box = await testWorld({ now })
  const { world, folder } = context.box
  const root = join(folder, 'root')
  await world.files.makeFolder(root)
  for (const name of ['pipeline', 'templates', 'hardening'])
    await symlink(join(checkout, name), join(root, name))
  await world.files.write(join(root, 'scans/policies/default.yaml'), textOf('scans/policies/default.yaml'))
  context.world = { ...world, places: { ...world.places, root } }
})
it.after.each((context) => context.box.close())

/** A release of Debian 12 that passed by the earlier database, or by none. */
function released({ world, looked, cyclonedx }: Context, runId: string, image = 'debian-12', known = true) {
  const { os, findings, database } = looked.report
  return fixtureRelease(world, {
    image,
    runId,
    definition: made12,
    base: { ...base, release: '12' },
    cyclonedx,
    policy: sha256(textOf('scans/policies/default.yaml')),
    scan: known
      ? { os, findings, database }
      : { os, findings: [], database: null, databaseProblem: 'none could be downloaded' },
    ...(known ? {} : { database: false }),
  })
}

interface Outcome {
  readonly exit: number
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: what a program reads
  readonly releases: readonly any[]
}

async function rescan(
  { box, world }: Context,
  trivyDb: string,
  args: readonly string[] = [],
  options: Readonly<Record<string, string | boolean>> = {},
): Promise<Outcome> {
  box.told.results.length = 0
  const exit = await rescanVerb({ world, args, options: { trivyDb, ...options } })
  const [result] = box.told.results
  const data = JSON.parse(JSON.stringify(result?.data))
  assert.is(data.exit, exit)
  return { exit: exit ?? 0, text: result?.text ?? '', releases: data.releases }
}

it('the database of the release and today the same verdict: nothing is written', async (context) => {
  await released(context, 'r-1')
  const { exit, text, releases } = await rescan(context, earlierDb)
  assert.is(exit, 0)
  assert.match(text, /✓ debian-12@1\.0\.0 \(nightly\) {2}still passes policy default/)
  assert.match(text, /unchanged since its release of/)
  assert.is(releases[0].changed, false)
  assert.is(releases[0].event, null)
  assert.equal(await context.world.catalog.list('releases/debian-12/1.0.0/qemu-x86_64/'), [])
})

it('in a CI job the page of the run has a row for each release, and later steps the names', async (context) => {
  await released(context, 'r-1')
  let page = ''
  let values: Readonly<Record<string, string>> = {}
  const job: CiJob = {
    run: 'gh-1-1',
    ephemeral: false,
    error: () => undefined,
    output: async (more) => {
      values = { ...values, ...more }
    },
    summary: async (text) => {
      page += text
    },
  }
  const env = { ...context.world.env, MINTMARK_CATALOG: context.world.places.catalog }
  const { exit } = await rescan({ ...context, world: { ...context.world, env, job } }, fixtureDb)
  assert.is(exit, 5)
  assert.equal(values, { rejected: '["debian-12@1.0.0"]', failed: '[]' })
  assert.match(page, /^### Rescan: 1 release, 1 would be rejected; database sha256:/)
  assert.match(page, /\n\| debian-12&#64;1\.0\.0 \| nightly \| would be rejected \| .*CVE-/)
})

it('a newer database: what is new, has a fix now, is gone; a signed event, once', async (context) => {
  const { world, box } = context
  await released(context, 'r-1')
  const { exit, text, releases } = await rescan(context, fixtureDb)
  assert.is(exit, 5)
  assert.match(text, /✗ debian-12@1\.0\.0 \(nightly\) {2}would be rejected by policy default: 1 reason/)
  assert.match(text, /new +CVE-2024-6387 +openssh-server +high, fixed in 1:9\.2p1-2\+deb12u3/)
  assert.match(text, /fixable +CVE-2025-26465 +openssh-server +medium, now fixed in 1:9\.2p1-2\+deb12u5/)
  assert.match(text, /gone +CVE-2023-51767 +openssh-server +low/)
  assert.match(text, /written as event 1, sha256:/)
  assert.match(text, /→ \.\/mintmark release debian-12/)
  const [first] = releases
  assert.is(first.gate.verdict, 'rejected')
  assert.is(first.gate.reasons[0].id, 'CVE-2024-6387')
  const report = JSON.parse(Buffer.from(await world.catalog.getBlob(first.report.sha256)).toString())
  assert.is(report.findings.length, 2)
  assert.is(report.database.sha256, await world.files.sha256(join(fixtureDb, 'trivy.db')))

  const again = await rescan(context, fixtureDb)
  assert.is(again.exit, 5)
  assert.match(again.text, /unchanged since event 1 of/)
  assert.equal(again.releases[0].changes, { new: [], fixable: [], gone: [], rated: [] })
  assert.is(again.releases[0].event, null)

  // Back again: compared with the event, not with the release.
  const back = await rescan(context, earlierDb)
  assert.is(back.exit, 0)
  assert.match(back.text, /still passes policy default again/)
  assert.match(back.text, /gone +CVE-2024-6387/)
  assert.is(back.releases[0].event.sequence, 2)

  box.told.results.length = 0
  assert.is(await showVerb({ world, args: ['debian-12'], options: {} }), 0)
  const shown = box.told.results[0]?.text ?? ''
  assert.match(shown, /^re-scanned +.*, event 2: passes policy default$/m)
  assert.match(shown, /^events +✓ record and 2 events unchanged$/m)
  assert.is(await verifyVerb({ world, args: ['debian-12'], options: {} }), 0)
})

it('a release without any database gets its first look', async (context) => {
  await released(context, 'r-1', 'debian-12', false)
  const { exit, text } = await rescan(context, earlierDb)
  assert.is(exit, 0)
  assert.match(text, /the first look by a database, 2 findings/)
  assert.match(text, /written as event 1/)
})

it('the policy and the exceptions of today', async (context) => {
  const { world } = context
  await released(context, 'r-1')
  const path = join(world.places.root, 'scans/policies/default.yaml')
  await writeFile(
    path,
    textOf('scans/policies/default.yaml').replace(/rejectUnfixed: \[\]/, 'rejectUnfixed: [LOW]'),
  )
  const { exit, text } = await rescan(context, earlierDb)
  assert.is(exit, 5)
  assert.match(text, /CVE-2023-51767/)
  assert.match(text, /written as event 1/)
  await writeFile(path, 'schema: 1\nrejectFixible: []\n')
  const broken = await rescan(context, earlierDb)
  assert.is(broken.exit, 3)
  assert.match(broken.text, /scans\/policies\/default\.yaml:2:1/)
})

it('a database that does not know the system says nothing about it', async (context) => {
  await fixtureRelease(context.world, {
    allPass: true,
    policy: sha256(textOf('scans/policies/default.yaml')),
  })
  const { exit, text } = await rescan(context, fixtureDb)
  assert.is(exit, 5)
  assert.match(text, /has no advisories for this release/)
  assert.match(text, /→ \.\/mintmark rescan debian-13 --trivy-db REFERENCE/)
})

it('one that can not be looked at stops no other: 10, and 9 when there is no other', async (context) => {
  const { world } = context
  await released(context, 'r-1', 'web')
  const alone = await findRelease(world, 'web')
  const sbom = world.catalog.blobPath(alone.statement.predicate.reports['packages']?.sha256 ?? '') ?? ''
  await rm(sbom)
  // Not needed for a look.
  assert.is((await rescan(context, earlierDb)).exit, 0)
  await rm(world.catalog.blobPath(alone.statement.predicate.reports['build']?.sha256 ?? '') ?? '')
  const none = await rescan(context, earlierDb)
  assert.is(none.exit, 9)
  assert.match(none.text, /! web@1\.0\.0 \(nightly\) {2}could not be looked at: the catalog has no blob/)
  await released({ ...context, cyclonedx: `${context.cyclonedx} ` }, 'r-2', 'debian-12')
  const some = await rescan(context, earlierDb)
  assert.is(some.exit, 10)
  assert.is(some.releases.length, 2)
  assert.is((await rescan(context, fixtureDb)).exit, 5)
})

it('a forged history is not built on', async (context) => {
  const { world } = context
  await released(context, 'r-1')
  await rescan(context, fixtureDb)
  await rm(join(world.places.catalog, eventKey(eventsPrefix(place), 1)))
  const { exit, releases } = await rescan(context, fixtureDb)
  assert.is(exit, 9)
  assert.is(releases[0].error.code, 'CHAIN_BROKEN')
  assert.match(releases[0].error.message, /event 1 is missing/)
  assert.is(await verifyVerb({ world, args: ['debian-12'], options: {} }), 9)
  await rm(join(world.places.catalog, headKey(eventsPrefix(place))))
  assert.is((await rescan(context, earlierDb)).exit, 0)
})

it('which releases are meant', async (context) => {
  await released(context, 'r-1')
  await released(context, 'r-2')
  const names = async (args: readonly string[], options = {}) =>
    (await rescan(context, earlierDb, args, options)).releases.map((item) => `${item.image}@${item.version}`)
  assert.equal(await names([]), ['debian-12@1.0.1'])
  assert.equal(await names([], { all: true }), ['debian-12@1.0.1', 'debian-12@1.0.0'])
  assert.equal(await names(['debian-12@1.0.0']), ['debian-12@1.0.0'])
  assert.equal(await names(['debian-12', 'debian-12@1.0.1']), ['debian-12@1.0.1'])
  assert.equal(await names(['debian-12'], { channel: 'nightly' }), ['debian-12@1.0.1'])
  const wrong = [
    [['debian-21'], {}, 'NOT_FOUND', /did you mean debian-12/],
    [[], { channel: 'nightli' }, 'NOT_FOUND', /did you mean nightly/],
    [['debian-12'], { channel: 'stable' }, 'NOT_FOUND', /there are: nightly/],
    [[], { channel: 'nightly', all: true }, 'USAGE', /help/],
    [['debian-12@1.0.0'], { all: true }, 'USAGE', /help/],
  ] as const
  for (const [args, options, code, hint] of wrong) {
    const error = await refusal(rescan(context, earlierDb, args, options))
    assert.is(error.code, code)
    assert.match(error.hint, hint)
  }
})

it('nothing is written where this key does not count', async (context) => {
  await released(context, 'r-1')
  const { world } = context
  const { keyid, pem } = await publicKeyOf(world.keys)
  await rm(world.places.keys, { recursive: true })
  const policy = {
    schema: 1,
    keys: [{ keyid, name: 'the release job', publicKey: pem, from: '2026-01-01', until: '2099-12-31' }],
  }
  await world.files.write(join(world.places.root, 'scans/policies/trust.yaml'), JSON.stringify(policy))
  const { exit, text } = await rescan(context, fixtureDb)
  assert.is(exit, 5)
  assert.match(text, /not written to its history: this machine has no key of its own/)
  assert.equal(await world.catalog.list('releases/debian-12/1.0.0/qemu-x86_64/'), [])
})

it('without a database there is no look; an empty catalog is told', async (context) => {
  assert.is((await refusal(rescan(context, fixtureDb))).code, 'NOT_FOUND')
  await released(context, 'r-1')
  assert.is((await refusal(rescan(context, '127.0.0.1:9/trivy-db:2'))).code, 'PROVIDER_UNREACHABLE')
})

it.run()
