import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from '../../../pipeline/cli/parse.ts'
import { run } from '../../../pipeline/cli/verbs/init.ts'
import { MintmarkError } from '../../../pipeline/errors.ts'
import type { World } from '../../../pipeline/ports/world.ts'
import { refusal } from '../../helpers/refusal.ts'
import { textOf } from '../../helpers/sources.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

interface Context {
  test: TestWorld
  world: World
  /** A tarball with what is read of one; test/e2e/team-repository.test.ts has a whole one. */
  tarball: string
  team: string
}

const it = suite<Context>('init --repo')

const address = 'https://github.com/corp/mintmark/releases/download/v0.1.0/mintmark-0.1.0.tgz'

async function pack(folder: string, name: string, about: object): Promise<string> {
  const at = join(folder, name)
  await mkdir(join(at, 'package/dist'), { recursive: true })
  const own = JSON.parse(textOf('package.json')) as object
  await writeFile(join(at, 'package/package.json'), JSON.stringify({ ...own, ...about }))
  await writeFile(join(at, 'package/dist/package-lock.json'), textOf('package-lock.json'))
  const path = join(folder, `${name}.tgz`)
  assert.is(spawnSync('tar', ['-czf', path, '-C', at, 'package']).status, 0)
  return path
}

it.before.each(async (context) => {
  context.test = await testWorld()
  context.world = context.test.world
  context.tarball = await pack(context.test.folder, 'mintmark', {})
  context.team = join(context.test.folder, 'team')
})
it.after.each(({ test }) => test.close())

async function init(world: World, ...argv: readonly string[]): Promise<void> {
  const parsed = await parse(['init', '--repo', ...argv])
  assert.is(parsed.kind, 'verb')
  if (parsed.kind === 'verb') await run({ world, args: parsed.args, options: parsed.options })
}

interface Result {
  readonly written: readonly string[]
  readonly next: readonly string[]
  readonly mintmark: { readonly version: string; readonly from: string; readonly integrity: string }
}

const last = ({ told }: TestWorld): { readonly text: string; readonly data: Result } => {
  const result = told.results.at(-1)
  assert.ok(result)
  return { text: result.text, data: result.data as Result }
}

it('writes a repository; again there is nothing to do; killed half way it goes on', async ({
  test,
  world,
  tarball,
  team,
}) => {
  const answers = [team, '--from', tarball, '--image', 'web', '--port', '443', '--owner', 'team-web'] as const
  await init(world, ...answers)
  const { text, data } = last(test)
  assert.equal(
    data.written.filter((path) => !path.startsWith('.github/workflows/')),
    [
      '.github/CODEOWNERS',
      '.github/renovate.json',
      '.gitignore',
      '.npmrc',
      'README.md',
      'images/schema.json',
      'images/web.yaml',
      'mintmark',
      'mintmark.yaml',
      'package-lock.json',
      'package.json',
      'scans/policies/schema.json',
      'scans/policies/trust.yaml',
      'scans/waivers/schema.json',
      'vendor/mintmark-0.1.0.tgz',
    ],
  )
  assert.match(text, 'CODEOWNERS names "@ORG/security", who is nobody')
  const steps = [
    `cd ${team}`,
    'npm ci && npm test',
    './mintmark base update web',
    './mintmark release web --yes',
    './mintmark policy github --repository OWNER/NAME',
    'MINTMARK_SIGNER=kms:KEY ./mintmark verify --print-key',
    "git init -b main && git add . && git commit -m 'Golden images'",
  ]
  const trust = [
    'scans/policies/trust.yaml believes nobody yet: every promotion fails until it has what `verify --print-key` prints',
    '  with sigstore write an identity for each workflow there, or not even the first night is released',
  ]
  assert.ok(text.endsWith(`\n${[...trust, 'then:', ...steps.map((step) => `  ${step}`)].join('\n')}`), text)
  assert.equal(data.next, steps)
  assert.is((await stat(join(team, 'mintmark'))).mode & 0o777, 0o755)
  assert.equal(await readFile(join(team, 'vendor/mintmark-0.1.0.tgz')), await readFile(tarball))
  const digest = createHash('sha512')
    .update(await readFile(tarball))
    .digest('base64')
  assert.is(data.mintmark.integrity, `sha512-${digest}`)

  await init(world, ...answers)
  assert.equal(last(test).data.written, [])
  assert.is(last(test).text, `${team} has all of it already: nothing to do`)

  await rm(join(team, 'package.json'))
  await rm(join(team, 'scans'), { recursive: true })
  await init(world, ...answers)
  assert.equal(last(test).data.written, [
    'package.json',
    'scans/policies/schema.json',
    'scans/policies/trust.yaml',
    'scans/waivers/schema.json',
  ])
})

