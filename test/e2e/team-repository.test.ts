import { execFile } from 'node:child_process'
import { cp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ran, type TeamCheckout, teamCheckout } from '../helpers/team-checkout.ts'
import { checkout } from '../helpers/world.ts'

// What a team does with a release: the tarball is packed, a repository is made from it in an empty folder, installed and tested there.
const execute = promisify(execFile)
const it = suite<TeamCheckout>('a repository of a team')
it.before(async (context) => {
  Object.assign(context, await teamCheckout())
  await cp(join(checkout, 'images/debian-13.yaml'), join(context.team, 'images/same.yaml'))
})
it.after(({ folder }) => rm(folder, { recursive: true, force: true }))

interface Reviewed {
  readonly images: readonly { readonly image: string; readonly bundles?: Readonly<Record<string, string>> }[]
}

it('its own test passes', async ({ team }) => {
  assert.match(await ran(team, 'npm', 'test'), '✓ debian-13\n✓ same')
})

it('npm accepts the lock as its own: an installation changes no byte of it', async ({ team }) => {
  const before = await readFile(join(team, 'package-lock.json'), 'utf8')
  await ran(team, 'npm', 'install', '--offline', '--package-lock-only')
  assert.is(await readFile(join(team, 'package-lock.json'), 'utf8'), before)
})

it('the same definition renders to the same bundle, wherever mintmark is', async ({ team, folder }) => {
  const bundlesOf = async (cwd: string, image: string): Promise<unknown> => {
    const { images } = JSON.parse(
      await ran(cwd, './mintmark', 'review', '--schema', '--render', '--json'),
    ) as Reviewed
    return images.find((item) => item.image === image)?.bundles
  }
  // The name of an image is part of its bundle.
  await cp(join(checkout, 'images/debian-13.yaml'), join(folder, 'source/images/same.yaml'))
  const own = await bundlesOf(join(folder, 'source'), 'same')
  assert.match(JSON.stringify(own), /^\{"qemu":"[0-9a-f]{64}"\}$/)
  assert.equal(await bundlesOf(team, 'same'), own)
})

it('it works for the team s folder from below it and from elsewhere, and never for its own', async ({
  team,
  folder,
}) => {
  const images = async (cwd: string, program: string, ...args: readonly string[]): Promise<string> => {
    const { matrix } = JSON.parse(await ran(cwd, program, ...args, 'matrix', '--json')) as {
      readonly matrix: { readonly include: readonly { readonly image: string }[] }
    }
    return matrix.include.map(({ image }) => image).join()
  }
  assert.is(await images(team, 'npx', '--no', 'mintmark'), 'debian-13,same')
  assert.is(await images(join(team, 'images'), 'npx', '--no', 'mintmark'), 'debian-13,same')
  assert.is(await images(folder, join(team, 'mintmark')), 'debian-13,same')
  await ran(join(team, 'scans'), '../mintmark', 'init', 'web')
  assert.match(await readFile(join(team, 'images/web.yaml'), 'utf8'), '\nowner: team-platform\n')
})

it('what it brings is found: tools, profiles, controls, settings of GitHub', async ({ team }) => {
  assert.match(await ran(team, './mintmark', 'explain', 'ssh-root-login'), 'ssh-root-login')
  assert.match(await ran(team, './mintmark', 'coverage'), 'baseline')
  assert.match(
    await ran(team, './mintmark', 'policy', 'github', '--repository', 'corp/images'),
    '\nenvironment nightly: ',
  )
  const { version } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as {
    version: string
  }
  assert.is(await ran(team, './mintmark', '--version'), `mintmark ${version}\n`)
  // The tools' modules lie beside the program; which of them are installed is this machine's affair.
  const doctor = await execute('./mintmark', ['doctor', '--json'], { cwd: team }).catch(
    (cause: unknown) => cause,
  )
  assert.match(String(Reflect.get(Object(doctor), 'stdout')), 'packer')
})

it.run()
