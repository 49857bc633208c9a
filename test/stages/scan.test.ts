import { createHash } from 'node:crypto'
import { chmod, cp, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ScanReport } from '../../pipeline/model/stages.ts'
import { scanStage } from '../../pipeline/stages/scan.ts'
import type { StageContext } from '../../pipeline/stages/stage.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import { refusal } from '../helpers/refusal.ts'
import { fixtureDb, startRegistry } from '../helpers/trivy-db-registry.ts'
import { bash, look, makeRootDisk, makeTree, oldKernel, oldSsh, put, subject } from '../helpers/trivy-tree.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const test = suite<{ t: TestWorld }>('scan')
test.before(async (context) => {
  context.t = await testWorld()
})
test.after(({ t }) => t.close())

test('an old openssh is found as fixable, and every report is written', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [bash, oldSsh] })
  const { report, text } = await look(t, tree, '12', fixtureDb)
  assert.equal(report.os, { family: 'debian', release: '12.7' })
  assert.equal(report.packages, { trivy: 2, dpkg: 2 })
  assert.is(report.database?.canary, true)
  assert.is(report.database?.updated, '2026-11-22T00:00:00Z')
  assert.is(report.database?.sha256, await t.world.files.sha256(join(fixtureDb, 'trivy.db')))
  assert.equal(
    report.findings.map(({ id, fixed, severity }) => ({ id, fixed, severity })),
    [
      { id: 'CVE-2024-6387', fixed: '1:9.2p1-2+deb12u3', severity: 'HIGH' },
      { id: 'CVE-2025-26465', fixed: '1:9.2p1-2+deb12u5', severity: 'MEDIUM' },
    ],
  )
  const cyclonedx = JSON.parse(await text('cyclonedx'))
  const libraries = cyclonedx.components.filter((item: { type: string }) => item.type === 'library')
  assert.equal(libraries.map((item: { name: string }) => item.name).sort(), ['bash', 'openssh-server'])
  assert.is(cyclonedx.metadata.component.name, 'debian-12@1.0.0')
  const spdx = JSON.parse(await text('spdx'))
  const names: string[] = spdx.packages.map((item: { name: string }) => item.name)
  assert.ok(names.includes('bash') && names.includes('openssh-server'))
  assert.is(JSON.parse(await text('json')).ArtifactName, 'debian-12@1.0.0')
  assert.match(
    await text('table'),
    /HIGH +CVE-2024-6387 +openssh-server +1:9\.2p1-2\+deb12u2 +1:9\.2p1-2\+deb12u3/,
  )
  assert.is(await text('packages'), 'bash\t5.2.15-2+b7\tamd64\nopenssh-server\t1:9.2p1-2+deb12u2\tamd64\n')
  for (const { path, sha256 } of Object.values(report.files)) {
    assert.is(await t.world.files.sha256(path), sha256)
  }
})

test('the same on a release that the database does not know: nothing found, and the canary says why', async ({
  t,
}) => {
  const tree = await makeTree(t, { release: '13', packages: [bash, oldSsh] })
  const { report, text } = await look(t, tree, '13', fixtureDb)
  assert.equal(report.findings, [])
  assert.is(report.database?.canary, false)
  assert.match(await text('table'), /knows nothing about this release/)
})

test('a Java archive does not stop the scan', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [bash, oldSsh] })
  await put(tree, 'usr/share/java/libintl.jar', 'PK\x03\x04')
  await put(tree, 'opt/app/APP.WAR', 'PK\x03\x04')
  assert.is((await look(t, tree, '12', fixtureDb)).report.findings.length, 2)
})

test('a signed kernel is looked up under its own source; the shipped SBOM keeps the true one', async ({
  t,
}) => {
  const tree = await makeTree(t, { release: '12', packages: [bash, oldKernel] })
  const { report, text } = await look(t, tree, '12', fixtureDb)
  assert.equal(
    report.findings.map(({ id, package: name, fixed }) => ({ id, name, fixed })),
    [{ id: 'CVE-2024-1086', name: oldKernel.name, fixed: '6.1.76-1' }],
  )
  assert.match(await text('cyclonedx'), /linux-signed-amd64/)
  assert.not.match(await text('cyclonedx'), /"linux"/)
})

