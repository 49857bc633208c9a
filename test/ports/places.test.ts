import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { findRoot, placesFrom } from '../../pipeline/ports/places.ts'

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

const never = (): string => {
  throw new Error('the working directory was asked')
}

it('a checkout is its own, wherever it is called from', async ({ folder }) => {
  const installation = join(folder, 'mintmark')
  assert.is(await findRoot(nodeFiles, { installation, launcher: '/x/mintmark', cwd: never }), installation)
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
  await chmod(shared, 0o755)
  assert.is(await findRoot(nodeFiles, at), shared)
})

it('mintmark is where the repository is, unless it is said', () => {
  assert.is(placesFrom({}, '/team').installation, '/team')
  const places = placesFrom({}, '/team', '/team/node_modules/mintmark')
  assert.equal([places.root, places.installation], ['/team', '/team/node_modules/mintmark'])
})

it.run()
