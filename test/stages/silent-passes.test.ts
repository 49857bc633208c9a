import { chmod, cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluateGate } from '../../pipeline/core/evaluate-gate.ts'
import { parseTrivyReport, type TrivyScan } from '../../pipeline/core/parse-trivy.ts'
import { parseYaml } from '../../pipeline/core/parse-yaml.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { type GateReason, Policy, WaiverFile } from '../../pipeline/model/gate.ts'
import type { ScanReport } from '../../pipeline/model/stages.ts'
import { findSecrets, loadSecretRules } from '../../pipeline/stages/find-secrets.ts'
import { readDisk } from '../../pipeline/targets/disk/read-disk.ts'
import { plainDefinition } from '../helpers/plain-definition.ts'
import { base } from '../helpers/release-fixture.ts'
import { pem } from '../helpers/secret-samples.ts'
import { textOf } from '../helpers/sources.ts'
import { fixtureDb } from '../helpers/trivy-db-registry.ts'
import { bash, look, makeRootDisk, makeTree, oldKernel, oldSsh, put, subject } from '../helpers/trivy-tree.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const policyFile = 'scans/policies/default.yaml'
const policy = parseYaml(Policy, textOf(policyFile), { path: policyFile })

/** The gate's reasons for an image of which all else is well. */
function reasons(scan: ScanReport, release = '12'): readonly GateReason[] {
  const holds = [{ control: 'a', status: 'pass', expected: '1', found: '1' }] as const
  const decision = evaluateGate({
    waivers: [],
    knownExploited: null,
    image: 'debian-12',
    now: new Date('2026-11-22T12:00:00Z'),
    definition: plainDefinition({ os: { family: 'debian', release, arch: ['x86_64'] } }),
    policy,
    policyName: 'default',
    policySha256: 'e'.repeat(64),
    base: { ...base, release } as typeof base,
    build: {
      artifact: { format: 'qcow2', path: '/a.qcow2', sha256: subject, bytes: 1, virtualBytes: 1 },
      accelerator: 'tcg',
      steps: [],
      controls: [...holds],
      tools: {},
      secrets: [],
    },
    test: {
      subject,
      facts: [{ id: 'login', title: 'login', status: 'pass', expected: 'x', found: 'x' }],
      boots: [],
      controls: [{ where: 'boot 1', results: [...holds] }],
    },
    scan,
  })
  return decision.verdict === 'passed' ? [] : decision.reasons
}

const kinds = (scan: ScanReport, release?: string): readonly string[] => [
  ...new Set(reasons(scan, release).map(({ kind }) => kind)),
]

interface Plain extends TrivyScan {
  /** All that it printed. */
  readonly said: string
}

interface PlainOptions {
  readonly db?: string
  readonly command?: 'rootfs' | 'vm'
  readonly cwd?: string
  readonly args?: readonly string[]
  /** argv before Trivy's own. */
  readonly as?: readonly string[]
}

/** Trivy as its manual has it, with --exit-code 1: it must say exit 0 here, which is what makes each of these silent. */
async function plain(t: TestWorld, subjectPath: string, options: PlainOptions = {}): Promise<Plain> {
  const { exec, files, tools } = t.world
  const folder = await files.tempFolder('plain-', t.folder)
  await cp(options.db ?? fixtureDb, join(folder, 'cache/db'), { recursive: true })
  const program = join(folder, 'trivy')
  await files.place((await tools.need('trivy')).path, program)
  await exec.run(['chmod', '-R', 'a+rwX', folder])
  const out = join(folder, 'out.json')
  const { stdout, stderr } = await exec.run(
    [
      ...(options.as ?? []),
      program,
      options.command ?? 'rootfs',
      ...['--cache-dir', join(folder, 'cache'), '--skip-db-update', '--offline-scan', '--skip-version-check'],
      ...['--scanners', 'vuln,secret', '--list-all-pkgs', '--exit-code', '1', '--disable-telemetry'],
      ...['--format', 'json', '--output', out],
      ...(options.args ?? []),
      subjectPath,
    ],
    // Its modules are looked for in XDG_DATA_HOME, which another user may not be able to read.
    { cwd: options.cwd ?? folder, env: { HOME: folder, XDG_DATA_HOME: folder, TMPDIR: folder } },
  )
  return { ...parseTrivyReport(await files.readText(out)), said: stdout + stderr }
}

