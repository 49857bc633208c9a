import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { canonicalJson } from '../../pipeline/core/digest.ts'
import { evaluateGate, type GateInput } from '../../pipeline/core/evaluate-gate.ts'
import { openFindings } from '../../pipeline/core/evaluate-gate-findings.ts'
import { GateDecision, type WaiverStatus } from '../../pipeline/model/gate.ts'
import type { ControlStatus } from '../../pipeline/model/hardening.ts'
import type { Fact, Severity } from '../../pipeline/model/stages.ts'
import {
  control,
  database,
  definition,
  exception,
  exploited,
  fact,
  good,
  kept,
  policy,
  reasons,
  strict,
} from '../helpers/gate-input.ts'

const test = suite('evaluate-gate: what holds for all inputs')

const severities = fc.constantFrom<Severity>('UNKNOWN', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL')
const findings = fc.array(
  fc.record({
    id: fc.constantFrom('CVE-2026-1', 'CVE-2026-2', 'CVE-2026-3'),
    package: fc.constantFrom('a', 'b'),
    installed: fc.constant('1'),
    fixed: fc.constantFrom(null, '2', '3'),
    severity: severities,
    title: fc.constant(''),
  }),
  { maxLength: 5 },
)
const facts = fc
  .array(
    fc.record({
      id: fc.constantFrom('f', 'g'),
      status: fc.constantFrom<Fact['status']>('pass', 'fail', 'unknown'),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((rows) => rows.map(({ id, status }) => fact(id, status)))
const controls = fc
  .array(
    fc.record({
      id: fc.constantFrom('x', 'y'),
      status: fc.constantFrom<ControlStatus>('pass', 'fail', 'error', 'notapplicable'),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((rows) => rows.map(({ id, status }) => control(id, status)))
const secrets = fc.array(
  fc.record({ rule: fc.constant('private-key'), path: fc.constantFrom('p', 'q'), severity: severities }),
  { maxLength: 2 },
)
const databases = fc.constantFrom(
  null,
  database,
  { ...database, canary: false },
  { ...database, updated: '2026-01-01T00:00:00Z' },
)
const exceptions = fc.subarray([
  exception('x', '2027-01-01'),
  exception('x', '2027-02-01'),
  exception('y', '2026-01-01'),
])
const waivers = fc.array(
  fc
    .record({
      vulnerability: fc.constantFrom('CVE-2026-1', 'CVE-2026-2'),
      package: fc.constantFrom('a', 'b'),
      image: fc.constantFrom(undefined, 'debian-13', 'web'),
      status: fc.constantFrom<WaiverStatus>('affected', 'not_affected', 'under_investigation'),
      expires: fc.constantFrom('2026-11-21', '2026-11-22', '2027-04-01', '2030-01-01'),
    })
    .map(({ image, ...rest }) => kept({ ...rest, ...(image === undefined ? {} : { image }) })),
  { maxLength: 4 },
)
const lists = fc.constantFrom(null, exploited(), exploited('CVE-2026-1', 'CVE-2026-3'))

/** Rejections are many in the first form; the second has a chance to pass, by its waivers too. */
const inputs: fc.Arbitrary<GateInput> = fc.oneof(
  fc
    .tuple(findings, facts, controls, secrets, databases, exceptions, waivers, lists, fc.boolean())
    .map(([found, told, checked, leaked, db, excepted, waived, knownExploited, isStrict]) => ({
      ...good,
      policy: isStrict ? strict : policy,
      definition: definition(excepted),
      test: { ...good.test, facts: told, controls: [{ where: 'boot 1', results: checked }] },
      scan: {
        ...good.scan,
        findings: found,
        secrets: leaked,
        database: db,
        databaseProblem: db === null ? 'none' : null,
      },
      waivers: waived,
      knownExploited,
    })),
  fc.tuple(findings, waivers, lists, fc.boolean()).map(([found, waived, knownExploited, isStrict]) => ({
    ...good,
    policy: isStrict ? strict : policy,
    scan: { ...good.scan, findings: found },
    waivers: waived,
    knownExploited,
  })),
)

test('more findings, failures or secrets never turn a rejection into a pass', () => {
  fc.assert(
    fc.property(inputs, findings, facts, controls, secrets, (input, found, told, checked, leaked) => {
      if (evaluateGate(input).verdict === 'passed') return
      const worse: GateInput = {
        ...input,
        test: {
          ...input.test,
          facts: [...input.test.facts, ...told],
          controls: [...input.test.controls, { where: 'boot 2', results: checked }],
        },
        scan: {
          ...input.scan,
          findings: [...input.scan.findings, ...found],
          secrets: [...input.scan.secrets, ...leaked],
        },
      }
      assert.is(evaluateGate(worse).verdict, 'rejected')
    }),
  )
})

test('a known-exploited list never turns a rejection into a pass, and strict rejects all that default does', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      if (evaluateGate({ ...input, knownExploited: null }).verdict === 'rejected')
        assert.is(evaluateGate(input).verdict, 'rejected')
      if (evaluateGate({ ...input, policy }).verdict === 'rejected')
        assert.is(evaluateGate({ ...input, policy: strict }).verdict, 'rejected')
    }),
  )
})

test('taking waivers away never turns a rejection into a pass', () => {
  fc.assert(
    fc.property(inputs, fc.nat(), (input, at) => {
      if (evaluateGate(input).verdict === 'passed') return
      const fewer = input.waivers.filter((_, index) => index !== at % Math.max(1, input.waivers.length))
      assert.is(evaluateGate({ ...input, waivers: fewer }).verdict, 'rejected')
    }),
  )
})

test('a waiver covers its own vulnerability, package and image and nothing else, and leaves the rest as it was', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const decision = evaluateGate(input)
      const open = new Set(openFindings(input).map((row) => `${row.id} ${row.package}`))
      const without = openFindings({ ...input, waivers: [] })
      for (const row of without) {
        const name = `${row.id} ${row.package}`
        const holding = input.waivers.filter(
          ({ waiver }) =>
            waiver.vulnerability === row.id &&
            waiver.package === row.package &&
            (waiver.image === undefined || waiver.image === input.image) &&
            waiver.status !== 'under_investigation' &&
            ['2026-11-22', '2027-04-01'].includes(waiver.expires),
        )
        if (holding.length === 0) assert.ok(open.has(name))
        else if (input.policy === policy) {
          assert.not.ok(open.has(name))
          assert.ok(decision.waived.some((item) => `${item.vulnerability} ${item.package}` === name))
        }
      }
      // Nothing is waived that would not reject, and all is still counted.
      for (const item of decision.waived)
        assert.ok(without.some((row) => row.id === item.vulnerability && row.package === item.package))
      assert.equal(decision.counts, evaluateGate({ ...input, waivers: [] }).counts)
    }),
  )
})

