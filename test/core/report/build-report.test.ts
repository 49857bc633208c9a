import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { buildReport } from '../../../pipeline/core/report/build-report.ts'
import { Report } from '../../../pipeline/model/report.ts'
import { passedGate, rejectedGate, reportInput, worstReport } from '../../helpers/report-fixture.ts'

const test = suite('build-report')

test('a report is what its schema says, and the same input gives the same one', () => {
  const report = buildReport(reportInput())
  assert.equal(Report.parse(report), report)
  assert.is(JSON.stringify(report), JSON.stringify(buildReport(reportInput())))
  assert.is(JSON.stringify(worstReport()), JSON.stringify(worstReport()))
})

test('findings come worst first, each with what the verdict says of it', () => {
  const states = (gate: typeof passedGate) =>
    buildReport(reportInput({ gate })).findings?.map(({ id, state }) => [id, state])
  assert.equal(states(rejectedGate), [
    ['CVE-2026-2222', 'rejects'],
    ['CVE-2026-1111', 'waived'],
    ['CVE-2011-4116', 'open'],
  ])
  const emergency = {
    reason: 'it is being exploited',
    comparedWith: 'debian-13@1.4.1 of stable',
    shipped: ['CVE-2026-2222 openssh-server'],
  }
  assert.is(states({ ...passedGate, emergency })?.[0]?.[1], 'shipped')
})

test('another package of a rejected advisory does not reject', () => {
  const [, ssh] = reportInput().found?.findings ?? []
  assert.ok(ssh)
  const client = { ...ssh, package: 'openssh-client', fixed: null }
  // Its name and version end and begin like those of the one that is named.
  const longer = { ...ssh, package: `x-${ssh.package}`, installed: `${ssh.installed}~rc1` }
  const found = { findings: [ssh, client, longer], secrets: [] }
  const report = buildReport(reportInput({ gate: rejectedGate, found }))
  assert.equal(
    report.findings?.map((item) => [item.package, item.state]),
    [
      ['openssh-server', 'rejects'],
      ['openssh-client', 'open'],
      ['x-openssh-server', 'open'],
    ],
  )
})

test('a control is as good as its worst phase; one that nobody looked at is no pass', () => {
  const report = buildReport(reportInput())
  assert.equal(
    report.controls?.map(({ id, status, excepted }) => [id, status, excepted]),
    [
      ['sysctl-ip-forward', 'fail', false],
      ['nobody-looked', 'error', false],
      ['audit-disk-full-halts', 'fail', true],
      ['sshd-permit-root-login', 'pass', false],
      ['wireless-off', 'notapplicable', false],
    ],
  )
  assert.is(report.controls?.[0]?.title, 'the host is no router')
})

test('what a record lacks is named', () => {
  const report = buildReport(reportInput({ test: null, found: null, packages: null, buildControls: null }))
  assert.equal(report.missing, ['findings', 'controls', 'boots', 'packages'])
  assert.is(report.findings, null)
})

test.run()
