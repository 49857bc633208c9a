import * as z from 'zod'
import { ChannelName } from './ids.ts'

/** Where every release goes first, without asking: nobody else's machines follow it. */
export const firstChannel = 'nightly'

const Soak = z.string().regex(/^(?:0|[1-9][0-9]{0,3})[hd]$/, 'hours or days, e.g. 48h or 7d')

/**
 * To whom a channel's release goes, on the local target: a folder that other users or machines read, or a repository of a private OCI
 * registry. There is no word for everybody. A registry's host has a dot or a port, or is localhost: any other first part of a name
 * is taken for a user of Docker Hub by whoever pushes, and the Hub itself is no private registry.
 */
export const LocalPrincipal = z
  .string()
  .max(300)
  .regex(
    /^(?:folder:(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9@._+-]+)+|oci:(?!(?:[a-z0-9-]+\.)*docker\.io[:/])(?:localhost(?::[1-9][0-9]{0,4})?|[a-z0-9][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)+(?::[1-9][0-9]{0,4})?|[a-z0-9][a-z0-9-]*:[1-9][0-9]{0,4})(?:\/[a-z0-9]+(?:[._-][a-z0-9]+)*)+)$/,
    'folder:/absolute/path without spaces, or oci:HOST[:PORT]/REPOSITORY without a tag, e.g. oci:registry.corp.example/golden/debian-13; a HOST has a dot or a port, and is not docker.io',
  )
export type LocalPrincipal = z.infer<typeof LocalPrincipal>

/** What a release needs to be promoted. */
export const ChannelNeeds = z.strictObject({
  approvals: z.int().min(0).max(9).default(1).meta({
    description: 'How many people, other than the one who promotes, have to have accepted the diff.',
  }),
  soak: Soak.default('0h').meta({ description: 'How long it must have been in nightly, e.g. 48h.' }),
})
export type ChannelNeeds = z.infer<typeof ChannelNeeds>

/** What it takes to come into a channel, and to whom its release goes. */
export const Channel = z.strictObject({
  needs: ChannelNeeds.optional().meta({
    description:
      'What a release needs to be promoted to this channel; left out: one approval and no soak. nightly needs nothing.',
    examples: [{ approvals: 1, soak: '48h' }],
  }),
  share: z
    .strictObject({ qemu: z.array(LocalPrincipal).default([]) })
    .prefault({})
    .meta({
      description: 'Who may use the release of this channel; who is not named any more loses it.',
      examples: [{ qemu: ['folder:/srv/golden'] }],
    }),
})
export type Channel = z.infer<typeof Channel>

/** By name; nightly is always among them, first. */
export const Channels = z.record(ChannelName, Channel).transform(
  (channels): Readonly<Record<string, Channel>> => ({
    [firstChannel]: Channel.parse({}),
    ...channels,
  }),
)
