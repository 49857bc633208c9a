import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { withUpstreams } from '../../pipeline/core/correct-sources.ts'
import { addSecondScanner, parseGrypeReport } from '../../pipeline/core/parse-grype.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import type { Finding, Severity } from '../../pipeline/model/stages.ts'

const test = suite('parse-grype')

const match = (
  id: string,
  severity: string,
  versions: readonly string[],
  related: readonly string[] = [],
) => ({
  vulnerability: { id, severity, fix: { versions, state: 'fixed' }, namespace: 'debian:distro:debian:12' },
  relatedVulnerabilities: related.map((name) => ({ id: name })),
  artifact: { name: 'zlib1g', version: '1.2' },
})

test('a report becomes findings; a CVE is preferred to another id', () => {
  const text = JSON.stringify({
    matches: [
      match('CVE-1', 'Negligible', []),
      match('GHSA-1', 'High', ['1.3', '2.0'], ['CVE-2']),
      match('CVE-3', 'Unknown', ['1.3']),
    ],
  })
  assert.equal(
    parseGrypeReport(text).map(({ id, severity, fixed, by }) => [id, severity, fixed, by]),
    [
      ['CVE-1', 'LOW', null, ['grype']],
      ['CVE-2', 'HIGH', '1.3', ['grype']],
      ['CVE-3', 'UNKNOWN', '1.3', ['grype']],
    ],
  )
  for (const broken of ['', '[]', '{"matches":[{}]}']) {
    assert.throws(
      () => parseGrypeReport(broken),
      (cause: unknown) => cause instanceof MintmarkError && cause.code === 'TOOL_FAILED',
    )
  }
})

const finding = (fields: Partial<Finding>): Finding => ({
  id: 'CVE-1',
  package: 'zlib1g',
  installed: '1.2',
  fixed: null,
  severity: 'MEDIUM',
  title: 't',
  ...fields,
})

test('what both found is one row: the worse severity, any fix, and who found it', () => {
  const [one, ...rest] = addSecondScanner(
    [finding({})],
    [finding({ severity: 'HIGH', fixed: '1.3', by: ['grype'], title: '' })],
  )
  assert.equal(rest, [])
  assert.equal(one, finding({ severity: 'HIGH', fixed: '1.3', by: ['trivy', 'grype'] }))
  const [unrated] = addSecondScanner([finding({})], [finding({ severity: 'UNKNOWN', by: ['grype'] })])
  assert.is(unrated?.severity, 'MEDIUM', 'not to know is no news')
  const [rated] = addSecondScanner([finding({ severity: 'UNKNOWN' })], [finding({ by: ['grype'] })])
  assert.is(rated?.severity, 'UNKNOWN', 'what Trivy leaves open stays open')
})

const severity = fc.constantFrom<Severity>('CRITICAL', 'HIGH', 'UNKNOWN', 'MEDIUM', 'LOW')
const findings = fc.array(
  fc.record({
    id: fc.constantFrom('CVE-1', 'CVE-2', 'CVE-3'),
    package: fc.constantFrom('a', 'b'),
    installed: fc.constantFrom('1', '2'),
    fixed: fc.constantFrom(null, '3'),
    severity,
    title: fc.constant('t'),
  }),
)
const order: readonly Severity[] = ['CRITICAL', 'HIGH', 'UNKNOWN', 'MEDIUM', 'LOW']

test('the second scanner never removes a finding, nor makes one milder, nor takes its fix away', () => {
  fc.assert(
    fc.property(findings, findings, (first, second) => {
      const both = addSecondScanner(
        first,
        second.map((row) => ({ ...row, by: ['grype'] })),
      )
      for (const row of first) {
        assert.ok(
          both.some(
            (found) =>
              found.id === row.id && found.package === row.package && found.installed === row.installed,
          ),
        )
      }
      for (const row of both) {
        const before = first.find(
          ({ id, package: name, installed }) =>
            id === row.id && name === row.package && installed === row.installed,
        )
        if (before === undefined) {
          assert.equal(row.by, ['grype'])
          continue
        }
        assert.ok(order.indexOf(row.severity) <= order.indexOf(before.severity))
        if (before.fixed !== null) assert.is(row.fixed, before.fixed)
      }
      for (const row of second)
        assert.ok(
          both.some(
            (found) =>
              found.id === row.id && found.package === row.package && found.installed === row.installed,
          ),
        )
    }),
  )
})

test('the SBOM for it names source packages, with epochs, and the true source of signed ones', () => {
  const component = (name: string, version: string, purl: string, source: Record<string, string>) => ({
    name,
    version,
    purl,
    properties: Object.entries(source).map(([key, value]) => ({
      name: `aquasecurity:trivy:${key}`,
      value,
    })),
  })
  const text = withUpstreams(
    JSON.stringify({
      bomFormat: 'CycloneDX',
      components: [
        { type: 'operating-system', name: 'debian', version: '12.7' },
        component(
          'openssh-server',
          '1:9.2p1-2+deb12u2',
          'pkg:deb/debian/openssh-server@9.2p1-2%2Bdeb12u2?arch=amd64&distro=debian-12.7&epoch=1',
          { SrcName: 'openssh', SrcVersion: '9.2p1', SrcRelease: '2+deb12u2', SrcEpoch: '1' },
        ),
        component('linux-image-x', '6.1.66-1', 'pkg:deb/debian/linux-image-x@6.1.66-1?arch=amd64', {
          SrcName: 'linux-signed-amd64',
          SrcVersion: '6.1.66+1',
        }),
      ],
      vulnerabilities: [{ id: 'CVE-1' }],
    }),
    { name: 'canary', sources: ['zlib'], distro: 'debian-12' },
  )
  const { components, vulnerabilities } = JSON.parse(text) as {
    components: { purl?: string }[]
    vulnerabilities: unknown[]
  }
  assert.equal(vulnerabilities, [])
  assert.equal(
    components.slice(1).map(({ purl }) => decodeURIComponent(purl ?? '')),
    [
      'pkg:deb/debian/openssh-server@1:9.2p1-2+deb12u2?arch=amd64&distro=debian-12.7&upstream=openssh@1:9.2p1-2+deb12u2',
      'pkg:deb/debian/linux-image-x@6.1.66-1?arch=amd64&upstream=linux@6.1.66-1',
      'pkg:deb/debian/canary@0.0.1-1?arch=amd64&distro=debian-12&upstream=zlib@0.0.1-1',
    ],
  )
})

test.run()