it('workflows are copied byte for byte, and no team gets the check of our own checkout', async ({
  test,
  world,
  tarball,
  team,
}) => {
  await init(world, team, '--from', tarball)
  const workflows = last(test).data.written.filter((path) => path.startsWith('.github/workflows/'))
  for (const name of ['nightly', 'rescan', 'share']) {
    const path = `.github/workflows/${name}.yml`
    assert.ok(workflows.includes(path), path)
    assert.is(await readFile(join(team, path), 'utf8'), textOf(path))
  }
  const ci = await readFile(join(team, '.github/workflows/ci.yml'), 'utf8')
  assert.is(ci, textOf('templates/team/github-ci.yml'))
})

it('of another CI system there are its own files alone', async ({ test, world, tarball, team }) => {
  const of = async (ci: string): Promise<readonly string[]> => {
    await rm(team, { recursive: true, force: true })
    await init(world, team, '--from', tarball, '--ci', ci, '--security-team', '@corp/security')
    assert.not.match(last(test).text, 'is nobody')
    return last(test).data.written.filter((path) => /^\.git|cron$|renovate/.test(path))
  }
  assert.equal(await of('gitlab'), ['.gitignore', '.gitlab-ci.yml', 'renovate.json'])
  assert.ok(last(test).data.written.includes('CODEOWNERS'))
  const asked = (): readonly string[] => last(test).data.next.filter((step) => /policy|print-key/.test(step))
  assert.equal(asked(), ['MINTMARK_SIGNER=kms:KEY ./mintmark verify --print-key'])
  const owners = await readFile(join(team, 'CODEOWNERS'), 'utf8')
  for (const path of ['/images/', '/CODEOWNERS', '/docs/CODEOWNERS', '/.gitlab/', '/renovate.json'])
    assert.match(owners, `\n${path} @corp/security\n`)
  assert.equal(await of('none'), ['.gitignore', 'mintmark.cron'])
  assert.equal(asked(), ['./mintmark verify --print-key'])
  assert.not.match(last(test).text, 'sigstore')
  assert.match(await readFile(join(team, 'mintmark.cron'), 'utf8'), './mintmark release debian-13 --yes; }')
})

it('nothing is overwritten: what differs and what is strange is told, and no file is written', async ({
  world,
  tarball,
  team,
}) => {
  await mkdir(join(team, 'images'), { recursive: true })
  await writeFile(join(team, 'README.md'), 'ours\n')
  await writeFile(join(team, 'main.tf'), '')
  await symlink('/etc/passwd', join(team, 'package.json'))
  const { code, lines } = await refusal(init(world, team, '--from', tarball))
  assert.is(code, 'USAGE')
  assert.equal(lines, [
    "main.tf is there, and none of the repository's",
    'README.md is there, and says something else',
    'package.json is there, and says something else',
  ])
  assert.equal(await world.files.list(team), ['README.md', 'images', 'main.tf', 'package.json'])
})

it('what is strange deeper down is as strange, and nothing goes where a link leads', async ({
  test,
  world,
  tarball,
  team,
}) => {
  for (const path of ['.github/workflows/own.yml', 'scans/trivy.yaml', 'images/scripts/root.sh'])
    await world.files.write(join(team, path), '')
  const { code, lines, hint } = await refusal(init(world, team, '--from', tarball))
  assert.is(code, 'USAGE')
  assert.equal(lines, [
    ".github/workflows/own.yml is there, and none of the repository's",
    "images/scripts is there, and none of the repository's",
    "scans/trivy.yaml is there, and none of the repository's",
  ])
  assert.match(hint, 'or create the repository without files')
  const elsewhere = join(test.folder, 'elsewhere')
  await mkdir(join(elsewhere, 'workflows'), { recursive: true })
  await rm(team, { recursive: true })
  await mkdir(team)
  await symlink(elsewhere, join(team, '.github'))
  const { message } = await refusal(init(world, team, '--from', tarball))
  assert.is(message, `${join(team, '.github')} is a link, and no folder`)
  assert.equal(await world.files.list(join(elsewhere, 'workflows')), [])
  assert.equal(await world.files.list(team), ['.github'])
})

it('a license and the tarball itself may be there before', async ({ test, world, tarball, team }) => {
  await mkdir(team)
  await writeFile(join(team, 'LICENSE'), '')
  const inside = join(team, 'mintmark-0.1.0.tgz')
  await writeFile(inside, await readFile(tarball))
  await init(world, team, '--from', inside)
  assert.ok(last(test).data.written.includes('mintmark'))
})

