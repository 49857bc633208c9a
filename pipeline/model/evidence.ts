import * as z from 'zod'
import { ImageName, Instant, Sha256 } from './ids.ts'
import { Version } from './release.ts'

/** One file of an evidence archive. */
export const EvidenceFile = z.strictObject({
  /** From the top of the archive. */
  path: z.string(),
  sha256: Sha256,
  bytes: z.int(),
  mediaType: z.string(),
  /** For people: what it is and what it proves. */
  what: z.string(),
})
export type EvidenceFile = z.infer<typeof EvidenceFile>

/** `index.json` of an evidence archive. */
export const EvidenceIndex = z.strictObject({
  schema: z.literal(1),
  image: ImageName,
  version: Version,
  variant: z.string(),
  /** Digest of the image, which is not in the archive. */
  artifact: Sha256,
  record: Sha256,
  /** When the record was made; the archive's own time is told nowhere, so that it has the same bytes whenever it is made. */
  made: Instant,
  /** False: some link was wrong when it was packed, see `problems`. */
  complete: z.boolean(),
  problems: z.array(z.string()),
  /** False: nobody of the trust policy signed the record, only a key of the machine that packed it. */
  anchored: z.boolean(),
  /** What somebody might look for and does not find, and why. */
  missing: z.array(z.strictObject({ what: z.string(), why: z.string() })),
  /** Keys that signed something in it; null: the archive has no public key of that id. */
  keys: z.array(z.strictObject({ keyid: Sha256, path: z.string().nullable() })),
  /** Sorted by path. */
  files: z.array(EvidenceFile),
})
export type EvidenceIndex = z.infer<typeof EvidenceIndex>
