import * as z from 'zod'
import { ImageName, Instant, Sha256 } from './ids.ts'
import { Version } from './release.ts'

/** `instance.json` in the folder of a machine that `boot` started: what it was started from. */
export const InstanceFile = z.strictObject({
  schema: z.literal(1),
  /** What `show` is asked for. */
  id: z.string(),
  started: Instant,
  /** For people: debian-13@1.0.0, or the path of a file. */
  name: z.string(),
  /** Null for a file that no record is about. */
  release: z
    .strictObject({
      image: ImageName,
      version: Version,
      variant: z.string(),
      artifact: Sha256,
      record: Sha256,
    })
    .nullable(),
})
export type InstanceFile = z.infer<typeof InstanceFile>
