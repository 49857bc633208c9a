import { MintmarkError } from '../errors.ts'
import { canonicalJson } from './digest.ts'
import { grouped, unique } from './lists.ts'

/** Who runs: a build, a publication, a look at who has an image, or whoever launches what was shared. */
export type AwsRole = 'builder' | 'publisher' | 'reader' | 'consumer'

export type PolicyCondition = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>

/** What one call of the code needs to be allowed. */
export interface AwsCallRow {
  /** Who makes it; none: it needs no permission. */
  readonly roles: readonly AwsRole[]
  /** In a few words, for the people who grant it. */
  readonly why: string
  /** ARNs with {partition}, {account}, {region} and {profile}, or "*" where the action has no resources. */
  readonly resources: readonly string[]
  /** Values may have the same words in braces. */
  readonly condition?: PolicyCondition
  /** One more way in which it is allowed. */
  readonly or?: Pick<AwsCallRow, 'resources' | 'condition'>
  /** Where our code does not make it: Packer does, or AWS asks for it when another call needs it. */
  readonly by?: 'packer' | 'aws'
  /** Left out of a policy but for definitions whose build has such. */
  readonly when?: 'session-manager' | 'instance-profile'
}

/** Where a policy is to hold. */
export interface PolicyScope {
  /** aws, aws-cn or aws-us-gov. */
  readonly partition: string
  /** "*" where it is not known. */
  readonly account: string
  /** The only ones that calls may go to; none: whatever region. */
  readonly regions: readonly string[]
  /** Builds are reached through Session Manager. */
  readonly sessionManager?: boolean
  /** The name of the profile that the instance of a build has. */
  readonly instanceProfile?: string
  /** The only KMS keys, by their aliases, ids or ARNs; left out: whatever key of the account. */
  readonly keys?: readonly string[]
}

export interface PolicyStatement {
  readonly Effect: 'Allow'
  readonly Principal?: Readonly<Record<string, string>>
  readonly Action: string | readonly string[]
  readonly Resource?: string | readonly string[]
  readonly Condition?: PolicyCondition
}

export interface PolicyDocument {
  readonly Version: '2012-10-17'
  readonly Statement: readonly PolicyStatement[]
}

type Table = Readonly<Record<string, AwsCallRow>>

/** Of more than one region an ARN says "*": the condition names them, and a policy has room for so many characters only. */
function filled(text: string, { partition, account, regions, instanceProfile }: PolicyScope): string {
  const [region = '*', other] = unique(regions)
  return text
    .replaceAll('{profile}', instanceProfile ?? '*')
    .replaceAll('{partition}', partition)
    .replaceAll('{account}', account)
    .replaceAll('{region}', other === undefined ? region : '*')
}

const serviceOf = (action: string): string => action.slice(0, action.indexOf(':'))

const one = (values: readonly string[]): string | readonly string[] =>
  values.length === 1 ? (values[0] ?? '') : values

function filledCondition(condition: PolicyCondition | undefined, scope: PolicyScope): PolicyCondition {
  const entries = Object.entries(condition ?? {}).map(([operator, keys]) => [
    operator,
    Object.fromEntries(
      Object.entries(keys).map(([key, value]) => [
        key,
        one([value].flat().map((text) => filled(text, scope))),
      ]),
    ),
  ])
  return Object.fromEntries(entries) as PolicyCondition
}

/** Every statement whose resources name no region says which regions it is for. */
function conditionOf(action: string, row: AwsCallRow, scope: PolicyScope): PolicyCondition {
  const own = filledCondition(row.condition, scope)
  // IAM is in no region: its calls count as those of us-east-1.
  const regions = serviceOf(action) === 'iam' ? [] : unique(scope.regions)
  const named = regions.length === 1 && row.resources.every((resource) => resource.includes('{region}'))
  if (regions.length === 0 || named) return own
  return { ...own, StringEquals: { ...own['StringEquals'], 'aws:RequestedRegion': one(regions) } }
}

