import * as z from 'zod'
import { AwsPrincipal, LocalPrincipal } from './channel.ts'
import { Arch, ChannelName, ImageName, Instant, Sha256 } from './ids.ts'
import { Version } from './release.ts'

/**
 * `shares/<image>/<digest of the principal>.json`: what a principal is about to get, or has. Written before anything is given, so that
 * what an apply gave that was stopped before it could tell is found again, also when nobody names the principal any more.
 */
export const ShareIntent = z.strictObject({
  schema: z.literal(1),
  image: ImageName,
  principal: z.union([LocalPrincipal, AwsPrincipal]),
  /** Empty once all is taken back and told. */
  lines: z.array(z.strictObject({ channel: ChannelName, variant: z.string() })),
})
export type ShareIntent = z.infer<typeof ShareIntent>

/** One image of an export folder. */
export const SharedFile = z.strictObject({
  version: Version,
  variant: z.string(),
  arch: Arch,
  /** Channels that point to it now; none: it is kept for those who started from it. */
  channels: z.array(z.string()),
  /** Below the folder of the index. */
  file: z.string(),
  sha256: Sha256,
  bytes: z.int(),
  virtualBytes: z.int(),
  format: z.literal('qcow2'),
  /** Whom people log in as. */
  login: z.string(),
  os: z.string(),
  made: Instant,
  /** Digest of its record, which lies beside it. */
  record: Sha256,
})
export type SharedFile = z.infer<typeof SharedFile>

/** `index.json` of an export folder: what is there, and what each channel names. */
export const ShareIndex = z.strictObject({
  schema: z.literal(1),
  image: ImageName,
  updated: Instant,
  /** Channel -> variant -> version. */
  channels: z.record(ChannelName, z.record(z.string(), Version)),
  releases: z.array(SharedFile),
})
export type ShareIndex = z.infer<typeof ShareIndex>

/** in-toto Statement v1 with an index as its predicate: what `index.json.dsse.json` carries. */
export const ShareIndexStatement = z.strictObject({
  _type: z.literal('https://in-toto.io/Statement/v1'),
  subject: z.array(z.strictObject({ name: z.string(), digest: z.strictObject({ sha256: Sha256 }) })),
  predicateType: z.literal('https://mintmark.dev/share-index/v1'),
  predicate: ShareIndex,
})
export type ShareIndexStatement = z.infer<typeof ShareIndexStatement>