test('unknown never passes as clean', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const decision = evaluateGate(input)
      if (input.scan.database?.canary !== true) assert.is(decision.vulnerability, 'unknown')
      if (input.test.facts.some(({ status }) => status !== 'pass')) assert.is(decision.verdict, 'rejected')
      if (decision.verdict === 'passed') {
        const waived = new Set(decision.waived.map((row) => `${row.vulnerability} ${row.package}`))
        assert.is(input.scan.secrets.length, 0)
        assert.ok(
          input.scan.findings.every(
            (row) =>
              row.fixed === null ||
              row.severity === 'LOW' ||
              row.severity === 'MEDIUM' ||
              waived.has(`${row.id} ${row.package}`),
          ),
        )
      }
    }),
  )
})

test('the order of the inputs does not matter: the same decision, byte for byte', () => {
  fc.assert(
    fc.property(inputs, fc.boolean(), (input, twist) => {
      const flip = <T>(items: readonly T[]): T[] =>
        twist ? [...items].reverse() : [...items.slice(1), ...items.slice(0, 1)]
      const flipped: GateInput = {
        ...input,
        definition: {
          ...input.definition,
          hardening: {
            ...input.definition.hardening,
            exceptions: flip(input.definition.hardening.exceptions),
          },
        },
        test: {
          ...input.test,
          facts: flip(input.test.facts),
          controls: flip(input.test.controls.map((phase) => ({ ...phase, results: flip(phase.results) }))),
        },
        scan: { ...input.scan, findings: flip(input.scan.findings), secrets: flip(input.scan.secrets) },
        waivers: flip(input.waivers),
      }
      assert.is(canonicalJson(evaluateGate(flipped)), canonicalJson(evaluateGate(input)))
    }),
  )
})

test('every decision is one that the schema takes, with a command or a file for each reason', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      GateDecision.parse(evaluateGate(input))
      for (const reason of reasons(input)) assert.match(reason.mend, /\.\/mintmark |images\//)
    }),
  )
})

test.run()
