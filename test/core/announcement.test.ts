import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { announcementMarkdown, reportFiles, sumsFile, tagOf } from '../../pipeline/core/announcement.ts'
import { sha256 } from '../../pipeline/core/digest.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { fixtureRelease } from '../helpers/release-fixture.ts'
import { testWorld } from '../helpers/world.ts'

const it = suite('announcement')

async function predicate() {
  const { world, close } = await testWorld({ now: new Date('2026-11-22T03:00:00Z') })
  try {
    await fixtureRelease(world)
    return (await findRelease(world, 'debian-13@1.0.0')).statement.predicate
  } finally {
    await close()
  }
}

it('an emergency, unknown findings and a record that nobody vouches for are told, and are no markup', async () => {
  const whole = await predicate()
  const { gate } = whole
  assert.ok(gate.verdict === 'passed')
  const text = announcementMarkdown('  notes\r\nof two lines\u001b[2J ', [
    {
      anchored: false,
      predicate: {
        ...whole,
        gate: {
          ...gate,
          vulnerability: 'unknown',
          emergency: {
            reason: '**sshd** <is> attacked by @octocat',
            comparedWith: 'debian-13@0.9.0 of stable',
            shipped: ['CVE-2026-2 open|ssh'],
          },
        },
      },
    },
  ])
  assert.match(text, /^notes\nof two lines\\u\{001B\}\[2J\n\n### debian-13 1\.0\.0\n/)
  assert.ok(
    text.includes(
      '**Emergency: \\*\\*sshd\\*\\* &lt;is&gt; attacked by &#64;<!-- -->octocat.** It ships what the policy rejects: CVE-2026-2 open&#124;ssh.',
    ),
    text,
  )
  assert.ok(text.includes('| unknown: there was no database |'), text)
  assert.ok(text.endsWith('only the machine that built it vouches for it.\n'), text)
})

it('what is attached of a record is what it names of these, never the image', async () => {
  const whole = await predicate()
  const digest = { sha256: sha256('x'), bytes: 1 }
  const reports = { spdx: digest, html: digest, cyclonedx: digest, table: digest, image: digest }
  assert.equal(
    reportFiles({ ...whole, reports }).map(({ name, mediaType }) => `${name} ${mediaType}`),
    [
      'debian-13-1.0.0-qemu-x86_64.cdx.json application/vnd.cyclonedx+json',
      'debian-13-1.0.0-qemu-x86_64.spdx.json application/spdx+json',
      'debian-13-1.0.0-qemu-x86_64.report.html text/html',
    ],
  )
  assert.equal(reportFiles({ ...whole, reports: {} }), [])
})

it('a tag names image and version, and the sums are for sha256sum', () => {
  assert.is(tagOf('debian-13', '1.4.0'), 'debian-13/v1.4.0')
  const file = (name: string) => ({ name, mediaType: 'text/plain', content: Buffer.from(name) })
  assert.is(
    Buffer.from(sumsFile([file('b'), file('a')]).content).toString(),
    `${sha256('a')}  a\n${sha256('b')}  b\n`,
  )
})

it.run()
