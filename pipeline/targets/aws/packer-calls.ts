import type { AwsCallRow } from '../../core/aws-policy.ts'

/** Calls that Packer makes by itself with the credentials of a build. */
export const packerCalls = {
  'ec2:CreateImage': {
    by: 'packer',
    roles: ['builder'],
    why: 'the image of the instance that was built',
    resources: [
      'arn:{partition}:ec2:{region}:{account}:instance/*',
      'arn:{partition}:ec2:{region}::image/*',
      'arn:{partition}:ec2:{region}::snapshot/*',
    ],
  },
  'ec2:DescribeRegions': {
    by: 'packer',
    roles: ['builder'],
    why: 'whether the region of the definition is one',
    resources: ['*'],
  },
  'ec2:DescribeVpcs': {
    by: 'packer',
    roles: ['builder'],
    why: 'the default network of the account',
    resources: ['*'],
  },
  'ec2:DescribeInstanceTypeOfferings': {
    by: 'packer',
    roles: ['builder'],
    why: 'which zone has the instance type',
    resources: ['*'],
  },
  'iam:GetInstanceProfile': {
    by: 'packer',
    when: 'instance-profile',
    roles: ['builder'],
    why: 'whether the instance profile of the definition is there',
    // With a path before its name, or without.
    resources: [
      'arn:{partition}:iam::{account}:instance-profile/{profile}',
      'arn:{partition}:iam::{account}:instance-profile/*/{profile}',
    ],
  },
  'iam:PassRole': {
    by: 'packer',
    when: 'instance-profile',
    roles: ['builder'],
    why: "the instance takes the profile's role",
    // Of its name, as AWS's console makes it. Another is for the people who know it to name: whoever may pass any role may have its rights.
    resources: [
      'arn:{partition}:iam::{account}:role/{profile}',
      'arn:{partition}:iam::{account}:role/*/{profile}',
    ],
    condition: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
  },
  'ssm:StartSession': {
    by: 'packer',
    when: 'session-manager',
    roles: ['builder'],
    why: 'Packer comes in through Session Manager',
    resources: ['arn:{partition}:ssm:{region}::document/AWS-StartPortForwardingSession'],
    or: {
      resources: ['arn:{partition}:ec2:{region}:{account}:instance/*'],
      condition: { Null: { 'ssm:resourceTag/mintmark:image': 'false' } },
    },
  },
  'ssm:TerminateSession': {
    by: 'packer',
    when: 'session-manager',
    roles: ['builder'],
    why: 'and leaves again',
    resources: ['arn:{partition}:ssm:{region}:{account}:session/*'],
  },
} as const satisfies Readonly<Record<string, AwsCallRow>>
