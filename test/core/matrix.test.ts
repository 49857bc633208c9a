import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  askedLines,
  type MatrixJob,
  matrixMarkdown,
  matrixOf,
  plannedLine,
  runnerOf,
} from '../../pipeline/core/matrix.ts'

const it = suite('the matrix')

const job: MatrixJob = {
  image: 'web',
  target: 'qemu',
  arch: 'x86_64',
  runner: 'ubuntu-24.04',
  run: 'gh-1-1',
}
const both = [job, { ...job, target: 'aws' }] as const
const planned = {
  image: 'web',
  status: 'planned',
  jobs: both,
  work: 'build',
  version: '1.2.0',
  because: ['2 upgrades'],
} as const
const unchanged = { image: 'db', status: 'unchanged', because: ['1.0.0, same base'] } as const
const failed = {
  image: 'old',
  status: 'failed',
  code: 'CONFIG_INVALID',
  message: 'images/old.yaml has 1 problem',
  lines: ['a | b <img src=x> @octocat'],
  hint: 'correct it',
} as const

it('has a job for each place of each image that is to be built', () => {
  assert.equal(matrixOf([planned, unchanged, failed]), { include: [...both] })
  assert.equal(matrixOf([]), { include: [] })
})

it('a cloud is watched from any machine', () => {
  assert.is(runnerOf('qemu', 'aarch64'), 'ubuntu-24.04-arm')
  assert.is(runnerOf('aws', 'aarch64'), 'ubuntu-24.04')
})

it('is told in one line for each image', () => {
  assert.equal([planned, unchanged, failed].map(plannedLine), [
    '✓ web 1.2.0  qemu/x86_64, aws/x86_64: 2 upgrades',
    '· db  unchanged: 1.0.0, same base',
    '! old  could not be planned: images/old.yaml has 1 problem',
  ])
  assert.is(plannedLine({ ...planned, jobs: [job], version: null, because: [] }), '✓ web  qemu/x86_64')
})

it('as Markdown nothing that others wrote is markup', () => {
  const text = matrixMarkdown('gh-1-1', [planned, unchanged, failed])
  assert.is(
    text,
    [
      '### Plan: 2 jobs, run gh-1-1',
      '',
      '| image | version | where | why |',
      '|---|---|---|---|',
      '| web | 1.2.0 | qemu/x86\\_64, aws/x86\\_64 | 2 upgrades |',
      '| db | unchanged |  | 1.0.0, same base |',
      '| old | could not be planned |  | images/old.yaml has 1 problem · a &#124; b &lt;img src=x&gt; &#64;octocat · correct it |',
      '',
    ].join('\n'),
  )
  const behind = { ...planned, work: 'distribute', version: null } as const
  assert.match(matrixMarkdown('r', [behind]), '| web | as it is | ')
  assert.match(matrixMarkdown('r', []), /There is no image to plan/)
})

it('who asked for a release by hand stands above its plan, and is no markup either', () => {
  const lines = askedLines({ by: '@octocat', channel: null, emergency: '*sshd* is attacked' })
  assert.equal(lines, ['asked for by @octocat, for nightly alone', 'EMERGENCY: *sshd* is attacked'])
  assert.equal(
    matrixMarkdown('gh-1-1', [], lines).split('\n'),
    [
      '### Plan: 0 jobs, run gh-1-1',
      '',
      'asked for by &#64;octocat, for nightly alone',
      '',
      'EMERGENCY: \\*sshd\\* is attacked',
      '',
      'There is no image to plan.',
      '',
      '',
    ].slice(0, -1),
  )
  assert.equal(askedLines({ by: 'dora', channel: 'stable', emergency: null }), [
    'asked for by dora, for stable',
  ])
})

it.run()
