import * as z from 'zod'
import { Severity } from './stages.ts'

const problemOf = (pattern: string): string | null => {
  try {
    new RegExp(pattern, 'gm')
    return null
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
}

/** A JavaScript regular expression; `^` and `$` are the ends of a line. */
const Pattern = z
  .string()
  .min(1)
  .superRefine((pattern, context) => {
    const problem = problemOf(pattern)
    if (problem !== null)
      context.addIssue({ code: 'custom', message: `a regular expression that can be read: ${problem}` })
  })

/** One kind of secret: where it may be, and what it looks like. */
export const SecretRule = z
  .strictObject({
    id: z.string().regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, 'lower-case words with "-" between them'),
    title: z.string().min(3),
    severity: Severity,
    /** A file is read only when one of these is in it, byte for byte; each match holds one. */
    keywords: z.array(z.string().min(4)).default([]),
    /** Only files whose path (without a leading slash) matches; without keywords all of these are read. */
    paths: Pattern.optional(),
    /** Matches of more than 16 KiB are not seen: use bounded repetitions. */
    regex: Pattern,
    /** A match in which one of these is found is a well-known example. */
    except: z.array(Pattern).default([]),
    /** Trivy's rules for the same kind of secret: what both find in a file is one finding. */
    trivy: z.array(z.string()).default([]),
  })
  .refine(
    (rule) => rule.keywords.length > 0 || rule.paths !== undefined,
    'a rule with keywords, or with paths: else every file would have to be read',
  )
export type SecretRule = z.infer<typeof SecretRule>

/** `scans/secret-rules.yaml` */
export const SecretRules = z.strictObject({ schema: z.literal(1), rules: z.array(SecretRule).min(1) })
export type SecretRules = z.infer<typeof SecretRules>
