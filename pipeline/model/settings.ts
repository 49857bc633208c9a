import * as z from 'zod'
import { TeamName } from './ids.ts'

const Mirror = z
  .url({ protocol: /^https?$/, error: 'an http or https address, e.g. https://deb.debian.org/debian' })
  .refine((url) => !/[@?#\s]/.test(url), 'an address without credentials, query and spaces')

/** A folder, file or reference; one that begins with `./` or `../` is taken from the checkout. */
const Where = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[^~\p{Cc}][^\p{Cc}]*$/u, 'a path in full, without "~"')

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
  /** Of vulnerabilities: a folder, or an OCI reference. */
  scan: z.strictObject({ database: Where.optional() }).prefault({}),
  /** A folder: absolute, or from the checkout. */
  catalog: Where.optional(),
})
export type Settings = z.infer<typeof Settings>
