import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ciJob } from '../../pipeline/ports/ci-job.ts'
import { placesFrom } from '../../pipeline/ports/places.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { ensureLasting } from '../../pipeline/stages/lasting-catalog.ts'
import { refusal } from '../helpers/refusal.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

const it = suite<TestWorld>('a catalog that stays')

it.before(async (context) => {
  Object.assign(context, await testWorld())
})
it.after(({ close }) => close())

const hosted = { GITHUB_ACTIONS: 'true', RUNNER_ENVIRONMENT: 'github-hosted' }
const own = { ...hosted, RUNNER_ENVIRONMENT: 'self-hosted' }
const gitlab = { GITLAB_CI: 'true', CI_DISPOSABLE_ENVIRONMENT: 'true' }
const shell = { GITLAB_CI: 'true' }
const bucket = { MINTMARK_CATALOG: 's3://golden/catalog', MINTMARK_SIGNER: 'kms:alias/golden' }

const tried = async (world: World, together: boolean): Promise<void> => ensureLasting(world, together)

const at = (world: World, env: Readonly<Record<string, string>>): World => ({
  ...world,
  env,
  job: ciJob(env),
  places: placesFrom(env, checkout),
})

it('is nobody’s business outside of CI', ({ world }) => {
  ensureLasting(at(world, {}), true)
  ensureLasting(at(world, { CI: 'true' }), true)
  ensureLasting(at(world, { MINTMARK_CATALOG: '/srv/catalog' }), true)
})

it('has to be named in a CI job', async ({ world }) => {
  for (const env of [hosted, own, gitlab, shell]) {
    const error = await refusal(tried(at(world, env), false))
    assert.is(error.code, 'CONFIG_INVALID')
    assert.match(error.message, /ends with this CI job's machine/)
    assert.match(error.hint, /MINTMARK_CATALOG/)
  }
})

it('may be a folder of the machine where a job works for itself, or where the machine stays', ({ world }) => {
  ensureLasting(at(world, { ...hosted, MINTMARK_CATALOG: '/tmp/catalog' }), false)
  ensureLasting(at(world, { ...own, MINTMARK_CATALOG: '/srv/catalog' }), true)
  ensureLasting(at(world, { ...shell, MINTMARK_CATALOG: '/srv/catalog' }), true)
})

it('is not signed with a key that ends with the machine, even by a job for itself', async ({ world }) => {
  const byFile = { ...bucket, MINTMARK_SIGNER: '' }
  for (const job of [hosted, gitlab]) {
    const { code, message } = await refusal(tried(at(world, { ...job, ...byFile }), false))
    assert.is(code, 'CONFIG_INVALID')
    assert.match(message, /the signer is "file"/)
    ensureLasting(at(world, { ...job, ...bucket }), false)
  }
  ensureLasting(at(world, { ...own, ...byFile }), true)
})

it('is no folder of one of many machines, nor signed with a key of each', async ({ world }) => {
  for (const job of [hosted, gitlab]) {
    const folder = await refusal(
      tried(at(world, { ...job, ...bucket, MINTMARK_CATALOG: '/tmp/catalog' }), true),
    )
    assert.match(folder.message, /\/tmp\/catalog is a folder of this CI job's machine/)
    const key = await refusal(tried(at(world, { ...job, ...bucket, MINTMARK_SIGNER: '' }), true))
    assert.match(key.message, /the signer is "file"/)
    assert.match(key.hint, /kms:KEY or sigstore/)
    ensureLasting(at(world, { ...job, ...bucket }), true)
  }
})

it.run()
