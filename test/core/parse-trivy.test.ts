import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { correctSources, trueSource } from '../../pipeline/core/correct-sources.ts'
import {
  mergeFindings,
  parseDatabaseMetadata,
  parseDpkgStatus,
  parseTrivyReport,
  renameArtifact,
  renderPackages,
} from '../../pipeline/core/parse-trivy.ts'
import { renderFindings } from '../../pipeline/core/render-findings.ts'
import type { Finding } from '../../pipeline/model/stages.ts'

const test = suite('parse-trivy')

const report = JSON.stringify({
  SchemaVersion: 2,
  ArtifactName: 'vm',
  Metadata: { OS: { Family: 'debian', Name: '12.15' } },
  Results: [
    {
      Target: 'vm (debian 12.15)',
      Class: 'os-pkgs',
      Packages: [{ Name: 'openssh-server' }, { Name: 'zlib1g' }],
      Vulnerabilities: [
        { VulnerabilityID: 'CVE-2', PkgName: 'zlib1g', InstalledVersion: '1', Severity: 'HIGH' },
        {
          VulnerabilityID: 'CVE-1',
          PkgName: 'openssh-server',
          InstalledVersion: '1',
          FixedVersion: '2',
          Severity: 'HIGH',
          Title: 'race',
        },
        {
          VulnerabilityID: 'CVE-3',
          PkgName: 'zlib1g',
          InstalledVersion: '1',
          FixedVersion: '2',
          Severity: 'NEW',
        },
      ],
    },
    { Target: 'Python', Class: 'lang-pkgs', Packages: [{ Name: 'requests' }] },
    { Target: 'root/.ssh/id', Class: 'secret', Secrets: [{ RuleID: 'private-key', Severity: 'HIGH' }] },
  ],
})

test('reads system, counts, findings and secrets', () => {
  const scan = parseTrivyReport(report)
  assert.equal(scan.os, { family: 'debian', release: '12.15' })
  assert.is(scan.osPackages, 2)
  assert.equal(
    scan.findings.map(({ id }) => id),
    ['CVE-1', 'CVE-2', 'CVE-3'],
  )
  assert.is(scan.findings[1]?.fixed, null)
  assert.is(scan.findings[2]?.severity, 'UNKNOWN', 'a severity that we do not know is no low one')
  assert.equal(scan.secrets, [{ rule: 'private-key', path: 'root/.ssh/id', severity: 'HIGH' }])
})

test('an empty report has no system and no package; another shape is an error', () => {
  const scan = parseTrivyReport('{"SchemaVersion":2,"ArtifactName":"x"}')
  assert.equal(scan.os, { family: '', release: '' })
  assert.is(scan.osPackages, 0)
  assert.throws(() => parseTrivyReport('{"SchemaVersion":3,"ArtifactName":"x"}'), /unknown shape/)
  assert.throws(() => parseTrivyReport('FATAL'), /not JSON/)
})

test('gives the report our name and keeps all else', () => {
  const named = JSON.parse(renameArtifact(report, 'debian-12@1.0.0'))
  assert.is(named.ArtifactName, 'debian-12@1.0.0')
  assert.equal(
    named.Results.map((row: { Target: string }) => row.Target),
    ['debian-12@1.0.0 (debian 12.15)', 'Python', 'root/.ssh/id'],
  )
  assert.equal(named.Results[0].Packages, JSON.parse(report).Results[0].Packages)
})

test('counts installed packages only', () => {
  const status = [
    'Package: b\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\nDescription: two\n  Package: not-a-field\n',
    'Package: a\nStatus: hold ok installed\nVersion: 2\nArchitecture: all\n',
    'Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n',
    'Package: half\nStatus: install ok half-configured\nVersion: 1\nArchitecture: all\n',
    'Package: later\nStatus: install ok triggers-pending\nVersion: 1\nArchitecture: all\n',
  ]
  const packages = parseDpkgStatus(status.join('\n'))
  assert.is(renderPackages(packages), 'a\t2\tall\nb\t1\tamd64\nlater\t1\tall\n')
  assert.equal(parseDpkgStatus(''), [])
})

