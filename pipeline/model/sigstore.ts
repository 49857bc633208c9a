import * as z from 'zod'

const Bytes = z.base64()
/** protobuf's int64 in its JSON, where nought is left out. */
const Count = z
  .string()
  .regex(/^[1-9][0-9]{0,18}$/)
  .optional()

const LogEntry = z.strictObject({
  logIndex: Count,
  logId: z.strictObject({ keyId: Bytes }),
  kindVersion: z.strictObject({ kind: z.string(), version: z.string() }),
  /** Seconds since 1970. */
  integratedTime: Count,
  /** The log's signature over entry and time. */
  inclusionPromise: z.strictObject({ signedEntryTimestamp: Bytes }).optional(),
  inclusionProof: z.strictObject({
    logIndex: Count,
    rootHash: Bytes,
    treeSize: Count,
    hashes: z.array(Bytes).optional(),
    checkpoint: z.strictObject({ envelope: z.string() }),
  }),
  canonicalizedBody: Bytes,
})

/** What a verifier of a keyless signature needs besides the trusted root: `verificationMaterial` of a Sigstore bundle 0.3, in its JSON. */
export const SigstoreMaterial = z.strictObject({
  certificate: z.strictObject({ rawBytes: Bytes }),
  tlogEntries: z.array(LogEntry).length(1),
  timestampVerificationData: z
    .strictObject({ rfc3161Timestamps: z.array(z.strictObject({ signedTimestamp: Bytes })) })
    .optional(),
})
export type SigstoreMaterial = z.infer<typeof SigstoreMaterial>
