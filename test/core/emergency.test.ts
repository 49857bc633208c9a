import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decideEmergency, type Rejected } from '../../pipeline/core/emergency.ts'
import { evaluateGate, type GateInput } from '../../pipeline/core/evaluate-gate.ts'
import { openFindings } from '../../pipeline/core/evaluate-gate-findings.ts'
import { GateDecision } from '../../pipeline/model/gate.ts'
import { exploited, finding, kept, withScan } from '../helpers/gate-input.ts'

const test = suite('emergency')

const both = withScan({
  findings: [
    finding('CVE-2026-2', 'HIGH', '2'),
    { ...finding('CVE-2026-1', 'HIGH', '2'), package: 'libssl3' },
    finding('CVE-2026-9', 'LOW', null),
  ],
})
const current = (...pairs: readonly (readonly [id: string, name: string])[]) => ({
  name: 'debian-13@1.8.2 of stable',
  findings: pairs.map(([id, name]) => ({ id, package: name })),
})
const same = current(['CVE-2026-1', 'libssl3'], ['CVE-2026-2', 'openssl'], ['CVE-2020-1', 'bash'])
const reason = 'CVE-2026-2222 is exploited; \u001b[31m\n"quoted" 原因'

function rejected(input: GateInput): Rejected {
  const decision = evaluateGate(input)
  if (decision.verdict === 'passed') throw new Error('it passed')
  return decision
}
const decide = (input: GateInput, release: typeof same | null): GateDecision =>
  GateDecision.parse(decideEmergency(rejected(input), openFindings(input), release, reason))
const note = (decision: GateDecision): string =>
  decision.verdict === 'rejected' ? (decision.emergencyNote ?? '') : 'passed'

test('what is no worse is shipped, with the reason as it was given', () => {
  const decision = decide(both, same)
  assert.is(decision.verdict, 'passed')
  assert.equal(decision.emergency, {
    reason,
    comparedWith: 'debian-13@1.8.2 of stable',
    shipped: ['CVE-2026-1 libssl3', 'CVE-2026-2 openssl'],
  })
  assert.not.ok('reasons' in decision)
  assert.equal(decision.counts, rejected(both).counts)
})

test('what is worse is not, and it is said in what', () => {
  const other = decide(both, current(['CVE-2026-1', 'libssl3'], ['CVE-2026-2', 'bash']))
  assert.is(
    note(other),
    '--emergency is refused: worse than debian-13@1.8.2 of stable, which does not have CVE-2026-2 openssl',
  )
  assert.equal(other.emergency, null)
  assert.is(
    note(decide(both, null)),
    '--emergency is refused: there is no current release that this could be no worse than',
  )
})

test('nothing but findings is shipped by it', () => {
  const spoilt: readonly GateInput[] = [
    {
      ...both,
      scan: {
        ...both.scan,
        secrets: [{ rule: 'k', path: 'p', severity: 'HIGH' }] as unknown as GateInput['scan']['secrets'],
      },
    },
    { ...both, test: { ...both.test, facts: [] } },
    { ...both, scan: { ...both.scan, packages: { trivy: 1, dpkg: 2 } } },
    { ...both, waivers: [kept({ vulnerability: 'CVE-2026-2', expires: '2026-01-01' })] },
    {
      ...both,
      knownExploited: { ...exploited(), list: { ...exploited().list, released: '2020-01-01T00:00:00Z' } },
    },
  ]
  const said = spoilt.map((input) => note(decide(input, same)))
  assert.equal(
    said.map((text) => /rejected for (.*) as well$/.exec(text)?.[1]),
    ['secret', 'fact', 'package-count', 'waiver', 'stale-exploited-list'],
  )
})

test('it never ships a pair that the current release does not have', () => {
  const id = fc.constantFrom('CVE-2026-1', 'CVE-2026-2', 'CVE-2026-3')
  const name = fc.constantFrom('a', 'b')
  const pairs = fc.array(fc.tuple(id, name), { maxLength: 5 })
  fc.assert(
    fc.property(fc.array(fc.tuple(id, name), { minLength: 1, maxLength: 5 }), pairs, (ours, theirs) => {
      const input = withScan({
        findings: ours.map(([cve, item]) => ({ ...finding(cve, 'HIGH', '2'), package: item })),
      })
      const decision = decide(input, current(...theirs))
      const has = new Set(theirs.map((pair) => pair.join(' ')))
      const all = ours.every((pair) => has.has(pair.join(' ')))
      assert.is(decision.verdict === 'passed', all)
    }),
  )
})

test.run()
