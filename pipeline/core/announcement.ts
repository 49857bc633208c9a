import type { RecordPredicate } from '../model/release.ts'
import { evidenceSums, reportKind } from './evidence-files.ts'
import { provenanceReport } from './provenance.ts'
import { quietMarkdown } from './report/quiet-markdown.ts'
import { markdownText } from './report/render-markdown.ts'
import { visibleLines } from './show-value.ts'
import { size } from './size.ts'
import { variantOf } from './statement.ts'

/** The tag of a release in the repository, e.g. `debian-13/v1.4.0`: one repository has many images. */
export const tagOf = (image: string, version: string): string => `${image}/v${version}`

/** Reports of a record that are attached to an announcement -> how their files end. */
const attached: readonly (readonly [report: string, ending: string])[] = [
  [provenanceReport, 'provenance.dsse.json'],
  ['cyclonedx', 'cdx.json'],
  ['spdx', 'spdx.json'],
  ['html', 'report.html'],
]

/** A file that is attached, named flat: a release has no folders. */
export interface AnnouncedFile {
  readonly name: string
  readonly mediaType: string
  readonly content: Uint8Array
}

/** Name of a variant's file. */
const fileName = (of: RecordPredicate, ending: string): string =>
  `${of.image}-${of.version}-${variantOf(of)}.${ending}`

/** The record as it is attached. */
export const recordFile = (of: RecordPredicate, text: string): AnnouncedFile => ({
  name: fileName(of, 'record.dsse.json'),
  mediaType: reportKind(provenanceReport).mediaType,
  content: Buffer.from(text),
})

/** Which of the record's reports are attached: their digests and what the files are called. Older records have fewer. */
export const reportFiles = (
  of: RecordPredicate,
): readonly (Omit<AnnouncedFile, 'content'> & { readonly sha256: string })[] =>
  attached.flatMap(([report, ending]) => {
    const stored = of.reports[report]
    if (stored === undefined) return []
    return [{ name: fileName(of, ending), mediaType: reportKind(report).mediaType, sha256: stored.sha256 }]
  })

/** `SHA256SUMS` over the other files, for `sha256sum -c`. */
export const sumsFile = (files: readonly AnnouncedFile[]): AnnouncedFile => ({
  name: 'SHA256SUMS',
  mediaType: 'text/plain',
  content: Buffer.from(evidenceSums(files.map(({ name, content }) => ({ path: name, content })))),
})

/** One variant, and who vouches for it. */
export interface AnnouncedVariant {
  readonly predicate: RecordPredicate
  /** A signer of trust.yaml signed the record. */
  readonly anchored: boolean
}

function findingsText({ gate }: RecordPredicate): string {
  if (gate.vulnerability !== 'judged') return 'unknown: there was no database'
  const counts = Object.entries(gate.counts).flatMap(([severity, { fixable, unfixed }]) =>
    fixable + unfixed === 0 ? [] : [`${severity.toLowerCase()} ${fixable + unfixed}`],
  )
  return counts.join(', ') || 'none known'
}

const factRow = ({ predicate }: AnnouncedVariant): readonly string[] => {
  const { artifact, scan, controls } = predicate
  return [
    variantOf(predicate),
    `${scan.os.family} ${scan.os.release}`,
    `sha256:${artifact.sha256}`,
    size(artifact.bytes),
    String(scan.packages.dpkg),
    `${controls.pass} of ${controls.total} held`,
    findingsText(predicate),
  ]
}

const factHead = ['variant', 'system', 'image', 'size', 'packages', 'controls', 'findings']

/** Where nothing else is said. */
const sentence = (of: RecordPredicate): string =>
  `${of.owner} answers for it. Log in as ${of.login}; hardened by profile ${of.profile}.`

/**
 * The announcement in Markdown: the words of a person, facts of the records, and how to check them.
 * @param notes Markdown of who releases, as they wrote it; null for none
 * @param variants at least one, all of one version
 */
export function announcementMarkdown(
  notes: string | null,
  variants: readonly [AnnouncedVariant, ...AnnouncedVariant[]],
): string {
  const [{ predicate: first }] = variants
  const shipped = [...new Set(variants.flatMap(({ predicate }) => predicate.gate.emergency?.shipped ?? []))]
  const reason = variants.map(({ predicate }) => predicate.gate.emergency?.reason).find((text) => text)
  const loose = variants.some(({ anchored }) => !anchored)
  const record = fileName(first, 'record.dsse.json')
  const facts = [
    `### ${markdownText(`${first.image} ${first.version}`)}`,
    '',
    markdownText(sentence(first)),
    '',
    ...(reason === undefined
      ? []
      : [
          `**Emergency: ${markdownText(reason)}.** It ships what the policy rejects: ${shipped.map(markdownText).join(', ')}.`,
          '',
        ]),
    `| ${factHead.join(' | ')} |`,
    `|${factHead.map(() => '---|').join('')}`,
    ...variants.map((variant) => `| ${factRow(variant).map(markdownText).join(' | ')} |`),
    '',
    'The image itself is not attached: it is where its channel shares it. A record names it by its digest.',
    '',
    '### How to check it',
    '',
    '```sh',
    'sha256sum -c SHA256SUMS',
    ...variants.map(({ predicate }) => `./mintmark verify ./${fileName(predicate, 'record.dsse.json')}`),
    '```',
    '',
    `\`verify\` checks the signature by this repository's \`scans/policies/trust.yaml\`, and the image where it lies beside ${markdownText(record)} under its own name.`,
    ...(loose
      ? [
          '',
          'Nobody whom `scans/policies/trust.yaml` names signed the record: only the machine that built it vouches for it.',
        ]
      : []),
    '',
  ].join('\n')
  // Who is mentioned in their own words is up to who wrote them; a record mentions nobody.
  const words = notes === null ? '' : `${visibleLines(notes.replaceAll('\r\n', '\n')).trim()}\n\n`
  return `${words}${quietMarkdown(facts)}`
}
