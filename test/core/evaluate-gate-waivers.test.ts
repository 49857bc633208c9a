import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluateGate, type GateInput } from '../../pipeline/core/evaluate-gate.ts'
import { idleWaivers } from '../../pipeline/core/evaluate-gate-findings.ts'
import type { Waiver } from '../../pipeline/model/gate.ts'
import {
  exploited,
  finding,
  good,
  kept,
  kinds,
  policy,
  reasons,
  strict,
  withScan,
} from '../helpers/gate-input.ts'

const test = suite('evaluate-gate: waivers and the known-exploited list')

const high = finding('CVE-2026-1', 'HIGH', '3.0.20-1')
const unfixed = finding('CVE-2026-1', 'HIGH', null)
const waived = (
  change: Partial<Waiver> = {},
  base: GateInput = withScan({ findings: [high] }),
): GateInput => ({
  ...base,
  waivers: [kept(change)],
})

test('a waiver lets its finding pass, is in the decision, and the finding stays counted', () => {
  const decision = evaluateGate(waived())
  assert.is(decision.verdict, 'passed')
  assert.equal(decision.waived, [
    { ...kept().waiver, installed: '3.0.13-1', file: 'scans/waivers/team-security.yaml' },
  ])
  assert.equal(decision.counts['HIGH'], { fixable: 1, unfixed: 0 })
  assert.is(evaluateGate(waived({ image: 'debian-13' })).verdict, 'passed')
})

test('two waivers of one package, for what has a fix and what has none, stand in one order', () => {
  const base = { ...withScan({ findings: [high, unfixed] }), policy: strict }
  const waivers = [kept({ status: 'not_affected' }), kept({ status: 'affected' })]
  const { waived: rows } = evaluateGate({ ...base, waivers })
  assert.equal(
    rows.map(({ status }) => status),
    ['affected', 'not_affected'],
  )
  const turned = { ...base, scan: { ...base.scan, findings: [unfixed, high] } }
  assert.equal(evaluateGate({ ...turned, waivers: [...waivers].reverse() }).waived, rows)
})

test('it is for no other vulnerability, package or image', () => {
  for (const change of [{ vulnerability: 'CVE-2026-11' }, { package: 'libssl3' }, { image: 'debian-12' }]) {
    const decision = evaluateGate(waived(change))
    assert.is(decision.verdict, 'rejected')
    assert.equal(decision.waived, [])
    assert.equal(kinds(waived(change)), ['finding'])
  }
})

test('it holds to the end of its day; then it is named, while its finding still rejects', () => {
  assert.equal(kinds(waived({ expires: '2026-11-22' })), [])
  const expired = waived({ expires: '2026-11-21' })
  assert.equal(kinds(expired), ['finding', 'waiver'])
  const reason = reasons(expired)[1]
  assert.is(
    reason?.text,
    'the waiver for openssl of team-security expired on 2026-11-21 (scans/waivers/team-security.yaml)',
  )
  assert.match(reason?.mend ?? '', './mintmark waive CVE-2026-1 --package openssl --image debian-13 --reason')
  assert.match(reason?.mend ?? '', 'remove it from scans/waivers/team-security.yaml')
  // What would not reject needs no waiver, and an old one does no harm: it is told.
  const low = waived({ expires: '2026-11-21' }, withScan({ findings: [{ ...high, severity: 'LOW' }] }))
  assert.equal(kinds(low), [])
  assert.equal(idleWaivers(low), [
    'CVE-2026-1 openssl (scans/waivers/team-security.yaml): expired, and policy default does not reject it',
  ])
  assert.equal(kinds(waived({ expires: '2026-11-21' }, good)), [])
})

test('which status lets what pass is the policy', () => {
  const passes = (status: Waiver['status'], found: typeof high, isStrict: boolean): boolean =>
    kinds({
      ...waived({ status }, withScan({ findings: [found] })),
      policy: isStrict ? strict : { ...policy, rejectUnfixed: ['HIGH'] },
    }).length === 0
  const told = (['not_affected', 'fixed', 'affected', 'under_investigation'] as const).map((status) => [
    status,
    passes(status, high, false),
    passes(status, unfixed, false),
    passes(status, high, true),
    passes(status, unfixed, true),
  ])
  assert.equal(told, [
    ['not_affected', true, true, true, true],
    ['fixed', true, true, true, true],
    ['affected', true, true, false, true],
    ['under_investigation', false, false, false, false],
  ])
  assert.match(
    reasons(waived({ status: 'under_investigation' }))[0]?.text ?? '',
    'under investigation (team-security, until 2027-03-31)',
  )
  assert.match(
    reasons({ ...waived({ status: 'affected' }), policy: strict })[0]?.text ?? '',
    'a waiver of status affected (team-security, until 2027-03-31) does not cover a finding with a fix here',
  )
})

