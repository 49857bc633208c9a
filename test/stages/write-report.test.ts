import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as show } from '../../pipeline/cli/verbs/show.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import type { GateDecision } from '../../pipeline/model/gate.ts'
import { Report } from '../../pipeline/model/report.ts'
import type { CiJob } from '../../pipeline/ports/ci-job.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { gateStage } from '../../pipeline/stages/gate.ts'
import { publishStage } from '../../pipeline/stages/publish.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { recordStage } from '../../pipeline/stages/record.ts'
import { reserveVersion } from '../../pipeline/stages/reserve.ts'
import { reportPage, writtenReports } from '../../pipeline/stages/write-report.ts'
import { facts, fixtureRelease, fixtureRun } from '../helpers/release-fixture.ts'
import { rejectedGate } from '../helpers/report-fixture.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const now = new Date('2026-11-22T12:00:00Z')
const test = suite<{ t: TestWorld }>('write-report')
test.before.each(async (context) => {
  context.t = await testWorld({ now })
})
test.after.each(({ t }) => t.close())

/** A run as far as its gate, with the reports that the gate leaves. */
async function judged(world: World, gate?: GateDecision) {
  const version = await reserveVersion(world, { image: 'debian-13', runId: 'r-1', facts, given: null })
  const run = await fixtureRun(world, version)
  const decision = gate ?? run.outputs.gate
  assert.ok(decision)
  await gateStage.after?.(run.context, decision)
  return run
}

/** `show` with these options; its result. */
async function shown(t: TestWorld, options: Readonly<Record<string, string | boolean>>): Promise<string> {
  await show({ world: t.world, args: ['debian-13'], options })
  return t.told.results.at(-1)?.text ?? ''
}

test('a rejected run leaves all four, for its owner alone', async ({ t }) => {
  const { context } = await judged(t.world, rejectedGate)
  const written = await writtenReports(t.world, context.folder)
  assert.equal(
    written.map(([name]) => name),
    ['html', 'summary', 'markdown', 'sarif'],
  )
  for (const [, path] of written) assert.is(((await t.world.files.info(path))?.mode ?? 0) & 0o777, 0o600)
  assert.match(await t.world.files.readText(reportPage(context.folder)), 'Rejected')
  const text = await t.world.files.readText(join(context.folder, 'reports/report.json'))
  const report = Report.parse(JSON.parse(text))
  assert.is(report.judged, now.toISOString())
  assert.is(report.controls?.length, 3)
})

test('in a CI job the page of the job has the short report, of a rejection too', async ({ t }) => {
  let page = ''
  const job: CiJob = {
    run: 'gh-1-1',
    ephemeral: true,
    error: () => undefined,
    output: async () => undefined,
    summary: async (text) => {
      page += text
    },
  }
  const { context } = await judged({ ...t.world, job }, rejectedGate)
  assert.is(page, await t.world.files.readText(join(context.folder, 'reports/report.md')))
})

test('another look at the same facts at the same time gives the same bytes', async ({ t }) => {
  const { context, outputs } = await judged(t.world)
  const texts = async () =>
    Promise.all(
      (await writtenReports(t.world, context.folder)).map(([, path]) => t.world.files.readText(path)),
    )
  const before = await texts()
  assert.ok(outputs.gate)
  await gateStage.after?.(context, outputs.gate)
  assert.equal(await texts(), before)
})

test('a release keeps them, and show prints them byte for byte', async ({ t }) => {
  const run = await judged(t.world)
  run.outputs.publish = (await publishStage.run(run.context)).output
  await recordStage.run(run.context)
  const files = { html: 'report.html', json: 'report.json', md: 'report.md', sarif: 'report.sarif' }
  for (const [form, file] of Object.entries(files)) {
    const text = await t.world.files.readText(join(run.context.folder, 'reports', file))
    assert.is(await shown(t, form === 'html' ? { report: form, stored: true } : { report: form }), text, form)
  }
  assert.match(await shown(t, { report: 'html' }), '<section id="since"')
  assert.match(await shown(t, { report: 'html', lang: 'zh' }), '<html lang="zh-Hans">')
  const { predicate } = (await findRelease(t.world, 'debian-13')).statement
  assert.ok(['html', 'summary', 'markdown', 'sarif'].every((name) => name in predicate.reports))
  const path = t.world.catalog.blobPath(predicate.reports['html']?.sha256 ?? '') ?? ''
  await t.world.files.write(path, 'something else')
  try {
    await shown(t, { report: 'html', stored: true })
    assert.unreachable('a report that was changed is printed')
  } catch (error) {
    assert.ok(error instanceof MintmarkError && error.code === 'VERIFY_FAILED', String(error))
  }
})

test('a record of before there were reports gets one of what is stored, and it says so', async ({ t }) => {
  await fixtureRelease(t.world)
  const file = join(t.folder, 'page.html')
  assert.match(await shown(t, { report: 'html', output: file }), file)
  assert.match(await t.world.files.readText(file), '<h1>debian-13 1.0.0</h1>')
  assert.match(t.told.lines.join('\n'), 'no signed record names it')
  assert.is(JSON.parse(await shown(t, { report: 'sarif' })).runs[0].tool.driver.name, 'mintmark')
})

test('a form and a language that there are not are refused with those that there are', async ({ t }) => {
  await fixtureRelease(t.world)
  const wrong = async (options: Readonly<Record<string, string>>) => {
    try {
      await shown(t, options)
    } catch (error) {
      if (error instanceof MintmarkError) return `${error.code} ${error.message} ${error.hint}`
      throw error
    }
    return 'not refused'
  }
  assert.match(await wrong({ report: 'htlm' }), /^USAGE there is no report htlm; did you mean html/)
  assert.match(await wrong({ report: 'toString' }), /^USAGE/)
  assert.match(await wrong({ report: 'html', lang: 'fr' }), /^USAGE there is no language fr.*en or zh/)
  assert.match(await wrong({ lang: 'zh' }), /^USAGE --lang is for a report/)
})

test.run()
