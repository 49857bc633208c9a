import type { AwsCallRow } from '../../core/aws-policy.ts'
import { packerCalls } from './packer-calls.ts'

/** Of what bears our tag alone, in whatever state. */
const ours = { Null: { 'aws:ResourceTag/mintmark:image': 'false' } } as const

/** A variable of IAM's: the account of whoever calls. */
const ownAccount = `$\{aws:PrincipalAccount}`

/**
 * Every call that the code makes, by the name that policies have for it. A call that is not in here does not compile, and the
 * policies of the roles are made of it. Rows with `by` are called by others with the same credentials.
 */
export const awsCallsTable = {
  'sts:GetCallerIdentity': {
    // AWS answers it to everybody who signs, whatever their policies say.
    roles: [],
    why: 'to see which account these credentials are of',
    resources: ['*'],
  },
  'ssm:GetParameter': {
    roles: ['builder', 'publisher'],
    why: "the newest AMI of a publisher, by AWS's public parameters; what a parameter of ours names by now",
    resources: [
      // Public parameters are of no account.
      'arn:{partition}:ssm:{region}::parameter/aws/service/*',
      'arn:{partition}:ssm:{region}:{account}:parameter/mintmark/*',
    ],
  },
  'ec2:DescribeImages': {
    roles: ['builder', 'publisher', 'reader', 'consumer'],
    why: 'what an AMI is, and which there are',
    resources: ['*'],
  },
  'ec2:GetImageAncestry': {
    roles: ['builder'],
    why: 'what the base was made from',
    resources: ['*'],
  },
  'kms:Decrypt': {
    roles: ['builder', 'publisher', 'consumer'],
    why: 'EBS asks for it where ebs:GetSnapshotBlock reads an encrypted disk, and for each instance of a shared image; share prove tries it',
    // A consumer's images are encrypted with keys of the account that shares them.
    resources: ['arn:{partition}:kms:{region}:*:key/*'],
  },
  'ebs:ListSnapshotBlocks': {
    roles: ['builder', 'publisher'],
    why: "which blocks of the image's disk are in use",
    resources: ['arn:{partition}:ec2:{region}::snapshot/*'],
    condition: ours,
  },
  'ebs:GetSnapshotBlock': {
    roles: ['builder', 'publisher'],
    why: "to read the image's disk for hygiene and scan, with no machine of its own",
    resources: ['arn:{partition}:ec2:{region}::snapshot/*'],
    condition: ours,
  },
  'ec2:CopyImage': {
    roles: ['publisher'],
    why: 'to bring a release to each region that the definition names',
    resources: ['arn:{partition}:ec2:{region}::image/*', 'arn:{partition}:ec2:{region}::snapshot/*'],
  },
  'ec2:DescribeSnapshots': {
    roles: ['builder', 'publisher', 'reader', 'consumer'],
    why: 'how the disks of an image are encrypted and tagged, and how many copies are on their way',
    resources: ['*'],
  },
  'ec2:DescribeImageAttribute': {
    roles: ['builder', 'publisher', 'reader'],
    why: 'who may launch an image',
    resources: ['*'],
  },
  'ec2:DescribeSnapshotAttribute': {
    roles: ['builder', 'publisher', 'reader'],
    why: "who may make volumes of an image's snapshot",
    resources: ['*'],
  },
  'ec2:CreateTags': {
    roles: ['builder', 'publisher'],
    why: 'to tag what is made, from its creation, and to say which images are releases',
    resources: ['arn:{partition}:ec2:{region}:*:*/*'],
    // Only as this tool tags, and only what is made by the same call: whoever could tag anything could make it ours, to read or to remove it.
    condition: { Null: { 'aws:RequestTag/mintmark:image': 'false', 'ec2:CreateAction': 'false' } },
    or: {
      resources: ['arn:{partition}:ec2:{region}::image/*', 'arn:{partition}:ec2:{region}::snapshot/*'],
      condition: ours,
    },
  },
  'ec2:ModifyImageAttribute': {
    roles: ['builder', 'publisher'],
    why: 'IMDSv2 for all instances of an image, and who may launch it',
    resources: ['arn:{partition}:ec2:{region}::image/*'],
    condition: ours,
  },
  'ec2:EnableImageDeprecation': {
    roles: ['publisher'],
    why: 'the day from which on a release counts as old',
    resources: ['arn:{partition}:ec2:{region}::image/*'],
    condition: ours,
  },
  'ec2:EnableImageDeregistrationProtection': {
    roles: ['publisher'],
    why: 'so that no release goes by mistake',
    resources: ['arn:{partition}:ec2:{region}::image/*'],
    condition: ours,
  },
  'ec2:AttachImageWatermark': {
    roles: ['publisher'],
    why: "a mark that consumers' copies keep, so that their Allowed AMIs can ask for it",
    resources: ['arn:{partition}:ec2:{region}::image/*'],
    condition: ours,
  },
  'ec2:DeregisterImage': {
    roles: ['builder', 'publisher'],
    why: 'to take away an image that failed, or that was rejected',
    resources: ['arn:{partition}:ec2:{region}::image/*'],
    condition: ours,
  },
  'ec2:DeleteSnapshot': {
    roles: ['builder', 'publisher'],
    why: 'the disks of an image that is deregistered go with it',
    resources: ['arn:{partition}:ec2:{region}::snapshot/*'],
    condition: ours,
  },
  'kms:DescribeKey': {
    roles: ['builder', 'publisher', 'reader', 'consumer'],
    why: 'whether the key can be used, before anything is encrypted with it',
    resources: ['arn:{partition}:kms:{region}:*:key/*'],
  },
  'ssm:GetParameters': {
    roles: ['publisher'],
    why: "which images a release's parameters name",
    resources: ['arn:{partition}:ssm:{region}:{account}:parameter/mintmark/*'],
  },
  'ssm:PutParameter': {
    roles: ['publisher'],
    why: 'to let a channel or a version name the image of a region',
    resources: ['arn:{partition}:ssm:{region}:{account}:parameter/mintmark/*'],
  },
  'ssm:DeleteParameter': {
    roles: ['publisher'],
    why: 'to take back a new parameter that does not name the image it should',
    resources: ['arn:{partition}:ssm:{region}:{account}:parameter/mintmark/*'],
  },
  'ssm:AddTagsToResource': {
    by: 'aws',
    roles: ['publisher'],
    why: 'parameters are tagged from their creation',
    resources: ['arn:{partition}:ssm:{region}:{account}:parameter/mintmark/*'],
  },
  'kms:CreateGrant': {
    by: 'aws',
    roles: ['builder', 'publisher', 'consumer'],
    why: 'EC2 encrypts and decrypts copies of an image',
    resources: ['arn:{partition}:kms:{region}:*:key/*'],
    condition: { StringLike: { 'kms:ViaService': 'ec2.*.amazonaws.com' } },
  },
  'kms:GenerateDataKeyWithoutPlaintext': {
    roles: ['builder', 'publisher', 'consumer'],
    why: 'EC2 encrypts a disk; share prove tries it',
    resources: ['arn:{partition}:kms:{region}:*:key/*'],
  },
  'kms:ReEncryptFrom': {
    by: 'aws',
    roles: ['builder', 'publisher', 'consumer'],
    why: 'EC2 gives a copy the key of its region',
    resources: ['arn:{partition}:kms:{region}:*:key/*'],
    condition: { StringLike: { 'kms:ViaService': 'ec2.*.amazonaws.com' } },
  },
  'kms:ReEncryptTo': {
    by: 'aws',
    roles: ['builder', 'publisher', 'consumer'],
    why: 'EC2 gives a copy the key of its region',
    resources: ['arn:{partition}:kms:{region}:*:key/*'],
    condition: { StringLike: { 'kms:ViaService': 'ec2.*.amazonaws.com' } },
  },
  'ec2:RunInstances': {
    roles: ['builder', 'consumer'],
    why: 'instances that build an image, and new ones that it is tested on',
    resources: [
      'arn:{partition}:ec2:{region}::image/*',
      'arn:{partition}:ec2:{region}::snapshot/*',
      'arn:{partition}:ec2:{region}:{account}:instance/*',
      'arn:{partition}:ec2:{region}:{account}:volume/*',
      'arn:{partition}:ec2:{region}:{account}:network-interface/*',
      'arn:{partition}:ec2:{region}:{account}:key-pair/*',
      'arn:{partition}:ec2:{region}:{account}:security-group/*',
      'arn:{partition}:ec2:{region}:{account}:subnet/*',
    ],
  },
  'ec2:DescribeInstances': {
    roles: ['builder'],
    why: 'how instances are, and where they answer',
    resources: ['*'],
  },
  'ec2:DescribeKeyPairs': {
    roles: ['builder'],
    why: 'which keys of a run are left',
    resources: ['*'],
  },
  'ec2:DeleteVolume': {
    roles: ['builder'],
    why: 'the disk of an instance goes with it',
    resources: ['arn:{partition}:ec2:{region}:{account}:volume/*'],
    condition: ours,
  },
  'ec2:ResetImageAttribute': {
    roles: ['builder'],
    why: 'what somebody shared before it was released is private again',
    resources: ['arn:{partition}:ec2:{region}::image/*'],
    condition: ours,
  },
  'ec2:ResetSnapshotAttribute': {
    roles: ['builder'],
    why: 'what somebody shared before it was released is private again',
    resources: ['arn:{partition}:ec2:{region}::snapshot/*'],
    condition: ours,
  },
  'ec2:DescribeVolumes': {
    roles: ['builder'],
    why: 'whether the disks of instances are encrypted, and by which key',
    resources: ['*'],
  },
  'ec2:DescribeSecurityGroups': {
    roles: ['builder'],
    why: 'what an earlier try left',
    resources: ['*'],
  },
  'ec2:DescribeSubnets': {
    roles: ['builder'],
    why: 'which network the subnet of a definition is in',
    resources: ['*'],
  },
  'ec2:GetConsoleOutput': {
    roles: ['builder'],
    why: 'the host keys of an instance, and why it lets nobody in',
    resources: ['arn:{partition}:ec2:{region}:{account}:instance/*'],
    condition: ours,
  },
  'ec2:StartInstances': {
    roles: ['builder'],
    why: 'an instance is powered on again after an upgrade, and with a full disk',
    resources: ['arn:{partition}:ec2:{region}:{account}:instance/*'],
    condition: ours,
  },
  'ec2:StopInstances': {
    roles: ['builder'],
    why: 'an instance is to be powered on again',
    resources: ['arn:{partition}:ec2:{region}:{account}:instance/*'],
    condition: ours,
  },
  'ec2:TerminateInstances': {
    roles: ['builder'],
    why: 'nothing is left running',
    resources: ['arn:{partition}:ec2:{region}:{account}:instance/*'],
    condition: ours,
  },
  'ec2:ImportKeyPair': {
    roles: ['builder'],
    why: 'the key of one instance, made for it alone',
    resources: ['arn:{partition}:ec2:{region}:{account}:key-pair/*'],
  },
  'ec2:DeleteKeyPair': {
    roles: ['builder'],
    why: 'the key goes with its instance',
    resources: ['arn:{partition}:ec2:{region}:{account}:key-pair/*'],
    condition: ours,
  },
  'ec2:CreateSecurityGroup': {
    roles: ['builder'],
    why: 'who reaches an instance: the caller alone',
    resources: [
      'arn:{partition}:ec2:{region}:{account}:security-group/*',
      'arn:{partition}:ec2:{region}:{account}:vpc/*',
    ],
  },
  'ec2:AuthorizeSecurityGroupIngress': {
    roles: ['builder'],
    why: 'SSH of the caller; all ports while they are scanned',
    resources: ['arn:{partition}:ec2:{region}:{account}:security-group/*'],
    condition: ours,
  },
  'ec2:RevokeSecurityGroupIngress': {
    roles: ['builder'],
    why: 'all ports are shut again after the scan',
    resources: ['arn:{partition}:ec2:{region}:{account}:security-group/*'],
    condition: ours,
  },
  'ec2:DeleteSecurityGroup': {
    roles: ['builder'],
    why: 'the group goes with its instance',
    resources: ['arn:{partition}:ec2:{region}:{account}:security-group/*'],
    condition: ours,
  },
  'ec2:ModifySnapshotAttribute': {
    roles: ['publisher'],
    why: 'who may copy an image',
    resources: ['arn:{partition}:ec2:{region}::snapshot/*'],
    condition: ours,
  },
  'kms:GetKeyPolicy': {
    roles: ['publisher', 'reader'],
    why: 'whether those who get an image can use its key',
    resources: ['arn:{partition}:kms:{region}:{account}:key/*'],
  },
  'kms:ListGrants': {
    roles: ['publisher', 'reader'],
    why: 'whether those who get an image can use its key by a grant',
    resources: ['arn:{partition}:kms:{region}:{account}:key/*'],
  },
  'kms:PutKeyPolicy': {
    roles: ['publisher'],
    why: 'to let those use the key who get an image: only where encrypt.managePolicy is true',
    resources: ['arn:{partition}:kms:{region}:{account}:key/*'],
    // Never so that nobody could change the policy any more.
    condition: { Bool: { 'kms:BypassPolicyLockoutSafetyCheck': 'false' } },
  },
  'sts:AssumeRole': {
    roles: ['publisher'],
    why: 'to look at an image as those see it who get it: share prove',
    resources: ['arn:{partition}:iam::*:role/*'],
    // Of other accounts alone, and there of roles that let this one in: none of its own.
    condition: { StringNotEquals: { 'aws:ResourceAccount': ownAccount } },
  },
  ...packerCalls,
} as const satisfies Readonly<Record<string, AwsCallRow>>

type Table = typeof awsCallsTable

/** What our own code may call: not what Packer or AWS itself does with the same credentials. */
export type AwsAction = {
  [A in keyof Table]: Table[A] extends { readonly by: string } ? never : A
}[keyof Table]
