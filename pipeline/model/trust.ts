import * as z from 'zod'
import { Day, Sha256 } from './ids.ts'

const days = {
  /** What is signed from the first day to the last, both included, is trusted. */
  from: Day,
  until: Day,
}

const signer = {
  /** The signer: a team or a service, e.g. team-platform release job. */
  name: z.string().min(3).max(120),
  ...days,
}

const TrustedKeyEntry = z
  .strictObject({
    keyid: Sha256,
    ...signer,
    /** Ed25519, ECDSA P-256 or RSA (PSS), SPKI in PEM. */
    publicKey: z.string(),
    /** Somebody else may have it: no date that it signed is believed any more. */
    revoked: z.boolean().default(false),
    /** Of a revoked key: digests of envelopes (`sha256sum *.dsse.json`) that a copy from before the theft holds. */
    stillTrusted: z.array(Sha256).default([]),
  })
  .refine((key) => key.revoked || key.stillTrusted.length === 0, {
    path: ['stillTrusted'],
    error: 'is for a key that is revoked: add "revoked: true", or remove it',
  })
  .refine((key) => key.from <= key.until, { path: ['until'], error: 'is before "from"' })

/** A workload or a person, as Sigstore's certificate authority certified it. */
const TrustedIdentityEntry = z
  .strictObject({
    issuer: z
      .url({
        protocol: /^https$/,
        error: 'the https address of the token issuer, e.g. https://token.actions.githubusercontent.com',
      })
      .max(300),
    /** Whole, or its beginning with one "*" at the end. */
    subject: z
      .string()
      .max(500)
      .regex(
        /^(?:[^*\s]+|https:\/\/[^/*\s]+\/[^/*\s]+\/[^*\s]*\*)$/,
        'whole, or https://HOST/OWNER/... with one "*" at the end, e.g. https://github.com/corp/images/.github/workflows/nightly.yml@*',
      ),
    ...signer,
  })
  .refine((identity) => identity.from <= identity.until, { path: ['until'], error: 'is before "from"' })

/** `scans/policies/trust.yaml`: whose signatures anchor a record. */
export const TrustPolicy = z
  .strictObject({
    schema: z.literal(1),
    keys: z.array(TrustedKeyEntry).default([]),
    identities: z.array(TrustedIdentityEntry).default([]),
  })
  .superRefine(({ keys }, context) => {
    const seen = new Set<string>()
    for (const [index, { keyid }] of keys.entries()) {
      if (seen.has(keyid))
        context.addIssue({
          code: 'custom',
          path: ['keys', index, 'keyid'],
          message: `${keyid} is listed twice`,
        })
      seen.add(keyid)
    }
  })
export type TrustPolicy = z.infer<typeof TrustPolicy>
