import * as z from 'zod'
import { Channels } from './channel.ts'
import { Arch, ControlId, Day, ImageName, TeamName } from './ids.ts'

/** Debian package names (Policy 5.6.1); no version, no option, and no `-` at the end, by which apt is told to remove. */
export const PackageName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9+.-]*[a-z0-9+.]$/, 'a Debian package name, e.g. chrony')

/** Nothing that moves a cursor, turns the direction of writing, or is no character. */
const isPlain = (text: string): boolean =>
  !/[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(text)
const notPlain = 'text without control characters, line ends and marks that turn the direction of writing'

const Days = z.string().regex(/^[1-9][0-9]{0,3}d$/, 'a number of days, e.g. 90d')

/** Whole GiB. */
export const DiskSize = z.string().regex(/^(?:[3-9]|[1-9][0-9]{1,3})G$/, 'a size of at least 3G, e.g. 4G')

export const Port = z
  .int('a port number from 1 to 65535')
  .min(1, 'a port number from 1 to 65535')
  .max(65535, 'a port number from 1 to 65535')

/** Short names that become file names: of a repository, a secret. */
const Slug = z
  .string()
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'lower-case letters, digits and "-", e.g. corp-agent')
  .max(40)

/** A file beside the definitions: relative to images/, without "..". Names are plain, so that they need no quoting anywhere. */
export const SourcePath = z
  .string()
  .regex(
    /^(?![.-])[A-Za-z0-9._+-]+(?:\/(?![.-])[A-Za-z0-9._+-]+)*$/,
    'a path below images/, e.g. files/nginx.conf',
  )
  .max(200)

/** Where a file goes in the image. */
const GuestPath = z
  .string()
  .regex(/^(?:\/[A-Za-z0-9@._+:-]+)+$/, 'an absolute path without spaces, e.g. /etc/nginx/nginx.conf')
  .refine((path) => !/\/\.{1,2}(?:\/|$)/.test(path), 'a path without "." and ".."')
  .max(200)

const Mode = z
  .string()
  .regex(
    /^0[0-7]{3}$/,
    'four octal digits in quotes, e.g. "0644"; set-uid and sticky bits are not for files of a definition',
  )

const Owner = z
  .string()
  .regex(/^[a-z_][a-z0-9_-]{0,31}:[a-z_][a-z0-9_-]{0,31}$/, 'USER:GROUP, e.g. root:root')

/** An apt repository of the team's own, that stays configured in the image. */
const Repo = z.strictObject({
  name: Slug.meta({ description: 'Names its file in /etc/apt/sources.list.d.', examples: ['corp'] }),
  /** Without credentials: it is written into the image. */
  url: z
    .string()
    // z.url() would drop tabs and line ends, instead of refusing them.
    .regex(
      /^https?:\/\/[A-Za-z0-9._:[\]-]+(?:\/[A-Za-z0-9._~:/%+,=-]*)?$/,
      'an http or https address without credentials and query, e.g. https://apt.corp.example/debian',
    )
    .refine((url) => URL.canParse(url), 'an address, e.g. https://apt.corp.example/debian')
    .max(500),
  suite: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/, 'a suite, e.g. trixie')
    .meta({ examples: ['trixie'] }),
  components: z
    .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/, 'a component, e.g. main'))
    .min(1)
    .default(['main']),
  /** OpenPGP public key(s), armoured or not: the only ones that may sign this repository. */
  key: SourcePath.meta({
    description: 'OpenPGP public key below images/: the only one that may sign this repository.',
    examples: ['files/corp.asc'],
  }),
})
export type Repo = z.infer<typeof Repo>

const ContentFile = z.strictObject({
  from: SourcePath.meta({ description: 'A file below images/.', examples: ['files/nginx.conf'] }),
  to: GuestPath.meta({ description: 'Where it goes in the image.', examples: ['/etc/nginx/nginx.conf'] }),
  mode: Mode.default('0644').meta({ description: 'Four octal digits in quotes.' }),
  owner: Owner.default('root:root').meta({ description: 'USER:GROUP.' }),
})
export type ContentFile = z.infer<typeof ContentFile>

/** A script that runs as root in the build machine, or a playbook that ansible runs against it. */
const Step = z.union([
  z.strictObject({ run: SourcePath, secrets: z.array(Slug).default([]) }),
  z.strictObject({ ansible: SourcePath, secrets: z.array(Slug).default([]) }),
])
export type Step = z.infer<typeof Step>

