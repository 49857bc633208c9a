import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import * as z from 'zod'
import { buildReport } from '../../../pipeline/core/report/build-report.ts'
import { renderSarif } from '../../../pipeline/core/report/render-sarif.ts'
import type { Report } from '../../../pipeline/model/report.ts'
import { rejectedGate, reportInput, worstReport } from '../../helpers/report-fixture.ts'

const test = suite('render-sarif')

const text = (most: number) => z.strictObject({ text: z.string().min(1).max(most) })

/** SARIF 2.1.0 with what GitHub's documentation asks for and its limits: nothing that we don't write, and all that it needs. */
const Sarif = z.strictObject({
  $schema: z.literal('https://json.schemastore.org/sarif-2.1.0.json'),
  version: z.literal('2.1.0'),
  runs: z
    .array(
      z.strictObject({
        tool: z.strictObject({
          driver: z.strictObject({
            name: z.literal('mintmark'),
            rules: z
              .array(
                z.strictObject({
                  id: z.string().min(1).max(255),
                  shortDescription: text(1024),
                  fullDescription: text(1024),
                  help: text(1024),
                  helpUri: z.url().optional(),
                  defaultConfiguration: z.strictObject({ level: z.enum(['error', 'warning', 'note']) }),
                  properties: z.strictObject({
                    tags: z.array(z.string()).max(10),
                    'security-severity': z
                      .string()
                      .regex(/^(?:10\.0|\d\.\d)$/)
                      .optional(),
                  }),
                }),
              )
              .max(25_000),
          }),
          extensions: z.array(z.strictObject({ name: z.string(), version: z.string() })).max(100),
        }),
        automationDetails: z.strictObject({ id: z.string().regex(/\/$/) }),
        results: z
          .array(
            z.strictObject({
              ruleId: z.string().min(1).max(255),
              ruleIndex: z.int().min(0),
              level: z.enum(['error', 'warning', 'note']),
              message: text(Number.POSITIVE_INFINITY),
              locations: z
                .array(
                  z.strictObject({
                    physicalLocation: z.strictObject({
                      artifactLocation: z.strictObject({
                        uri: z.string().regex(/^images\/[a-z0-9.-]+\.yaml$/),
                      }),
                      region: z.strictObject({ startLine: z.literal(1) }),
                    }),
                    logicalLocations: z
                      .array(z.strictObject({ name: z.string(), kind: z.literal('package') }))
                      .optional(),
                  }),
                )
                .length(1),
              partialFingerprints: z.record(z.string(), z.string().regex(/^[0-9a-f]{32}:\d+$/)),
              suppressions: z
                .array(
                  z.strictObject({
                    kind: z.literal('external'),
                    status: z.literal('accepted'),
                    justification: z.string().min(1),
                  }),
                )
                .optional(),
            }),
          )
          .max(5000),
        properties: z.record(z.string(), z.unknown()),
      }),
    )
    .length(1),
})

const runOf = (report: Report) => {
  const [run] = Sarif.parse(JSON.parse(renderSarif(report))).runs
  assert.ok(run)
  return run
}

test('rules and results fit together, and no two fingerprints are the same', () => {
  for (const report of [buildReport(reportInput({ gate: rejectedGate })), worstReport()]) {
    const { tool, results } = runOf(report)
    const ids = tool.driver.rules.map(({ id }) => id)
    assert.is(new Set(ids).size, ids.length)
    for (const { ruleId, ruleIndex } of results) assert.is(ids[ruleIndex], ruleId)
    const prints = results.map((item) => item.partialFingerprints['primaryLocationLineHash'])
    assert.is(new Set(prints).size, prints.length)
  }
})

test('severity, link and suppression of a finding', () => {
  const { tool, results } = runOf(buildReport(reportInput({ gate: rejectedGate })))
  const of = (id: string) => {
    const result = results.find(({ ruleId }) => ruleId === id)
    const rule = tool.driver.rules.find((item) => item.id === id)
    return [
      rule?.properties['security-severity'],
      result?.level,
      result?.suppressions?.[0]?.justification.slice(0, 12),
      rule?.helpUri,
    ]
  }
  const tracker = 'https://security-tracker.debian.org/tracker'
  assert.equal(of('CVE-2026-2222'), ['9.5', 'error', undefined, `${tracker}/CVE-2026-2222`])
  assert.equal(of('CVE-2026-1111'), ['8.0', 'error', 'not_affected', `${tracker}/CVE-2026-1111`])
  assert.equal(of('CVE-2011-4116'), ['2.0', 'note', undefined, `${tracker}/CVE-2011-4116`])
  assert.equal(of('fact/ports'), ['8.0', 'error', undefined, undefined])
  assert.is(of('control/audit-disk-full-halts')[2], 'stateless fl')
  assert.is(results[0]?.ruleId, 'fact/ports')
})

test('a fingerprint stays while version and order change', () => {
  const prints = (report: Report) =>
    new Map(runOf(report).results.map((item) => [item.ruleId, item.partialFingerprints['mintmark/v1']]))
  const { found } = reportInput()
  assert.ok(found)
  const findings = found.findings.map((item) => ({ ...item, installed: `${item.installed}+1` })).reverse()
  const before = prints(buildReport(reportInput()))
  const after = prints(buildReport(reportInput({ version: '2.0.0', found: { ...found, findings } })))
  for (const [id, print] of before) assert.is(after.get(id), print)
  assert.is.not(
    prints(buildReport(reportInput({ image: 'web' }))).get('CVE-2026-2222'),
    before.get('CVE-2026-2222'),
  )
})

test('at most 5,000 results, the worst of them, and it says how many it left out', () => {
  const [, ssh] = reportInput().found?.findings ?? []
  assert.ok(ssh)
  const findings = Array.from({ length: 6000 }, (_, at) => ({
    ...ssh,
    id: `CVE-2025-${10_000 + at}`,
    severity: at < 4 ? ('CRITICAL' as const) : ('LOW' as const),
  })).reverse()
  const { results, properties } = runOf(buildReport(reportInput({ found: { findings, secrets: [] } })))
  assert.is(results.length, 5000)
  assert.is(results.filter(({ level }) => level === 'error').length, 5) // with the excepted control
  assert.is(properties['omittedResults'], 1001)
})

test('an advisory without findings, an old record without a list', () => {
  const run = runOf(buildReport(reportInput({ found: null, gate: { ...rejectedGate, excepted: [] } })))
  assert.equal(
    run.results.map(({ ruleId }) => ruleId),
    ['fact/ports'],
  )
})

test.run()
