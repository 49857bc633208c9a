import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { evidencePage } from '../../pipeline/core/evidence-page.ts'
import { evidenceReadme } from '../../pipeline/core/evidence-readme.ts'
import { buildReport } from '../../pipeline/core/report/build-report.ts'
import { renderHtml } from '../../pipeline/core/report/render-html.ts'
import type { AuditAnswer } from '../../pipeline/model/audit.ts'
import type { Report } from '../../pipeline/model/report.ts'
import { worstAudit } from '../helpers/audit-fixture.ts'
import { breakouts, rejectedGate, reportInput, worstReport } from '../helpers/report-fixture.ts'
import { textOf } from '../helpers/sources.ts'

/** The page in a real browser: what it loads, runs and shows. */
const test = suite<{ browser: Browser; folder: string }>('report')

test.before(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'mintmark-report-'))
  // Root has no user namespace to sandbox in on many machines; the page is ours, and its policy is what is tested.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  context.browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args })
})
test.after(async ({ browser, folder }) => {
  await browser.close()
  await rm(folder, { recursive: true })
})

const template = textOf('templates/pages/report.html.hbs')
const plainReport = buildReport(reportInput({ gate: rejectedGate }))

interface Look {
  readonly browser: Browser
  readonly folder: string
  readonly report: Report
  readonly width?: number
  readonly scheme?: 'light' | 'dark'
  readonly language?: 'en' | 'zh'
  readonly audit?: AuditAnswer
  /** Another page than the report. */
  readonly page?: string
}

/** Opens a report, hands it over, and fails for any request and any word on the console. */
async function opened(look: Look, work: (page: Page) => Promise<void>): Promise<void> {
  const { browser, folder, report, width = 1400, scheme = 'light', language = 'en' } = look
  const file = join(folder, 'report.html')
  await writeFile(file, look.page ?? renderHtml(template, report, language, look.audit ?? null))
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme })
  const page = await context.newPage()
  const wrong: string[] = []
  const own = pathToFileURL(file).href
  page.on('console', (message) => wrong.push(`${message.type()}: ${message.text()}`))
  page.on('pageerror', (error) => wrong.push(error.message))
  await page.route('**', (route) => {
    const url = route.request().url()
    if (url === own || url.startsWith('data:')) return route.continue()
    wrong.push(`request: ${url}`)
    return route.abort()
  })
  await page.goto(own)
  await work(page)
  await context.close()
  assert.equal(wrong, [])
}

test('hostile texts run nothing and load nothing; the worst case fits in the width of a phone and of a screen', async ({
  browser,
  folder,
}) => {
  const report = worstReport()
  for (const width of [360, 1400])
    await opened({ browser, folder, report, width }, async (page) => {
      assert.is(await page.evaluate('globalThis.broken'), undefined)
      assert.is(await page.evaluate('document.documentElement.scrollWidth'), width)
      assert.is(await page.locator('#findings tbody tr').count(), report.findings?.length)
      assert.is(await page.locator('img, iframe, object, svg, form').count(), 0)
    })
})

test('what happened since the release, at its worst, fits as well, in both languages and on paper', async ({
  browser,
  folder,
}) => {
  const audit = worstAudit()
  for (const [width, language] of [
    [400, 'en'],
    [360, 'zh'],
    [1400, 'zh'],
  ] as const)
    await opened({ browser, folder, report: plainReport, width, language, audit }, async (page) => {
      assert.is(await page.evaluate('globalThis.broken'), undefined)
      assert.is(await page.evaluate('document.documentElement.scrollWidth'), width)
      assert.is(await page.locator('#since table').count(), 4)
      assert.is(await page.locator('#verified tbody tr').count(), audit.verified.links.length + 1)
      assert.match(await page.title(), '✗ debian-13 1.4.2')
      const least = (await page.evaluate(leastContrast)) as { ratio: number; what: string }
      assert.ok(least.ratio >= 4.5, `${least.ratio} ${least.what}`)
      await page.emulateMedia({ media: 'print' })
      const hidden = await page
        .locator('#since tbody tr, #verified tbody tr')
        .evaluateAll((rows) => rows.filter((row) => !row.checkVisibility()).length)
      assert.is(hidden, 0)
    })
})

