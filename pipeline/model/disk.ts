import * as z from 'zod'

/** What `sfdisk --json` prints. Loose: newer versions add fields. */
export const SfdiskDump = z.object({
  partitiontable: z.object({
    label: z.string(),
    /** Of a GPT a GUID, of an MBR 0x and 8 hex digits. */
    id: z.string().default(''),
    unit: z.literal('sectors'),
    sectorsize: z.int().positive().default(512),
    partitions: z
      .array(
        z.object({
          node: z.string(),
          start: z.int().nonnegative(),
          size: z.int().positive(),
          type: z.string(),
          uuid: z.string().default(''),
          name: z.string().default(''),
        }),
      )
      .default([]),
  }),
})
export type SfdiskDump = z.infer<typeof SfdiskDump>

/** What `qemu-img info --output=json` prints, as far as we look at it. */
export const ImageInfo = z.object({
  format: z.string(),
  'virtual-size': z.int().positive(),
  'backing-filename': z.string().optional(),
  'format-specific': z
    .object({ data: z.object({ 'data-file': z.string().optional() }).optional() })
    .optional(),
})
export type ImageInfo = z.infer<typeof ImageInfo>
