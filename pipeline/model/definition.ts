import * as z from 'zod'
import { Arch, ControlId, Day, TeamName } from './ids.ts'

/** Debian package names (Policy 5.6.1); no version, no option. */
const PackageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'a Debian package name, e.g. chrony')

const Days = z.string().regex(/^[1-9][0-9]{0,3}d$/, 'a number of days, e.g. 90d')

/** Whole GiB. */
const DiskSize = z.string().regex(/^(?:[3-9]|[1-9][0-9]{1,3})G$/, 'a size of at least 3G, e.g. 4G')

const Port = z.int().min(1).max(65535)

const Exception = z.strictObject({
  control: ControlId,
  reason: z.string().min(10, 'say why, in at least 10 characters'),
  owner: TeamName,
  expires: Day,
})
export type Exception = z.infer<typeof Exception>

/**
 * `images/<name>.yaml`: one golden image, as people write it. Unknown fields are refused.
 */
export const Definition = z.strictObject({
  schema: z.literal(1),
  owner: TeamName,
  os: z.strictObject({
    family: z.enum(['debian']),
    release: z.enum(['12', '13']),
    arch: z.tuple([Arch]),
  }),
  base: z.strictObject({
    from: z.enum(['archive']),
    /** The oldest bootstrap that a release may still be built from. */
    maxAge: Days.default('90d'),
  }),
  content: z
    .strictObject({
      packages: z
        .strictObject({ add: z.array(PackageName).default([]), remove: z.array(PackageName).default([]) })
        .prefault({}),
      /** TCP ports that the image answers on; all others are closed by its firewall. */
      ports: z.array(Port).default([22]),
    })
    .prefault({}),
  hardening: z.strictObject({
    profiles: z.array(ControlId).length(1, 'exactly one profile'),
    exceptions: z.array(Exception).default([]),
  }),
  disk: z
    .strictObject({ size: DiskSize.default('4G'), layout: z.enum(['simple']).default('simple') })
    .prefault({}),
  machine: z
    .strictObject({
      firmware: z.enum(['bios', 'uefi']).default('bios'),
      secureBoot: z.boolean().default(false),
    })
    .prefault({}),
  scan: z.strictObject({ policy: z.enum(['default']).default('default') }).prefault({}),
  targets: z.strictObject({ qemu: z.strictObject({}) }),
  channels: z.strictObject({ nightly: z.strictObject({}) }).prefault({ nightly: {} }),
})
export type Definition = z.infer<typeof Definition>

/**
 * Fields that the format has and this version does not honour yet. They are refused like unknown ones, with
 * this word instead of a suggestion.
 */
export const notYetSupported: readonly string[] = [
  'content.repos',
  'content.files',
  'content.steps',
  'content.certificates',
  'secrets',
  'test',
  'retention',
  'machine.tpm',
  'targets.aws',
  'targets.azure',
  'targets.alibaba',
  'targets.tencent',
  'targets.huawei',
  'channels.stable',
  'hardening.values',
]
