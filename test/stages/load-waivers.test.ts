import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../../pipeline/core/digest.ts'
import type { MintmarkError } from '../../pipeline/errors.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { loadPolicy, policyNames } from '../../pipeline/stages/load-policy.ts'
import { loadWaivers } from '../../pipeline/stages/load-waivers.ts'
import { textOf } from '../helpers/sources.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

const golden = join(checkout, 'test/golden/waivers')

async function box(): Promise<{ test: TestWorld; world: World }> {
  const test = await testWorld()
  const root = join(test.folder, 'checkout')
  const world = { ...test.world, places: { ...test.world.places, root } }
  await world.files.write(join(root, 'mintmark.yaml'), 'schema: 1\nteams: [team-security, team-platform]\n')
  for (const path of ['images/debian-13.yaml', 'scans/policies/default.yaml', 'scans/policies/strict.yaml'])
    await world.files.write(join(root, path), textOf(path))
  return { test, world }
}

async function problems(work: Promise<unknown>): Promise<readonly string[]> {
  try {
    await work
  } catch (cause) {
    assert.is((cause as MintmarkError).code, 'CONFIG_INVALID', (cause as Error).stack)
    return (cause as MintmarkError).lines
  }
  throw new Error('it was accepted')
}

const spoiled = suite('spoiled waivers')

for (const name of readdirSync(golden).filter((item) => item.endsWith('.yaml'))) {
  const at = join(golden, name.replace(/yaml$/, 'txt'))
  spoiled(`${name.slice(0, -'.yaml'.length)} (UPDATE_GOLDEN=1 writes its message)`, async () => {
    const { test, world } = await box()
    try {
      const path = join(world.places.root, 'scans/waivers/x.yaml')
      await world.files.write(path, readFileSync(join(golden, name), 'utf8'))
      const text = `${(await problems(loadWaivers(world))).join('\n')}\n`
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(at, text)
      assert.is(text, readFileSync(at, 'utf8'))
    } finally {
      await test.close()
    }
  })
}

spoiled.run()

const loading = suite<{ test: TestWorld; world: World }>('load-waivers, load-policy')

loading.before.each(async (context) => {
  Object.assign(context, await box())
})
loading.after.each(({ test }) => test.close())

const one = (cve: string, name: string): string =>
  `schema: 1\nwaivers:\n  - {vulnerability: ${cve}, package: ${name}, status: fixed, reason: our own build has it, owner: team-security, expires: 2027-03-31}\n`

loading('no folder: none; each with its file; what is no YAML is passed over', async ({ world }) => {
  assert.equal(await loadWaivers(world), [])
  const folder = join(world.places.root, 'scans/waivers')
  await world.files.write(join(folder, 'b.yaml'), one('CVE-2026-1', 'bash'))
  await world.files.write(join(folder, 'a.yaml'), one('CVE-2026-2', 'bash'))
  await world.files.write(join(folder, 'README.md'), 'x')
  await world.files.write(join(folder, 'schema.json'), '{}')
  assert.equal(
    (await loadWaivers(world)).map(({ waiver, file }) => [waiver.vulnerability, file]),
    [
      ['CVE-2026-2', 'scans/waivers/a.yaml'],
      ['CVE-2026-1', 'scans/waivers/b.yaml'],
    ],
  )
})

loading('problems of all files at once, and one of two files', async ({ world }) => {
  const folder = join(world.places.root, 'scans/waivers')
  await world.files.write(join(folder, 'a.yaml'), one('CVE-2026-2', 'bash'))
  await world.files.write(join(folder, 'b.yaml'), one('CVE-2026-2', 'bash'))
  await world.files.write(join(folder, 'c.yaml'), 'schema: 1\nwaiver: []\n')
  await world.files.write(join(folder, 'd.yml'), one('CVE-2026-3', 'bash'))
  assert.equal(await problems(loadWaivers(world)), [
    'scans/waivers/b.yaml:3:21 waivers.0.vulnerability is "CVE-2026-2" for bash, which scans/waivers/a.yaml is about already: keep one of the two',
    'scans/waivers/c.yaml:2:1 waiver is not a field; did you mean "waivers"?',
    'scans/waivers/d.yml:1:1 the file is not read: name it d.yaml',
  ])
})

loading(
  'a policy that a definition names and that is not there is refused with its place',
  async ({ world }) => {
    assert.equal(await policyNames(world), ['default', 'strict'])
    const path = join(world.places.root, 'images/debian-13.yaml')
    const text = textOf('images/debian-13.yaml')
    await world.files.write(path, text.replace('policy: default', 'policy: strikt'))
    const line = text.split('\n').findIndex((item) => item.startsWith('scan:')) + 1
    assert.equal(await problems(loadDefinition(world, 'debian-13')), [
      `images/debian-13.yaml:${line}:16 scan.policy is "strikt", and there is no scans/policies/strikt.yaml; did you mean "strict"?`,
    ])
    await world.files.write(path, text.replace('policy: default', 'policy: strict'))
    assert.is((await loadDefinition(world, 'debian-13')).scan.policy, 'strict')
    // The list of trusted keys beside them is no policy of the gate.
    await world.files.write(join(world.places.root, 'scans/policies/trust.yaml'), 'schema: 1\nkeys: []\n')
    await world.files.write(path, text.replace('policy: default', 'policy: trust'))
    assert.is((await problems(loadDefinition(world, 'debian-13'))).length, 1)
  },
)

loading(
  'in a repository of its own a team has what mintmark brings, unless it has one of that name',
  async ({ world, test }) => {
    const root = join(test.folder, 'team')
    const team = { ...world, places: { ...world.places, root, installation: checkout } }
    assert.equal(await policyNames(team), ['default', 'strict'])
    assert.is((await loadPolicy(team, 'default')).sha256, sha256(textOf('scans/policies/default.yaml')))
    const own = textOf('scans/policies/strict.yaml').replace(/^title: .*$/m, 'title: ours')
    await world.files.write(join(root, 'scans/policies/default.yaml'), own)
    await world.files.write(join(root, 'scans/policies/web.yaml'), own)
    assert.equal(await policyNames(team), ['default', 'strict', 'web'])
    assert.is((await loadPolicy(team, 'default')).policy.title, 'ours')
  },
)

loading("a team's own policy; a mistake in one is told with its place", async ({ world }) => {
  const path = join(world.places.root, 'scans/policies/web.yaml')
  const minimal = `schema: 1
title: ours
rejectFixable: [CRITICAL]
rejectUnfixed: []
rejectSecrets: true
maxDatabaseAgeHours: 24
`
  await world.files.write(path, minimal)
  const { policy } = await loadPolicy(world, 'web')
  assert.is(policy.rejectExploited, 'fixable')
  assert.is(policy.maxWaiverDays, 365)
  await world.files.write(path, `${minimal.replace('[CRITICAL]', '[critical]')}rejectExploitd: any\n`)
  assert.equal(await problems(loadPolicy(world, 'web')), [
    'scans/policies/web.yaml:3:17 rejectFixable.0 is "critical": expected "UNKNOWN", "LOW", "MEDIUM", "HIGH" or "CRITICAL"',
    'scans/policies/web.yaml:7:1 rejectExploitd is not a field; did you mean "rejectExploited"?',
  ])
})

loading.run()
