import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluateGate, type GateInput } from '../../pipeline/core/evaluate-gate.ts'
import { parseYaml } from '../../pipeline/core/parse-yaml.ts'
import { Definition } from '../../pipeline/model/definition.ts'
import { GateDecision, Policy } from '../../pipeline/model/gate.ts'
import type { ControlResult, ControlStatus } from '../../pipeline/model/hardening.ts'
import type { Fact, Finding, ScanReport, Severity } from '../../pipeline/model/stages.ts'

const test = suite('evaluate-gate')

const policy = parseYaml(
  Policy,
  readFileSync(new URL('../../scans/policies/default.yaml', import.meta.url), 'utf8'),
  { path: 'scans/policies/default.yaml' },
)
const subject = 'a'.repeat(64)
const now = new Date('2026-11-22T12:00:00Z')

const control = (id: string, status: ControlStatus): ControlResult => ({
  control: id,
  status,
  expected: '1',
  found: status === 'pass' ? '1' : '0',
})
const finding = (id: string, severity: Severity, fixed: string | null): Finding => ({
  id,
  package: 'openssl',
  installed: '3.0.13-1',
  fixed,
  severity,
  title: 't',
})
const fact = (id: string, status: Fact['status']): Fact => ({
  id,
  title: id,
  status,
  expected: 'x',
  found: 'y',
})
const database = {
  source: 'registry.example/trivy-db:2',
  sha256: 'd'.repeat(64),
  updated: '2026-11-22T00:00:00Z',
  nextUpdate: '2026-11-23T00:00:00Z',
  canary: true,
}
const exception = (name: string, expires: string) => ({
  control: name,
  reason: 'the fleet is stateless',
  owner: 'team-security',
  expires,
})

const definition = (exceptions: readonly unknown[] = []): Definition =>
  Definition.parse({
    schema: 1,
    owner: 'team-platform',
    os: { family: 'debian', release: '13', arch: ['x86_64'] },
    base: { from: 'archive' },
    hardening: { profiles: ['cis-l2-server'], exceptions },
    targets: { qemu: {} },
  })

const good: GateInput = {
  image: 'debian-13',
  now,
  definition: definition(),
  policy,
  policyName: 'default',
  policySha256: 'e'.repeat(64),
  base: {
    from: 'archive',
    id: 'b'.repeat(64),
    distribution: 'debian',
    release: '13',
    version: '13.7',
    codename: 'trixie',
    arch: 'x86_64',
    suites: [],
    packages: { count: 2, sha256: 'c'.repeat(64) },
    disk: { path: '/base.qcow2', sha256: 'f'.repeat(64), virtualBytes: 1, format: 'qcow2' },
    bootstrapped: '2026-11-20T00:00:00Z',
    tools: {},
  },
  build: {
    artifact: { path: '/a.qcow2', sha256: subject, bytes: 1, virtualBytes: 1 },
    accelerator: 'tcg',
    steps: [],
    controls: [control('ssh-no-root', 'pass')],
    tools: {},
    secrets: [],
  },
  test: {
    subject,
    facts: [fact('login', 'pass')],
    boots: [],
    controls: [
      { where: 'boot 1', results: [control('ssh-no-root', 'pass'), control('audit-on', 'notapplicable')] },
      { where: 'sealed', results: [control('ssh-no-root', 'pass')] },
    ],
  },
  scan: {
    subject,
    os: { family: 'debian', release: '13.7' },
    packages: { trivy: 212, dpkg: 212 },
    database,
    databaseProblem: null,
    findings: [],
    secrets: [],
    files: {},
    trivy: { version: '0.70.0', sha256: '1'.repeat(64) },
  },
}

const withScan = (scan: Partial<ScanReport>): GateInput => ({ ...good, scan: { ...good.scan, ...scan } })
const reasons = (input: GateInput) => {
  const decision = GateDecision.parse(evaluateGate(input))
  return decision.verdict === 'rejected' ? decision.reasons : []
}
const kinds = (input: GateInput): string[] => reasons(input).map(({ kind }) => kind)

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

const severities = fc.constantFrom<Severity>('UNKNOWN', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL')
const findings = fc.array(
  fc.record({
    id: fc.constantFrom('CVE-1', 'CVE-2', 'CVE-3'),
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
const exceptions = fc.subarray([exception('x', '2027-01-01'), exception('y', '2026-01-01')])

const inputs: fc.Arbitrary<GateInput> = fc
  .tuple(findings, facts, controls, secrets, databases, exceptions)
  .map(([found, told, checked, leaked, db, excepted]) => ({
    ...good,
    definition: definition(excepted),
    test: { ...good.test, facts: told, controls: [{ where: 'boot 1', results: checked }] },
    scan: {
      ...good.scan,
      findings: found,
      secrets: leaked,
      database: db,
      databaseProblem: db === null ? 'none' : null,
    },
  }))

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

test('unknown never passes as clean', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const decision = evaluateGate(input)
      if (input.scan.database?.canary !== true) assert.is(decision.vulnerability, 'unknown')
      if (input.test.facts.some(({ status }) => status !== 'pass')) assert.is(decision.verdict, 'rejected')
      if (decision.verdict === 'passed') {
        assert.is(input.scan.secrets.length, 0)
        assert.ok(
          input.scan.findings.every(
            (row) => row.fixed === null || row.severity === 'LOW' || row.severity === 'MEDIUM',
          ),
        )
      }
    }),
  )
})

test('the order of the inputs does not matter', () => {
  const flip = <T>(items: readonly T[]): T[] => [...items].reverse()
  fc.assert(
    fc.property(inputs, (input) => {
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
          controls: input.test.controls.map((phase) => ({ ...phase, results: flip(phase.results) })),
        },
        scan: { ...input.scan, findings: flip(input.scan.findings), secrets: flip(input.scan.secrets) },
      }
      assert.equal(evaluateGate(flipped), evaluateGate(input))
    }),
  )
})

test('every decision is one that the schema takes, with a command for each reason', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      for (const reason of reasons(input)) assert.match(reason.mend, /\.\/mintmark |images\//)
    }),
  )
})

test.run()
