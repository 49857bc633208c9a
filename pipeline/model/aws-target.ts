import * as z from 'zod'
import { AwsAccount, AwsRegion } from './ami.ts'

const Hex = '[0-9a-f]{8}(?:[0-9a-f]{9})?'

/** An address or a range of them; never all there are. */
const Range = z
  .string()
  .refine(
    (text) => z.cidrv4().safeParse(text).success || z.cidrv6().safeParse(text).success,
    'a range of addresses, e.g. 203.0.113.7/32',
  )
  .refine((range) => !range.endsWith('/0'), 'a range, not every address there is, e.g. 203.0.113.7/32')

/** Where the build's instance stands; the account's default network when it is left out. */
const Network = z
  .strictObject({
    subnet: z
      .string()
      .regex(new RegExp(`^subnet-${Hex}$`), 'a subnet, e.g. subnet-0abc1234def567890')
      .optional(),
    securityGroup: z
      .string()
      .regex(new RegExp(`^sg-${Hex}$`), 'a security group, e.g. sg-0abc1234def567890')
      .optional(),
    /** True: Packer comes in through Systems Manager, and no port of the build's instance is open. */
    sessionManager: z.boolean().default(false).meta({
      description:
        "Reach the build's instance through Session Manager, without an open port. Those that test the image are reached by SSH: `from` is needed.",
    }),
    /** By its name. */
    instanceProfile: z
      .string()
      .regex(/^[\w+=,.@-]{1,128}$/, 'the name of an instance profile, e.g. ssm-core')
      .optional()
      .meta({
        description: 'The instance profile of the build; Session Manager needs one.',
        examples: ['ssm-core'],
      }),
    from: z
      .array(Range)
      .min(1, 'at least one range of addresses')
      .optional()
      .meta({
        description:
          "From where instances may be reached by SSH; left out: this machine's public address alone.",
        examples: [['203.0.113.7/32']],
      }),
  })
  .refine(({ sessionManager, instanceProfile }) => !sessionManager || instanceProfile !== undefined, {
    message: 'Session Manager needs an instance profile, e.g. instanceProfile: ssm-core',
    path: ['instanceProfile'],
  })
  .refine(({ sessionManager, from }) => !sessionManager || from !== undefined, {
    message:
      'Session Manager is for the build alone, and the instances that test the image are reached by SSH: say from where, e.g. from: ["203.0.113.7/32"]',
    path: ['from'],
  })

/** An image that is encrypted with it can be shared with nobody. */
const awsManaged = /(?:^|:)alias\/aws\//

const Key = z
  .string()
  .regex(
    /^(?:arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(?:key|alias)\/[A-Za-z0-9/_-]+|alias\/[A-Za-z0-9/_-]+|(?:mrk-)?[0-9a-f-]{32,36})$/,
    'a KMS key by its alias, id or ARN, e.g. alias/golden',
  )
  .refine(
    (key) => !awsManaged.test(key),
    "a key of your own: an image that is encrypted with AWS's can be shared with nobody, e.g. alias/golden",
  )

/** `targets.aws`: where an AMI is built, and where it goes. */
export const AwsTarget = z.strictObject({
  account: AwsAccount.meta({
    description: 'The account that the image is built in and that owns it, in quotes.',
    examples: ['123456789012'],
  }),
  build: z
    .strictObject({
      region: AwsRegion.meta({ description: 'The one region that Packer builds in.' }),
      network: Network.optional().meta({
        description: "Where the build's instance stands; left out: the account's default network.",
      }),
    })
    .meta({ examples: [{ region: 'eu-west-1' }] }),
  instanceType: z
    .string()
    .regex(/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/, 'an instance type, e.g. t3.small')
    .default('t3.small')
    .meta({ description: 'Of the instances that build and test it.', examples: ['t3.small'] }),
  regions: z
    .array(AwsRegion)
    .min(1, 'at least the region of the build')
    .meta({
      description: 'Where releases are copied to; the region of the build must be among them.',
      examples: [['eu-west-1', 'us-east-1']],
    }),
  encrypt: z
    .strictObject({
      key: Key,
      /** Where it has another name than in the others. */
      regions: z.record(AwsRegion, Key).optional().meta({
        description: 'Keys of single regions; left out: `key`, which an alias names in each of them.',
      }),
      managePolicy: z.boolean().optional().meta({
        description:
          "Whether `share apply` may write its own statements (Sid MintmarkShare...) into the key's policy, and nothing else of it. Left out: no, and `share plan` prints the statements to add.",
      }),
    })
    .meta({
      description: 'The KMS key of the image and its copies.',
      examples: [{ key: 'alias/golden' }],
    }),
  deprecate: z
    .string()
    .regex(/^[1-9][0-9]{0,3}d$/, 'days, e.g. 365d')
    .optional()
    .meta({
      description: 'How long after its release EC2 starts to call an image deprecated; left out: never.',
      examples: ['365d'],
    }),
  parameters: z
    .strictObject({ tier: z.enum(['standard', 'advanced']).default('standard') })
    .optional()
    .meta({
      description:
        'The parameters /mintmark/IMAGE/ARCH/CHANNEL of Systems Manager: only `advanced` ones can be shared with other accounts.',
      examples: [{ tier: 'advanced' }],
    }),
})
export type AwsTarget = z.infer<typeof AwsTarget>
