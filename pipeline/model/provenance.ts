import * as z from 'zod'
import { Arch, ImageName, Instant, Sha256, TargetId } from './ids.ts'

/** in-toto's ResourceDescriptor, as far as it is used. */
const Resource = z.strictObject({
  name: z.string(),
  uri: z.string().optional(),
  digest: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()).optional(),
})
export type Resource = z.infer<typeof Resource>

/** SLSA's provenance v1, as mintmark's kind of build fills it. */
const ProvenancePredicate = z.strictObject({
  buildDefinition: z.strictObject({
    buildType: z.literal('https://mintmark.dev/build/v1'),
    /** What a person decides. */
    externalParameters: z.strictObject({
      image: ImageName,
      version: z.string(),
      target: TargetId,
      arch: Arch,
      /** Digest of the definition, whole. */
      definition: Sha256,
    }),
    internalParameters: z.strictObject({
      /** Digest of all that was rendered. */
      bundle: Sha256,
      run: z.string(),
    }),
    resolvedDependencies: z.array(Resource),
  }),
  runDetails: z.strictObject({
    builder: z.strictObject({ id: z.url(), version: z.record(z.string(), z.string()) }),
    metadata: z.strictObject({ invocationId: z.string(), startedOn: Instant, finishedOn: Instant }),
    /** The SBOMs: blobs of the catalog. */
    byproducts: z.array(Resource),
  }),
})

/** in-toto Statement v1 with SLSA's provenance v1. */
export const ProvenanceStatement = z.strictObject({
  _type: z.literal('https://in-toto.io/Statement/v1'),
  subject: z
    .array(z.strictObject({ name: z.string(), digest: z.strictObject({ sha256: Sha256 }) }))
    .length(1),
  predicateType: z.literal('https://slsa.dev/provenance/v1'),
  predicate: ProvenancePredicate,
})
export type ProvenanceStatement = z.infer<typeof ProvenanceStatement>
