import type { EvidenceFile, EvidenceIndex } from '../model/evidence.ts'
import { sha256 } from './digest.ts'
import { compare } from './lists.ts'
import { provenanceReport } from './provenance.ts'

/** What goes into an evidence archive, before it has a digest. */
export interface EvidenceItem {
  readonly path: string
  readonly content: Uint8Array
  readonly mediaType: string
  readonly what: string
}

type Kind = Omit<EvidenceItem, 'content'>

const json = 'application/json'
export const envelopeType = 'application/vnd.dsse.envelope.v1+json'

/** Report of a record -> where it lies in the archive, and what it is. */
const reports: Readonly<Record<string, Kind>> = {
  html: { path: 'report/report.html', mediaType: 'text/html', what: 'the report, as its run wrote it' },
  summary: { path: 'report/report.json', mediaType: json, what: 'all that the report is made of' },
  markdown: { path: 'report/report.md', mediaType: 'text/markdown', what: 'the report in short' },
  sarif: {
    path: 'report/report.sarif',
    mediaType: 'application/sarif+json',
    what: 'findings, failed controls and tests in SARIF',
  },
  cyclonedx: {
    path: 'sbom/sbom.cdx.json',
    mediaType: 'application/vnd.cyclonedx+json',
    what: 'the SBOM in CycloneDX: every package of the image',
  },
  spdx: { path: 'sbom/sbom.spdx.json', mediaType: 'application/spdx+json', what: 'the SBOM in SPDX' },
  packages: {
    path: 'sbom/packages.tsv',
    mediaType: 'text/tab-separated-values',
    what: 'packages as dpkg lists them: name, version, architecture',
  },
  findings: {
    path: 'scan/findings.json',
    mediaType: json,
    what: 'what the scan found, with which scanner and database',
  },
  json: { path: 'scan/trivy.json', mediaType: json, what: "the scanner's own output" },
  table: { path: 'scan/findings.txt', mediaType: 'text/plain', what: 'findings as a table' },
  build: {
    path: 'build/build.json',
    mediaType: json,
    what: 'the build: its steps, its tools, and each control in the build machine',
  },
  bundle: {
    path: 'build/bundle.json',
    mediaType: json,
    what: 'digest of every file that was rendered for the build',
  },
  test: {
    path: 'test/test.json',
    mediaType: json,
    what: 'the tests: each boot, each fact, each control in the running machines and on the sealed disk',
  },
  check: {
    path: 'test/mintmark-check',
    mediaType: 'application/x-sh',
    what: 'the program that looked at the controls, as it is in the image: /usr/sbin/mintmark-check',
  },
  definition: {
    path: 'definition/definition.json',
    mediaType: json,
    what: 'the definition that people wrote, with its defaults',
  },
  [provenanceReport]: {
    path: 'provenance/provenance.dsse.json',
    mediaType: envelopeType,
    what: 'SLSA provenance v1, signed: builder, sources and what came out',
  },
}

/** Where a report of a record lies in the archive. */
export function reportKind(name: string): Kind {
  const known = Object.hasOwn(reports, name) ? reports[name] : undefined
  const safe = /^[a-z0-9][a-z0-9-]{0,60}$/.test(name) ? name : sha256(name)
  return (
    known ?? {
      path: `report/other/${safe}`,
      mediaType: 'application/octet-stream',
      what: 'another report that the record names',
    }
  )
}

/** Kinds of files that every archive has besides reports. */
export const kinds = {
  record: {
    path: 'record/record.dsse.json',
    mediaType: envelopeType,
    what: 'the record: the signed, immutable facts of the release',
  },
  statement: {
    path: 'record/statement.json',
    mediaType: 'application/vnd.in-toto+json',
    what: 'what the record says, taken out of its envelope for reading',
  },
  reservation: {
    path: 'record/reservation.json',
    mediaType: json,
    what: 'when the version was taken, by which run, and why that number',
  },
  audit: {
    path: 'audit.json',
    mediaType: json,
    what: 'the answers to what an auditor asks, with each link that was checked',
  },
  page: {
    path: 'report/report-now.html',
    mediaType: 'text/html',
    what: 'the report with what happened since the release',
  },
  trust: {
    path: 'trust/trust.yaml',
    mediaType: 'application/yaml',
    what: 'whose signatures were trusted when this was packed',
  },
  trustKey: {
    path: 'trust/trust.pem',
    mediaType: 'application/x-pem-file',
    what: 'the one key that was trusted when this was packed (--trust)',
  },
  sigstoreRoot: {
    path: 'trust/sigstore-root.json',
    mediaType: json,
    what: "Sigstore's trusted root, by which keyless signatures are told",
  },
} as const satisfies Readonly<Record<string, Kind>>

export const keyKind = (keyid: string): Kind => ({
  path: `keys/${keyid}.pem`,
  mediaType: 'application/x-pem-file',
  what: 'a public key that signed something in here; who it is has to be asked elsewhere',
})

/** @param name of the event's file in the catalog, e.g. 000001.dsse.json */
export const eventKind = (name: string): Kind =>
  name === 'head.json'
    ? {
        path: 'events/head.json',
        mediaType: json,
        what: 'the newest event that its writer knew, so that a lost one is missed',
      }
    : {
        path: `events/${name}`,
        mediaType: envelopeType,
        what: 'what happened to the release later: a signed event that names the one before',
      }

export const moveKind = (channel: string, name: string): Kind =>
  name === 'head.json'
    ? {
        path: `history/${channel}/head.json`,
        mediaType: json,
        what: `the newest move of the channel ${channel} that its writer knew`,
      }
    : {
        path: `history/${channel}/${name}`,
        mediaType: envelopeType,
        what: `a signed move of the channel ${channel}, which names the one before`,
      }

export const pointerKind = (channel: string): Kind => ({
  path: `channels/${channel}.json`,
  mediaType: json,
  what: `where the channel ${channel} points`,
})

/** @param sequence of the event that names it */
export const lookKind = (sequence: number): Kind => ({
  path: `rescans/${String(sequence).padStart(6, '0')}.findings.json`,
  mediaType: json,
  what: `what the re-scan of event ${sequence} found`,
})

export const textItem = (kind: Kind, text: string): EvidenceItem => ({ ...kind, content: Buffer.from(text) })

export const byPath = <T extends { readonly path: string }>(items: readonly T[]): readonly T[] =>
  [...items].sort((a, b) => compare(a.path, b.path))

/** The index's line of a file. */
const fileOf = ({ path, content, mediaType, what }: EvidenceItem): EvidenceFile => ({
  path,
  sha256: sha256(content),
  bytes: content.length,
  mediaType,
  what,
})

/** What is in an archive, by its items. */
export const evidenceIndex = (
  about: Omit<EvidenceIndex, 'schema' | 'files'>,
  items: readonly EvidenceItem[],
): EvidenceIndex => ({ schema: 1, ...about, files: byPath(items).map(fileOf) })

/** `SHA256SUMS`, for `sha256sum -c`. */
export const evidenceSums = (items: readonly Pick<EvidenceItem, 'path' | 'content'>[]): string =>
  byPath(items)
    .map(({ path, content }) => `${sha256(content)}  ${path}\n`)
    .join('')
