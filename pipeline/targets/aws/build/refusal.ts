import type { MintmarkError } from '../../../errors.ts'
import type { AwsCalls } from '../client.ts'
import { explainAws } from '../errors.ts'

/** What Packer's plugin says was about to be done, and the call that it is. */
const steps: readonly (readonly [said: RegExp, action: string])[] = [
  [/launching source instance/, 'ec2:RunInstances'],
  [/creating AMI/, 'ec2:CreateImage'],
  [/tagging |adding tags to /, 'ec2:CreateTags'],
  [/modify AMI attributes/, 'ec2:ModifyImageAttribute'],
  [/waiting for AMI|describing AMI|searching for AMI|querying AMI|details for AMI/, 'ec2:DescribeImages'],
  [/waiting for instance/, 'ec2:DescribeInstances'],
  [/instance profile/, 'iam:GetInstanceProfile'],
]

/** As the SDK that the plugin is made of writes an error: code and message, and its HTTP status on the next line. */
const written = /^(.*?): ([A-Z][A-Za-z.]+): (.*)\n\s*status code: (\d{3}), request id: /m

/**
 * What AWS refused Packer, explained as for a call of ours; null where the lines say nothing like it.
 * @param lines of the failed build
 */
export function refusalOfBuild(
  { region, profile }: AwsCalls,
  lines: readonly string[],
): MintmarkError | null {
  const [, doing = '', name, message, status] = written.exec(lines.join('\n')) ?? []
  const action = steps.find(([said]) => said.test(doing))?.[1]
  if (name === undefined || action === undefined) return null
  const $metadata = { httpStatusCode: Number(status) }
  const cause = Object.assign(new Error(message), { name, $metadata })
  return explainAws(cause, { action, region, profile, seconds: 0 })
}