/** A row for each way in which the keys are named; an alias is no resource of IAM's, but a condition. */
function ofKeys(action: string, row: AwsCallRow, keys: readonly string[]): readonly AwsCallRow[] {
  if (keys.length === 0 || !action.startsWith('kms:')) return [row]
  const nameOf = (key: string): string => key.slice(key.lastIndexOf(':') + 1)
  const aliases = unique(keys.map(nameOf).filter((name) => name.startsWith('alias/')))
  const others = unique(keys.filter((key) => !nameOf(key).startsWith('alias/')))
  const arnOf = (key: string): string =>
    key.startsWith('arn:') ? key : `arn:{partition}:kms:{region}:{account}:key/${key}`
  const named = { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': aliases } }
  return [
    ...(aliases.length === 0 ? [] : [{ ...row, condition: { ...row.condition, ...named } }]),
    ...(others.length === 0 ? [] : [{ ...row, resources: others.map(arnOf) }]),
  ]
}

/**
 * Calls of EC2 (EBS direct has its resources) that differ in resources alone share a statement: each of them only ever touches its own kinds,
 * and a policy has room for so many characters only.
 */
function statementKey(action: string, resources: readonly string[], condition: PolicyCondition): string {
  const service = serviceOf(action).replace('ebs', 'ec2')
  const alike = service === 'ec2' && !resources.includes('*')
  return canonicalJson([service, alike ? 'of its own' : resources, condition])
}

const waysOf = ({ or, ...row }: AwsCallRow): readonly AwsCallRow[] =>
  or === undefined ? [row] : [row, { ...row, ...or }]

/** Whether a definition's builds need the call. */
function needs({ when }: AwsCallRow, { sessionManager, instanceProfile }: PolicyScope): boolean {
  if (when === 'session-manager') return sessionManager === true
  return when === undefined || instanceProfile !== undefined
}

/** The policy of a role: every action of its calls, with the least resources and conditions; actions with the same ones together. */
export function policyOf(role: AwsRole, table: Table, scope: PolicyScope): PolicyDocument {
  const needed = Object.entries(table)
    .filter(([, row]) => row.roles.includes(role) && needs(row, scope))
    .flatMap(([action, row]) =>
      waysOf(row)
        .flatMap((way) => ofKeys(action, way, scope.keys ?? []))
        .map((narrowed) => ({
          action,
          resources: unique(narrowed.resources.map((resource) => filled(resource, scope))),
          condition: conditionOf(action, narrowed, scope),
        })),
    )
  const statements = grouped(needed, ({ action, resources, condition }) =>
    statementKey(action, resources, condition),
  ).map(([, rows]) => rows)
  return {
    Version: '2012-10-17',
    Statement: statements.flatMap((rows) => {
      const [first] = rows
      if (first === undefined) return []
      return [
        {
          Effect: 'Allow' as const,
          Action: one(unique(rows.map(({ action }) => action))),
          Resource: one(unique(rows.flatMap(({ resources }) => resources))),
          ...(Object.keys(first.condition).length === 0 ? {} : { Condition: first.condition }),
        },
      ]
    }),
  }
}

/** Whether an ARN with "*" in it is also for another one. */
const covers = (pattern: string, arn: string): boolean =>
  new RegExp(`^${pattern.replace(/[^\w*]/g, '\\$&').replaceAll('*', '.*')}$`).test(arn)

/**
 * What has to be added for one refused action, a statement for each way in which the table allows it: on the resource that was refused, else on
 * those of the table; never wider than the role's policy.
 */
export function statementsFor(
  action: string,
  row: AwsCallRow | null,
  resource: string | null,
  scope: PolicyScope,
): readonly PolicyStatement[] {
  if (row === null) return [{ Effect: 'Allow', Action: action, Resource: resource ?? '*' }]
  const ways = waysOf(row).map((way) => ({
    arns: way.resources.map((text) => filled(text, scope)),
    condition: conditionOf(action, way, scope),
  }))
  const meant = ways.filter(({ arns }) => resource === null || arns.some((arn) => covers(arn, resource)))
  return (meant.length === 0 ? ways : meant).map(({ arns, condition }) => ({
    Effect: 'Allow',
    Action: action,
    Resource: resource ?? one(arns),
    ...(Object.keys(condition).length === 0 ? {} : { Condition: condition }),
  }))
}

/** Which jobs of GitHub Actions may take a role. */
export interface GithubJobs {
  /** OWNER/NAME, or OWNER@ID/NAME@ID where its jobs' tokens have ids: whole subjects are compared. */
  readonly repository: string
  /** Environments of the repository, e.g. golden; an environment has its own approvals. */
  readonly environments: readonly string[]
  /** Branches, e.g. main, whose jobs without an environment may take it. */
  readonly branches: readonly string[]
}

const githubIssuer = 'token.actions.githubusercontent.com'

/**
 * Who may take a role: jobs of one repository, by the identity that GitHub gives them. There is no key to keep. Names are compared
 * as they are: a "*" in one of them means no more than itself.
 * @throws MintmarkError CONFIG_INVALID when no job could take it
 */
export function trustOfGithub(jobs: GithubJobs, scope: PolicyScope): PolicyDocument {
  const subjects = [
    ...jobs.environments.map((name) => `repo:${jobs.repository}:environment:${name}`),
    ...jobs.branches.map((name) => `repo:${jobs.repository}:ref:refs/heads/${name}`),
  ]
  if (subjects.length === 0)
    throw new MintmarkError('CONFIG_INVALID', `no job of ${jobs.repository} could take the role`, {
      hint: 'name an environment, e.g. golden, or a branch, e.g. main',
    })
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: {
          Federated: `arn:${scope.partition}:iam::${scope.account}:oidc-provider/${githubIssuer}`,
        },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: {
          StringEquals: {
            [`${githubIssuer}:aud`]: 'sts.amazonaws.com',
            [`${githubIssuer}:sub`]: one(unique(subjects)),
          },
        },
      },
    ],
  }
}
