import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type LookedAt, rescanIssue, rescanOver } from '../../pipeline/core/issue-texts.ts'

const it = suite('issue-texts')

const place = { version: '1.0.0', variant: 'qemu-x86_64', channels: ['nightly', 'stable'] }
const passed: LookedAt = { ...place, status: 'passed', line: 'still passes policy default', reasons: [] }
const rejected: LookedAt = {
  ...place,
  version: '0.9.0',
  channels: ['stable'],
  status: 'rejected',
  line: 'would be rejected by policy default: 1 reason',
  reasons: [
    'vulnerabilities: 1',
    '  CVE-2026-2222  openssl is HIGH, fixed in 3.0.1',
    '      → ./mintmark release debian-13',
  ],
}
const unseen: LookedAt = {
  ...place,
  channels: [],
  status: 'unseen',
  line: 'its record is gone',
  reasons: ['→ restore it'],
}

it('all is well: there is nothing to say', () => {
  assert.is(rescanIssue('debian-13', [passed]), null)
  assert.is(rescanIssue('debian-13', []), null)
})

it('a rejection says of which release, why, and what mends it', () => {
  assert.equal(rescanIssue('debian-13', [passed, rejected]), {
    title: 'debian-13 would be rejected today',
    body: [
      "A release that a channel points to would be rejected by today's advisories and policy.",
      '',
      '### debian-13&#64;<!-- -->0.9.0 (stable; qemu-x86\\_64)',
      '',
      'would be rejected by policy default: 1 reason',
      '',
      '- vulnerabilities: 1',
      '- CVE-2026-2222 openssl is HIGH, fixed in 3.0.1',
      '- → ./mintmark release debian-13',
      '',
      'The newest run of the workflow `rescan` has the details. It rewrites this text when the verdict changes, and closes this issue when all that',
      'the channels of the image point to passes again.',
    ].join('\n'),
  })
})

it('what could not be looked at is not said to be bad', () => {
  const text = rescanIssue('debian-13', [passed, unseen])
  assert.is(text?.title, 'debian-13 could not be looked at')
  assert.match(
    text?.body ?? '',
    '1.0.0 (no channel; qemu-x86\\_64)\n\nits record is gone\n\n- → restore it\n',
  )
  assert.is(rescanIssue('debian-13', [unseen, rejected])?.title, 'debian-13 would be rejected today')
})

it('what closes it: all passes, or nothing is left', () => {
  assert.is(
    rescanOver('debian-13', [passed]),
    'All that its channels point to passes today:\n\n- debian-13&#64;<!-- -->1.0.0 (nightly, stable; qemu-x86\\_64)',
  )
  assert.is(rescanOver('debian-13', []), 'No channel points to a release of debian-13 any more.')
})

it.run()
