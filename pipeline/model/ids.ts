import * as z from 'zod'

/** Lower-case hex, without the `sha256:` prefix. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a sha256 is 64 lower-case hex digits')
export type Sha256 = z.infer<typeof Sha256>

/** An image's name: the file name of its definition. Becomes part of file, folder and cloud names. */
export const ImageName = z
  .string()
  .regex(
    /^[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*$/,
    'a name is lower-case letters, digits, "-" and ".", e.g. debian-13',
  )
  .max(60)
export type ImageName = z.infer<typeof ImageName>

export const ControlId = z
  .string()
  .regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, 'an id is lower-case words with "-"')
export type ControlId = z.infer<typeof ControlId>

/** A channel: what people follow, e.g. nightly, stable. Becomes part of keys and folder names. */
export const ChannelName = z
  .string()
  .regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, 'a channel is lower-case words with "-", e.g. stable')
  .max(40)
export type ChannelName = z.infer<typeof ChannelName>

/** ISO 8601, UTC, e.g. 2026-11-22T03:00:00.000Z */
export const Instant = z.iso.datetime()
export type Instant = z.infer<typeof Instant>

/** A calendar day, e.g. 2027-03-31; it holds to the end of that day in UTC. */
export const Day = z.iso.date()

export const Arch = z.enum(['x86_64', 'aarch64'])
export type Arch = z.infer<typeof Arch>

export const TargetId = z.enum(['qemu', 'aws'])
export type TargetId = z.infer<typeof TargetId>

/** A team in the owner's place, never a person. */
export const TeamName = z
  .string()
  .regex(/^team-[a-z0-9]+(?:-[a-z0-9]+)*$/, 'an owner is a team, e.g. team-platform')
