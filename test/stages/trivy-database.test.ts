import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { databaseOption } from '../../pipeline/cli/options.ts'
import { settingsEnv } from '../../pipeline/core/settings-env.ts'
import { Settings } from '../../pipeline/model/settings.ts'
import type { Database } from '../../pipeline/model/stages.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { withAdvisories } from '../../pipeline/stages/scan-again.ts'
import { refusal } from '../helpers/refusal.ts'
import { earlierDb, fixtureDb, type Registry, startRegistry } from '../helpers/trivy-db-registry.ts'
import { bash, look, makeTree, oldSsh } from '../helpers/trivy-tree.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

interface Context {
  t: TestWorld
  folder: string
  registry: Registry
}

const it = suite<Context>('where databases come from')

it.before.each(async (context) => {
  context.t = await testWorld()
  context.folder = await context.t.world.files.tempFolder('registry-', context.t.folder)
  context.registry = await startRegistry(context.t.world, context.folder)
})
it.after.each(async ({ t, registry }) => {
  await registry.stop()
  await t.close()
})

const found = (world: World, where: string): Promise<Omit<Database, 'canary'> | null> =>
  withAdvisories(world, where, async (advisories) => advisories.found.database)

const digestOf = (world: World, folder: string) => world.files.sha256(join(folder, 'trivy.db'))

it('a tag that moved between two runs: the second has the newer one, a pin stays', async ({
  t,
  registry,
}) => {
  const { world } = t
  const tag = `${registry.host}/security/trivy-db:2`
  const first = await registry.push('security/trivy-db', '2', earlierDb)
  const pinned = `${registry.host}/security/trivy-db@${first}`
  assert.is((await found(world, tag))?.sha256, await digestOf(world, earlierDb))
  await registry.push('security/trivy-db', '2', fixtureDb)
  const second = await found(world, tag)
  assert.is(second?.sha256, await digestOf(world, fixtureDb))
  assert.is(second?.source, tag)
  assert.is((await found(world, pinned))?.sha256, await digestOf(world, earlierDb))
})

it('a digest that the registry has not, and one for which it gives other bytes', async (context) => {
  const { t, registry, folder } = context
  const digest = await registry.push('db', '2', fixtureDb)
  const other = await registry.push('db', 'other', earlierDb)
  const unknown = await refusal(found(t.world, `${registry.host}/db@sha256:${'0'.repeat(64)}`))
  assert.is(unknown.code, 'PROVIDER_UNREACHABLE')
  assert.match(unknown.message, /no vulnerability database could be had from/)
  // Who has the registry gives another manifest under the name.
  const stored = (name: string): string => {
    const hex = name.replace('sha256:', '')
    return join(folder, 'registry/docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data')
  }
  await writeFile(stored(digest), await readFile(stored(other)))
  assert.is((await refusal(found(t.world, `${registry.host}/db@${digest}`))).code, 'PROVIDER_UNREACHABLE')
  // Or the right manifest, and another layer.
  const manifest = JSON.parse(await readFile(stored(other), 'utf8'))
  const layer = await readFile(stored(manifest.layers[0].digest))
  layer[4] = (layer[4] ?? 0) ^ 1 // a time in gzip's header: it unpacks to the same
  await writeFile(stored(manifest.layers[0].digest), layer)
  assert.is((await refusal(found(t.world, `${registry.host}/db@${other}`))).code, 'PROVIDER_UNREACHABLE')
})

it('a registry that is gone is an error, never unknown', async ({ t, registry }) => {
  await registry.push('db', '2', fixtureDb)
  const tag = `${registry.host}/db:2`
  await found(t.world, tag)
  await registry.stop()
  assert.is((await refusal(found(t.world, tag))).code, 'PROVIDER_UNREACHABLE')
})

it('a registry that asks for a login gets none, not even the one that this user has', async (context) => {
  const { t, folder } = context
  await context.registry.push('db', '2', fixtureDb)
  await context.registry.stop()
  context.registry = await startRegistry(t.world, folder, { login: true })
  const { host, login } = context.registry
  const basic = Buffer.from(login).toString('base64')
  const answer = await fetch(`http://${host}/v2/db/tags/list`, {
    headers: { authorization: `Basic ${basic}` },
  })
  assert.is(answer.status, 200)
  const logins = JSON.stringify({ auths: { [host]: { auth: basic } } })
  const home = join(t.folder, 'home')
  const before = { ...process.env }
  for (const path of ['.docker/config.json', 'containers/auth.json', 'config.json']) {
    await mkdir(join(home, path, '..'), { recursive: true })
    await writeFile(join(home, path), logins)
  }
  const [user = '', password = ''] = login.split(':')
  const set = {
    HOME: home,
    XDG_RUNTIME_DIR: home,
    DOCKER_CONFIG: home,
    TRIVY_USERNAME: user,
    TRIVY_PASSWORD: password,
  }
  Object.assign(process.env, set, { REGISTRY_AUTH_FILE: join(home, 'config.json') })
  try {
    const error = await refusal(found(t.world, `${host}/db:2`))
    assert.is(error.code, 'PROVIDER_UNREACHABLE')
    assert.match(error.message, /the registry asks for a login, and mintmark gives Trivy none/)
    assert.match(error.hint, /without a login/)
  } finally {
    for (const name of [...Object.keys(set), 'REGISTRY_AUTH_FILE']) delete process.env[name]
    Object.assign(process.env, before)
  }
})

