import { chmod, link, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MintmarkError } from '../../pipeline/errors.ts'
import { findSecrets, loadSecretRules } from '../../pipeline/stages/find-secrets.ts'
import { pem, samples } from '../helpers/secret-samples.ts'
import { fixtureDb } from '../helpers/trivy-db-registry.ts'
import { bash, look, makeTree, put } from '../helpers/trivy-tree.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const test = suite<{ t: TestWorld }>('find-secrets')
const key = pem('PRIVATE KEY')

test.before(async (context) => {
  context.t = await testWorld()
})
test.after(({ t }) => t.close())

async function find(t: TestWorld, tree: string, ownRepositories = false) {
  return findSecrets(t.world, { tree, rules: await loadSecretRules(t.world), ownRepositories })
}

const emptyTree = (t: TestWorld): Promise<string> => t.world.files.tempFolder('tree-', t.folder)

test('every planted secret is found where Trivy never looks; none is printed', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [bash] })
  for (const [index, { path, text }] of samples.entries()) {
    // One folder each: several samples have the same path.
    await put(tree, `usr/share/planted-${index}/${path}`, text)
  }
  const { report, text } = await look(t, tree, '12', fixtureDb)
  assert.equal(
    report.secrets.filter(({ by }) => by !== 'mintmark'),
    [],
    'Trivy finds none of them',
  )
  for (const [index, { rule, path }] of samples.entries()) {
    const place = `usr/share/planted-${index}/${path}`
    assert.ok(
      report.secrets.some((secret) => secret.rule === rule && secret.path === place),
      `${rule} in ${path}`,
    )
  }
  const told = (await text('table')) + JSON.stringify(report)
  for (const sample of samples) {
    const values = sample.text.match(/[A-Za-z0-9+/_-]{20,}/g) ?? []
    for (const value of values) assert.not.ok(told.includes(value), 'a secret is never told')
  }
  assert.match(await text('table'), /CRITICAL +private-key +usr\/share\/planted-0\/\S+:1 +mintmark\n/)
})

test('a big file, a file that nobody may read, hard links, odd names; links out of the tree are not followed', async ({
  t,
}) => {
  const tree = await emptyTree(t)
  await put(tree, 'var/lib/dump.sql', `${'insert\n'.repeat(1_700_000)}${key}`)
  await put(tree, 'etc/locked', key)
  await chmod(join(tree, 'etc/locked'), 0)
  await put(tree, 'opt/two\nlines "x" 文', key)
  await link(join(tree, 'etc/locked'), join(tree, 'etc/again'))
  const outside = join(t.folder, 'outside')
  await mkdir(outside, { recursive: true })
  await writeFile(join(outside, 'key'), key)
  await symlink(outside, join(tree, 'opt/out'))
  await symlink(join(outside, 'key'), join(tree, 'opt/key'))
  await t.world.exec.run(['mkfifo', join(tree, 'opt/pipe')])
  const wanted = ['etc/again', 'etc/locked', 'opt/two\nlines "x" 文', 'var/lib/dump.sql']
  if (!t.world.exec.isRoot) {
    // Nothing is skipped without a word.
    const cause = await find(t, tree).catch((error: unknown) => error)
    assert.ok(cause instanceof MintmarkError && cause.code === 'TOOL_FAILED')
    return
  }
  const { secrets } = await find(t, tree)
  assert.equal(
    secrets.map(({ path }) => path),
    wanted,
  )
  assert.is(secrets.at(-1)?.line, 1_700_001)
})

test('what both find is one entry', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [bash] })
  await put(tree, 'etc/app/server.key', `# ours\n${key}`)
  const { report } = await look(t, tree, '12', fixtureDb)
  assert.equal(report.secrets, [
    { line: 2, rule: 'private-key', path: 'etc/app/server.key', severity: 'HIGH' },
  ])
  assert.equal(report.packagedSecrets, [])
})

test('a key that a package publishes is told apart, a changed one is not', async ({ t }) => {
  const tree = await emptyTree(t)
  const keys = 'usr/share/doc/demo/key.pem'
  await put(tree, keys, key)
  await put(tree, 'usr/lib/demo/key.pem', key)
  await put(tree, 'usr/lib/python3/demo.py', `KEY = """${key}"""\n`)
  await put(tree, 'usr/lib/python3/__pycache__/demo.cpython-313.pyc', `\0\0${key}`)
  await put(tree, 'usr/lib/python3/__pycache__/other.cpython-313.pyc', `\0\0${key}`)
  const md5 = async (path: string): Promise<string> =>
    (await t.world.exec.run(['md5sum', join(tree, path)])).stdout.slice(0, 32)
  const list = async (): Promise<string> =>
    `${await md5(keys)}  ${keys}\n${await md5('usr/lib/demo/key.pem')}  lib/demo/key.pem\n${await md5('usr/lib/python3/demo.py')}  usr/lib/python3/demo.py\n`
  await symlink('usr/lib', join(tree, 'lib'))
  await put(tree, 'var/lib/dpkg/info/demo:amd64.md5sums', await list())
  await put(
    tree,
    'var/lib/dpkg/info/demo:amd64.list',
    `/.\n/${keys}\n/lib/demo/key.pem\n/usr/lib/python3/demo.py\n`,
  )
  await put(
    tree,
    'var/lib/dpkg/status',
    'Package: demo\nStatus: install ok installed\nMaintainer: Corp <ops@corp.example>\n',
  )
  const first = await find(t, tree)
  assert.equal(
    first.secrets.map(({ path }) => path),
    ['usr/lib/python3/__pycache__/other.cpython-313.pyc'],
  )
  assert.equal(
    first.packaged.map(({ path, package: owner }) => `${owner} ${path}`),
    [
      'demo usr/lib/demo/key.pem',
      'demo usr/lib/python3/__pycache__/demo.cpython-313.pyc',
      'demo usr/lib/python3/demo.py',
      `demo ${keys}`,
    ],
  )
  // A team's own package may hold a team's own key.
  assert.is((await find(t, tree, true)).secrets.length, 5)
  await put(tree, 'var/lib/dpkg/status', 'Package: demo\nMaintainer: Perl Group <x@lists.debian.org>\n')
  assert.is((await find(t, tree, true)).secrets.length, 1)

  await put(tree, keys, pem('RSA PRIVATE KEY'))
  assert.equal(
    (await find(t, tree)).secrets.map(({ path }) => path),
    ['usr/lib/python3/__pycache__/other.cpython-313.pyc', keys],
  )
  await rm(join(tree, 'var/lib/dpkg'), { recursive: true })
  assert.is((await find(t, tree)).secrets.length, 5)
})

test.run()