it('cron is told nothing when all is well, and all of it when not', async ({
  world,
  tarball,
  team,
  test,
}) => {
  await init(world, team, '--from', tarball, '--ci', 'none')
  const cron = await readFile(join(team, 'mintmark.cron'), 'utf8')
  const lines = cron.split('\n').flatMap((line) => /^\d.* mintmark +(.*)$/.exec(line)?.[1] ?? [])
  assert.is(lines.length, 3)
  assert.not.ok(
    lines.some((line) => line.includes('%')),
    'a line break to cron',
  )
  const bin = join(test.folder, 'bin')
  const said = (line: string, code: number): string => {
    const env = { PATH: `${bin}:/usr/bin:/bin`, CODE: String(code) }
    const { stdout, stderr } = spawnSync('sh', ['-c', line.replaceAll('/srv/golden-images', team)], { env })
    return `${stdout}${stderr}`
  }
  const program = '#!/bin/sh\necho result\necho why >&2\nexit $CODE\n'
  for (const path of [join(team, 'mintmark'), join(bin, 'git'), join(bin, 'npm')])
    await world.files.write(path, program, { mode: 0o755 })
  for (const line of lines) {
    assert.is(said(line, 0), '')
    assert.is(said(line, 3), 'result\nwhy\n')
  }
})

it('a definition of later, a clone and an installation are no strangers', async ({
  test,
  world,
  tarball,
  team,
}) => {
  await mkdir(join(team, '.git'), { recursive: true })
  await mkdir(join(team, 'node_modules'))
  await init(world, team, '--from', tarball)
  await writeFile(join(team, 'images/debian-13.lock.json'), '{}')
  await init(world, team, '--from', tarball)
  assert.equal(last(test).data.written, [])
})

it('an address stays one, with the hash of what is there today', async ({ test, world, tarball, team }) => {
  const asked: string[] = []
  const fetch = async (url: string): Promise<Uint8Array> => {
    asked.push(url)
    return readFile(tarball)
  }
  await init({ ...world, fetch }, team, '--from', address)
  assert.equal(asked, [address])
  const lock = JSON.parse(await readFile(join(team, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  }
  const own = lock.packages['node_modules/mintmark']
  assert.is(own?.['resolved'], address)
  assert.is(own?.['integrity'], last(test).data.mintmark.integrity)
  assert.is(await world.files.info(join(team, 'vendor')), null)
})

it('what is no release of this mintmark is refused before anything is written', async ({
  test,
  world,
  tarball,
  team,
}) => {
  const said = async (...argv: readonly string[]): Promise<string> => {
    const { code, message } = await refusal(init(world, team, ...argv))
    assert.is(code, 'USAGE')
    return message
  }
  assert.is(await said(), 'init --repo needs --from: the release of mintmark to use')
  assert.is(await said('--from', 'mintmark@0.1.0'), '--from is "mintmark@0.1.0": there is no such file')
  for (const from of [
    'http://corp.example/m.tgz',
    'https://me:secret@corp.example/m.tgz',
    'https://corp.example/m.tgz?t=1',
  ])
    assert.match(await said('--from', from), 'expected an https address that ends with .tgz')
  const other = await pack(test.folder, 'other', { name: 'other' })
  assert.match(await said('--from', other), 'that is no tarball of mintmark')
  await writeFile(join(test.folder, 'text.tgz'), 'text')
  assert.match(await said('--from', join(test.folder, 'text.tgz')), 'that is no tarball of mintmark')
  const later = await pack(test.folder, 'later', { version: '9.0.0' })
  assert.match(await said('--from', later), /^--from is mintmark 9\.0\.0, and this is \d/)
  assert.match(
    await said('--from', tarball, '--ci', 'jenkins'),
    '--ci is "jenkins": expected github or gitlab or none',
  )
  assert.match(
    await said('--from', tarball, '--security-team', 'x'),
    '--security-team is "x": a team or a user',
  )
  assert.match(await said('--from', tarball, '--profile', 'basline'), 'did you mean baseline?')
  assert.match(await said('--from', tarball, '--base', 'corp@stable'), '--base is "corp": expected one of: ')
  assert.is(await world.files.info(team), null)
})

it('an address that can not be reached is no answer of ours', async ({ world, team }) => {
  const fetch = async (): Promise<Uint8Array> => {
    throw new MintmarkError('PROVIDER_UNREACHABLE', `${address} answered 404`)
  }
  assert.is((await refusal(init({ ...world, fetch }, team, '--from', address))).code, 'PROVIDER_UNREACHABLE')
  assert.is(await world.files.info(team), null)
})

it.run()