test('one that runs longer than the policy lets it covers nothing', () => {
  assert.equal(kinds(waived({ expires: '2027-11-22' })), [])
  assert.match(reasons(waived({ expires: '2027-11-23' }))[0]?.text ?? '', 'ends more than 365 days from now')
})

test('nothing but findings can be waived', () => {
  const secret = { rule: 'private-key', path: 'etc/key', severity: 'HIGH' as const }
  const input = waived(
    { vulnerability: 'PRIVATE-key', package: 'etc/key' },
    withScan({ secrets: [secret] as unknown as GateInput['scan']['secrets'] }),
  )
  assert.equal(kinds(input), ['secret'])
})

test('one that is for nothing here is told, one of another image is not', () => {
  assert.equal(idleWaivers(waived({}, good)), [
    'CVE-2026-1 openssl (scans/waivers/team-security.yaml): no such finding in debian-13',
  ])
  assert.equal(idleWaivers(waived({ image: 'web' }, good)), [])
  assert.equal(idleWaivers(waived({}, withScan({ database: null, databaseProblem: 'none' }))), [])
  assert.equal(idleWaivers(waived()), [])
})

test('what is known to be exploited rejects at any severity: with a fix by default, always when strict', () => {
  const low = (fixed: string | null): GateInput => ({
    ...withScan({ findings: [finding('CVE-2026-1', 'LOW', fixed)] }),
    knownExploited: exploited('CVE-2026-1'),
  })
  assert.equal(kinds(low('2')), ['finding'])
  assert.match(reasons(low('2'))[0]?.text ?? '', /openssl 3\.0\.13-1 {2}low, known exploited, fixed in 2$/)
  assert.equal(kinds(low(null)), [])
  assert.equal(kinds({ ...low(null), policy: strict }), ['finding'])
  assert.equal(kinds({ ...low('2'), policy: { ...policy, rejectExploited: 'never' } }), [])
  assert.equal(kinds(waived({}, low('2'))), [])
})

test('it comes before what is more severe and not exploited', () => {
  const input: GateInput = {
    ...withScan({
      findings: [
        finding('CVE-2026-1', 'CRITICAL', '2'),
        finding('CVE-2026-2', 'MEDIUM', '2'),
        finding('CVE-2026-3', 'HIGH', '2'),
      ],
    }),
    knownExploited: exploited('CVE-2026-2', 'CVE-2026-3'),
  }
  assert.equal(
    reasons(input).map(({ id }) => id),
    ['CVE-2026-3', 'CVE-2026-2', 'CVE-2026-1'],
  )
})

test('the list is in the decision; one that is old or of the future rejects', () => {
  const of = (released: string): GateInput => {
    const { list, ids } = exploited('CVE-2026-1')
    return { ...good, knownExploited: { list: { ...list, released }, ids } }
  }
  const fresh = of('2026-11-20T18:00:00.123Z')
  assert.equal(evaluateGate(fresh).knownExploited, fresh.knownExploited?.list)
  assert.is(evaluateGate(good).knownExploited, null)
  assert.equal(kinds(of('2026-11-08T13:00:00Z')), [])
  assert.equal(kinds(of('2026-11-08T11:00:00Z')), ['stale-exploited-list'])
  assert.match(reasons(of('2026-11-23T12:00:00Z'))[0]?.text ?? '', 'in the future')
  assert.equal(kinds({ ...of('2026-11-14T13:00:00Z'), policy: strict }), ['stale-exploited-list'])
  assert.equal(kinds({ ...of('2020-01-01T00:00:00Z'), policy: { ...policy, rejectExploited: 'never' } }), [])
})

test('the command for several packages names them all, each as one word of a shell', () => {
  const input: GateInput = {
    ...withScan({ findings: [unfixed, { ...unfixed, package: "x'; rm" }] }),
    policy: strict,
  }
  assert.is(
    reasons(input)[0]?.mend,
    `./mintmark waive CVE-2026-1 --package openssl --package 'x'\\''; rm' --image debian-13 --reason "..." --until YYYY-MM-DD, or remove the package in images/debian-13.yaml, or wait for the fix`,
  )
})

test.run()
