import * as z from 'zod'
import { AwsTarget } from './aws-target.ts'
import { Channels } from './channel.ts'
import { Arch, ControlId, Day, ImageName, TargetId, TeamName } from './ids.ts'
import { isPlain, notPlain } from './plain-text.ts'

/**
 * Package names of dpkg (Debian Policy 5.6.1) and rpm; no version, no option, and no `-` at the end, by which apt is told to
 * remove. Which of the two a definition has is `core/check-definition.ts`'s to know.
 */
export const PackageName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9+._-]*[A-Za-z0-9+._]$/, 'a package name, e.g. chrony')

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

/** An apt or dnf repository of the team's own, that stays configured in the image. */
const Repo = z.strictObject({
  name: Slug.meta({
    description: 'Names its file in /etc/apt/sources.list.d or /etc/yum.repos.d.',
    examples: ['corp'],
  }),
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
    .optional()
    .meta({ description: 'For apt, which needs it; dnf has none.', examples: ['trixie'] }),
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

/** What a definition says to each target. */
const targetFields = {
  qemu: z.strictObject({}).meta({ examples: [{}] }),
  aws: AwsTarget.meta({
    description: 'An AMI in an account of yours.',
    examples: [
      {
        account: '123456789012',
        build: { region: 'eu-west-1' },
        regions: ['eu-west-1'],
        encrypt: { key: 'alias/golden' },
      },
    ],
  }),
} as const satisfies Readonly<Record<TargetId, z.ZodType>>

/** The targets that a definition names, at least one. */
export interface DefinitionTargets {
  readonly qemu?: z.infer<typeof targetFields.qemu> | undefined
  readonly aws?: z.infer<typeof targetFields.aws> | undefined
}

/** The targets that this version can build on, which are those of the registry: no other may be named. */
export const offeredTargets: readonly TargetId[] = ['qemu', 'aws']

const places: Readonly<Record<TargetId, string>> = {
  qemu: 'qemu, on this machine',
  aws: 'aws, an AMI in an account of yours',
}

const targetsMeta = {
  description: `Where the image is built: ${offeredTargets.map((id) => places[id]).join('; ')}.`,
  examples: [{ qemu: {} }],
}

/** What `targets` may be where these are offered. */
function targetsOf(offered: readonly TargetId[]): z.ZodType<DefinitionTargets> {
  const [only] = offered
  if (only !== undefined && offered.length === 1)
    return z.strictObject({ [only]: targetFields[only] }).meta(targetsMeta)
  return z
    .strictObject(Object.fromEntries(offered.map((id) => [id, targetFields[id].optional()])))
    .refine((targets) => Object.keys(targets).length > 0, 'at least one target')
    .meta({ ...targetsMeta, minProperties: 1 })
}

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
        .enum(['debian', 'ubuntu', 'rocky', 'rhel', 'amazon-linux'])
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
        .meta({ description: 'apt or dnf repositories of your own; they stay configured in the image.' }),
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
  targets: targetsOf(offeredTargets),
  channels: Channels.prefault({}).meta({
    description: 'Where releases go: nightly without asking, the others by promote.',
    examples: [{ nightly: {}, stable: { needs: { approvals: 1, soak: '48h' } } }],
  }),
})
export type Definition = z.infer<typeof Definition>

/** The format where these targets are offered. */
export const definitionFor = (offered: readonly TargetId[]) =>
  Definition.extend({ targets: targetsOf(offered) })

/**
 * Fields that the format has and this version does not honour yet. They are refused like unknown ones, with
 * this word instead of a suggestion.
 */
export const notYetSupported: readonly string[] = [
  'retention',
  ...TargetId.options.filter((id) => !offeredTargets.includes(id)).map((id) => `targets.${id}`),
  'targets.azure',
  'targets.alibaba',
  'targets.tencent',
  'targets.huawei',
  'hardening.values',
]
