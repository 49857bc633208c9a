import type { AuditAnswer } from '../../model/audit.ts'
import type { Report } from '../../model/report.ts'
import type { Language } from '../../model/settings.ts'
import { auditSections } from './audit-sections.ts'
import { renderPage } from './render-page.ts'
import { type Section, sectionsOf } from './sections.ts'
import { countsOf, identityRows, reasonsOf, verdictOf } from './summary.ts'
import { type Cell, shown, type Table } from './table.ts'
import { type Say, sayIn } from './texts.ts'

/** Tables of more rows can be folded. */
const foldFrom = 24

/** Strict templates want every field there; the header of its column goes with each cell, for narrow screens. */
const cellView = (cell: Cell, label: string) => ({ ...cell, label })

const tableView = ({ caption, head, rows, open }: Table) => ({
  caption,
  head,
  open,
  folds: !open || rows.length > foldFrom,
  rows: rows.map((cells) => ({
    tone: cells.find(({ tone }) => tone !== 'plain')?.tone ?? 'plain',
    cells: cells.map((item, index) => cellView(item, head[index] ?? '')),
  })),
})

const sectionView = ({ id, title, notes, rows, tables }: Section, filter: boolean) => ({
  id,
  title,
  notes: notes.map(shown),
  rows: rows.map(([name, value]) => cellView(value, name)),
  tables: tables.map(tableView),
  filter,
})

/** In the place of a verdict that nobody may rely on. */
const disbelieved = (say: Say): ReturnType<typeof verdictOf> => ({
  word: say('not-believable-word'),
  tone: 'bad',
  sign: '✗',
  sentences: [say('not-believable')],
})

/**
 * The report as one HTML page that loads nothing.
 * @param template text of templates/pages/report.html.hbs
 * @param audit what is known of the release now; null for a run, whose page can't know what comes later
 */
export function renderHtml(
  template: string,
  report: Report,
  language: Language,
  audit: AuditAnswer | null = null,
): string {
  const say = sayIn(language)
  const verdict = audit === null || audit.believable ? verdictOf(say, report) : disbelieved(say)
  const sections = [...(audit === null ? [] : auditSections(say, audit)), ...sectionsOf(say, report)]
  return renderPage(template, {
    language: language === 'zh' ? 'zh-Hans' : 'en',
    name: `${report.image} ${report.version}`,
    verdict: { ...verdict, sentences: verdict.sentences.map(shown) },
    digest: `sha256:${report.artifact.sha256}`,
    counts: countsOf(say, report),
    reasons: reasonsOf(report).map(({ kind, id, text, mend }) => ({
      kind: say(`kind-${kind}`),
      id: shown(id),
      text: shown(text),
      mend: shown(mend),
    })),
    identity: identityRows(say, report).map(([name, value]) => cellView(value, name)),
    sections: sections.map((section) =>
      sectionView(section, section.id === 'findings' && section.tables.length > 0),
    ),
    texts: {
      digest: say('digest'),
      glance: say('at-a-glance'),
      why: say('why-rejected'),
      kind: say('kind'),
      about: say('about'),
      reason: say('reason'),
      mend: say('mend'),
      contents: say('contents'),
      filter: say('filter-findings'),
      skip: say('skip-link'),
      identity: say('image'),
    },
  })
}
