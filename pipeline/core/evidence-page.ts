import type { EvidenceIndex } from '../model/evidence.ts'
import { renderPage } from './report/render-page.ts'
import { shown } from './report/table.ts'
import { size } from './size.ts'

/**
 * `index.html` of an evidence archive: one page that loads nothing.
 * @param template text of templates/pages/evidence.html.hbs
 * @param readme text of README.txt
 */
export function evidencePage(template: string, index: EvidenceIndex, readme: string): string {
  const { image, version, variant, artifact, record, made } = index
  return renderPage(template, {
    name: `${image} ${version} (${variant})`,
    problems: index.problems.map(shown),
    about: [
      { name: 'Image', text: `${image} ${version}, ${variant}` },
      { name: 'Its digest', text: `sha256:${artifact}` },
      { name: 'Record', text: `sha256:${record}` },
      { name: 'Made', text: made },
      {
        name: 'Signed by keys',
        text: index.keys
          .map(({ keyid, path }) => (path === null ? `${keyid} (not in here)` : keyid))
          .join(', '),
      },
    ],
    files: index.files.map((file) => ({ ...file, bytes: size(file.bytes) })),
    missing: index.missing.map(({ what, why }) => ({ what: shown(what), why: shown(why) })),
    readme: shown(readme),
  })
}
