import * as z from 'zod'
import { AmiBase, AmiLock } from './ami.ts'
import { AmiArtifact } from './artifact.ts'
import { Arch, ImageName, Instant, Sha256 } from './ids.ts'
import { Lifecycle } from './lifecycle.ts'

/** A key's full OpenPGP fingerprint: 40 upper-case hex digits. */
export const Fingerprint = z.string().regex(/^[0-9A-F]{40}$/)

const Sha512 = z.string().regex(/^[0-9a-f]{128}$/, 'a sha512 is 128 lower-case hex digits')

/** A primary key that may sign, and where its fingerprint was read. */
const PinnedKey = z.strictObject({ fingerprint: Fingerprint, name: z.string(), origin: z.string() })

/** What an archive has to be. The digests that were really seen go into the record. */
export const ArchiveLock = z.strictObject({
  schema: z.literal(1),
  from: z.literal('archive'),
  distribution: z.literal('debian'),
  release: z.string(),
  codename: z.string().regex(/^[a-z]+$/),
  /** Primary keys, one of which must have signed each suite, with who they are. */
  keys: z.array(PinnedKey).min(1),
  /** Per suite: the oldest Date that its Release file may have (a floor against roll-back). */
  floor: z.record(z.string(), Instant),
  updated: Instant,
})
export type ArchiveLock = z.infer<typeof ArchiveLock>

/** A part of a path or a name that means another file tomorrow. */
const floating = /(?:^|[/._-])(?:latest|current|daily)(?:$|[/._-])|\/release\//i

const Fixed = z
  .string()
  .refine((text) => !floating.test(text), 'a floating name (latest, current, daily, release): pin one build')

/** Evidence for an official image: the publisher's signature over its checksum file. */
export const ImageSignature = z.strictObject({
  fingerprint: Fingerprint,
  /** Who the key is, and where its fingerprint was read. */
  name: z.string(),
  origin: z.string(),
  /** When it was made, by its own word. */
  made: Instant,
  /** When it was verified here. */
  checked: Instant,
})
export type ImageSignature = z.infer<typeof ImageSignature>

/** One image, byte for byte. */
export const ImageLock = z.strictObject({
  schema: z.literal(1),
  from: z.literal('image'),
  /** Id in the table of publishers; `local`: a file of the team's own, that nobody signed. */
  publisher: z.string(),
  distribution: z.string(),
  release: z.string(),
  codename: z.string().nullable(),
  arch: Arch,
  name: Fixed,
  /** The publisher's own address, never a mirror's; null for a local file. */
  url: Fixed.nullable(),
  sha256: Sha256,
  /** Where the publisher gives only that. */
  sha512: Sha512.optional(),
  /** The publisher's checksum file as it was verified; null for a local file. */
  checksums: z.strictObject({ name: z.string(), sha256: Sha256 }).nullable(),
  signature: ImageSignature.nullable(),
  /** The date of the image: in its name or its folder; of a local file, when it was last written. */
  built: Instant,
  updated: Instant,
})
export type ImageLock = z.infer<typeof ImageLock>

/** `images/<name>.lock.json` of schema 1: what a base on this machine has to be. Only `base update` writes it. */
export const BaseLock = z.discriminatedUnion('from', [ArchiveLock, ImageLock])
export type BaseLock = z.infer<typeof BaseLock>

/** The same file of schema 2: a lock for each target that the image is made for, since each has bases of its own. */
export const Locks = z.strictObject({
  schema: z.literal(2),
  qemu: BaseLock.optional(),
  aws: AmiLock.optional(),
})
export type Locks = z.infer<typeof Locks>

/** A lock of any target. */
export type TargetLock = BaseLock | AmiLock

export const SeenSuite = z.strictObject({
  suite: z.string(),
  codename: z.string(),
  /** Point release where the suite has one, e.g. 13.7. */
  version: z.string().nullable(),
  date: Instant,
  validUntil: Instant.nullable(),
  inRelease: Sha256,
  signedBy: z.array(Fingerprint),
})
export type SeenSuite = z.infer<typeof SeenSuite>

/** Of a base on this machine. */
const BaseDisk = z.strictObject({
  path: z.string(),
  sha256: Sha256,
  virtualBytes: z.int(),
  format: z.literal('qcow2'),
})

/** What every base says of itself. */
const common = {
  /** Digest over all that the disk depends on. */
  id: Sha256,
  release: z.string(),
  version: z.string(),
  arch: Arch,
  /** Of its release, when it was taken; records of before this was looked at have none. */
  lifecycle: Lifecycle.optional(),
}

const archive = {
  from: z.literal('archive'),
  ...common,
  distribution: z.literal('debian'),
  codename: z.string(),
  suites: z.array(SeenSuite),
  packages: z.strictObject({
    count: z.int(),
    /** Of the file `packages.tsv` beside the disk: name, version, architecture, one a line, sorted. */
    sha256: Sha256,
  }),
  bootstrapped: Instant,
  tools: z.record(z.string(), z.string()),
}

const image = {
  from: z.literal('image'),
  ...common,
  distribution: z.string(),
  codename: z.string().nullable(),
  publisher: z.string(),
  name: z.string(),
  url: z.string().nullable(),
  checksums: ImageLock.shape.checksums,
  /** Null: nobody signed it (a local file). */
  signature: ImageSignature.nullable(),
  built: Instant,
}

/** One base below another, the nearest first. */
const Ancestor = z.strictObject({
  from: z.enum(['archive', 'image', 'parent', 'ami']),
  /** Digest: of the base, or of the record of a parent. */
  id: Sha256,
  /** For people: debian 13.7, or corp-base@1.2.0. */
  name: z.string(),
})
export type Ancestor = z.infer<typeof Ancestor>

const parent = {
  from: z.literal('parent'),
  ...common,
  distribution: z.string(),
  image: ImageName,
  /** Of the parent's release, e.g. 1.2.0. */
  imageVersion: z.string(),
  channel: z.string(),
  /** Digest of the parent's record, which was verified. */
  record: Sha256,
  /** False: only this machine's own key vouches for that record. */
  anchored: z.boolean(),
  artifact: Sha256,
  /** When the parent was recorded. */
  created: Instant,
  ancestry: z.array(Ancestor),
}

/** A base bootstrapped from the archive: a disk whose every package came from there. */
export const ArchiveBase = z.strictObject({ ...archive, disk: BaseDisk })
export type ArchiveBase = z.infer<typeof ArchiveBase>

/** A publisher's image, or a local file, with the very bytes of the lock. */
export const ImageBase = z.strictObject({ ...image, disk: BaseDisk })
export type ImageBase = z.infer<typeof ImageBase>

/** A release of another image of ours. */
export const ParentBase = z.strictObject({
  ...parent,
  disk: z.discriminatedUnion('format', [BaseDisk, AmiArtifact]),
})
export type ParentBase = z.infer<typeof ParentBase>

/** What the base stage found or made. */
export const ResolvedBase = z.discriminatedUnion('from', [ArchiveBase, ImageBase, ParentBase, AmiBase])
export type ResolvedBase = z.infer<typeof ResolvedBase>

const recorded = { diskSha256: Sha256 }

/** The same in a record: the disk by its digest alone. An AMI has none on this machine. */
export const RecordedBase = z.discriminatedUnion('from', [
  z.strictObject({ ...archive, ...recorded }),
  z.strictObject({ ...image, ...recorded }),
  z.strictObject({ ...parent, ...recorded }),
  AmiBase,
])
export type RecordedBase = z.infer<typeof RecordedBase>
