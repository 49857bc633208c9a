import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ran, type TeamCheckout, teamCheckout } from '../helpers/team-checkout.ts'

// A team's first golden image: made in its own repository, by the program that its lock names, from nothing of this checkout.
const it = suite<TeamCheckout>('a release from the repository of a team')

it.before(async (context) => {
  Object.assign(context, await teamCheckout())
})
it.after(({ folder }) => rm(folder, { recursive: true, force: true }))

it('it is made, shown, verified, and unchanged the next time', async ({ team, folder }) => {
  const asked = async (...args: readonly string[]) =>
    JSON.parse(await ran(team, './mintmark', ...args, '--json')) as Readonly<Record<string, unknown>>
  await asked('base', 'update', 'debian-13')
  const made = await asked('release', 'debian-13', '--yes')
  assert.equal([made['unchanged'], made['version'], made['channel']], [false, '1.0.0', 'nightly'])
  // What the report shows was found in the repository of the team, with its own policy.
  const report = await readFile(String(made['report']), 'utf8')
  assert.ok(String(made['report']).startsWith(join(folder, 'state')))
  assert.match(report, 'debian-13')
  assert.is((await asked('verify', 'debian-13'))['ok'], true)
  assert.match(await ran(team, 'npx', '--no', 'mintmark', 'releases'), /debian-13.*1\.0\.0/)
  assert.is((await asked('release', 'debian-13', '--yes'))['unchanged'], true)
})

it.run()
