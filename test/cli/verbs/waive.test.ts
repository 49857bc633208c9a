import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from '../../../pipeline/cli/parse.ts'
import { run } from '../../../pipeline/cli/verbs/waive.ts'
import type { MintmarkError } from '../../../pipeline/errors.ts'
import type { World } from '../../../pipeline/ports/world.ts'
import { loadWaivers } from '../../../pipeline/stages/load-waivers.ts'
import { textOf } from '../../helpers/sources.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

const it = suite<{ test: TestWorld; world: World }>('waive')

it.before.each(async (context) => {
  const test = await testWorld({ now: new Date('2026-11-22T12:00:00Z') })
  const root = join(test.folder, 'checkout')
  const world = { ...test.world, places: { ...test.world.places, root } }
  for (const path of ['images/debian-13.yaml', 'scans/policies/default.yaml', 'scans/policies/strict.yaml'])
    await world.files.write(join(root, path), textOf(path))
  await world.files.write(join(root, 'mintmark.yaml'), 'schema: 1\nteams: [team-platform, team-security]\n')
  Object.assign(context, { test, world })
})
it.after.each(({ test }) => test.close())

const words = ['--reason', 'the module is not loaded', '--until', '2027-03-31']

async function waive(world: World, ...argv: readonly string[]): Promise<void> {
  const parsed = await parse(['waive', ...argv])
  if (parsed.kind === 'verb') await run({ world, args: parsed.args, options: parsed.options })
}

async function refusal(world: World, ...argv: readonly string[]): Promise<MintmarkError> {
  try {
    await waive(world, ...argv)
  } catch (cause) {
    assert.equal(await loadWaivers(world), [])
    return cause as MintmarkError
  }
  throw new Error('it was accepted')
}

const said = ({ told }: TestWorld): string => told.results.at(-1)?.text ?? ''

it('writes for each package, with the image and its owner', async ({ test, world }) => {
  await waive(
    world,
    'CVE-2026-1',
    '--package',
    'libssl3',
    '--package',
    'openssl',
    '--image',
    'debian-13',
    ...words,
  )
  const kept = await loadWaivers(world)
  assert.equal(
    kept.map(({ waiver, file }) => [file, waiver.package, waiver.image, waiver.owner, waiver.status]),
    [
      ['scans/waivers/team-platform.yaml', 'libssl3', 'debian-13', 'team-platform', 'affected'],
      ['scans/waivers/team-platform.yaml', 'openssl', 'debian-13', 'team-platform', 'affected'],
    ],
  )
  assert.match(said(test), /^scans\/waivers\/team-platform\.yaml is written/)
  assert.match(
    said(test),
    'CVE-2026-1  libssl3  image debian-13  affected, until 2027-03-31\n  the module is not loaded',
  )
})

it('the same again changes no byte and says so; another one replaces it after showing it', async ({
  test,
  world,
}) => {
  const argv = ['CVE-2026-1', '--package', 'openssl', '--owner', 'team-security', ...words]
  await waive(world, ...argv)
  const path = join(world.places.root, 'scans/waivers/team-security.yaml')
  const before = await world.files.readText(path)
  await waive(world, ...argv)
  assert.is(await world.files.readText(path), before)
  assert.match(said(test), /^scans\/waivers\/team-security\.yaml says so already: nothing was changed\n/)
  await waive(world, ...argv, '--status', 'under_investigation')
  const lines = said(test).split('\n')
  assert.ok(lines.indexOf('it said:') < lines.indexOf('it says now:') && lines.includes('it said:'))
  assert.match(said(test), 'note: policy default lets no finding pass for status under_investigation')
  assert.equal(
    (await loadWaivers(world)).map(({ waiver }) => waiver.status),
    ['under_investigation'],
  )
})

it("another team's waiver of the same is not touched", async ({ world }) => {
  await waive(world, 'CVE-2026-1', '--package', 'openssl', '--owner', 'team-security', ...words)
  try {
    await waive(world, 'CVE-2026-1', '--package', 'openssl', '--owner', 'team-platform', ...words)
    assert.unreachable()
  } catch (cause) {
    const { code, message, hint } = cause as MintmarkError
    assert.equal(
      [code, message, hint],
      [
        'USAGE',
        'CVE-2026-1 in openssl is waived by team-security already, until 2027-03-31',
        'edit scans/waivers/team-security.yaml, or give --owner team-security',
      ],
    )
  }
  assert.is((await loadWaivers(world)).length, 1)
})

it('wrong answers are told at once, by their flags', async ({ world }) => {
  const all = await refusal(
    world,
    'cve-1',
    '--package',
    'a b',
    '--reason',
    'x',
    '--until',
    '2026-11-21',
    '--owner',
    'team-secrity',
  )
  assert.equal(all.lines, [
    'the vulnerability is "cve-1": the id of a vulnerability, e.g. CVE-2026-12345',
    '--package is "a b": the name of an installed package, e.g. libssl3',
    '--reason is "x": a reason of at least 10 characters',
    '--owner is "team-secrity", no team of mintmark.yaml: did you mean team-security?',
    '--until is "2026-11-21": expected a day that is not over',
  ])
  assert.equal((await refusal(world, 'CVE-2026-1')).lines, [
    '--package is missing',
    '--reason is missing',
    '--until is missing',
    '--owner is missing: which team answers for it? There are team-platform, team-security',
  ])
  const long = await refusal(
    world,
    'CVE-2026-1',
    '--package',
    'a',
    '--reason',
    'the module is not loaded',
    '--until',
    '2027-11-23',
    '--image',
    'debian-13',
  )
  assert.is(
    long.message,
    '--until is "2027-11-23": policy default honours no waiver for longer than 365 days, so until 2027-11-22',
  )
  const image = await refusal(world, 'CVE-2026-1', '--package', 'a', ...words, '--image', 'debian-31')
  assert.equal([image.code, image.hint], ['NOT_FOUND', 'did you mean debian-13?'])
})

it('today is not over, and the longest day is one that the gate takes', async ({ world }) => {
  for (const day of ['2026-11-22', '2027-11-22'])
    await waive(
      world,
      'CVE-2026-1',
      '--package',
      'a',
      '--reason',
      'the module is not loaded',
      '--until',
      day,
      '--image',
      'debian-13',
    )
  assert.equal(
    (await loadWaivers(world)).map(({ waiver }) => waiver.expires),
    ['2027-11-22'],
  )
})

it('several at the same time are all written', async ({ world }) => {
  await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) =>
      waive(world, 'CVE-2026-1', '--package', name, '--image', 'debian-13', ...words),
    ),
  )
  assert.is((await loadWaivers(world)).length, 4)
})

it('a file that is wrong already is not written to', async ({ world }) => {
  const path = join(world.places.root, 'scans/waivers/team-platform.yaml')
  await world.files.write(path, 'schema: 1\nwaivrs: []\n')
  try {
    await waive(world, 'CVE-2026-1', '--package', 'a', '--image', 'debian-13', ...words)
    assert.unreachable()
  } catch (cause) {
    assert.is((cause as MintmarkError).code, 'CONFIG_INVALID')
  }
  assert.is(await world.files.readText(path), 'schema: 1\nwaivrs: []\n')
})

it.run()