const isSilent = ({ findings, secrets }: TrivyScan): void => assert.equal([...findings, ...secrets], [])

const test = suite<{ t: TestWorld }>('silent passes')

test.before(async (context) => {
  context.t = await testWorld()
  await chmod(context.t.folder, 0o755)
})
test.after(({ t }) => t.close())

test('none: a sound image passes, and one with an old package is rejected by the plain tool as well', async ({
  t,
}) => {
  const sound = await makeTree(t, { release: '12', packages: [bash] })
  assert.equal(reasons((await look(t, sound, '12', fixtureDb)).report), [])
  const old = await makeTree(t, { release: '12', packages: [bash, oldSsh] })
  const cause: unknown = await plain(t, old).catch((error: unknown) => error)
  assert.ok(cause instanceof MintmarkError && /exit code 1/.test(cause.message))
  assert.equal(kinds((await look(t, old, '12', fixtureDb)).report), ['finding'])
})

test('1: the system is not recognised', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [bash, oldSsh] })
  for (const folder of ['etc', 'usr']) await rm(join(tree, folder), { recursive: true })
  isSilent(await plain(t, tree))
  const { report } = await look(t, tree, '12', fixtureDb)
  const [first] = reasons(report)
  assert.is(first?.kind, 'os')
  assert.match(first?.text ?? '', /recognised no system/)
})

test('2: no packages are seen', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [] })
  isSilent(await plain(t, tree))
  assert.equal(kinds((await look(t, tree, '12', fixtureDb)).report), ['package-count'])

  const elsewhere = await makeTree(t, { release: '12', packages: [bash, oldSsh] })
  await mkdir(join(elsewhere, 'opt/root'), { recursive: true })
  await cp(join(elsewhere, 'var'), join(elsewhere, 'opt/root/var'), { recursive: true })
  await rm(join(elsewhere, 'var'), { recursive: true })
  assert.ok(kinds((await look(t, elsewhere, '12', fixtureDb)).report).includes('package-count'))
})

test('3: the database knows nothing about the release', async ({ t }) => {
  const tree = await makeTree(t, { release: '13', packages: [bash, oldSsh] })
  const told = await plain(t, tree)
  isSilent(told)
  assert.is(told.osPackages, 2)
  assert.not.match(told.said, /WARN|ERROR/)
  assert.equal(kinds((await look(t, tree, '13', fixtureDb)).report, '13'), ['canary'])
})

test('4: the database is old', async ({ t }) => {
  const db = join(t.folder, 'old-db')
  await cp(fixtureDb, db, { recursive: true })
  const metadata = { Version: 2, UpdatedAt: '2026-10-01T00:00:00Z', NextUpdate: '2026-10-02T00:00:00Z' }
  await writeFile(
    join(db, 'metadata.json'),
    JSON.stringify({ ...metadata, DownloadedAt: metadata.UpdatedAt }),
  )
  const tree = await makeTree(t, { release: '12', packages: [bash] })
  const told = await plain(t, tree, { db })
  isSilent(told)
  assert.not.match(told.said, /WARN|ERROR|old|outdated/)
  assert.equal(kinds((await look(t, tree, '12', db)).report), ['stale-database'])
})

test('5: the partition has a name', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [bash, oldSsh] })
  await put(tree, 'etc/app/server.key', pem('PRIVATE KEY'))
  const disk = await makeRootDisk(t, tree, 'root')
  const told = await plain(t, disk.raw, { command: 'vm' })
  isSilent(told)
  assert.is(told.os.family, '')
  const into = await t.world.files.tempFolder('disk-', t.folder)
  const { root } = await readDisk(t.world, disk.qcow2, into)
  assert.equal(kinds((await look(t, root, '12', fixtureDb)).report), ['secret', 'finding'])
})

