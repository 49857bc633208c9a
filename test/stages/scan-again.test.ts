import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../../pipeline/core/digest.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { scanAgain } from '../../pipeline/stages/scan-again.ts'
import { type FixtureOptions, fixtureRelease } from '../helpers/release-fixture.ts'
import { fixtureDb } from '../helpers/trivy-db-registry.ts'
import { bash, look, makeTree, oldKernel, oldSsh } from '../helpers/trivy-tree.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const test = suite<{ t: TestWorld }>('scan again')
const os = { family: 'debian', release: '12' }

test.before.each(async (context) => {
  context.t = await testWorld({ now: new Date('2026-11-22T03:00:00Z') })
})
test.after.each(({ t }) => t.close())

/** A release whose SBOM Trivy itself wrote, by a database of another day. */
async function scanned(t: TestWorld, database: FixtureOptions['database']) {
  const tree = await makeTree(t, { release: '12', packages: [bash, oldSsh, oldKernel] })
  const { report, text } = await look(t, tree, '12', fixtureDb)
  await fixtureRelease(t.world, {
    cyclonedx: await text('cyclonedx'),
    ...(database === undefined ? {} : { database }),
  })
  const { predicate } = (await findRelease(t.world, 'debian-13')).statement
  return { report, again: await scanAgain(t.world, { predicate, os, trivyDb: fixtureDb }) }
}

test('the stored SBOM in another database: the findings of a whole scan, signed packages too', async ({
  t,
}) => {
  const { report, again } = await scanned(t, true)
  assert.ok(again.status === 'new')
  assert.ok(again.scan.findings.some(({ package: name }) => name.startsWith('linux-image')))
  assert.equal(again.scan.findings, report.findings)
  assert.is(again.scan.database?.canary, true)
  assert.equal(await t.world.files.list(t.world.places.databases), [])
})

test('the same database', async ({ t }) => {
  const same = await scanned(t, {
    sha256: sha256(await t.world.files.readBytes(join(fixtureDb, 'trivy.db'))),
  })
  assert.is(same.again.status, 'same')
})

test('the first database', async ({ t }) => {
  const { again } = await scanned(t, false)
  assert.equal(again, { status: 'first', source: fixtureDb })
})

test.run()