/** Where a secret's value comes from at build time. */
const SecretSource = z.union([
  z.strictObject({ env: z.string().regex(/^[A-Z_][A-Z0-9_]*$/, 'a variable, e.g. AGENT_TOKEN') }),
  z.strictObject({
    /** Absolute, or relative to the checkout. */
    file: z.string().min(1).refine(isPlain, notPlain),
  }),
])
export type SecretSource = z.infer<typeof SecretSource>

/** A test of the definition's own, in the booted image. */
const ImageTest = z.union([
  z.strictObject({
    /** A command line of sh, run as root; passes when it ends with `exit`. */
    run: z
      .string()
      .min(1)
      .max(4000)
      .refine((run) => isPlain(run.replace(/[\n\t]/g, ' ')), notPlain),
    exit: z
      .int('an exit code from 0 to 255')
      .min(0, 'an exit code from 0 to 255')
      .max(255, 'an exit code from 0 to 255')
      .default(0),
  }),
  z.strictObject({
    /** `:PORT/PATH`, asked from outside, through the image's firewall; `https: true` accepts the instance's own certificate. */
    http: z
      .string()
      .max(2000)
      .regex(/^:[1-9][0-9]{0,4}\/[!-~]*$/, ':PORT/PATH, e.g. :443/healthz')
      .refine((http) => Number.parseInt(http.slice(1), 10) <= 65_535, 'a port is at most 65535'),
    https: z
      .boolean()
      .default(false)
      .meta({ description: "Ask by https; the instance's own certificate will do." }),
    status: z
      .int('an HTTP status from 100 to 599')
      .min(100, 'an HTTP status from 100 to 599')
      .max(599, 'an HTTP status from 100 to 599')
      .default(200),
  }),
])
export type ImageTest = z.infer<typeof ImageTest>

const Exception = z.strictObject({
  control: ControlId.meta({ description: 'See ./mintmark coverage.', examples: ['ssh-tcp-forwarding'] }),
  reason: z
    .string()
    .min(10, 'say why, in at least 10 characters')
    .refine((reason) => isPlain(reason.replaceAll('\n', ' ')), notPlain),
  owner: TeamName.meta({ description: 'The team that answers for it.', examples: ['team-security'] }),
  expires: Day.meta({ description: 'The last day that it holds, in UTC.', examples: ['2027-03-31'] }),
})
export type Exception = z.infer<typeof Exception>

/** The oldest base that a release may still be built from. */
const maxAge = Days.default('90d').meta({
  description: 'The oldest base that a release may still be built from.',
})

const Base = z.union([
  /** Bootstrapped from the distribution's signed archive. */
  z.strictObject({ from: z.literal('archive'), maxAge }),
  /** The publisher's official cloud image; with `file`, an image of the team's own below images/ or at an absolute path. */
  z.strictObject({
    from: z.literal('image'),
    file: z.string().min(1).refine(isPlain, notPlain).optional(),
    maxAge,
  }),
  /** Another image of ours: what its channel points to. */
  z.strictObject({ image: ImageName, channel: Slug.default('nightly'), maxAge }),
])
export type Base = z.infer<typeof Base>

/**
 * `images/<name>.yaml`: one golden image, as people write it. Unknown fields are refused.
 */