test('6: files that the user may not read', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [bash] })
  await put(tree, 'root/.ssh/id_ed25519', pem('OPENSSH PRIVATE KEY'))
  await chmod(join(tree, 'root/.ssh/id_ed25519'), t.world.exec.isRoot ? 0o600 : 0)
  await chmod(tree, 0o755)
  const as = t.world.exec.isRoot
    ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--']
    : []
  isSilent(await plain(t, tree, { as }))
  // Our own search, with its processes as that user: what can't be read is no clean file.
  const run: typeof t.world.exec.run = (argv, options) => t.world.exec.run([...as, ...argv], options)
  const world = { ...t.world, exec: { ...t.world.exec, run } }
  const rules = await loadSecretRules(world)
  const cause: unknown = await findSecrets(world, { tree, rules, ownRepositories: false }).catch(
    (error: unknown) => error,
  )
  assert.ok(cause instanceof MintmarkError)
  assert.is(cause.code, 'TOOL_FAILED')
  assert.match(cause.lines.join('\n'), /id_ed25519.*Permission denied/)
  if (t.world.exec.isRoot) {
    assert.equal(kinds((await look(t, tree, '12', fixtureDb)).report), ['secret'])
  }
})

test('7: a signed kernel', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [bash, oldKernel] })
  const told = await plain(t, tree)
  isSilent(told)
  assert.is(told.osPackages, 2)
  const [first] = reasons((await look(t, tree, '12', fixtureDb)).report)
  assert.is(first?.id, 'CVE-2024-1086')
})

test('8: ignore files and settings that lie about, and a misspelt key in one', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [bash, oldSsh] })
  const stray = await t.world.files.tempFolder('stray-', t.folder)
  await writeFile(join(stray, '.trivyignore'), 'CVE-2024-6387\nCVE-2025-26465\n')
  isSilent(await plain(t, tree, { cwd: stray }))

  const settings = await t.world.files.tempFolder('settings-', t.folder)
  await writeFile(join(settings, 'trivy.yaml'), 'severity: [LOW]\n')
  isSilent(await plain(t, tree, { cwd: settings }))

  const misspelt = join(settings, 'ignore.yaml')
  const entry = (id: string): string => `  - id: ${id}\n    expird_at: 2020-01-01\n`
  await writeFile(misspelt, `vulnerabilities:\n${entry('CVE-2024-6387')}${entry('CVE-2025-26465')}`)
  const told = await plain(t, tree, { args: ['--ignorefile', misspelt] })
  isSilent(told)
  assert.not.match(told.said, /expird/)

  // All of it at once: where we are started, and in the image.
  for (const folder of [stray, tree]) {
    await writeFile(join(folder, '.trivyignore'), 'CVE-2024-6387\nCVE-2025-26465\n')
    await writeFile(join(folder, '.trivyignore.yaml'), await t.world.files.readText(misspelt))
    await writeFile(join(folder, 'trivy.yaml'), 'severity: [LOW]\nexit-code: 0\n')
  }
  const before = process.cwd()
  process.chdir(stray)
  try {
    const { report } = await look(t, tree, '12', fixtureDb)
    assert.is(report.findings.length, 2)
    assert.equal(kinds(report), ['finding'])
  } finally {
    process.chdir(before)
  }
  const waiver = `schema: 1\nwaivers:\n  - vulnerability: CVE-2024-6387\n    expird: 2027-01-01\n`
  const cause: unknown = await Promise.resolve()
    .then(() => parseYaml(WaiverFile, waiver, { path: 'scans/waivers/x.yaml' }))
    .catch((error: unknown) => error)
  assert.ok(cause instanceof MintmarkError)
  assert.match(cause.lines.join('\n'), /scans\/waivers\/x\.yaml:4:5 .*expird.*expires/)
})

test.run()
