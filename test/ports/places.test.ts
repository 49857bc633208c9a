import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { findRoot, placesFrom } from '../../pipeline/ports/places.ts'
import { refusal } from '../helpers/refusal.ts'
import { textOf } from '../helpers/sources.ts'

const it = suite<{ folder: string }>('places')

it.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'places-'))
})
it.after.each(({ folder }) => rm(folder, { recursive: true }))

async function repository(at: string): Promise<string> {
  await mkdir(at, { recursive: true })
  await writeFile(join(at, 'mintmark.yaml'), 'schema: 1\n')
  return at
}

async function checkoutAt(at: string): Promise<string> {
  await repository(at)
  for (const name of ['tsconfig.json', 'mintmark']) await writeFile(join(at, name), '')
  return at
}

const never = (): string => {
  throw new Error('the working directory was asked')
}

it('a checkout is its own, wherever it is called from', async ({ folder }) => {
  // Also in a folder that is called like those of packages.
  const installation = await checkoutAt(join(folder, 'node_modules/mintmark'))
  await symlink(join(installation, 'mintmark'), join(folder, 'linked'))
  for (const launcher of ['/x/mintmark', join(installation, 'mintmark'), join(folder, 'linked')])
    assert.is(await findRoot(nodeFiles, { installation, launcher, cwd: never }), installation)
})

it('a linked checkout works for the team whose launcher started it', async ({ folder }) => {
  const installation = await checkoutAt(join(folder, 'mintmark'))
  const team = await repository(join(folder, 'team'))
  await mkdir(join(team, 'images'))
  const launcher = join(team, 'mintmark')
  await writeFile(launcher, '')
  for (const cwd of [team, join(team, 'images'), folder])
    assert.is(await findRoot(nodeFiles, { installation, launcher, cwd: () => cwd }), team)
})

it('a package that was unpacked anywhere is no checkout', async ({ folder }) => {
  const installation = join(folder, 'package')
  await mkdir(installation)
  const team = await repository(join(folder, 'team'))
  const at = { installation, launcher: join(installation, 'mintmark'), cwd: () => team }
  assert.is(await findRoot(nodeFiles, at), team)
  const { files } = JSON.parse(textOf('package.json')) as { readonly files: readonly string[] }
  assert.not.ok(files.some((pattern) => /tsconfig|^\*/.test(pattern)))
})

it('a package works for the nearest repository: of the working directory, else of its launcher, else here', async ({
  folder,
}) => {
  const [team, other] = [await repository(join(folder, 'team')), await repository(join(folder, 'other'))]
  await mkdir(join(team, 'images/files'), { recursive: true })
  const from = {
    installation: join(team, 'node_modules/mintmark'),
    launcher: join(team, 'node_modules/.bin/mintmark'),
  }
  const rootAt = (cwd: string, launcher = from.launcher) =>
    findRoot(nodeFiles, { ...from, launcher, cwd: () => cwd })
  assert.is(await rootAt(join(team, 'images/files')), team)
  assert.is(await rootAt(other), other)
  assert.is(await rootAt(folder), team)
  assert.is(await rootAt(folder, join(folder, 'bin/mintmark')), folder)
})

it('a folder that everybody may put files into is nobody s repository', async ({ folder }) => {
  const shared = await repository(join(folder, 'tmp'))
  await chmod(shared, 0o1777)
  const work = join(shared, 'work')
  await mkdir(work)
  const at = {
    installation: '/usr/lib/node_modules/mintmark',
    launcher: '/usr/bin/mintmark',
    cwd: () => work,
  }
  assert.is(await findRoot(nodeFiles, at), work)
  const error = await refusal(findRoot(nodeFiles, { ...at, cwd: () => shared }))
  assert.is(error.code, 'USAGE')
  assert.is(error.message, `${shared}/mintmark.yaml is not read: another user may have written it`)
  await chmod(shared, 0o755)
  assert.is(await findRoot(nodeFiles, at), shared)
})

it('nor is one that another user made, or that everybody may change', async ({ folder }) => {
  const team = await repository(join(folder, 'team'))
  const file = join(team, 'mintmark.yaml')
  const work = join(team, 'work')
  await mkdir(work)
  const at = {
    installation: '/usr/lib/node_modules/mintmark',
    launcher: '/usr/bin/mintmark',
    cwd: () => work,
  }
  const rootBy = (foreign: string | null, user: number) =>
    findRoot(
      {
        ...nodeFiles,
        ownership: async (path) =>
          path === foreign ? { user, group: user, ours: false } : nodeFiles.ownership(path),
      },
      at,
    )
  assert.is(await rootBy(null, 0), team)
  for (const foreign of [team, file]) {
    assert.is(await rootBy(foreign, 4711), work)
    assert.is(await rootBy(foreign, 0), team)
  }
  for (const [path, mode] of [
    [team, 0o777],
    [file, 0o666],
  ] as const) {
    await chmod(path, mode)
    assert.is(await rootBy(null, 0), work)
    // Who may write there may replace the program as well; a container of CI often has its checkout so.
    const inside = { ...at, installation: join(team, 'node_modules/mintmark') }
    assert.is(await findRoot(nodeFiles, inside), team)
    await chmod(path, mode & 0o755)
  }
})

it('mintmark is where the repository is, unless it is said', () => {
  assert.is(placesFrom({}, '/team').installation, '/team')
  const places = placesFrom({}, '/team', '/team/node_modules/mintmark')
  assert.equal([places.root, places.installation], ['/team', '/team/node_modules/mintmark'])
})

it.run()