export const Definition = z.strictObject({
  schema: z.literal(1).meta({ description: 'Version of this format: 1.' }),
  owner: TeamName.meta({
    description: 'The team that answers for the image; never a person.',
    examples: ['team-platform'],
  }),
  os: z
    .strictObject({
      family: z
        .enum(['debian', 'ubuntu', 'rocky', 'amazon-linux'])
        .meta({ description: 'The distribution.', examples: ['debian'] }),
      /** As the lifecycle data has it: 13, 24.04, 9, 2023. */
      release: z
        .string()
        .regex(/^[0-9]+(?:\.[0-9]+)?$/, 'a release in quotes, e.g. "13"')
        .meta({ description: 'Its release, in quotes.', examples: ['13'] }),
      arch: z
        .array(Arch)
        .min(1)
        .meta({ description: 'Processor architectures.', examples: [['x86_64']] }),
    })
    .meta({
      description: 'The operating system.',
      examples: [{ family: 'debian', release: '13', arch: ['x86_64'] }],
    }),
  base: Base.meta({
    description:
      "What the image is made from: the signed archive, the publisher's cloud image, or another image of yours.",
    examples: [{ from: 'archive' }],
  }),
  content: z
    .strictObject({
      repos: z
        .array(Repo)
        .default([])
        .meta({ description: 'apt repositories of your own; they stay configured in the image.' }),
      packages: z
        .strictObject({ add: z.array(PackageName).default([]), remove: z.array(PackageName).default([]) })
        .prefault({}),
      files: z.array(ContentFile).default([]).meta({ description: 'Files to put into the image.' }),
      /** CA certificates (PEM) that the image trusts. */
      certificates: z
        .array(SourcePath)
        .default([])
        .meta({ description: 'CA certificates (PEM, below images/) that the image trusts.' }),
      /** In this order, after packages and files, before the hardening. */
      steps: z.array(Step).default([]).meta({
        description: 'Scripts and playbooks, in this order, after packages and files, before the hardening.',
      }),
      /** TCP ports that the image answers on; all others are closed by its firewall. */
      ports: z
        .array(Port)
        .default([22])
        .meta({
          description:
            'TCP ports that the image answers on; its firewall closes all others. 22 must be among them.',
          examples: [[22, 443]],
        }),
    })
    .prefault({})
    .meta({ description: 'What is in the image besides the system.' }),
  /** By name; a step says which it needs. */
  secrets: z
    .record(Slug, SecretSource)
    .default({})
    .meta({
      description:
        'Where the values of secrets come from at build time, by name; a step says which it needs.',
      examples: [{ 'agent-token': { env: 'AGENT_TOKEN' } }],
    }),
  hardening: z
    .strictObject({
      profiles: z
        .array(ControlId)
        .length(1, 'exactly one profile')
        .meta({
          description: 'The profile of controls: the name of a file of hardening/profiles.',
          examples: [['baseline']],
        }),
      exceptions: z.array(Exception).default([]).meta({
        description: 'Controls that do not hold for this image: with a reason, an owner and an end.',
      }),
    })
    .meta({ description: 'What the image is hardened by.', examples: [{ profiles: ['baseline'] }] }),
  disk: z
    .strictObject({
      size: DiskSize.default('4G').meta({ description: 'Whole GiB, at least 3G.' }),
      layout: z
        .enum(['simple', 'cis'])
        .default('simple')
        .meta({ description: 'simple: one file system. cis: separate ones for /var, /var/log, /home, ...' }),
    })
    .prefault({})
    .meta({ description: 'The disk of the image.' }),
  machine: z
    .strictObject({
      firmware: z.enum(['bios', 'uefi']).default('bios'),
      secureBoot: z.boolean().default(false).meta({ description: 'Needs firmware: uefi.' }),
      tpm: z.boolean().default(false).meta({
        description:
          'A TPM 2.0 in the machines that test and boot the image; the build has none. Needs firmware: uefi.',
      }),
    })
    .prefault({})
    .meta({ description: 'The machine that the image is made for.' }),
  test: z.array(ImageTest).default([]).meta({ description: 'Tests of your own, in the booted image.' }),
  scan: z
    .strictObject({
      policy: Slug.default('default').meta({
        description: 'Name of a file of scans/policies.',
        examples: ['strict'],
      }),
    })
    .prefault({})
    .meta({ description: 'What findings a release may have: a policy of scans/policies.' }),
  targets: z
    .strictObject({ qemu: z.strictObject({}).meta({ examples: [{}] }) })
    .meta({ description: 'Where the image is built: qemu, on this machine.', examples: [{ qemu: {} }] }),
  channels: Channels.prefault({}).meta({
    description: 'Where releases go: nightly without asking, the others by promote.',
    examples: [{ nightly: {}, stable: { needs: { approvals: 1, soak: '48h' } } }],
  }),
})
export type Definition = z.infer<typeof Definition>

/**
 * Fields that the format has and this version does not honour yet. They are refused like unknown ones, with
 * this word instead of a suggestion.
 */
export const notYetSupported: readonly string[] = [
  'retention',
  'targets.aws',
  'targets.azure',
  'targets.alibaba',
  'targets.tencent',
  'targets.huawei',
  'hardening.values',
]
