import type { Report } from '../../model/report.ts'
import type { Language } from '../../model/settings.ts'
import { controlTables, exceptionTable, factTable, notLookedAtTable } from './control-tables.ts'
import { findingNotes, findingTables, secretTable, waiverTable } from './finding-tables.ts'
import { countsOf, identityRows, reasonsOf, verdictOf } from './summary.ts'
import { plain, shown, type Table } from './table.ts'
import { type Say, sayIn } from './texts.ts'

/** GitHub refuses a job summary of 1 MiB and more; other steps of the job write to theirs. */
const mostBytes = 900_000
/** Characters of one cell. */
const mostText = 300

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '|': '&#124;',
  '`': '&#96;',
  '@': '&#64;',
}

/** Text of others that Markdown shows as it is: no HTML, no markup, no mention, no end of a cell or a line. */
export function markdownText(text: string): string {
  const chars = [...shown(text).replace(/\s+/g, ' ').trim()]
  const short = chars.length > mostText ? `${chars.slice(0, mostText - 1).join('')}…` : chars.join('')
  return short
    .replace(/[\\*_[\]#~$!{}]/g, (sign) => `\\${sign}`)
    .replace(/[&<>|`@]/g, (sign) => entities[sign] ?? sign)
}

/** As code that can be copied, e.g. a command; what a code span can't hold becomes text. */
export const codeSpan = (text: string): string =>
  /[`|\n<>&]/.test(text) || text.length > mostText || shown(text) !== text
    ? markdownText(text)
    : `\`${text}\``

function table(say: Say, { caption, head, rows }: Table, most: number): readonly string[] {
  const cells = rows
    .slice(0, most)
    .map((row) => `| ${row.map(({ text }) => markdownText(text)).join(' | ')} |`)
  return [
    '',
    `### ${markdownText(caption)}`,
    '',
    `| ${head.map(markdownText).join(' | ')} |`,
    `|${head.map(() => '---|').join('')}`,
    ...cells,
    ...(rows.length > most ? ['', say('more-rows', { count: rows.length - most })] : []),
  ]
}

/** Only what a reader has to act on or answer for: the whole is in the other reports. */
function tablesOf(say: Say, report: Report): readonly Table[] {
  const facts = { ...report, facts: report.facts.filter(({ status }) => status !== 'pass') }
  const findings = {
    ...report,
    findings: (report.findings ?? []).filter(
      ({ state, severity }) => state !== 'open' || severity === 'CRITICAL' || severity === 'HIGH',
    ),
  }
  const controls = {
    ...report,
    controls: (report.controls ?? []).filter(({ status }) => status === 'fail' || status === 'error'),
  }
  return [
    factTable(say, facts),
    notLookedAtTable(say, report),
    ...controlTables(say, controls),
    secretTable(say, report),
    ...findingTables(say, findings),
    waiverTable(say, report),
    exceptionTable(say, report),
  ].filter(({ rows }) => rows.length > 0)
}

function rendered(say: Say, report: Report, most: number): string {
  const { sign, word, sentences } = verdictOf(say, report)
  const reasons = reasonsOf(report)
  const reasonLines = reasons
    .slice(0, most)
    .map(
      ({ kind, id, text, mend }) =>
        `| ${[say(`kind-${kind}`), markdownText(id), markdownText(text), codeSpan(mend)].join(' | ')} |`,
    )
  const lines = [
    `## ${sign} ${markdownText(`${report.image} ${report.version}: ${word}`)}`,
    '',
    ...sentences.map((text) => `${markdownText(text)}  `),
    ...(reasons.length === 0
      ? []
      : [
          '',
          `### ${say('why-rejected')}`,
          '',
          `| ${[say('kind'), say('about'), say('reason'), say('mend')].join(' | ')} |`,
          '|---|---|---|---|',
          ...reasonLines,
          ...(reasons.length > most ? ['', say('more-rows', { count: reasons.length - most })] : []),
        ]),
    '',
    ...countsOf(say, report).map(
      ({ name, value, note }) => `- ${name}: **${markdownText(value)}**${note === '' ? '' : ` (${note})`}`,
    ),
    ...findingNotes(say, report).map((text) => `- ${markdownText(text)}`),
    ...table(
      say,
      {
        caption: say('image'),
        head: [say('what'), say('found')],
        rows: identityRows(say, report).map(([name, value]) => [plain(name), value]),
        open: true,
      },
      most,
    ),
    ...tablesOf(say, report).flatMap((item) => table(say, item, most)),
  ]
  return `${lines.join('\n')}\n`
}

/** The verdict for a job summary or a pull request: what rejected, what mends it, what somebody answers for. Below 1 MiB. */
export function renderMarkdown(report: Report, language: Language): string {
  const say = sayIn(language)
  for (const most of [100, 25, 5]) {
    const text = rendered(say, report, most)
    if (Buffer.byteLength(text) < mostBytes) return text
  }
  return rendered(say, report, 0)
}