test('without any database there are still packages, secrets and SBOMs', async ({ t }) => {
  const tree = await makeTree(t, { release: '13', packages: [bash, oldSsh] })
  await put(tree, 'root/.aws/credentials', '[default]\naws_access_key_id = AKIAQ3EGRZXA5JHWL2M7\n')
  // The default download is cut off by a proxy that is not there.
  const dead = 'http://127.0.0.1:9'
  const run: typeof t.world.exec.run = (argv, options = {}) =>
    t.world.exec.run(argv, { ...options, env: { ...options.env, https_proxy: dead, HTTPS_PROXY: dead } })
  const offline = { ...t, world: { ...t.world, exec: { ...t.world.exec, run } } }
  const { report, text } = await look(offline, tree, '13', null)
  assert.is(report.database, null)
  assert.match(report.databaseProblem ?? '', /could be downloaded/)
  assert.equal(report.findings, [])
  assert.equal(report.packages, { trivy: 2, dpkg: 2 })
  assert.equal(
    report.secrets.map(({ path }) => path),
    ['root/.aws/credentials'],
  )
  assert.is(JSON.parse(await text('cyclonedx')).components.length, 3)
  assert.match(await text('table'), /vulnerabilities are UNKNOWN/)
})

test('spoilt trees are told as they are', async ({ t }) => {
  const nameless = await makeTree(t, { release: '12', packages: [bash] })
  await rm(join(nameless, 'etc'), { recursive: true })
  await rm(join(nameless, 'usr'), { recursive: true })
  assert.equal((await look(t, nameless, '12', fixtureDb)).report.os, { family: '', release: '' })

  const empty = await makeTree(t, { release: '12', packages: [] })
  assert.equal((await look(t, empty, '12', fixtureDb)).report.packages, { trivy: 0, dpkg: 0 })

  const leaky = await makeTree(t, { release: '12', packages: [bash] })
  const key = join(t.folder, 'planted')
  await t.world.exec.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key])
  await put(leaky, 'home/admin/.ssh/id_ed25519', await t.world.files.readText(key))
  await put(leaky, 'etc/.trivyignore', 'private-key\n')
  await put(leaky, '.trivyignore', 'private-key\n')
  const { report, text } = await look(t, leaky, '12', fixtureDb)
  assert.equal(
    report.secrets.map(({ rule, path }) => ({ rule, path })),
    [{ rule: 'private-key', path: 'home/admin/.ssh/id_ed25519' }],
  )
  const [, body = ''] = (await t.world.files.readText(key)).split('\n')
  assert.not.ok((await text('json')).includes(body.slice(0, 40)), 'a secret is masked')

  const linked = await makeTree(t, { release: '12', packages: [bash] })
  await rm(join(linked, 'var/lib/dpkg/status'))
  await symlink('/var/lib/dpkg/status', join(linked, 'var/lib/dpkg/status'))
  assert.equal((await look(t, linked, '12', fixtureDb)).report.packages, { trivy: 0, dpkg: 0 })
})

test('a given database that can not be used is an error, never unknown', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [bash] })
  const missing = await refusal(look(t, tree, '12', join(t.folder, 'nowhere')))
  assert.is(missing.code, 'NOT_FOUND')
  const odd = await refusal(look(t, tree, '12', 'trivy db'))
  assert.is(odd.code, 'USAGE')
  const broken = join(t.folder, 'broken')
  await cp(fixtureDb, broken, { recursive: true })
  await writeFile(join(broken, 'trivy.db'), 'this is no database')
  const unreadable = await refusal(look(t, tree, '12', broken))
  assert.is(unreadable.code, 'TOOL_FAILED')
  assert.match(unreadable.hint, /--trivy-db/)
  await writeFile(join(broken, 'metadata.json'), '{"Version":1}')
  assert.match((await refusal(look(t, tree, '12', broken))).message, /metadata/)
  await rm(join(broken, 'metadata.json'))
  assert.match((await refusal(look(t, tree, '12', broken))).message, /no metadata\.json/)
  const unreachable = await refusal(look(t, tree, '12', '127.0.0.1:9/trivy-db:2'))
  assert.is(unreachable.code, 'PROVIDER_UNREACHABLE')
})

