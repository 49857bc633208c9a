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

/** A mistake that would be costly: it gets an answer of its own. */
const saysEverybody =
  /^(?:account:|org:|ou:|group:|aws:)?(?:\*|all|any|anyone|everybody|everyone|public|world)$/i

const awsForms =
  'account:123456789012, org:MANAGEMENT-ACCOUNT/o-abcdefghij or ou:MANAGEMENT-ACCOUNT/o-abcdefghij/ou-abcd-12345678; an ARN instead of what follows org: and ou: will do'

/**
 * To whom a channel's release goes at AWS: an account, an organization or a unit of one. There is no word for everybody. EC2 takes
 * organizations and units only by ARNs, which have the organization's management account in them: both forms become the short one.
 */
export const AwsPrincipal = z
  .string()
  .max(200)
  .regex(
    /^(?:account:\d{12}|org:(?:arn:aws[a-z-]*:organizations::\d{12}:organization|\d{12})\/o-[a-z0-9]{10,32}|ou:(?:arn:aws[a-z-]*:organizations::\d{12}:ou|\d{12})\/o-[a-z0-9]{10,32}\/ou-[a-z0-9]{4,32}-[a-z0-9]{8,32})$/,
    {
      error: ({ input }) =>
        saysEverybody.test(String(input))
          ? `there is no word for everybody: name who gets it, ${awsForms}`
          : awsForms,
    },
  )
  .transform((text) => text.replace(/:arn:[a-z-]+:organizations::(\d{12}):(?:organization|ou)\//, ':$1/'))
export type AwsPrincipal = z.infer<typeof AwsPrincipal>

/** EC2's limit; an organization or a unit counts as one. */
const mostOfAnImage = 1000

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
    .strictObject({
      qemu: z.array(LocalPrincipal).default([]),
      aws: z
        .array(AwsPrincipal)
        .max(
          mostOfAnImage,
          `at most ${mostOfAnImage}: AWS shares an image with no more accounts, organizations and units; name an organization or a unit instead of its accounts`,
        )
        .default([]),
    })
    .prefault({})
    .meta({
      description: 'Who may use the release of this channel; who is not named any more loses it.',
      examples: [{ qemu: ['folder:/srv/golden'], aws: ['account:123456789012'] }],
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
