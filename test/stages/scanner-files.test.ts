import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadSecretRules } from '../../pipeline/stages/find-secrets.ts'
import { runTrivy } from '../../pipeline/stages/run-trivy.ts'
import { scannerFile } from '../../pipeline/stages/scanner-files.ts'
import { refusal } from '../helpers/refusal.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

const it = suite<TestWorld>('configuration of the scanners')

it.before.each(async (context) => {
  const test = await testWorld()
  const root = join(test.folder, 'team')
  Object.assign(context, test, { world: { ...test.world, places: { ...test.world.places, root } } })
})
it.after.each(({ close }) => close())

it('is read from mintmark alone, which a checkout is itself', async ({ world }) => {
  assert.is(await scannerFile(world, 'scans/trivy.yaml'), join(checkout, 'scans/trivy.yaml'))
  assert.ok((await loadSecretRules(world)).length > 10)
  const own = { ...world, places: { ...world.places, root: checkout } }
  assert.is(await scannerFile(own, 'scans/trivy.yaml'), join(checkout, 'scans/trivy.yaml'))
})

for (const path of ['scans/trivy.yaml', 'scans/secret-rules.yaml'])
  it(`${path} of a team is refused before anything is looked at`, async ({ world, folder }) => {
    await world.files.write(join(world.places.root, path), 'scan: {skip-dirs: [root]}\n')
    const scanner = {
      tool: { path: join(folder, 'no-trivy'), version: '1', sha256: '', origin: 'PATH' },
      work: folder,
      cache: folder,
      isolated: false,
    }
    const asked = [() => loadSecretRules(world), () => runTrivy(world, scanner, ['rootfs', '/'])]
    for (const ask of asked) {
      const { code, message, hint } = await refusal(ask())
      assert.is(code, 'CONFIG_INVALID')
      assert.is(message, `${path} is mintmark's own, and not read from this repository`)
      assert.match(hint, `git rm ${path}`)
    }
  })

it.run()
