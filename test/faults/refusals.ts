import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { consumer, type StandIn } from '../cloud/stand-in.ts'
import { definitionText } from '../helpers/aws-release.ts'
import { run } from '../helpers/real-cli.ts'
import { finalState } from './final-state.ts'
import { begin } from './kill.ts'
import type { Prepared } from './prepared.ts'

export interface Refusal {
  readonly name: string
  /** From where a build is to begin, or a candidate to be published. */
  readonly from: 'rendered' | 'scanned'
  /** Makes it so; what it returns stands in the environment of the command. */
  readonly plant: (cloud: StandIn) => Promise<Readonly<Record<string, string>>>
  /** What has to stand in the one message. */
  readonly says: readonly RegExp[]
}

/** What became of it. */
export interface Refused {
  readonly name: string
  readonly exit: number | null
  /** The first line of it. */
  readonly message: string
  /** What is not as it was: anything made, changed or left behind; and what the message lacks. */
  readonly wrong: readonly string[]
}

const envOf = (cloud: StandIn, account: string): Readonly<Record<string, string>> => ({
  AWS_ACCESS_KEY_ID: cloud.client(account).credentials.accessKeyId,
})

/** A session of the right account whose time is over. */
async function expired(cloud: StandIn): Promise<Readonly<Record<string, string>>> {
  const sts = new STSClient(cloud.client())
  const RoleArn = 'arn:aws:iam::111111111111:role/builder'
  const { Credentials } = await sts.send(
    new AssumeRoleCommand({ RoleArn, RoleSessionName: 'ci', DurationSeconds: 900 }),
  )
  await cloud.change({ advanceSeconds: 1000 })
  return {
    AWS_ACCESS_KEY_ID: Credentials?.AccessKeyId ?? '',
    AWS_SECRET_ACCESS_KEY: Credentials?.SecretAccessKey ?? '',
    AWS_SESSION_TOKEN: Credentials?.SessionToken ?? '',
  }
}

const denied =
  (action: string) =>
  async (cloud: StandIn): Promise<Readonly<Record<string, string>>> => {
    await cloud.change({ denials: [{ action }] })
    return {}
  }

const refused =
  (action: string, code: string, message: string) =>
  async (cloud: StandIn): Promise<Readonly<Record<string, string>>> => {
    await cloud.change({ faults: [{ action, kind: 'refuse', code, message, times: 100 }] })
    return {}
  }

/** Each of them is refused before anything is made. */
export const refusals: readonly Refusal[] = [
  {
    name: 'another account, before a build',
    from: 'rendered',
    plant: async (cloud) => envOf(cloud, consumer),
    says: [new RegExp(consumer), /111111111111/, /nothing was made/],
  },
  {
    name: 'expired credentials, before a build',
    from: 'rendered',
    plant: expired,
    says: [/expired/i],
  },
  {
    name: 'a missing permission, before a build',
    from: 'rendered',
    plant: denied('ec2:CreateSecurityGroup'),
    says: [/may not ec2:CreateSecurityGroup/, /"Action":"ec2:CreateSecurityGroup"/, /"Resource":/],
  },
  {
    name: 'a quota, before a build',
    from: 'rendered',
    plant: refused(
      'ec2:CreateSecurityGroup',
      'SecurityGroupLimitExceeded',
      'The maximum number of security groups has been reached.',
    ),
    says: [/maximum number of security groups/],
  },
  {
    name: 'another account, at the candidate',
    from: 'scanned',
    plant: async (cloud) => envOf(cloud, consumer),
    says: [new RegExp(consumer)],
  },
  {
    name: 'expired credentials, at the candidate',
    from: 'scanned',
    plant: expired,
    says: [/expired/i],
  },
  {
    name: 'a missing permission, at the candidate',
    from: 'scanned',
    plant: denied('ec2:DescribeSnapshotAttribute'),
    says: [
      /may not ec2:DescribeSnapshotAttribute/,
      /"Action":"ec2:DescribeSnapshotAttribute"/,
      /"Resource":/,
    ],
  },
  {
    name: "a missing permission, in Packer's own request",
    from: 'rendered',
    plant: denied('ec2:RunInstances'),
    says: [/may not ec2:RunInstances/, /"Action":"ec2:RunInstances"/, /"Resource":/],
  },
  {
    name: "a quota, in Packer's own request",
    from: 'rendered',
    plant: refused(
      'ec2:RunInstances',
      'VcpuLimitExceeded',
      'You have requested more vCPU capacity than your current vCPU limit of 5 allows.',
    ),
    says: [/vCPU limit of 5/, /Service Quotas/],
  },
]

/** The lines that people have to read: there should be one. */
const messagesIn = (text: string): readonly string[] => text.match(/^(?:error\[|warning: ).*$/gm) ?? []

/** Gives the command with that fault planted: exit code 8, one message, and nothing made or left. */
export async function refusedWith(prepared: Prepared, refusal: Refusal): Promise<Refused> {
  const { cli, release } = prepared
  const { name, from, plant, says } = refusal
  const cloud = await begin({ cli, ...prepared[from], definition: definitionText() })
  try {
    const account = async (): Promise<readonly string[]> =>
      (await finalState(cli, cloud)).filter((line) => !line.startsWith('data/'))
    const before = await account()
    const env = await plant(cloud)
    const ended = await run(cli, release, { env: { ...cloud.env, ...env } })
    await cloud.change({ denials: [], faults: [] })
    const after = await account()
    const wrong = [
      ...(ended.code === 8 ? [] : [`ended with ${ended.code}`]),
      ...messagesIn(ended.stderr)
        .slice(0, -1)
        .map((line) => `says besides: ${line}`),
      ...says.filter((pattern) => !pattern.test(ended.stderr)).map((pattern) => `does not say ${pattern}`),
      ...after.filter((line) => !before.includes(line)).map((line) => `made: ${line}`),
      ...before.filter((line) => !after.includes(line)).map((line) => `gone: ${line}`),
    ]
    return { name, exit: ended.code, message: messagesIn(ended.stderr).at(-1) ?? '', wrong }
  } finally {
    await cloud.close()
  }
}
