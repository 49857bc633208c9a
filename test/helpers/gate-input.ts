import type { GateInput } from '../../pipeline/core/evaluate-gate.ts'
import { evaluateGate } from '../../pipeline/core/evaluate-gate.ts'
import { parseYaml } from '../../pipeline/core/parse-yaml.ts'
import { Definition } from '../../pipeline/model/definition.ts'
import { GateDecision, Policy, Waiver } from '../../pipeline/model/gate.ts'
import type { ControlResult, ControlStatus } from '../../pipeline/model/hardening.ts'
import type { Fact, Finding, ScanReport, Severity } from '../../pipeline/model/stages.ts'
import { textOf } from './sources.ts'

const policyOf = (name: string): Policy => {
  const path = `scans/policies/${name}.yaml`
  return parseYaml(Policy, textOf(path), { path })
}
export const policy = policyOf('default')
export const strict = policyOf('strict')
export const subject = 'a'.repeat(64)
export const now = new Date('2026-11-22T12:00:00Z')

export const control = (id: string, status: ControlStatus): ControlResult => ({
  control: id,
  status,
  expected: '1',
  found: status === 'pass' ? '1' : '0',
})
export const finding = (id: string, severity: Severity, fixed: string | null): Finding => ({
  id,
  package: 'openssl',
  installed: '3.0.13-1',
  fixed,
  severity,
  title: 't',
})
export const fact = (id: string, status: Fact['status']): Fact => ({
  id,
  title: id,
  status,
  expected: 'x',
  found: 'y',
})
export const database = {
  source: 'registry.example/trivy-db:2',
  sha256: 'd'.repeat(64),
  updated: '2026-11-22T00:00:00Z',
  nextUpdate: '2026-11-23T00:00:00Z',
  canary: true,
}
export const exception = (name: string, expires: string) => ({
  control: name,
  reason: 'the fleet is stateless',
  owner: 'team-security',
  expires,
})

export const definition = (exceptions: readonly unknown[] = []): Definition =>
  Definition.parse({
    schema: 1,
    owner: 'team-platform',
    os: { family: 'debian', release: '13', arch: ['x86_64'] },
    base: { from: 'archive' },
    hardening: { profiles: ['cis-l2-server'], exceptions },
    targets: { qemu: {} },
  })

export const good: GateInput = {
  waivers: [],
  knownExploited: null,
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
    artifact: { format: 'qcow2', path: '/a.qcow2', sha256: subject, bytes: 1, virtualBytes: 1 },
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

/** The good image with other facts of its scan. */
export const withScan = (scan: Partial<ScanReport>, input: GateInput = good): GateInput => ({
  ...input,
  scan: { ...input.scan, ...scan },
})

export const waiver = (change: Partial<Waiver> = {}): Waiver =>
  Waiver.parse({
    vulnerability: 'CVE-2026-1',
    package: 'openssl',
    status: 'affected',
    reason: 'the module is not loaded',
    owner: 'team-security',
    expires: '2027-03-31',
    ...change,
  })
export const kept = (change: Partial<Waiver> = {}, file = 'scans/waivers/team-security.yaml') => ({
  waiver: waiver(change),
  file,
})

export const exploited = (...ids: readonly string[]): NonNullable<GateInput['knownExploited']> => ({
  list: {
    source: 'https://lists.example/kev.json',
    sha256: '7'.repeat(64),
    released: '2026-11-20T18:00:00.123Z',
    count: ids.length,
  },
  ids: new Set(ids),
})

export const reasons = (input: GateInput) => {
  const decision = GateDecision.parse(evaluateGate(input))
  return decision.verdict === 'rejected' ? decision.reasons : []
}
export const kinds = (input: GateInput): readonly string[] => reasons(input).map(({ kind }) => kind)

/** A known-exploited list as its publisher prints it, made up here. */
export const exploitedCatalog = (...ids: readonly string[]): string =>
  JSON.stringify(
    {
      title: 'CISA Catalog of Known Exploited Vulnerabilities',
      catalogVersion: '2026.11.20',
      dateReleased: '2026-11-20T18:00:26.5172Z',
      count: ids.length,
      vulnerabilities: ids.map((cveID) => ({
        cveID,
        vendorProject: 'Example',
        product: 'Example',
        vulnerabilityName: 'Example',
        dateAdded: '2026-11-20',
        shortDescription: 'made up',
        requiredAction: 'update',
        dueDate: '2026-12-11',
        knownRansomwareCampaignUse: 'Unknown',
        notes: '',
        cwes: ['CWE-364'],
      })),
    },
    null,
    1,
  )
