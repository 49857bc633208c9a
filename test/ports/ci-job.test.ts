import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ciJob, fitting, githubJob } from '../../pipeline/ports/ci-job.ts'
import { defused, errorAnnotation } from '../../pipeline/ports/github-log.ts'
import { readAssignments } from '../helpers/github-files.ts'

const it = suite<{ folder: string }>('the CI job')

it.before(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'ci-job-'))
})

it.after(({ folder }) => rm(folder, { recursive: true, force: true }))

it('is there in GitHub Actions alone', () => {
  assert.is(githubJob({}), undefined)
  assert.is(githubJob({ GITHUB_ACTIONS: 'false' }), undefined)
  const job = githubJob({ GITHUB_ACTIONS: 'true', GITHUB_RUN_ID: '812', GITHUB_RUN_ATTEMPT: '2' })
  assert.is(job?.run, 'gh-812-2')
  assert.is(job?.ephemeral, true)
  const own = githubJob({ GITHUB_ACTIONS: 'true', RUNNER_ENVIRONMENT: 'self-hosted' })
  assert.is(own?.ephemeral, false)
})

it('is there in GitLab, whose containers are thrown away; the bare variable CI says nothing', async () => {
  assert.is(ciJob({ CI: 'true' }), undefined)
  assert.is(ciJob({ GITLAB_CI: 'false' }), undefined)
  assert.is(ciJob({ GITHUB_ACTIONS: 'true' })?.run, 'gh-0-1')
  const job = ciJob({ GITLAB_CI: 'true', CI_PIPELINE_ID: '812', CI_DISPOSABLE_ENVIRONMENT: 'true' })
  assert.equal([job?.run, job?.ephemeral], ['gl-812', true])
  assert.is(ciJob({ GITLAB_CI: 'true' })?.ephemeral, false)
  await job?.output({ a: 'b' })
  await job?.summary('text')
})

it('a value can not end itself and begin another', async ({ folder }) => {
  const file = join(folder, 'output')
  const job = githubJob({ GITHUB_ACTIONS: 'true', GITHUB_OUTPUT: file })
  const hostile = 'a\nend\njobs<<end\n99\nend\nEOF'
  await job?.output({ matrix: '{"include":[]}', text: hostile })
  await job?.output({ jobs: '0' })
  assert.equal(readAssignments(await readFile(file, 'utf8')), {
    matrix: '{"include":[]}',
    text: hostile,
    jobs: '0',
  })
})

it('a job without the files goes on', async () => {
  const job = githubJob({ GITHUB_ACTIONS: 'true' })
  await job?.output({ a: 'b' })
  await job?.summary('text')
})

it('a summary that is too long ends at a line and says so', async ({ folder }) => {
  const file = join(folder, 'summary')
  const job = githubJob({ GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: file })
  await job?.summary('| 汉字汉字 |\n'.repeat(100_000))
  const text = await readFile(file)
  assert.ok(text.length <= 1024 * 1024)
  assert.match(
    text.toString(),
    /\| 汉字汉字 \|\n\n_The rest is left out: it is too long for this page\._\n\n$/,
  )
  assert.not.match(text.toString(), /\uFFFD/)
  assert.is(fitting('short', 100), 'short')
})

it('what others say is no order to the runner', () => {
  const hostile = 'ok\n::add-mask::a\n  ::error::x\n\t::stop-commands::y\na ##[add-mask]z\nfe80::1'
  const text = defused(hostile)
  assert.not.match(text, /^\s*::/m)
  assert.not.match(text, /##\[/)
  assert.match(text, /fe80::1$/)
})

it('an annotation is one line, whatever is in it', () => {
  assert.is(
    errorAnnotation('mintmark a:b,c', 'wrong 100%\r\n::error::x'),
    '::error title=mintmark a%3Ab%2Cc::wrong 100%25%0D%0A::error::x\n',
  )
})

it.run()