test('the index of an evidence archive loads nothing and fits, whatever went wrong', async ({
  browser,
  folder,
}) => {
  const digest = 'a'.repeat(64)
  const file = { sha256: digest, bytes: 1234, mediaType: 'application/json' }
  const index = {
    schema: 1 as const,
    image: 'debian-13',
    version: '1.4.2',
    variant: 'qemu-x86_64',
    artifact: digest,
    record: digest,
    made: '2026-11-22T03:00:00.000Z',
    complete: false,
    problems: [...breakouts],
    anchored: false,
    missing: breakouts.map((text) => ({ what: text, why: text })),
    keys: [{ keyid: digest, path: null }],
    files: breakouts.map((text) => ({ ...file, path: `history/${'w'.repeat(40)}/1.json`, what: text })),
  }
  const template = textOf('templates/pages/evidence.html.hbs')
  const page = evidencePage(template, index, evidenceReadme(index, new Map()))
  for (const [width, scheme] of [
    [360, 'dark'],
    [1400, 'light'],
  ] as const)
    await opened({ browser, folder, report: plainReport, width, scheme, page }, async (shown) => {
      assert.is(await shown.evaluate('globalThis.broken'), undefined)
      assert.is(await shown.evaluate('document.documentElement.scrollWidth'), width)
      assert.is(await shown.locator('script, img, iframe, svg, form').count(), 0)
      assert.is(await shown.locator('tbody tr').count(), breakouts.length)
      const least = (await shown.evaluate(leastContrast)) as { ratio: number; what: string }
      assert.ok(least.ratio >= 4.5, `${least.ratio} ${least.what}`)
    })
})

test('it has a title, a language, one h1, landmarks, and a caption and column headers for each table', async ({
  browser,
  folder,
}) => {
  await opened({ browser, folder, report: plainReport, language: 'zh' }, async (page) => {
    assert.match(await page.title(), 'debian-13 1.4.2')
    assert.is(await page.locator('html').getAttribute('lang'), 'zh-Hans')
    for (const [selector, count] of [
      ['h1', 1],
      ['main', 1],
      ['header', 1],
      ['nav[aria-label]', 1],
      ['table:not(:has(caption))', 0],
      ['th:not([scope=col])', 0],
      ['section:not([aria-labelledby])', 0],
    ] as const)
      assert.is(await page.locator(selector).count(), count, selector)
    const ids = await page.locator('[id]').evaluateAll((all) => all.map((item) => item.id))
    assert.is(new Set(ids).size, ids.length)
    await page.keyboard.press('Tab')
    assert.is(await page.evaluate('document.activeElement.className'), 'skip')
  })
})

/** The least contrast of a text with what is behind it (WCAG 2), over all elements that have text of their own. */
const leastContrast = `(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number)
  const light = ([r, g, b]) => [r, g, b].map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, at) => sum + value * [0.2126, 0.7152, 0.0722][at], 0)
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor)
      if (color[3] !== 0) return color
    }
    return [255, 255, 255]
  }
  let least = { ratio: 21, what: '' }
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '')
    if (!own || element.tagName === 'SCRIPT') continue
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x)
    const ratio = (a + 0.05) / (b + 0.05)
    if (ratio < least.ratio) least = { ratio, what: element.outerHTML.slice(0, 120) }
  }
  return least
})()`

test('text has a contrast of at least 4.5, light and dark', async ({ browser, folder }) => {
  const backs: unknown[] = []
  for (const scheme of ['light', 'dark'] as const)
    await opened({ browser, folder, report: plainReport, scheme }, async (page) => {
      const least = (await page.evaluate(leastContrast)) as { ratio: number; what: string }
      assert.ok(least.ratio >= 4.5, `${scheme}: ${least.ratio} ${least.what}`)
      backs.push(await page.evaluate('getComputedStyle(document.body).backgroundColor'))
    })
  assert.is.not(backs[0], backs[1])
})

test('the filter shows the rows that have the text, and opens what is folded', async ({
  browser,
  folder,
}) => {
  await opened({ browser, folder, report: plainReport }, async (page) => {
    const row = page.locator('#findings tbody tr', { hasText: 'perl-base' })
    assert.not.ok(await row.isVisible())
    await page.getByLabel('Show only rows with').fill('PERL')
    assert.ok(await row.isVisible())
    assert.is(await page.locator('#findings tbody tr:visible').count(), 1)
    assert.is(await page.locator('#findings output').textContent(), '1 / 3')
  })
})

test('on paper every row is there, also what is folded or filtered away on the screen', async ({
  browser,
  folder,
}) => {
  await opened({ browser, folder, report: plainReport }, async (page) => {
    await page.getByLabel('Show only rows with').fill('nothing has this')
    await page.evaluate("for (const item of document.querySelectorAll('details')) item.open = false")
    await page.emulateMedia({ media: 'print' })
    const hidden = await page
      .locator('tbody tr')
      .evaluateAll((rows) => rows.filter((row) => !row.checkVisibility()).map((row) => row.textContent))
    assert.equal(hidden, [])
    const pdf = await page.pdf({ format: 'A4' })
    const pages = pdf.toString('latin1').match(/\/Type \/Page\b/g)?.length ?? 0
    assert.ok(pages >= 2 && pages < 12, `${pages} pages`)
  })
})

test.run()
