import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Rejected } from '../../pipeline/core/emergency.ts'
import { evaluateGate, type GateInput } from '../../pipeline/core/evaluate-gate.ts'
import { rejectionLines } from '../../pipeline/core/render-rejection.ts'
import { fact, finding, withScan } from '../helpers/gate-input.ts'

const test = suite('render-rejection')

function rejected(input: GateInput): Rejected {
  const decision = evaluateGate(input)
  if (decision.verdict === 'passed') throw new Error('it passed')
  return decision
}

test('by kind, worst first, each with a command; neighbours share one', () => {
  const input = withScan({
    findings: [
      finding('CVE-2026-1', 'HIGH', '3.0.20-1'),
      finding('CVE-2026-2', 'CRITICAL', '3.0.20-1'),
      { ...finding('CVE-2026-2', 'CRITICAL', '3.0.20-1'), package: 'libssl3' },
    ],
    database: { ...input0().database, updated: '2026-11-01T00:00:00Z' },
  })
  const decision = rejected({ ...input, test: { ...input.test, facts: [fact('login', 'fail')] } })
  assert.equal(rejectionLines({ ...decision, emergencyNote: 'no worse than x' }), [
    'vulnerability database: 1',
    '  database  the database is of 2026-11-01T00:00:00Z, older than 72 hours',
    '      → ./mintmark release debian-13 --trivy-db REFERENCE, with a newer one',
    'vulnerabilities: 2',
    '  CVE-2026-2  libssl3 3.0.13-1, openssl 3.0.13-1  critical, fixed in 3.0.20-1',
    '  CVE-2026-1  openssl 3.0.13-1  high, fixed in 3.0.20-1',
    '      → ./mintmark base update debian-13',
    'tests: 1',
    '  login  login: expected x, found y',
    '      → see test.json and the console logs in the run folder, then ./mintmark release debian-13',
    'no worse than x',
  ])
})

function input0() {
  const { database } = withScan({}).scan
  if (database === null) throw new Error('the good image has a database')
  return { database }
}

test('many of a kind are counted, long texts are cut, nothing acts on a terminal', () => {
  const many = withScan({
    findings: Array.from({ length: 60 }, (_, index) => finding(`CVE-2026-${1000 + index}`, 'HIGH', '2')),
  })
  const lines = rejectionLines(rejected(many))
  assert.is(lines.length, 28)
  assert.is(lines.at(-1), '  … and 35 more: see gate.json in the run folder')
  const hostile = withScan({ findings: [finding('CVE-1\u001b[2J', 'HIGH', `2\n${'x'.repeat(500)}`)] })
  for (const line of rejectionLines(rejected(hostile))) {
    assert.not.match(line, /\p{Cc}/u)
    assert.ok(line.length < 300)
  }
})

test.run()
