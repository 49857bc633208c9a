import { recordBase } from '../../pipeline/core/base-facts.ts'
import { sha256 } from '../../pipeline/core/digest.ts'
import { buildReport, type ReportInput } from '../../pipeline/core/report/build-report.ts'
import type { RecordedBase } from '../../pipeline/model/base.ts'
import type { GateDecision } from '../../pipeline/model/gate.ts'
import type { ControlResult } from '../../pipeline/model/hardening.ts'
import { Report } from '../../pipeline/model/report.ts'
import type { Finding, Severity } from '../../pipeline/model/stages.ts'
import { hostileTexts } from './hostile.ts'
import { base } from './release-fixture.ts'

const digest = (text: string): string => sha256(`report fixture ${text}`)

const recordedBase: RecordedBase = recordBase(base)

const results = (change: Partial<ControlResult> = {}): readonly ControlResult[] => [
  { control: 'audit-disk-full-halts', status: 'fail', expected: 'halt', found: 'syslog' },
  { control: 'sshd-permit-root-login', status: 'pass', expected: 'no', found: 'no' },
  { control: 'sysctl-ip-forward', status: 'pass', expected: '0', found: '0', ...change },
  { control: 'wireless-off', status: 'notapplicable', expected: 'off', found: 'no such device' },
]

const ssh: Finding = {
  id: 'CVE-2026-2222',
  package: 'openssh-server',
  installed: '1:10.0p1-7',
  fixed: '1:10.0p1-7+deb13u1',
  severity: 'CRITICAL',
  title: 'remote code execution before authentication',
}
const zlib: Finding = {
  id: 'CVE-2026-1111',
  package: 'zlib1g',
  installed: '1:1.3.1',
  fixed: '1:1.3.1-2',
  severity: 'HIGH',
  title: 'heap overflow in inflate',
}
const perl: Finding = {
  id: 'CVE-2011-4116',
  package: 'perl-base',
  installed: '5.40.1-6',
  fixed: null,
  severity: 'LOW',
  title: 'File::Temp follows symbolic links',
}

const common = {
  subject: digest('image'),
  policy: { name: 'default', sha256: digest('policy') },
  vulnerability: 'judged' as const,
  counts: {},
  excepted: [
    {
      control: 'audit-disk-full-halts',
      reason: 'stateless fleet',
      owner: 'team-security',
      expires: '2027-03-31',
    },
  ],
  waived: [
    {
      vulnerability: zlib.id,
      package: zlib.package,
      installed: zlib.installed,
      status: 'not_affected' as const,
      reason: 'nothing here inflates data of others',
      owner: 'team-security',
      expires: '2027-01-31',
      file: 'scans/waivers/team-security.yaml',
    },
  ],
  knownExploited: {
    source: 'https://www.cisa.gov/known_exploited_vulnerabilities.json',
    sha256: digest('exploited'),
    released: '2026-11-21T18:00:00.000Z',
    count: 1450,
  },
  emergency: null,
}

export const passedGate: GateDecision = { verdict: 'passed', ...common }
export const rejectedGate: Extract<GateDecision, { verdict: 'rejected' }> = {
  verdict: 'rejected',
  ...common,
  reasons: [
    {
      kind: 'finding',
      id: ssh.id,
      text: `${ssh.package} ${ssh.installed}  critical, fixed in ${ssh.fixed}`,
      mend: './mintmark base update debian-13',
    },
    {
      kind: 'fact',
      id: 'ports',
      text: 'only the open ports answer: expected 22, found 22, 111',
      mend: 'see test.json and the console logs in the run folder, then ./mintmark release debian-13',
    },
  ],
}

/** All that a run says of an image, as its stages tell it. */
export const reportInput = (change: Partial<ReportInput> = {}): ReportInput => ({
  image: 'debian-13',
  version: '1.4.2',
  target: 'qemu',
  arch: 'x86_64',
  run: '20261122-020000',
  owner: 'team-platform',
  login: 'debian',
  source: { commit: 'a'.repeat(40), dirty: true, definition: digest('definition'), bundle: digest('bundle') },
  base: recordedBase,
  artifact: { sha256: digest('image'), bytes: 177_123_456, virtualBytes: 4 * 2 ** 30, format: 'qcow2' },
  tools: { packer: '1.11.2', qemu: '7.2.22', trivy: '0.70.0' },
  scan: {
    os: { family: 'debian', release: '13.7' },
    packages: { trivy: 2, dpkg: 2 },
    database: {
      source: 'ghcr.io/aquasecurity/trivy-db:2',
      sha256: digest('database'),
      updated: '2026-11-22T00:20:00.000Z',
      nextUpdate: '2026-11-23T00:20:00.000Z',
      canary: true,
    },
    databaseProblem: null,
    trivy: { version: '0.70.0', sha256: digest('trivy') },
  },
  gate: passedGate,
  facts: [
    { id: 'login', title: 'the login user can log in', status: 'pass', expected: 'yes', found: 'yes' },
    {
      id: 'ports',
      title: 'only the open ports answer',
      status: 'fail',
      expected: '22',
      found: '22, 111',
    },
  ],
  seconds: { base: 0.7, render: 2, build: 455.9, test: 211.2, scan: 17.3, gate: 0.1 },
  judged: '2026-11-22T02:30:00.000Z',
  profiles: ['cis-l2-server'],
  selected: ['audit-disk-full-halts', 'sshd-permit-root-login', 'sysctl-ip-forward', 'nobody-looked'],
  buildControls: results(),
  test: {
    boots: [
      { instance: 'i-1', secondsToLogin: 20.04 },
      { instance: 'i-2', secondsToLogin: 21.5 },
    ],
    controls: [
      { where: 'boot-a', results: [...results()] },
      { where: 'boot-b', results: [...results()] },
      { where: 'sealed', results: [...results({ status: 'fail', found: '1' })] },
    ],
  },
  found: {
    findings: [perl, ssh, zlib],
    secrets: [{ rule: 'private-key', path: 'root/.ssh/id_ed25519', severity: 'CRITICAL' }],
  },
  packages: 'chrony\t4.6.1-3\tamd64\nopenssh-server\t1:10.0p1-7\tamd64\n',
  controls: [
    {
      id: 'sysctl-ip-forward',
      title: 'the host is no router',
      why: 'a host that forwards is a way around the firewall',
      severity: 'medium',
      class: 'build',
      holds: 'both',
      os: ['debian-13'],
      kind: 'sysctl',
      values: {},
      refs: {},
    },
  ],
  files: { cyclonedx: digest('cyclonedx'), spdx: digest('spdx') },
  ...change,
})

