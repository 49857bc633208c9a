import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { refusal } from '../helpers/refusal.ts'
import { fixtureDb } from '../helpers/trivy-db-registry.ts'
import { bash, look, makeTree, oldKernel, oldSsh } from '../helpers/trivy-tree.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

const test = suite<{ t: TestWorld }>('second scanner')
const grypeDb = join(checkout, 'test/fixtures/grype-db/grype-db.tar.gz')
const grype = (database: string) => ({ name: 'grype', database }) as const

test.before(async (context) => {
  context.t = await testWorld({ now: new Date('2026-11-22T12:00:00Z') })
})
test.after(({ t }) => t.close())

test('it adds what Trivy did not know, by the names of source packages', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [bash, oldSsh, oldKernel] })
  const alone = await look(t, tree, '12', fixtureDb)
  const { report, text } = await look(t, tree, '12', fixtureDb, grype(grypeDb))
  assert.equal(
    report.findings.map(({ id, package: name, severity, by }) => [id, name, severity, by]),
    [
      ['CVE-2024-6387', 'openssh-server', 'CRITICAL', ['trivy', 'grype']],
      ['CVE-2024-1086', oldKernel.name, 'HIGH', ['trivy', 'grype']],
      ['CVE-2025-26465', 'openssh-server', 'MEDIUM', undefined],
      ['CVE-2025-32728', 'openssh-server', 'MEDIUM', ['grype']],
    ],
  )
  for (const { id } of alone.report.findings) assert.ok(report.findings.some((row) => row.id === id))
  assert.is(report.secondScanner?.version, '0.121.2')
  assert.is(report.secondScanner?.database.built, '2026-11-22T00:00:00.000Z')
  assert.match(await text('table'), /second +grype 0\.121\.2/)
  assert.match(await text('table'), /CVE-2025-32728 .* grype/)
  assert.not.match(await text('cyclonedx'), /mintmark-canary|upstream=/)
})

test('its own database folder does as well as an archive, and is only read', async ({ t }) => {
  const cache = await t.world.files.tempFolder('grype-', t.folder)
  const { path } = await t.world.tools.need('grype')
  const env = { GRYPE_DB_CACHE_DIR: cache, GRYPE_DB_VALIDATE_AGE: 'false', GRYPE_DB_AUTO_UPDATE: 'false' }
  await t.world.exec.run([path, 'db', 'import', grypeDb], { env, cwd: t.folder })
  const before = await t.world.files.sha256(join(cache, '6/vulnerability.db'))
  const tree = await makeTree(t, { release: '12', packages: [oldSsh] })
  const { report } = await look(t, tree, '12', fixtureDb, grype(cache))
  assert.is(report.findings.length, 3)
  assert.is(report.secondScanner?.database.sha256, before)
  assert.equal(await t.world.files.list(join(cache, '6')), ['import.json', 'vulnerability.db'])
})

test('a database that is not there, broken, old, or of other releases is an error', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [bash] })
  const missing = await refusal(look(t, tree, '12', fixtureDb, grype(join(t.folder, 'nowhere'))))
  assert.is(missing.code, 'NOT_FOUND')
  const broken = join(t.folder, 'broken')
  await mkdir(broken)
  await writeFile(join(broken, 'vulnerability.db'), 'no database')
  await writeFile(join(broken, 'import.json'), '{"digest":"xxh64:0","client_version":"v6.1.9"}')
  assert.is((await refusal(look(t, tree, '12', fixtureDb, grype(broken)))).code, 'TOOL_FAILED')
  const other = await makeTree(t, { release: '13', packages: [bash] })
  const unknown = await refusal(look(t, other, '13', fixtureDb, grype(grypeDb)))
  assert.match(unknown.message, /no advisories for debian-13/)
  const later = {
    ...t,
    world: { ...t.world, clock: { ...t.world.clock, now: () => new Date('2026-11-28') } },
  }
  assert.match(
    (await refusal(look(later, tree, '12', fixtureDb, grype(grypeDb)))).message,
    /older than 120 hours/,
  )
})

test.run()