test('knows the source that advisories of a signed package are listed under', () => {
  assert.equal(trueSource('linux-signed-amd64', '6.12.117+1'), { name: 'linux', version: '6.12.117-1' })
  assert.equal(trueSource('linux-signed-arm64', '6.1.90+1~deb12u1'), {
    name: 'linux',
    version: '6.1.90-1~deb12u1',
  })
  assert.equal(trueSource('grub-efi-amd64-signed', '1+2.12+9+deb13u1'), {
    name: 'grub2',
    version: '2.12-9+deb13u1',
  })
  assert.equal(trueSource('shim-signed', '1.47+15.8-1'), { name: 'shim', version: '15.8-1' })
  assert.is(trueSource('linux-base', '4.12'), null)
  assert.is(trueSource('linux-signed-amd64', '6.12'), null)
})

test('corrects only the copy, and only signed packages', () => {
  const property = (name: string, value: string) => ({ name: `aquasecurity:trivy:${name}`, value })
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    components: [
      {
        name: 'linux-image',
        version: '6.1.66-1',
        properties: [property('SrcName', 'linux-signed-amd64'), property('SrcVersion', '6.1.66+1')],
      },
      { name: 'bash', properties: [property('SrcName', 'bash'), property('SrcVersion', '5.2')] },
      { name: 'debian', properties: [] },
    ],
    vulnerabilities: [{ id: 'CVE-1' }],
  }
  const corrected = correctSources(JSON.stringify(document))
  assert.equal(corrected.packages, ['linux-image'])
  const copy = JSON.parse(corrected.text)
  assert.equal(copy.components[0].properties, [
    property('SrcName', 'linux'),
    property('SrcVersion', '6.1.66'),
    property('SrcRelease', '1'),
  ])
  assert.equal(copy.components.slice(1), document.components.slice(1))
  assert.equal(copy.vulnerabilities, [])
  assert.throws(() => correctSources('{"bomFormat":"SPDX"}'), /unknown shape/)
})

test('merges findings without doubles', () => {
  const finding = (id: string, severity: Finding['severity']): Finding => ({
    id,
    package: 'p',
    installed: '1',
    fixed: null,
    severity,
    title: '',
  })
  const merged = mergeFindings(
    [finding('B', 'LOW'), finding('A', 'LOW')],
    [finding('B', 'HIGH'), finding('C', 'CRITICAL')],
  )
  assert.equal(
    merged.map(({ id }) => id),
    ['C', 'A', 'B'],
  )
})

test("reads a database's dates, and refuses another format", () => {
  const text = readFileSync(new URL('../fixtures/trivy-db/metadata.json', import.meta.url), 'utf8')
  assert.is(parseDatabaseMetadata(text, 'x').UpdatedAt, '2026-11-22T00:00:00Z')
  const nanoseconds =
    '{"Version":2,"NextUpdate":"2026-11-23T01:53:37.759609645Z","UpdatedAt":"2026-11-22T01:53:37.759611173Z"}'
  assert.is(parseDatabaseMetadata(nanoseconds, 'x').Version, 2)
  assert.throws(
    () => parseDatabaseMetadata(text.replace('"Version":2', '"Version":1'), 'x'),
    /not one of a Trivy database/,
  )
})

test('the report for people says which database, or that there is none', () => {
  const scan = {
    subject: 'a'.repeat(64),
    os: { family: 'debian', release: '13.7' },
    packages: { trivy: 2, dpkg: 2 },
    database: null,
    databaseProblem: 'no network',
    findings: [],
    secrets: [{ rule: 'private-key', path: 'root/.ssh/id', severity: 'HIGH' as const }],
    trivy: { version: '0.70.0', sha256: 'b'.repeat(64) },
  }
  const none = renderFindings('debian-13@1.0.0', scan)
  assert.match(none, /database {2}none: no network; vulnerabilities are UNKNOWN/)
  assert.match(none, /HIGH +private-key +root\/\.ssh\/id/)
  assert.not.match(none, /vulnerabilities: 0/)
  const database = {
    source: 'x',
    sha256: 'c'.repeat(64),
    updated: '2026-11-22T00:00:00Z',
    nextUpdate: '2026-11-23T00:00:00Z',
    canary: true,
  }
  const some = renderFindings('debian-13@1.0.0', {
    ...scan,
    database,
    databaseProblem: null,
    findings: [...parseTrivyReport(report).findings],
  })
  assert.match(some, /vulnerabilities: 3, of which 2 have a fix/)
  assert.match(some, /database {2}x {2}sha256:c+ {2}of 2026-11-22/)
})

test.run()
