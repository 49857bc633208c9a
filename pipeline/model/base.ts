import * as z from 'zod'
import { Arch, Instant, Sha256 } from './ids.ts'

/** A key's full OpenPGP fingerprint: 40 upper-case hex digits. */
export const Fingerprint = z.string().regex(/^[0-9A-F]{40}$/)

/**
 * `images/<name>.lock.json`: what an archive has to be. Only `base update` writes it. The digests that were
 * really seen go into the record.
 */
export const BaseLock = z.strictObject({
  schema: z.literal(1),
  from: z.literal('archive'),
  distribution: z.literal('debian'),
  release: z.string(),
  codename: z.string().regex(/^[a-z]+$/),
  /** Primary keys, one of which must have signed each suite, with who they are. */
  keys: z.array(z.strictObject({ fingerprint: Fingerprint, name: z.string(), origin: z.string() })).min(1),
  /** Per suite: the oldest Date that its Release file may have (a floor against roll-back). */
  floor: z.record(z.string(), Instant),
  updated: Instant,
})
export type BaseLock = z.infer<typeof BaseLock>

export const SeenSuite = z.strictObject({
  suite: z.string(),
  codename: z.string(),
  /** Point release where the suite has one, e.g. 13.7. */
  version: z.string().nullable(),
  date: Instant,
  validUntil: Instant.nullable(),
  inRelease: Sha256,
  signedBy: z.array(Fingerprint),
})
export type SeenSuite = z.infer<typeof SeenSuite>

/** What the base stage found and made: a disk whose every package came from the signed archive. */
export const ResolvedBase = z.strictObject({
  from: z.literal('archive'),
  /** Digest over all that the disk depends on: suites' InRelease digests and the recipe. */
  id: Sha256,
  distribution: z.literal('debian'),
  release: z.string(),
  version: z.string(),
  codename: z.string(),
  arch: Arch,
  suites: z.array(SeenSuite),
  packages: z.strictObject({
    count: z.int(),
    /** Of the file `packages.tsv` beside the disk: name, version, architecture, one a line, sorted. */
    sha256: Sha256,
  }),
  disk: z.strictObject({
    path: z.string(),
    sha256: Sha256,
    virtualBytes: z.int(),
    format: z.literal('qcow2'),
  }),
  bootstrapped: Instant,
  tools: z.record(z.string(), z.string()),
})
export type ResolvedBase = z.infer<typeof ResolvedBase>
