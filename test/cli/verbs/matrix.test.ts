import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from '../../../pipeline/cli/parse.ts'
import { run } from '../../../pipeline/cli/verbs/matrix.ts'
import { unique } from '../../../pipeline/core/lists.ts'
import { githubJob } from '../../../pipeline/ports/ci-job.ts'
import type { World } from '../../../pipeline/ports/world.ts'
import { imageNames } from '../../../pipeline/stages/load-definition.ts'
import { readAssignments } from '../../helpers/github-files.ts'
import { refusal } from '../../helpers/refusal.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

const it = suite<{ box: TestWorld; folder: string }>('matrix, as a verb')

it.before.each(async (context) => {
  context.box = await testWorld({ now: new Date('2026-11-22T03:30:00Z') })
  context.folder = await mkdtemp(join(tmpdir(), 'matrix-'))
})
it.after.each(async ({ box, folder }) => {
  await box.close()
  await rm(folder, { recursive: true, force: true })
})

async function matrix(world: World, ...argv: string[]): Promise<number | undefined> {
  const parsed = await parse(['matrix', ...argv])
  assert.ok(parsed.kind === 'verb')
  return run({ world, args: parsed.args, options: parsed.options })
}

const matrixIn = (box: TestWorld): { include: { image: string; run: string }[] } =>
  JSON.parse(box.told.results[0]?.text ?? '')

it('prints what strategy.matrix takes, with a run of its own', async ({ box }) => {
  assert.is(await matrix({ ...box.world, env: {} }), 0)
  const { include } = matrixIn(box)
  assert.equal(unique(include.map(({ image }) => image)), await imageNames(box.world))
  assert.equal([...new Set(include.map((job) => job.run))], ['matrix-20261122-033000'])
})

it('in GitHub it is an output of the step and a table on the page of the run', async ({ box, folder }) => {
  const env = {
    GITHUB_ACTIONS: 'true',
    RUNNER_ENVIRONMENT: 'self-hosted',
    GITHUB_RUN_ID: '812',
    GITHUB_RUN_ATTEMPT: '2',
    GITHUB_OUTPUT: join(folder, 'output'),
    GITHUB_STEP_SUMMARY: join(folder, 'summary'),
    MINTMARK_CATALOG: join(folder, 'catalog'),
  }
  const world = { ...box.world, env, job: githubJob(env) }
  // As a workflow gives names that a person typed into one field.
  assert.is(await matrix(world, '--', ' debian-13, debian-12\n'), 0)
  const { matrix: text, ...rest } = readAssignments(await readFile(env.GITHUB_OUTPUT, 'utf8'))
  assert.is(text, box.told.results[0]?.text)
  const { include } = matrixIn(box)
  assert.equal(unique(include.map(({ image }) => image)), ['debian-12', 'debian-13'])
  assert.equal(rest, { jobs: String(include.length), run: 'gh-812-2' })
  assert.match(await readFile(env.GITHUB_STEP_SUMMARY, 'utf8'), /^### Plan: \d+ jobs, run gh-812-2\n/)
  assert.is(await matrix({ ...world, env: { ...env, MINTMARK_RUN: 'r-1' } }), 0)
  assert.match(await readFile(env.GITHUB_OUTPUT, 'utf8'), /\nr-1\n/)
})

it('refuses a flag in the field of the names, and a run that could be a path', async ({ box }) => {
  const flag = await refusal(matrix({ ...box.world, env: {} }, '--', '--fresh'))
  assert.is(flag.code, 'NOT_FOUND')
  const path = await refusal(matrix({ ...box.world, env: {} }, '--run', '../x'))
  assert.is(path.code, 'USAGE')
})

it('what only a release by hand has asks for --single; what a form leaves empty was not given', async ({
  box,
}) => {
  const world = { ...box.world, env: {} }
  for (const [flag, ...argv] of [
    ['--channel', '--channel', 'stable'],
    ['--release-version', '--release-version', '2.0.0'],
    ['--bump', '--bump', 'major'],
    ['--reason', '--reason', 'because'],
    ['--emergency', '--emergency'],
  ]) {
    const error = await refusal(matrix(world, ...argv))
    assert.is(error.message, `${flag} is for a release by hand, and --single is not given`)
  }
  const empty = ['--target', '', '--bump', '', '--release-version', '', '--channel', ' ']
  assert.is(await matrix(world, ...empty, '--', 'debian-13'), 0)
  assert.equal(
    matrixIn(box).include.map(({ image }) => image),
    ['debian-13'],
  )
  const word = await refusal(matrix(world, '--single', '--bump', 'huge', '--', 'debian-13'))
  assert.is(word.message, '--bump is "huge": expected auto, patch, minor, major')
  const both = await refusal(
    matrix(world, '--single', '--bump', 'major', '--release-version', '2.0.0', 'debian-13'),
  )
  assert.is(both.message, '--bump major and --release-version say two things')
})

it('with --single later jobs are told image, version and channel', async ({ box, folder }) => {
  const env = {
    GITHUB_ACTIONS: 'true',
    RUNNER_ENVIRONMENT: 'self-hosted',
    GITHUB_RUN_ID: '812',
    GITHUB_OUTPUT: join(folder, 'output'),
    GITHUB_STEP_SUMMARY: join(folder, 'summary'),
    GITHUB_ACTOR: 'octocat',
    MINTMARK_CATALOG: join(folder, 'catalog'),
    MINTMARK_EMERGENCY: 'true',
    MINTMARK_EMERGENCY_REASON: 'sshd is attacked',
  }
  const world = { ...box.world, env, job: githubJob(env) }
  assert.is(await matrix(world, '--single', '--reserve', '--channel', 'nightly', '--', 'debian-13'), 0)
  const { image, version, channel } = readAssignments(await readFile(env.GITHUB_OUTPUT, 'utf8'))
  assert.equal([image, version, channel], ['debian-13', '1.0.0', ''])
  const page = await readFile(env.GITHUB_STEP_SUMMARY, 'utf8')
  assert.match(page, /\n\nasked for by octocat, for nightly alone\n\nEMERGENCY: sshd is attacked\n\n/)
})

it.run()
