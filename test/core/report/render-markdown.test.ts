import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { buildReport } from '../../../pipeline/core/report/build-report.ts'
import { markdownText, renderMarkdown } from '../../../pipeline/core/report/render-markdown.ts'
import { hostileText } from '../../helpers/hostile.ts'
import { rejectedGate, reportInput, worstReport } from '../../helpers/report-fixture.ts'

const test = suite('render-markdown')

test('a rejection says why, and what mends it', () => {
  const text = renderMarkdown(buildReport(reportInput({ gate: rejectedGate })), 'en')
  assert.match(text, /^## ✗ debian-13 1\.4\.2: Rejected\n/)
  assert.match(text, '| vulnerability | CVE-2026-2222 | openssh-server')
  assert.match(text, '`./mintmark base update debian-13`')
  assert.match(text, 'nothing here inflates data of others')
  assert.match(text, 'only the open ports answer')
  assert.not.match(text, 'the login user can log in') // it passed
  assert.is(text, renderMarkdown(buildReport(reportInput({ gate: rejectedGate })), 'en'))
})

test('what nobody knows is said', () => {
  const text = renderMarkdown(buildReport(reportInput({ found: null, test: null })), 'zh')
  assert.match(text, '漏洞情况未知')
})

test("what this target's instances can't show is said, and is no failure", () => {
  const { test: seen } = reportInput()
  const notLookedAt = [{ id: 'dns-works', title: 'the image finds names', why: 'no link here' }]
  const report = buildReport(reportInput({ test: seen === null ? null : { ...seen, notLookedAt } }))
  const text = renderMarkdown(report, 'en')
  assert.match(text, 'Not looked at here (1)')
  assert.match(text, 'the image finds names | no link here |')
  assert.not.match(renderMarkdown(buildReport(reportInput()), 'en'), 'Not looked at')
})

test('text of others is no markup, no mention, no end of a cell or a line', () => {
  fc.assert(
    fc.property(hostileText, (bad) => {
      const text = markdownText(bad)
      assert.not.match(text, /[<>|`@\n\r]/)
      // A sign that Markdown would act on has a backslash before it, itself not escaped.
      assert.not.match(text.replace(/&(?:amp|lt|gt|#\d+);|\\[\\*_[\]#~$!{}]/g, ''), /[\\*_[\]#~$!]/)
    }),
  )
})

test('the worst case stays below what GitHub takes, and each row has its cells', () => {
  const text = renderMarkdown(worstReport(), 'en')
  assert.ok(Buffer.byteLength(text) < 1_000_000)
  assert.match(text, /\d+ more are in report\.html/)
  const tables = text.split(/\n\n+/).filter((block) => block.startsWith('|'))
  for (const block of tables)
    assert.is(
      new Set(
        block
          .trim()
          .split('\n')
          .map((line) => line.split('|').length),
      ).size,
      1,
      block.slice(0, 200),
    )
})

test.run()
