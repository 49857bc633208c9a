import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { buildReport } from '../../../pipeline/core/report/build-report.ts'
import { renderHtml } from '../../../pipeline/core/report/render-html.ts'
import { allTexts } from '../../../pipeline/core/report/texts.ts'
import { passedGate, rejectedGate, reportInput, worstReport } from '../../helpers/report-fixture.ts'
import { pathsBelow, textOf } from '../../helpers/sources.ts'

const test = suite('render-html')
const template = textOf('templates/pages/report.html.hbs')
const page = (change: Parameters<typeof reportInput>[0], language: 'en' | 'zh' = 'en'): string =>
  renderHtml(template, buildReport(reportInput(change)), language)

test('the first screen has the verdict, the image, the digest, and what mends it', () => {
  const text = page({ gate: rejectedGate })
  const before = text.slice(0, text.indexOf('<nav'))
  for (const part of [
    '✗</span> Rejected',
    'debian-13 1.4.2',
    'sha256:',
    'CVE-2026-2222',
    './mintmark base update debian-13',
  ])
    assert.ok(before.includes(part), part)
  assert.is(text.match(/<h1>/g)?.length, 1)
})

test('the same report gives the same bytes', () => {
  assert.is(page({}), page({}))
})

test('a passed, an emergency and an unknown verdict are told apart in words', () => {
  const verdict = (text: string): string => /<title>([^<]*)</.exec(text)?.[1] ?? ''
  assert.is(verdict(page({})), '✓ debian-13 1.4.2: Passed')
  assert.match(verdict(page({}, 'zh')), '通过')
  assert.match(page({}, 'zh'), '<html lang="zh-Hans">')
  const emergency = {
    reason: 'exploited <now>',
    comparedWith: 'debian-13@1.4.1',
    shipped: ['CVE-2026-2222 ssh'],
  }
  const shipped = page({ gate: { ...passedGate, emergency } })
  assert.match(verdict(shipped), 'Shipped as an emergency')
  assert.match(shipped, 'exploited &lt;now&gt;')
  const { scan } = reportInput()
  const unknown = page({
    gate: { ...passedGate, vulnerability: 'unknown' },
    scan: { ...scan, database: null, databaseProblem: 'no database could be had' },
  })
  assert.match(verdict(unknown), 'vulnerabilities unknown')
  assert.match(unknown, 'An empty list would mean nothing')
})

test('what is missing is said, never left blank', () => {
  const text = page({ test: null, found: null, packages: null, buildControls: null })
  for (const part of ['no findings report', 'no test report', 'no control results', 'no packages report'])
    assert.ok(text.includes(part), part)
})

test('nothing hostile becomes a part of the page', () => {
  const text = renderHtml(template, worstReport(), 'en')
  const body = text.slice(text.indexOf('<body>'), text.lastIndexOf('<script>'))
  const tags = new Set([...body.matchAll(/<\/?([a-z0-9]+)/gi)].map((match) => match[1]))
  const allowed =
    'a body b caption code dd details dl dt footer h1 h2 header input label li main nav output p section small span strong summary table tbody td th thead tr ul'
  assert.equal(
    [...tags].filter((tag) => !allowed.split(' ').includes(tag ?? '')),
    [],
  )
  assert.is(body.match(/<[^>]*\son[a-z]+=/i), null)
  // Only pages of known publishers, and places in this page.
  const links = new Set([...body.matchAll(/href="([^"]*)"/g)].map((match) => match[1] ?? ''))
  assert.equal(
    [...links].filter((href) => !/^#[a-z]+$|^https:\/\/security-tracker\.debian\.org\//.test(href)),
    [],
  )
  // No control character but the end of a line, and none that turns or hides text.
  assert.is(text.match(/[^\n\P{Cc}]|\p{Cf}/u), null)
})

test('the policy names the hashes of the style and script, and nothing from elsewhere', () => {
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page({}))?.[1] ?? ''
  assert.match(
    policy.replaceAll('&#x27;', "'").replaceAll('&#x3D;', '='),
    /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; script-src 'sha256-[A-Za-z0-9+/]{43}='; img-src data:; base-uri 'none'; form-action 'none'$/,
  )
})

test('every text is there in both languages, with the same places, and is used', () => {
  const code = pathsBelow('pipeline/core/report', (path) => !path.endsWith('/texts.ts'))
    .map(textOf)
    .join('\n')
  const built = /^(?:kind|state|status|from)-/
  for (const [key, { en, zh }] of Object.entries(allTexts)) {
    const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort()
    assert.equal(places(zh), places(en), key)
    assert.ok(built.test(key) || code.includes(`'${key}'`), `${key} is not used`)
  }
})

test.run()