it('without TLS on the loopback only: elsewhere it has to be pinned', async ({ t, registry }) => {
  const digest = await registry.push('db', '2', fixtureDb)
  const port = registry.host.split(':')[1]
  assert.is((await found(t.world, `localhost:${port}/db:2`))?.sha256, await digestOf(t.world, fixtureDb))
  assert.is(
    (await found(t.world, `127.0.0.1:${port}/db@${digest}`))?.sha256,
    await digestOf(t.world, fixtureDb),
  )
  for (const host of [
    '10.1.2.3:5000',
    '192.168.1.2',
    '172.20.0.1:5000',
    'registry.local',
    'a127.0.0.1.example.org',
  ]) {
    const error = await refusal(found(t.world, `${host}/db:2`))
    assert.is(error.code, 'USAGE', host)
    assert.match(error.message, /without TLS/)
    assert.match(error.hint, `${host}/db@sha256:DIGEST`)
  }
})

it('the flag, else the variable, else mintmark.yaml', () => {
  const settings = Settings.parse({ schema: 1, scan: { database: 'registry.example/trivy-db:2' } })
  const env = settingsEnv(settings, {}, '/checkout')
  assert.is(databaseOption({}, env), 'registry.example/trivy-db:2')
  const own = settingsEnv(settings, { MINTMARK_TRIVY_DB: '/srv/db' }, '/checkout')
  assert.is(databaseOption({}, own), '/srv/db')
  assert.is(databaseOption({ trivyDb: 'given' }, own), 'given')
})

/** Writes down what each run of Trivy has at hand, then becomes the real one. */
const recorder = (log: string, trivy: string): string => `#!/bin/sh
set -eu
{
  echo "== $1 $*"
  env
  echo "net $(readlink /proc/self/ns/net)"
  sed -n 's/^ *\\([a-z0-9]*\\):.*/interface \\1/p' /proc/self/net/dev
  pwd
} >> '${log}'
exec '${trivy}' "$@"
`

it('Trivy has no credentials, and a network for the download alone', async ({ t, registry }) => {
  const { world } = t
  await registry.push('db', '2', fixtureDb)
  const tool = await world.tools.need('trivy')
  const log = join(t.folder, 'log')
  const wrapper = join(t.folder, 'trivy')
  await writeFile(wrapper, recorder(log, tool.path))
  await chmod(wrapper, 0o755)
  const wrapped: TestWorld = {
    ...t,
    world: { ...world, tools: { ...world.tools, need: async () => ({ ...tool, path: wrapper }) } },
  }
  const secrets = {
    AWS_SECRET_ACCESS_KEY: 'swordfish-1',
    AWS_SESSION_TOKEN: 'swordfish-1',
    AWS_PROFILE: 'golden',
    AWS_WEB_IDENTITY_TOKEN_FILE: '/swordfish-1',
    GITHUB_TOKEN: 'swordfish-2',
    TRIVY_PASSWORD: 'swordfish-3',
    TRIVY_SERVER: 'http://127.0.0.1:9',
    https_proxy: 'http://user:swordfish-4@127.0.0.1:9',
  }
  const before = { ...process.env }
  Object.assign(process.env, secrets)
  try {
    const tree = await makeTree(wrapped, { release: '12', packages: [bash, oldSsh] })
    const { report } = await look(wrapped, tree, '12', `${registry.host}/db:2`)
    assert.is(report.findings.length, 2)
    assert.is(report.trivy.isolated, await world.exec.cutsNetwork())
  } finally {
    for (const name of Object.keys(secrets)) delete process.env[name]
    Object.assign(process.env, before)
  }
  const runs = (await readFile(log, 'utf8')).split('== ').slice(1)
  const own = (await world.exec.run(['readlink', '/proc/self/ns/net'])).stdout.trim()
  const isDownload = (text: string): boolean => text.includes('--download-db-only')
  assert.is(runs.filter(isDownload).length, 1)
  assert.ok(runs.length >= 5, `${runs.length} runs`)
  for (const text of runs) {
    for (const name of ['AWS_', 'swordfish-1', 'swordfish-2', 'swordfish-3', 'TRIVY_SERVER', 'SSH_AUTH_SOCK'])
      assert.not.ok(text.includes(name), `${name} in ${text}`)
    assert.match(text, new RegExp(`^HOME=${t.folder}/`, 'm'))
    assert.match(text, new RegExp(`^XDG_RUNTIME_DIR=${t.folder}/`, 'm'))
    if (isDownload(text)) assert.ok(text.includes(`net ${own}`))
    else if (await world.exec.cutsNetwork()) {
      assert.not.ok(text.includes(`net ${own}`), text)
      assert.equal(text.match(/^interface .*$/gm), ['interface lo'])
      assert.not.ok(text.includes('swordfish'), 'nor the password of a proxy')
    }
  }
})

it('where the kernel gives no namespace Trivy runs all the same, and that is told', async ({ t }) => {
  const world = { ...t.world, exec: { ...t.world.exec, cutsNetwork: async () => false } }
  assert.is((await found(world, fixtureDb))?.sha256, await digestOf(world, fixtureDb))
  const tree = await makeTree(t, { release: '12', packages: [oldSsh] })
  const { report } = await look({ ...t, world }, tree, '12', fixtureDb)
  assert.is(report.findings.length, 2)
  assert.is(report.trivy.isolated, false)
  assert.ok(t.told.lines.some((line) => /warning: Trivy runs with the network at hand/.test(line)))
})

it('what is kept of a pinned one is used without its registry, and read only', async ({ t, registry }) => {
  const digest = await registry.push('db', '2', fixtureDb)
  const pinned = `${registry.host}/db@${digest}`
  await found(t.world, pinned)
  await registry.stop()
  const kept = await found(t.world, pinned)
  assert.is(kept?.sha256, await digestOf(t.world, fixtureDb))
  const folder = join(t.folder, 'copy')
  await cp(fixtureDb, folder, { recursive: true })
  assert.is((await found(t.world, folder))?.sha256, kept?.sha256)
})

it.run()