test('a given folder is read only, also when it holds db/', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [oldSsh] })
  const given = join(t.folder, 'given')
  await cp(fixtureDb, join(given, 'db'), { recursive: true })
  const before = await t.world.files.info(join(given, 'db/trivy.db'))
  await chmod(join(given, 'db'), 0o555)
  const { report } = await look(t, tree, '12', given)
  await chmod(join(given, 'db'), 0o755)
  assert.is(report.findings.length, 2)
  assert.equal(await t.world.files.info(join(given, 'db/trivy.db')), before)
  assert.equal(await t.world.files.list(join(given, 'db')), await t.world.files.list(fixtureDb))
})

test('a registry serves the database by tag and by digest', async ({ t }) => {
  const folder = await t.world.files.tempFolder('registry-', t.folder)
  const registry = await startRegistry(t.world, folder)
  try {
    const digest = await registry.push('security/trivy-db', '2', fixtureDb)
    const tree = await makeTree(t, { release: '12', packages: [oldSsh] })
    for (const reference of [
      `${registry.host}/security/trivy-db:2`,
      `${registry.host}/security/trivy-db@${digest}`,
    ]) {
      const { report } = await look(t, tree, '12', reference)
      assert.is(report.findings.length, 2)
      assert.is(report.database?.source, reference)
      assert.is(report.database?.sha256, await t.world.files.sha256(join(fixtureDb, 'trivy.db')))
    }
    await registry.stop()
    const pinned = await look(t, tree, '12', `${registry.host}/security/trivy-db@${digest}`)
    assert.is(pinned.report.findings.length, 2, 'what a digest names is kept')
    const moved = await refusal(look(t, tree, '12', `${registry.host}/security/trivy-db:2`))
    assert.is(moved.code, 'PROVIDER_UNREACHABLE')
  } finally {
    await registry.stop()
  }
})

test('the stage reads the artifact itself, and removes its copy', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [bash, oldSsh] })
  const folder = await t.world.files.tempFolder('stage-', t.folder)
  const { qcow2: disk } = await makeRootDisk(t, tree, 'root')
  const sha256 = createHash('sha256')
    .update(await t.world.files.readBytes(disk))
    .digest('hex')
  const context = (digest: string): StageContext => ({
    world: t.world,
    image: 'debian-12',
    target: targets.qemu,
    definition: {
      os: { family: 'debian', release: '12', arch: ['x86_64'] },
      base: { from: 'archive', maxAge: '90d' },
      content: { repos: [], steps: [] },
    } as unknown as StageContext['definition'],
    folder,
    runId: 'r',
    version: '1.0.0',
    seconds: {},
    options: { trivyDb: fixtureDb, knownExploited: null, emergency: null },
    step: t.world.report.step('scan'),
    need: (() => ({
      artifact: { format: 'qcow2', path: disk, sha256: digest, bytes: 1, virtualBytes: 1 },
    })) as never,
  })
  const { output, line } = await scanStage.run(context(sha256))
  assert.is(ScanReport.parse(output).subject, sha256)
  assert.equal(output.packages, { trivy: 2, dpkg: 2 })
  assert.match(line, /2 packages, no secrets, 1 fixable high; database sha256:/)
  assert.equal(await t.world.files.list(folder), ['reports'])
  assert.is((await refusal(scanStage.run(context(subject)))).code, 'CHAIN_BROKEN')
  assert.equal(await t.world.files.list(folder), [])
})

test.run()
