import type { Resource } from '../model/provenance.ts'
import { ProvenanceStatement } from '../model/provenance.ts'
import type { RecordPredicate } from '../model/release.ts'
import { canonicalJson } from './digest.ts'
import { parseSigned, subjectOf } from './statement.ts'

/** The report of a record that is its provenance: an envelope of its own. */
export const provenanceReport = 'provenance'

const annotated = (values: Readonly<Record<string, string | null>>): Resource['annotations'] =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
  )

/** What the base came from: evidence that anybody can look up again, never a mirror's address. */
function baseResources(base: RecordPredicate['base']): readonly Resource[] {
  switch (base.from) {
    case 'archive':
      return base.suites.map(({ suite, inRelease, date, version, signedBy }) => ({
        name: `${base.distribution} ${suite} InRelease`,
        digest: { sha256: inRelease },
        annotations: annotated({ date, version, signedBy: signedBy.join(' ') }),
      }))
    case 'image': {
      const { url, checksums, publisher, signature } = base
      const signed = signature === null ? null : signature.fingerprint
      return [
        {
          name: base.name,
          ...(url === null ? {} : { uri: url }),
          digest: { sha256: base.diskSha256 },
          annotations: annotated({ publisher, signedBy: signed }),
        },
        ...(checksums === null ? [] : [{ name: checksums.name, digest: { sha256: checksums.sha256 } }]),
      ]
    }
    case 'ami': {
      const { imageId, region, owner, snapshot, created } = base
      return [
        {
          name: base.name,
          uri: `arn:aws:ec2:${region}::image/${imageId}`,
          digest: { sha256: base.id },
          annotations: annotated({ publisher: base.publisher, owner, snapshot, created }),
        },
      ]
    }
    case 'parent': {
      const name = `${base.image}@${base.imageVersion}`
      return [
        { name, digest: { sha256: base.artifact }, annotations: annotated({ channel: base.channel }) },
        { name: `record of ${name}`, digest: { sha256: base.record } },
      ]
    }
  }
}

const withDigest = /^(\S+) sha256:([0-9a-f]{64})$/

/** Tools that are pinned to the byte; of the others the record has the version. */
const toolResources = ({ tools, scan }: RecordPredicate): readonly Resource[] => [
  ...Object.entries(tools).flatMap(([name, text]) => {
    const [, version = '', digest] = withDigest.exec(text) ?? []
    return digest === undefined ? [] : [{ name, digest: { sha256: digest }, annotations: { version } }]
  }),
  { name: 'trivy', digest: { sha256: scan.trivy.sha256 }, annotations: { version: scan.trivy.version } },
]

const sourceResources = ({ source: { commit, dirty } }: RecordPredicate): readonly Resource[] =>
  commit === null
    ? []
    : [{ name: 'source', digest: { gitCommit: commit }, annotations: { dirty: String(dirty) } }]

/** SBOMs by their names in a record. */
const sbomNames = ['cyclonedx', 'spdx'] as const

/**
 * What a record says, in SLSA's words: nothing is in it that is not in the record, so that the two can be compared to the byte.
 * Null for a record of before there was provenance. Stored ones are made again by this to be verified: another content needs
 * another build type beside this one.
 */
export function provenanceOf(record: RecordPredicate): ProvenanceStatement | null {
  const { builder, image, version, target, arch, run, reports } = record
  if (builder === undefined) return null
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [subjectOf(record)],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'https://mintmark.dev/build/v1',
        externalParameters: { image, version, target, arch, definition: record.source.definition },
        internalParameters: { bundle: record.source.bundle, run },
        resolvedDependencies: [
          ...baseResources(record.base),
          ...sourceResources(record),
          ...toolResources(record),
        ],
      },
      runDetails: {
        builder: { id: builder.id, version: { mintmark: builder.version } },
        metadata: {
          invocationId: `${image}/${run}`,
          startedOn: builder.started,
          finishedOn: builder.finished,
        },
        byproducts: sbomNames.flatMap((name) => {
          const report = reports[name]
          return report === undefined ? [] : [{ name, digest: { sha256: report.sha256 } }]
        }),
      },
    },
  }
}

/** The bytes of a provenance statement that an envelope carries. */
export const provenancePayload = (statement: ProvenanceStatement): Uint8Array =>
  Buffer.from(canonicalJson(statement))

/** @throws MintmarkError VERIFY_FAILED when the payload is no provenance, or not in canonical form */
export const parseProvenance = (payload: Uint8Array): ProvenanceStatement =>
  parseSigned(payload, ProvenanceStatement, 'the payload is no provenance of mintmark')
