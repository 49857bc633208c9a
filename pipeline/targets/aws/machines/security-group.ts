import type { IpPermission } from '@aws-sdk/client-ec2'
import { MintmarkError } from '../../../errors.ts'
import type { World } from '../../../ports/world.ts'
import type { AwsCalls } from '../client.ts'
import type { Tag } from '../tags.ts'
import { until } from '../until.ts'

/** Interfaces of an instance may be there a little longer than the instance. */
const removalMs = 120_000

/** Port 22, and what a definition's own tests ask. */
const sshPort = 22

export type Protocol = 'tcp' | 'udp'

/** A rule for the callers' addresses alone. */
function ruleFor(protocol: Protocol, first: number, last: number, from: readonly string[]): IpPermission {
  return {
    IpProtocol: protocol,
    FromPort: first,
    ToPort: last,
    IpRanges: from.filter((cidr) => !cidr.includes(':')).map((CidrIp) => ({ CidrIp })),
    Ipv6Ranges: from.filter((cidr) => cidr.includes(':')).map((CidrIpv6) => ({ CidrIpv6 })),
  }
}

const wholeRange = (protocol: Protocol, from: readonly string[]): IpPermission =>
  ruleFor(protocol, 0, 65_535, from)

export interface GroupInput {
  readonly name: string
  readonly tags: readonly Tag[]
  /** Null: the account's default network. */
  readonly subnet: string | null
  /** Addresses that reach it, as CIDRs; null: nobody comes in. */
  readonly from: readonly string[] | null
  /** TCP ports beside SSH's. */
  readonly ports: readonly number[]
}

async function networkOf(calls: AwsCalls, subnet: string): Promise<string> {
  const asked = { Filters: [{ Name: 'subnet-id', Values: [subnet] }] }
  for await (const { Subnets: [found] = [] } of calls.ec2.pages('DescribeSubnets', asked))
    if (found?.VpcId !== undefined) return found.VpcId
  throw new MintmarkError('CONFIG_INVALID', `there is no subnet ${subnet} in ${calls.region}`, {
    hint: 'correct targets.aws.build.network.subnet in the definition',
  })
}

/**
 * A group of its own for one instance: the callers reach SSH and `ports`, and nobody else anything.
 * @returns its id
 * @throws MintmarkError CONFIG_INVALID where there is no network, and as the calls
 */
export async function makeGroup(calls: AwsCalls, input: GroupInput): Promise<string> {
  const { name, tags, subnet, from, ports } = input
  if (from?.length === 0)
    throw new MintmarkError('INTERNAL', `nobody's address may reach ${name}: no instance is made for that`)
  const made = await calls.ec2.find(
    'CreateSecurityGroup',
    {
      GroupName: name,
      Description: 'mintmark: one instance, reached by its caller alone',
      ...(subnet === null ? {} : { VpcId: await networkOf(calls, subnet) }),
      TagSpecifications: [{ ResourceType: 'security-group', Tags: [...tags] }],
    },
    ['VPCIdNotSpecified', 'InvalidGroup.Duplicate'],
  )
  // A request that was cut off and sent again finds what it has made.
  const [group = made?.GroupId] = made === null ? await groupsNamed(calls, name) : []
  if (group === undefined)
    throw new MintmarkError('CONFIG_INVALID', `this account has no default network in ${calls.region}`, {
      hint: 'name a subnet: targets.aws.build.network.subnet in the definition',
    })
  if (from === null) return group
  const reached = [...new Set([sshPort, ...ports])]
  const rules = reached.map((port) => ruleFor('tcp', port, port, from))
  await calls.ec2.find('AuthorizeSecurityGroupIngress', { GroupId: group, IpPermissions: rules }, [
    'InvalidPermission.Duplicate',
  ])
  return group
}

/** The callers reach every port, until `shutAll`. */
export async function openAll(
  calls: AwsCalls,
  group: string,
  protocol: Protocol,
  from: readonly string[],
): Promise<void> {
  const asked = { GroupId: group, IpPermissions: [wholeRange(protocol, from)] }
  await calls.ec2.find('AuthorizeSecurityGroupIngress', asked, ['InvalidPermission.Duplicate'])
}

/** Takes back what `openAll` gave; may be repeated. */
export async function shutAll(
  calls: AwsCalls,
  group: string,
  protocol: Protocol,
  from: readonly string[],
): Promise<void> {
  const asked = { GroupId: group, IpPermissions: [wholeRange(protocol, from)] }
  await calls.ec2.find('RevokeSecurityGroupIngress', asked, [
    'InvalidPermission.NotFound',
    'InvalidGroup.NotFound',
  ])
}

/** Ids of the groups of that name, which an earlier try may have left. */
export async function groupsNamed(calls: AwsCalls, name: string): Promise<readonly string[]> {
  const asked = { Filters: [{ Name: 'group-name', Values: [name] }] }
  const found: string[] = []
  for await (const { SecurityGroups: groups = [] } of calls.ec2.pages('DescribeSecurityGroups', asked))
    found.push(...groups.flatMap(({ GroupId: id }) => (id === undefined ? [] : [id])))
  return found
}

/**
 * Removes a group whose instances have ended; one that is not there is gone already.
 * @throws MintmarkError PROVIDER_REFUSED when something still uses it after two minutes, INTERRUPTED
 */
export async function removeGroup(
  calls: AwsCalls,
  waits: Pick<World, 'clock' | 'signal'>,
  group: string,
): Promise<void> {
  const gone = await until(waits, removalMs, async () => {
    const removed = await calls.ec2.find('DeleteSecurityGroup', { GroupId: group }, [
      'DependencyViolation',
      'InvalidGroup.NotFound',
      'InvalidGroupId.NotFound',
    ])
    return removed !== null || !(await groupStands(calls, group)) ? true : null
  })
  if (gone === null)
    throw new MintmarkError(
      'PROVIDER_REFUSED',
      `the security group ${group} in ${calls.region} can't be removed: something still uses it`,
      { hint: './mintmark clean --target aws removes it later' },
    )
}

async function groupStands(calls: AwsCalls, group: string): Promise<boolean> {
  const asked = { Filters: [{ Name: 'group-id', Values: [group] }] }
  for await (const { SecurityGroups: groups = [] } of calls.ec2.pages('DescribeSecurityGroups', asked))
    if (groups.length > 0) return true
  return false
}
