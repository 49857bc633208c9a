import * as z from 'zod'
import { isS3Address, parseS3Address } from './catalog-address.ts'
import { TeamName } from './ids.ts'
import { isAddress, listAddress } from './known-exploited.ts'

const Mirror = z
  .url({ protocol: /^https?$/, error: 'an http or https address, e.g. https://deb.debian.org/debian' })
  .refine((url) => !/[@?#\s]/.test(url), 'an address without credentials, query and spaces')

/** A folder, file or reference; one that begins with `./` or `../` is taken from the checkout. */
const Where = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[^~\p{Cc}][^\p{Cc}]*$/u, 'a path in full, without "~"')

/** Of the reports. */
export const Language = z.enum(['en', 'zh'])
export type Language = z.infer<typeof Language>

/** CISA's catalog, or one in its form: a file, or an address that nobody on the way can change. */
const KnownExploitedAt = Where.refine(
  (where) => !isAddress(where) || listAddress.test(where),
  'a file, or an https address without credentials and query',
)

const Service = z
  .url({ protocol: /^https?$/, error: 'an https address' })
  .refine((url) => !/[@?#\s]/.test(url), 'an address without credentials, query and spaces')

const Signing = z.strictObject({
  /** `file`: a key of this machine; `sigstore`: the identity of the CI job; `kms:KEY`: a key that stays in AWS KMS. */
  signer: z
    .string()
    .regex(/^(?:file|sigstore|kms:[A-Za-z0-9:/_-]+)$/, 'file, sigstore or kms:KEY, e.g. kms:alias/golden')
    .optional(),
  sigstore: z
    .strictObject({
      /** Names of repositories, workflows and commits may stand in a log that everybody reads. */
      publicLog: z.boolean().optional(),
      fulcio: Service.optional(),
      rekor: Service.optional(),
      tsa: Service.optional(),
    })
    .optional(),
})

/** A folder: absolute, or from the checkout; or a bucket. */
const CatalogAt = Where.refine(
  (where) => !isS3Address(where) || parseS3Address(where) !== null,
  'a folder, or s3://bucket/prefix',
)

/** `mintmark.yaml`: what a team shares. The file and each field but `schema` are optional; an environment variable or a flag wins. */
export const Settings = z.strictObject({
  schema: z.literal(1),
  /** When given, owners must be among them. */
  teams: z.array(TeamName).min(1).optional(),
  mirrors: z
    .strictObject({
      debian: Mirror.optional(),
      debianSecurity: Mirror.optional(),
      /** Of the publishers' cloud images: an address, or a folder by its absolute path. */
      images: z
        .string()
        .regex(
          /^(?:https?:\/\/[^@?#\s\p{Cc}]+|\/[^\p{Cc}]*)$/u,
          'an http or https address without credentials, or an absolute path',
        )
        .optional(),
    })
    .prefault({}),
  /** Of vulnerabilities: a folder, or an OCI reference; and which of them are known to be exploited. */
  scan: z
    .strictObject({
      database: Where.optional(),
      knownExploited: KnownExploitedAt.optional(),
      secondScanner: z.literal('grype').optional(),
      grypeDatabase: Where.optional(),
    })
    .prefault({}),
  catalog: CatalogAt.optional(),
  /** What `watch` takes for too old. */
  watch: z
    .strictObject({
      /** The oldest release that a channel other than nightly may point to. */
      channelAge: z
        .string()
        .regex(/^[1-9][0-9]{0,3}d$/, 'a number of days, e.g. 45d')
        .optional(),
    })
    .optional(),
  /** Who signs records and events. */
  signing: Signing.optional(),
  /** Of the reports about a run; English when it is left out. */
  language: Language.optional(),
})
export type Settings = z.infer<typeof Settings>
