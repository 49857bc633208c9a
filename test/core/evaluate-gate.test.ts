import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluateGate, type GateInput } from '../../pipeline/core/evaluate-gate.ts'
import { GateDecision } from '../../pipeline/model/gate.ts'
import type { ControlStatus } from '../../pipeline/model/hardening.ts'
import {
  control,
  database,
  definition,
  exception,
  fact,
  finding,
  good,
  kinds,
  policy,
  reasons,
  subject,
  withScan,
} from '../helpers/gate-input.ts'

const test = suite('evaluate-gate')

test('a clean image passes', () => {
  const decision = GateDecision.parse(evaluateGate(good))
  assert.is(decision.verdict, 'passed')
  assert.is(decision.vulnerability, 'judged')
  assert.is(decision.subject, subject)
})

test('fixable findings of the policy reject, others are counted', () => {
  for (const severity of ['HIGH', 'CRITICAL', 'UNKNOWN'] as const) {
    assert.equal(kinds(withScan({ findings: [finding('CVE-1', severity, '2')] })), ['finding'])
    assert.equal(kinds(withScan({ findings: [finding('CVE-1', severity, null)] })), [])
  }
  for (const severity of ['LOW', 'MEDIUM'] as const) {
    assert.equal(kinds(withScan({ findings: [finding('CVE-1', severity, '2')] })), [])
  }
  const decision = evaluateGate(
    withScan({ findings: [finding('A', 'LOW', '2'), finding('B', 'HIGH', null)] }),
  )
  assert.equal(decision.counts['LOW'], { fixable: 1, unfixed: 0 })
  assert.equal(decision.counts['HIGH'], { fixable: 0, unfixed: 1 })
  assert.equal(decision.counts['CRITICAL'], { fixable: 0, unfixed: 0 })
})

test('a stricter policy rejects unfixed findings too', () => {
  const strict = {
    ...withScan({ findings: [finding('CVE-1', 'HIGH', null)] }),
    policy: { ...policy, rejectUnfixed: ['HIGH' as const] },
  }
  const [reason] = reasons(strict)
  assert.match(reason?.mend ?? '', /images\/debian-13\.yaml/)
})

test('one reason for one advisory, worst first, each with a command', () => {
  const found = reasons(
    withScan({
      findings: [
        { ...finding('CVE-9', 'CRITICAL', '3'), package: 'libssl3' },
        finding('CVE-5', 'HIGH', '2'),
        { ...finding('CVE-5', 'HIGH', '2'), package: 'libssl3' },
      ],
      secrets: [{ rule: 'private-key', path: 'etc/ssh/ssh_host_rsa_key', severity: 'HIGH' }],
    }),
  )
  assert.equal(
    found.map(({ id }) => id),
    ['etc/ssh/ssh_host_rsa_key', 'CVE-9', 'CVE-5'],
  )
  assert.match(found[2]?.text ?? '', /libssl3 3.0.13-1, openssl 3.0.13-1 {2}high, fixed in 2/)
  assert.is(found[2]?.mend, './mintmark base update debian-13')
})

test('what the scanner passes over in silence is a reason', () => {
  assert.equal(kinds(withScan({ os: { family: '', release: '' } })), ['os'])
  assert.equal(kinds(withScan({ os: { family: 'debian', release: '12.15' } })), ['os'])
  assert.equal(kinds(withScan({ os: { family: 'debian', release: '130.1' } })), ['os'])
  assert.equal(kinds(withScan({ os: { family: 'debian', release: '13' } })), [])
  assert.equal(kinds(withScan({ packages: { trivy: 0, dpkg: 0 } })), ['package-count'])
  assert.equal(kinds(withScan({ packages: { trivy: 211, dpkg: 212 } })), ['package-count'])
  assert.equal(kinds(withScan({ database: { ...database, canary: false } })), ['canary'])
  assert.equal(kinds(withScan({ database: { ...database, updated: '2026-11-19T11:00:00Z' } })), [
    'stale-database',
  ])
  assert.equal(kinds(withScan({ database: { ...database, updated: '2026-11-24T00:00:00Z' } })), [
    'stale-database',
  ])
  assert.equal(kinds(withScan({ database: { ...database, updated: 'never' } })), ['stale-database'])
})

test('without a database vulnerability is unknown, never judged', () => {
  const decision = evaluateGate(withScan({ database: null, databaseProblem: 'no network' }))
  assert.is(decision.verdict, 'passed')
  assert.is(decision.vulnerability, 'unknown')
})

test('a failed control rejects in every phase, unless an exception holds', () => {
  const failing = (status: ControlStatus): readonly GateInput[] => [
    { ...good, build: { ...good.build, controls: [control('x', status)] } },
    {
      ...good,
      test: {
        ...good.test,
        controls: [...good.test.controls, { where: 'boot 2', results: [control('x', status)] }],
      },
    },
  ]
  for (const status of ['fail', 'error'] as const) {
    for (const input of failing(status)) {
      const [reason] = reasons(input)
      assert.is(reason?.kind, 'control')
      assert.is(reason?.mend, './mintmark explain x')
      const today = evaluateGate({ ...input, definition: definition([exception('x', '2026-11-22')]) })
      assert.is(today.verdict, 'passed', 'it holds to the end of its day')
      assert.equal(
        today.excepted.map((row) => row.control),
        ['x'],
      )
      assert.equal(kinds({ ...input, definition: definition([exception('x', '2026-11-21')]) }), [
        'control',
        'exception',
      ])
      assert.equal(kinds({ ...input, definition: definition([exception('y', '2027-01-01')]) }), ['control'])
    }
  }
  const unused = evaluateGate({ ...good, definition: definition([exception('x', '2027-01-01')]) })
  assert.equal(unused.excepted, [])
})

test('no result is not a good result', () => {
  assert.equal(kinds({ ...good, test: { ...good.test, controls: [] } }), ['control'])
  assert.equal(kinds({ ...good, test: { ...good.test, controls: [{ where: 'sealed', results: [] }] } }), [
    'control',
  ])
  assert.equal(kinds({ ...good, test: { ...good.test, facts: [] } }), ['fact'])
  assert.equal(kinds({ ...good, test: { ...good.test, facts: [fact('login', 'unknown')] } }), ['fact'])
  assert.equal(kinds({ ...good, test: { ...good.test, facts: [fact('login', 'fail')] } }), ['fact'])
})

test('an old base, a base of another release and another subject reject', () => {
  const bootstrapped = (at: string) => ({ ...good, base: { ...good.base, bootstrapped: at } })
  assert.equal(kinds(bootstrapped('2026-08-24T13:00:00Z')), [])
  assert.equal(kinds(bootstrapped('2026-08-24T11:00:00Z')), ['base-age'])
  assert.equal(kinds(bootstrapped('2026-12-24T11:00:00Z')), ['base-age'])
  assert.equal(kinds({ ...good, base: { ...good.base, release: '12' } }), ['os'])
  assert.equal(kinds(withScan({ subject: 'b'.repeat(64) })), ['subject'])
  assert.equal(kinds({ ...good, test: { ...good.test, subject: 'b'.repeat(64) } }), ['subject'])
})

test.run()
