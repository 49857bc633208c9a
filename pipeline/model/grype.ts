import * as z from 'zod'

/** Grype's own JSON, as far as we read it; loose for the same reason as Trivy's. */
export const GrypeReport = z.object({
  matches: z.array(
    z.object({
      vulnerability: z.object({
        id: z.string(),
        severity: z.string().default('Unknown'),
        description: z.string().default(''),
        fix: z.object({ versions: z.array(z.string()).default([]) }).default({ versions: [] }),
      }),
      relatedVulnerabilities: z.array(z.object({ id: z.string() })).default([]),
      artifact: z.object({ name: z.string(), version: z.string().default('') }),
    }),
  ),
})
export type GrypeReport = z.infer<typeof GrypeReport>

/** `grype db status -o json` */
export const GrypeStatus = z.object({ valid: z.boolean(), built: z.string(), error: z.string().default('') })
export type GrypeStatus = z.infer<typeof GrypeStatus>