const severities: readonly Severity[] = ['CRITICAL', 'HIGH', 'UNKNOWN', 'MEDIUM', 'LOW']

/** Texts by which a value would become a part of the page, were it not escaped, besides those of hostile.ts. */
export const breakouts: readonly string[] = [
  '<script>globalThis.broken = true</script>',
  '"><img src=x onerror="globalThis.broken = true">',
  "' onmouseover='globalThis.broken = true",
  '</td></table><svg onload=globalThis.broken=true>',
  '</style><script>globalThis.broken = true</script>',
  '[click](javascript:globalThis.broken=true)',
  '{{constructor}} {{{a}}} @team-platform <!-- -->',
  '| a | b |\n## heading\n- item `code` ![x](https://example.org/x.png)',
]

/**
 * A rejected image with 2,000 findings, 400 packages and 200 controls, and something hostile in every text that a stage, a
 * definition or a package could bring.
 */
export function worstReport(): Report {
  const texts = [...breakouts, ...hostileTexts(400)]
  let next = 0
  const bad = (): string => {
    next += 1
    return texts[next % texts.length] ?? ''
  }
  const findings = Array.from(
    { length: 2000 },
    (_, at): Finding => ({
      id: at % 50 === 0 ? bad() : `CVE-2026-${10_000 + at}`,
      package: at % 3 === 0 ? `package-${at} ${bad()}` : `libpackage-${at}`,
      installed: at % 5 === 0 ? bad() : '1.2.3-4',
      fixed: at % 2 === 0 ? null : bad(),
      severity: severities[at % severities.length] ?? 'LOW',
      title: bad(),
    }),
  )
  const checked = (where: number): ControlResult[] =>
    Array.from({ length: 200 }, (_, at) => ({
      control: `control-${at}`,
      status: at % 20 === 0 ? 'fail' : at % 20 === 1 ? 'error' : at % 20 === 2 ? 'notapplicable' : 'pass',
      expected: bad(),
      found: `${where} ${bad()}`,
    }))
  const input = reportInput({
    run: bad(),
    login: bad(),
    profiles: [bad()],
    tools: Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`${at} ${bad()}`, bad()])),
    gate: {
      ...rejectedGate,
      policy: { name: bad(), sha256: digest('policy') },
      waived: findings
        .filter((_, at) => at < 30 && at % 3 === 1)
        .map((finding, at) => ({
          vulnerability: finding.id,
          package: finding.package,
          installed: finding.installed,
          status: 'affected',
          reason: `${bad()} because of this`,
          owner: 'team-security',
          expires: '2027-01-31',
          file: `scans/waivers/${at} ${bad()}`,
        })),
      reasons: Array.from({ length: 60 }, (_, at) => ({
        kind: at % 3 === 0 ? 'secret' : 'finding',
        id: at % 3 === 0 ? bad() : `CVE-2026-${10_000 + at}`,
        text: `libpackage-${at} 1.2.3-4 ${bad()}`,
        mend: bad(),
      })),
    },
    facts: Array.from({ length: 60 }, (_, at) => ({
      id: bad(),
      title: bad(),
      status: at % 5 === 0 ? 'fail' : at % 7 === 0 ? 'unknown' : 'pass',
      expected: bad(),
      found: bad(),
    })),
    selected: null,
    buildControls: checked(0),
    test: {
      boots: [{ instance: bad(), secondsToLogin: 20 }],
      controls: [
        { where: bad(), results: checked(0) },
        { where: 'sealed', results: checked(1) },
      ],
    },
    found: {
      findings,
      secrets: Array.from({ length: 30 }, () => ({ rule: bad(), path: bad(), severity: 'HIGH' })),
    },
    packages: Array.from({ length: 400 }, (_, at) => `package-${at}\t${at}.0\tamd64`).join('\n'),
  })
  return Report.parse(buildReport(input))
}
