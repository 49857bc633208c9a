import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Runner, readWorkflow, runJob, type Workflow } from '../helpers/github-runner.ts'
import { realCheckout, realCli } from '../helpers/real-cli.ts'
import { payload } from '../helpers/workflow-files.ts'
import { checkout } from '../helpers/world.ts'

// The job of ci.yml that makes an image, with machines: what it installs is only written down, all else is done.
const it = suite<{ folder: string; runner: Runner; ci: Workflow }>('the release of ci.yml')

it.before(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'ci-release-'))
  const workspace = join(context.folder, 'checkout')
  await realCheckout(workspace)
  await cp(join(checkout, '.ci'), join(workspace, '.ci'), { recursive: true })
  const { env } = await realCli(context.folder, workspace)
  context.runner = {
    folder: context.folder,
    workspace,
    selfHosted: false,
    event: { name: 'push', payload: await payload('schedule') },
    github: {
      run_id: '812',
      run_attempt: '1',
      repository: 'corp/images',
      ref: 'refs/heads/main',
      sha: '9f3c1d2e00000000000000000000000000000000',
      actor: 'octocat',
      triggering_actor: 'octocat',
    },
    vars: {},
    inputs: {},
    env,
    actions: {},
  }
  context.ci = await readWorkflow(join(checkout, '.github/workflows/ci.yml'))
})
it.after(({ folder }) => rm(folder, { recursive: true, force: true }))

it('it is made, verified, booted and logged in to, and its report is kept', async ({
  folder,
  runner,
  ci,
}) => {
  const { release } = ci.jobs
  assert.ok(release !== undefined)
  assert.is(release.env['MINTMARK_CATALOG'], '/var/tmp/catalog')
  // This machine does not end with the job: a catalog that stays would have the image already.
  const env = { ...release.env, MINTMARK_CATALOG: join(folder, 'catalog') }
  const own = { ...ci, jobs: { release: { ...release, env } } }
  const job = await runJob(runner, own, 'release')
  const step = (name: string) => job.steps.find((item) => item.name === name)
  assert.is(job.result, 'success', job.steps.map(({ stderr }) => stderr).join(''))
  assert.match(job.calls, /^npm ci$/m)

  const made = step('release')
  assert.equal([made?.outputs['unchanged'], made?.outputs['version']], ['false', '1.0.0'])
  assert.match(made?.outputs['digest'] ?? '', /^sha256:[0-9a-f]{64}$/)
  // The sign is another one where no vulnerability database can be had.
  assert.match(made?.summary ?? '', /^## [✓!] debian-13 1\.0\.0: /)

  const used = step('use it')?.stdout ?? ''
  assert.match(used, /^uid=\d+\(debian\)/m)
  assert.match(used, /^PRETTY_NAME="Debian GNU\/Linux 13 /m)

  const kept = step('keep the report')
  assert.equal(
    [kept?.outcome, kept?.with['name'], kept?.with['path']],
    ['success', 'report-debian-13', made?.outputs['report']],
  )
  assert.match(await readFile(kept?.with['path'] ?? '', 'utf8'), 'debian-13')
})

it.run()
