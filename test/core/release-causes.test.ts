import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { PendingUpgrade } from '../../pipeline/core/pending-upgrades.ts'
import { policyCauses, upgradeCauses } from '../../pipeline/core/release-causes.ts'
import type { GateDecision, GateReason } from '../../pipeline/model/gate.ts'
import { definition } from '../helpers/release-fixture.ts'

const causes = suite('causes of a build')

const upgrade = (name: string, security: boolean): PendingUpgrade => ({
  package: name,
  installed: '3.0.15-1',
  candidate: '3.0.16-1',
  from: security ? 'trixie-security' : 'trixie-updates',
  security,
})

causes('upgrades: every security one, some of the others', () => {
  assert.equal(upgradeCauses([]), [])
  assert.equal(
    upgradeCauses([upgrade('openssl', true)]).map(({ text }) => text),
    ['a security update is pending: openssl 3.0.15-1 -> 3.0.16-1 (trixie-security)'],
  )
  const many = [
    ...Array.from({ length: 7 }, (_, index) => upgrade(`s${index}`, true)),
    ...Array.from({ length: 4 }, (_, index) => upgrade(`u${index}`, false)),
  ]
  assert.is(upgradeCauses(many).length, 8)
  assert.is(upgradeCauses(many).at(-1)?.text, '4 more upgrades are pending')
})

const passed: GateDecision = {
  verdict: 'passed',
  subject: 'a'.repeat(64),
  policy: { name: 'default', sha256: 'b'.repeat(64) },
  vulnerability: 'judged',
  counts: {},
  excepted: [],
  waived: [],
  knownExploited: null,
  emergency: null,
}
const rejected = (...reasons: readonly GateReason[]): GateDecision => ({
  ...passed,
  verdict: 'rejected',
  reasons: [...reasons],
})
const because = (now: GateDecision): readonly string[] =>
  policyCauses({
    definition,
    before: passed,
    now,
    baseMade: '2026-11-22T02:00:00.000Z',
    clock: new Date('2027-04-02T03:00:00Z'),
  }).map(({ text }) => text)

causes('policy: the clock, the exceptions and the findings in words', () => {
  assert.equal(because(passed), [])
  // A policy that changed and still passes it is no cause.
  assert.equal(because({ ...passed, policy: { name: 'default', sha256: 'c'.repeat(64) } }), [])
  const reason = (kind: GateReason['kind'], id: string): GateReason => ({ kind, id, text: 'T', mend: '' })
  assert.equal(because(rejected(reason('exception', 'audit-disk-full-halts'))), [
    'the exception for audit-disk-full-halts expired on 2027-03-31',
  ])
  assert.equal(because(rejected(reason('base-age', 'base'))), ['the base is 131 days old, over maxAge 90d'])
  assert.equal(because(rejected(reason('waiver', 'CVE-1'))), ['CVE-1: T'])
  assert.equal(because(rejected(reason('finding', 'CVE-1'))), [
    'policy default no longer passes it: CVE-1  T',
  ])
  const stricter = {
    ...rejected(reason('finding', 'CVE-1')),
    policy: { name: 'default', sha256: 'c'.repeat(64) },
  }
  assert.equal(because(stricter), [
    'the policy changed (default bbbbbbbb -> default cccccccc)',
    'policy default no longer passes it: CVE-1  T',
  ])
})

causes.run()
