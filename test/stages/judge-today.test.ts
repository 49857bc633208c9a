import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../../pipeline/core/digest.ts'
import { Definition } from '../../pipeline/model/definition.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { judgeToday } from '../../pipeline/stages/judge-today.ts'
import { promote } from '../../pipeline/stages/promote.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { rollback } from '../../pipeline/stages/rollback.ts'
import { type ChannelWorld, channelWorld, released } from '../helpers/channel-world.ts'
import { refusal } from '../helpers/refusal.ts'
import { base, definition } from '../helpers/release-fixture.ts'
import { textOf } from '../helpers/sources.ts'
import { earlierDb, fixtureDb } from '../helpers/trivy-db-registry.ts'
import { bash, type Looked, look, makeTree, oldSsh } from '../helpers/trivy-tree.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

interface Context {
  looked: Looked
  cyclonedx: string
  made: TestWorld
  at: ChannelWorld
  world: World
}

const it = suite<Context>('judge-today')
const image = 'debian-13'

it.before(async (context) => {
  context.made = await testWorld({ now: new Date('2026-11-22T06:00:00Z') })
  const tree = await makeTree(context.made, { release: '12', packages: [bash, oldSsh] })
  context.looked = await look(context.made, tree, '12', earlierDb)
  context.cyclonedx = await context.looked.text('cyclonedx')
})
it.after((context) => context.made.close())
it.before.each(async (context) => {
  context.at = await channelWorld('{stable: {needs: {approvals: 0}}}')
  const { world, box } = context.at
  // This time with a scanner.
  context.world = { ...world, tools: box.world.tools }
})
it.after.each((context) => context.at.box.close())

/** A release of a small Debian 12 with an old SSH server, that passed by the earlier database. */
function releasedBy({ world, looked, cyclonedx }: Context, runId: string): Promise<string> {
  const { os, findings, database } = looked.report
  return released(world, runId, {
    definition: Definition.parse({ ...definition, os: { ...definition.os, release: '12' } }),
    base: { ...base, release: '12' },
    cyclonedx,
    policy: sha256(textOf('scans/policies/default.yaml')),
    scan: { os, findings, database },
  })
}

const toStable = async ({ at, world }: Context, trivyDb: string, ref = image) =>
  promote(world, {
    ref,
    channel: 'stable',
    by: 'alice',
    trust: await at.trust(),
    trivyDb,
    knownExploited: null,
    dryRun: false,
    update: () => undefined,
  })

it('what the database of today finds decides, not that of the release', async (context) => {
  const { at, world } = context
  await releasedBy(context, 'r-1')
  const rejected = await toStable(context, fixtureDb)
  assert.is(rejected.outcome, 'refused')
  const policy = rejected.needs.find(({ name }) => name === 'policy')
  assert.match(policy?.text ?? '', /rejects it today: CVE-2024-6387, by the database sha256:/)
  const moved = await toStable(context, earlierDb)
  assert.is(moved.outcome, 'moved')
  assert.equal(await world.catalog.list('releases/debian-13/1.0.0/qemu-x86_64/events/'), [], 'it only looked')

  // A roll-back to what is as bad as what is there asks nothing; the older one is only worse by what it alone has.
  await releasedBy(context, 'r-2')
  await toStable(context, earlierDb)
  const done = await rollback(world, {
    image,
    channel: 'stable',
    to: null,
    reason: 'ssh hangs',
    by: 'carol',
    trust: await at.trust(),
    trivyDb: fixtureDb,
    knownExploited: null,
    acceptFindings: false,
    update: () => undefined,
  })
  assert.equal([done.version, done.worse], ['1.0.0', []])
  assert.ok(done.notes.some((text) => text.includes('CVE-2024-6387')))
})

it('a database that was named and is not there is an error, unless nothing may stop', async (context) => {
  const { at, world } = context
  await releasedBy(context, 'r-1')
  const input = {
    releases: [await findRelease(world, image)],
    trust: await at.trust(),
    trivyDb: '/nowhere',
    knownExploited: null,
  }
  await refusal(judgeToday(world, { ...input, neverStop: false }))
  const [judged] = await judgeToday(world, { ...input, neverStop: true })
  assert.is(judged?.gate.verdict, 'passed')
  assert.match(
    judged?.by ?? '',
    /^the findings of 2026-11-22T03:00:00\.000Z, as no newer database is at hand/,
  )
})

it.run()
