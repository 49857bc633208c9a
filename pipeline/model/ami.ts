import * as z from 'zod'
import { Arch, Instant, Sha256 } from './ids.ts'
import { Lifecycle } from './lifecycle.ts'

export const AwsAccount = z.string().regex(/^\d{12}$/, 'an account is 12 digits, e.g. 123456789012')
export type AwsAccount = z.infer<typeof AwsAccount>

export const AwsRegion = z
  .string()
  .regex(/^[a-z]{2}(?:-[a-z]+)+-\d{1,2}$/, 'a region is written like eu-west-1')
export type AwsRegion = z.infer<typeof AwsRegion>

/** Eight hex digits are of before 2016. */
export const AmiId = z
  .string()
  .regex(/^ami-(?:[0-9a-f]{8}|[0-9a-f]{17})$/, 'an AMI is written like ami-0abc…')

export const SnapshotId = z
  .string()
  .regex(/^snap-(?:[0-9a-f]{8}|[0-9a-f]{17})$/, 'a snapshot is written like snap-0abc…')

/** Null where EC2 says none: then it is as the processor has it, BIOS on x86_64 and UEFI on aarch64. */
export const BootMode = z.enum(['legacy-bios', 'uefi', 'uefi-preferred'])
export type BootMode = z.infer<typeof BootMode>

/** What pointed to the AMI: a public parameter of the publisher's, or the newest name of the owner's. */
export const AmiSelector = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('parameter'), parameter: z.string() }),
  z.strictObject({ by: z.literal('name'), pattern: z.string() }),
])
export type AmiSelector = z.infer<typeof AmiSelector>

/** One AMI of a chain, and the one that it was copied or made from. */
export const AmiAncestor = z.strictObject({
  imageId: AmiId,
  /** amazon, aws-marketplace, ...; null: EC2 knows no alias of its owner. */
  alias: z.string().nullable(),
  source: z.strictObject({ imageId: AmiId, region: AwsRegion.nullable() }).nullable(),
})
export type AmiAncestor = z.infer<typeof AmiAncestor>

/** What is one region's own of an AMI that has the same name in all. */
export const RegionalAmi = z.strictObject({
  imageId: AmiId,
  created: Instant,
  /** Of the root device. */
  snapshot: SnapshotId,
  /** From when on it counts as deprecated; null: nobody said. */
  deprecation: Instant.nullable(),
  /** From the AMI itself to its root; null: EC2 did not tell. */
  ancestry: z.array(AmiAncestor).nullable(),
})
export type RegionalAmi = z.infer<typeof RegionalAmi>

/** What holds for the AMI in every region. */
const common = {
  /** Id in the table of owners. */
  publisher: z.string(),
  /** The account that the AMI is of. */
  owner: AwsAccount,
  alias: z.string().nullable(),
  distribution: z.string(),
  release: z.string(),
  arch: Arch,
  name: z.string(),
  /** The day in the name. */
  built: Instant,
  bootMode: BootMode.nullable(),
  virtualization: z.literal('hvm'),
  rootDevice: z.literal('ebs'),
  ena: z.literal(true),
  platformDetails: z.string(),
  usageOperation: z.string(),
}

/** One AMI of an official owner, the same build in each region that it was looked up in. */
export const AmiLock = z.strictObject({
  schema: z.literal(1),
  from: z.literal('ami'),
  ...common,
  selector: AmiSelector,
  regions: z
    .record(AwsRegion, RegionalAmi)
    .refine((regions) => Object.keys(regions).length > 0, 'at least one region'),
  updated: Instant,
})
export type AmiLock = z.infer<typeof AmiLock>

/** The pinned AMI as it was found again in the region of a build. */
export const AmiBase = z.strictObject({
  from: z.literal('ami'),
  /** Digest over owner, region, image and snapshot: AMIs and snapshots are never written to. */
  id: Sha256,
  ...common,
  /** e.g. 13-20260912 */
  version: z.string(),
  /** The user that cloud-init makes in its instances. */
  login: z.string(),
  region: AwsRegion,
  ...RegionalAmi.shape,
  lifecycle: Lifecycle,
})
export type AmiBase = z.infer<typeof AmiBase>
