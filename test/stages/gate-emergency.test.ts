import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { GateDecision } from '../../pipeline/model/gate.ts'
import type { ScanReport } from '../../pipeline/model/stages.ts'
import type { World } from '../../pipeline/ports/world.ts'
import type { StageContext } from '../../pipeline/stages/stage.ts'
import { exploitedCatalog, kept } from '../helpers/gate-input.ts'
import { judgeByStage } from '../helpers/gate-stage.ts'
import { plainDefinition } from '../helpers/plain-definition.ts'
import { fixtureRelease } from '../helpers/release-fixture.ts'
import { fixtureDb } from '../helpers/trivy-db-registry.ts'
import { bash, look, makeTree, oldKernel, oldSsh } from '../helpers/trivy-tree.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

// Real scans by the real Trivy; the releases are real records of images that no machine ever boots.
const test = suite<{ t: TestWorld; world: World; ssh: ScanReport; sbom: string; kernelSbom: string }>(
  'gate: emergencies, waivers, lists',
)

const definition = plainDefinition({ os: { family: 'debian', release: '12', arch: ['x86_64'] } })

/** What the real scanner found, once for all tests. */
let scanned: { readonly ssh: ScanReport; readonly sbom: string; readonly kernelSbom: string }

test.before(async () => {
  const t = await testWorld()
  const tree = await makeTree(t, { release: '12', packages: [bash, oldSsh] })
  const { report, text } = await look(t, tree, '12', fixtureDb)
  const other = await makeTree(t, { release: '12', packages: [bash, oldKernel] })
  const kernel = await look(t, other, '12', fixtureDb)
  scanned = { ssh: report, sbom: await text('cyclonedx'), kernelSbom: await kernel.text('cyclonedx') }
  await t.close()
})
test.before.each(async (context) => {
  const t = await testWorld({ now: new Date('2026-11-22T12:00:00Z') })
  const root = join(t.folder, 'checkout')
  await cp(join(checkout, 'scans/policies'), join(root, 'scans/policies'), { recursive: true })
  await t.world.files.write(join(root, 'images/debian-13.yaml'), '')
  const world = { ...t.world, places: { ...t.world.places, root } }
  Object.assign(context, { t, world, ...scanned })
})
test.after.each(({ t }) => t.close())

async function judge(
  world: World,
  scan: ScanReport,
  given: Partial<StageContext['options']> = {},
): Promise<{ readonly decision: GateDecision; readonly line: string; readonly note: string }> {
  const options = { trivyDb: fixtureDb, knownExploited: null, emergency: null, ...given }
  const { decision, line } = await judgeByStage(world, scan, { image: 'debian-13', definition, options })
  return { decision, line, note: decision.verdict === 'rejected' ? (decision.emergencyNote ?? '') : '' }
}

const reason = 'sshd is attacked tonight, the rest is as it was'

test('the current release has it as well, as today says: an emergency ships it, and without one that is told', async ({
  world,
  ssh,
  sbom,
}) => {
  // Its own scan found nothing, by a database of another day; today's database finds it in the stored SBOM.
  await fixtureRelease(world, { cyclonedx: sbom, database: true })
  const told = await judge(world, ssh)
  assert.is(
    told.note,
    'no worse than debian-13@1.0.0 of nightly → ./mintmark release debian-13 --emergency --reason "..." may ship it, recorded',
  )
  const { decision, line } = await judge(world, ssh, { emergency: reason })
  assert.is(decision.verdict, 'passed')
  assert.equal(decision.emergency, {
    reason,
    comparedWith: 'debian-13@1.0.0 of nightly',
    shipped: ['CVE-2024-6387 openssh-server'],
  })
  assert.match(line, /^passed policy default; EMERGENCY: 1 finding shipped, no worse than debian-13@1\.0\.0/)
})

test('worse than the current release, or none: rejected, and it is said why', async ({
  world,
  ssh,
  kernelSbom,
}) => {
  assert.is(
    (await judge(world, ssh, { emergency: reason })).note,
    '--emergency is refused: there is no current release that this could be no worse than',
  )
  await fixtureRelease(world, { cyclonedx: kernelSbom, database: true })
  assert.is(
    (await judge(world, ssh, { emergency: reason })).note,
    '--emergency is refused: worse than debian-13@1.0.0 of nightly, which does not have CVE-2024-6387 openssh-server',
  )
  assert.is((await judge(world, ssh)).note, '')
})

test('a record of the current release that was changed is no excuse', async ({ world, ssh, sbom }) => {
  await fixtureRelease(world, { cyclonedx: sbom, database: true })
  const path = join(world.places.catalog, 'releases/debian-13/1.0.0/qemu-x86_64.dsse.json')
  const envelope = JSON.parse(await world.files.readText(path)) as { payload: string }
  const text = Buffer.from(envelope.payload, 'base64').toString().replace('team-platform', 'team-platfrom')
  await world.files.write(
    path,
    JSON.stringify({ ...envelope, payload: Buffer.from(text).toString('base64') }),
  )
  try {
    await judge(world, ssh, { emergency: reason })
    assert.unreachable()
  } catch (cause) {
    assert.match((cause as Error).message, "the record of debian-13@1.0.0 can't be trusted")
  }
  // Without an emergency it was only advice.
  assert.is((await judge(world, ssh)).note, '')
})

test('waivers of the checkout are honoured, and those for nothing are told', async ({ t, world, ssh }) => {
  const path = join(world.places.root, 'scans/waivers/team-security.yaml')
  const rows = [
    kept({ vulnerability: 'CVE-2024-6387', package: 'openssh-server' }).waiver,
    kept({ vulnerability: 'CVE-2020-1', package: 'bash' }).waiver,
  ]
  await world.files.write(path, JSON.stringify({ schema: 1, waivers: rows }))
  const { decision, line } = await judge(world, ssh)
  assert.is(line, 'passed policy default; 1 waived finding')
  assert.equal(
    decision.waived.map((row) => [row.vulnerability, row.package, row.file]),
    [['CVE-2024-6387', 'openssh-server', 'scans/waivers/team-security.yaml']],
  )
  assert.ok(
    t.told.lines.includes(
      'warning: 1 waiver that does nothing here: CVE-2020-1 bash (scans/waivers/team-security.yaml): no such finding in debian-13',
    ),
  )
})

test('the known-exploited list is in the decision and in the words', async ({ world, ssh }) => {
  const list = join(world.places.root, 'kev.json')
  await world.files.write(list, exploitedCatalog('CVE-2024-6387'))
  const { decision } = await judge(world, ssh, { knownExploited: list })
  assert.is(decision.knownExploited?.count, 1)
  assert.match(
    decision.verdict === 'rejected' ? (decision.reasons[0]?.text ?? '') : '',
    /openssh-server .* {2}high, known exploited, fixed in/,
  )
})

test.run()
