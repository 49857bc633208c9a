import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { lifecycleRow } from '../../pipeline/core/lifecycle.ts'
import { concernLines, concernsInShort, watchIssue, watchMarkdown } from '../../pipeline/core/render-watch.ts'
import {
  type AgeingBase,
  type AgeingChannel,
  baseConcerns,
  type Concern,
  channelConcerns,
  endingConcern,
  inOrder,
  lifecycleConcerns,
  runConcerns,
  streakConcern,
} from '../../pipeline/core/watch.ts'

const watch = suite('watch')
const at = (day: string): Date => new Date(`${day}T12:00:00Z`)

const base: AgeingBase = {
  image: 'web',
  variant: 'qemu-x86_64',
  name: 'noble-20260901',
  born: '2026-09-01T00:00:00.000Z',
  maxAge: '90d',
  mend: './mintmark base update web --target qemu',
}

const told = (concerns: readonly Concern[]): readonly string[] =>
  concerns.map(({ kind, state, text }) => `${kind} ${state}: ${text}`)

watch('a base is told of from four fifths of its age on, and too old after its last day', () => {
  assert.equal(baseConcerns(base, at('2026-11-11')), [])
  const soon = [
    'base soon: its base noble-20260901 of 2026-09-01 is too old after 2026-11-30 (base.maxAge: 90d)',
  ]
  assert.equal(told(baseConcerns(base, at('2026-11-12'))), soon)
  assert.equal(told(baseConcerns(base, at('2026-11-29'))), soon, 'the same facts are the same text')
  assert.equal(told(baseConcerns(base, at('2026-11-30'))), [
    'base overdue: its base noble-20260901 of 2026-09-01 is too old since 2026-11-30 (base.maxAge: 90d)',
  ])
})

watch('the end of updates: 90 days before, and as a refusal from then on', () => {
  const of = (release: string, day: string) => {
    const os = { family: 'debian', release }
    return told(lifecycleConcerns({ image: 'web', os, row: lifecycleRow(os) }, at(day)))
  }
  assert.equal(of('13', '2026-11-22'), [])
  assert.equal(of('12', '2028-03-31'), [])
  assert.equal(of('12', '2028-04-01'), [
    'end-of-life soon: debian 12 gets updates until 2028-06-30 (package distro-info-data 0.66+deb13u2, /usr/share/distro-info/debian.csv)',
  ])
  assert.equal(of('12', '2028-07-01'), [
    'end-of-life overdue: images/web.yaml os.release: debian 12 gets updates only by extended support (until 2033-06-30); its own ended on 2028-06-30',
  ])
  assert.match(of('99', '2026-11-22')[0] ?? '', 'debian "99" is not in the lifecycle data')
})

const channel: AgeingChannel = {
  image: 'web',
  variant: 'qemu-x86_64',
  channel: 'stable',
  version: '1.0.0',
  created: '2026-09-01T00:00:00.000Z',
  most: '45d',
  setting: 'watch.channelAge',
  nightly: { version: '1.0.7', created: '2026-10-30T00:00:00.000Z' },
}

watch('a channel: what to promote, or to release where nightly has nothing newer', () => {
  assert.equal(channelConcerns(channel, at('2026-10-15')), [])
  const [behind] = channelConcerns(channel, at('2026-11-01'))
  assert.equal(
    [behind?.text, behind?.mend],
    [
      'stable points to 1.0.0 of 2026-09-01, too old since 2026-10-16 (watch.channelAge: 45d); nightly has 1.0.7 of 2026-10-30',
      './mintmark promote web@1.0.7 stable --dry-run',
    ],
  )
  for (const nightly of [null, { version: '0.9.0', created: '2026-08-01T00:00:00.000Z' }])
    assert.is(channelConcerns({ ...channel, nightly }, at('2026-11-01'))[0]?.mend, './mintmark release web')
})

watch('an exception holds to the end of its day, and is told of a fortnight before', () => {
  const of = (day: string) =>
    told(
      endingConcern(
        {
          kind: 'exception',
          image: 'web',
          what: 'ssh-tcp-forwarding',
          expires: '2026-12-06',
          owner: 'team-security',
          file: 'images/web.yaml',
        },
        at(day),
      ),
    )
  assert.equal(of('2026-11-21'), [])
  const soon = 'exception soon: the exception for ssh-tcp-forwarding ends with 2026-12-06 (team-security)'
  assert.equal([...of('2026-11-22'), ...of('2026-12-06')], [soon, soon])
  assert.equal(of('2026-12-07'), [
    'exception overdue: the exception for ssh-tcp-forwarding ended with 2026-12-06 (team-security)',
  ])
})

watch('nights that did not run', () => {
  const of = (newest: string | null) =>
    told(runConcerns({ workflow: 'nightly.yml', branch: 'main', newest }, at('2026-11-22')))
  assert.equal(of('2026-11-20T12:00:00Z'), [])
  assert.equal(of('2026-11-20T11:59:59Z'), [
    'no-run overdue: nightly.yml was last run on 2026-11-20 (branch main)',
  ])
  assert.equal(of(null), ['no-run overdue: nightly.yml was never run (branch main)'])
})

const hostile: Concern = streakConcern(
  {
    job: 'x | @octocat fixes #1 --> <img>',
    nights: 3,
    since: '2026-11-20T01:23:00Z',
    atLeast: true,
    url: 'https://github.example/) [x](javascript:',
  },
  { image: null, variant: null },
)

watch('text of others breaks no table, calls nobody and leads nowhere', () => {
  const shown = [watchMarkdown([hostile]), watchIssue([hostile])]
  assert.match(shown[1] ?? '', '&#64;<!-- -->octocat')
  for (const text of shown.map((item) => item.replaceAll('<!-- -->', ''))) {
    assert.not.match(text, /@octocat|(?<![\\&])#1|-->|<img>|javascript/)
    assert.is(text.split('\n').filter((line) => line.startsWith('|')).length, 3)
  }
  assert.not.match(concernLines({ ...hostile, text: 'a\u001b[2Jb' }).join('\n'), '\u001b')
})

watch('the worst first; nothing is told in words', () => {
  const [soon] = baseConcerns(base, at('2026-11-20'))
  const [late] = baseConcerns({ ...base, image: 'db' }, at('2026-12-20'))
  assert.ok(soon !== undefined && late !== undefined)
  const sorted = inOrder([soon, hostile, late])
  assert.equal(
    sorted.map(({ image, state }) => `${image} ${state}`),
    ['null overdue', 'db overdue', 'web soon'],
  )
  assert.is(concernsInShort(sorted), '2 overdue, 1 soon')
  assert.is(watchMarkdown([]), '### Watch: nothing needs attention\n')
  assert.equal(concernLines(soon), [
    '· web qemu-x86_64  its base noble-20260901 of 2026-09-01 is too old after 2026-11-30 (base.maxAge: 90d)',
    '    → ./mintmark base update web --target qemu',
  ])
})

watch.run()
