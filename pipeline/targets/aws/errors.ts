import { type AwsCallRow, statementsFor } from '../../core/aws-policy.ts'
import { MintmarkError } from '../../errors.ts'
import { awsCallsTable } from './calls-table.ts'

/** What of an SDK's error is looked at. */
export interface AwsFailure {
  /** The service's code, without its "Client." or "com.amazonaws…#"; of the network, e.g. ENOTFOUND. */
  readonly name: string
  /** HTTP status of the answer; null when there was none. */
  readonly status: number | null
  /** How often the SDK tried. */
  readonly attempts: number
}

/** What an error of the SDK says of itself. */
export function codeOf(cause: unknown): AwsFailure {
  if (!(cause instanceof Error)) return { name: 'unknown', status: null, attempts: 1 }
  const metadata =
    '$metadata' in cause ? (cause.$metadata as Readonly<Record<string, unknown>> | undefined) : {}
  const { httpStatusCode: status, attempts } = metadata ?? {}
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  const name = /^E[A-Z_]+$/.test(code) ? code : cause.name
  return {
    name:
      name
        .replace(/^(?:Client|Server)\.|^.*#/, '')
        .replace(/[^\w.-]/g, '')
        .slice(0, 80) || 'unknown',
    status: typeof status === 'number' ? status : null,
    attempts: typeof attempts === 'number' ? attempts : 1,
  }
}

const noCredentials =
  /^(?:CredentialsProviderError|CredentialsError|TokenProviderError|MissingAuthenticationToken.*)$/
const expired = /^(?:ExpiredToken(?:Exception)?|TokenRefreshRequired|RequestExpired)$/
const unknownKey =
  /^(?:AuthFailure|InvalidAccessKeyId|InvalidClientTokenId|UnrecognizedClientException|InvalidToken|IncompleteSignature|NotAuthorized)$/
const badSignature = /^(?:SignatureDoesNotMatch|InvalidSignatureException)$/
const skew = /^(?:RequestTimeTooSkewed|RequestInTheFuture)$/
const forbidden =
  /^(?:UnauthorizedOperation|AccessDenied(?:Exception)?|AuthorizationError|NotAuthorizedException|UnauthorizedAccess)$/
const throttled =
  /^(?:Throttl(?:ing|ed)(?:Exception)?|ThrottledException|RequestLimitExceeded|RequestThrottled(?:Exception)?|TooManyRequestsException|EC2ThrottledException|PriorRequestNotComplete|SlowDown|BandwidthLimitExceeded|ProvisionedThroughputExceededException)$/
const quota =
  /(?:LimitExceeded(?:Exception)?|QuotaExceeded(?:Exception)?|^MaxIOPSLimitExceeded|CountExceeded)$/
const optIn = /^(?:OptInRequired|RegionDisabledException|SubscriptionRequiredException)$/
const capacity = /^(?:Insufficient(?:Instance|Host|Reserved|Address)?Capacity|Unsupported)$/

/** Regions that every account has; all later ones have to be switched on by it (AWS: "Enable or disable AWS Regions"). */
const regionsOfEverybody: readonly string[] = [
  ...['us-east-1', 'us-east-2', 'us-west-1', 'us-west-2', 'ca-central-1', 'sa-east-1'],
  ...['eu-central-1', 'eu-north-1', 'eu-west-1', 'eu-west-2', 'eu-west-3', 'ap-south-1'],
  ...['ap-northeast-1', 'ap-northeast-2', 'ap-northeast-3', 'ap-southeast-1', 'ap-southeast-2'],
]

export interface AboutCall {
  /** As policies name it, e.g. ec2:RunInstances. */
  readonly action: string
  readonly region: string
  readonly profile: string | null
  /** The call's deadline. */
  readonly seconds: number
}

const rowOf = (action: string): AwsCallRow | null =>
  (awsCallsTable as Readonly<Record<string, AwsCallRow>>)[action] ?? null

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : '')

/** Parts of AWS's sentence about a refused call, each only in the form that it may have. */
function refusalIn(message: string) {
  const part = (pattern: RegExp): string | null => pattern.exec(message)?.[1] ?? null
  return {
    principal: part(/User: (arn:aws[\w-]*:(?:iam|sts)::\d{12}:[\w+=,.@/-]{1,200})/),
    action: part(/perform: ([a-z0-9-]{2,40}:[A-Za-z0-9]{2,80})\b/),
    resource: part(/(?:on resource:|KMS key) (arn:aws[\w-]*:[\w:/+=,.@*-]{1,300})/),
    denial: part(/with an explicit deny in an? ([A-Za-z -]{3,60}? (?:policy|boundary))/),
    missing: part(/because no ([A-Za-z -]{3,60}? (?:policy|boundary)) allows/),
  }
}

/** AWS's own words, where they tell more than the code: without keys, and without what the code only can read. */
function wordsOf(cause: unknown): readonly string[] {
  const text = messageOf(cause)
    .replace(/Encoded authorization failure message:.*/s, '')
    .replace(/\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b/g, '…')
    .replace(/[A-Za-z0-9+/_=-]{60,}/g, '…')
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
  return text === '' ? [] : [`AWS says: ${text.slice(0, 300)}`]
}

/** EBS direct does not name what it lacks for a snapshot that is encrypted (its user guide: permissions to use KMS keys). */
const keyDenied = (cause: unknown): boolean =>
  cause instanceof Error && 'Reason' in cause && cause.Reason === 'DEPENDENCY_ACCESS_DENIED'

function explainForbidden(cause: unknown, { action, region }: AboutCall): MintmarkError {
  const said = refusalIn(messageOf(cause))
  // A call may need more than its own action: RunInstances with tags is refused for ec2:CreateTags.
  const needed = said.action ?? (keyDenied(cause) ? 'kms:Decrypt' : action)
  const whom = said.principal === null ? 'these credentials' : said.principal
  const where = said.resource === null ? `in ${region}` : `on ${said.resource}`
  const [, partition = 'aws', , , account = '*'] = said.principal?.split(':') ?? []
  const scope = { partition, account, regions: [region] }
  const statements = statementsFor(needed, rowOf(needed), said.resource, scope)
  const denied = said.denial !== null
  const above = said.missing !== null && said.missing !== 'identity-based policy'
  const hint = denied
    ? `an explicit deny in a ${said.denial} forbids it: no statement of yours helps, ask who keeps that policy`
    : above
      ? `the ${said.missing} leaves it out: ask who keeps that policy to allow ${needed}`
      : `add the statement above to a policy of ${said.principal === null ? 'the role' : said.principal.split('/').slice(0, 2).join('/')}; ./mintmark policy aws prints all that are needed`
  return new MintmarkError(
    'PROVIDER_REFUSED',
    `${whom} may not ${needed} ${where}${needed === action ? '' : `, which ${action} needs`}`,
    {
      hint,
      where: { action: needed, region, ...(said.resource === null ? {} : { resource: said.resource }) },
      details: denied || above ? [] : statements.map((statement) => JSON.stringify(statement)),
      cause,
    },
  )
}

function explainCredentials(cause: unknown, about: AboutCall, name: string): MintmarkError | null {
  const { action, region, profile } = about
  const message = messageOf(cause)
  const refused = (what: string, hint: string): MintmarkError =>
    new MintmarkError('PROVIDER_REFUSED', what, { hint, where: { action, region }, cause })
  const signIn =
    profile === null
      ? 'sign in again: aws sso login, or in CI run the job again (its credentials are good for an hour)'
      : `sign in again: aws sso login --profile ${profile}`
  if (noCredentials.test(name)) {
    if (/expired|refresh/i.test(message))
      return refused(
        `the AWS session${profile === null ? '' : ` of the profile ${profile}`} has expired`,
        signIn,
      )
    if (profile !== null)
      return refused(
        `the profile ${profile} gives no AWS credentials (${name})`,
        `aws configure list-profiles shows those there are; aws sso login --profile ${profile} signs in`,
      )
    return refused(
      `${action} needs AWS credentials, and none are to be had (${name})`,
      'set AWS_PROFILE, sign in with aws sso login, or run where a role is attached; in GitHub Actions let the job assume a role by OIDC',
    )
  }
  if (name === 'ENOENT' || name === 'EACCES')
    return refused(
      `a file that AWS credentials were to be read from can't be: ${message.slice(0, 200)}`,
      'check AWS_WEB_IDENTITY_TOKEN_FILE and the AWS configuration, or sign in again',
    )
  if (expired.test(name)) return refused(`these AWS credentials have expired (${name})`, signIn)
  if (skew.test(name) || (badSignature.test(name) && /expired|not yet current/i.test(message)))
    return refused(
      `the clock of this machine is not that of AWS (${name})`,
      'set it: timedatectl set-ntp true',
    )
  // Also said of what is somebody else's: no word on the credentials.
  if (name === 'AuthFailure' && /^Not authorized for/i.test(message)) return null
  if (optIn.test(name) || (unknownKey.test(name) && !regionsOfEverybody.includes(region)))
    return refused(
      `${region} is not switched on for this account, or it does not take these credentials (${name})`,
      `aws account enable-region --region-name ${region}, or use another region`,
    )
  if (unknownKey.test(name) || badSignature.test(name))
    return refused(
      `AWS does not take these credentials (${name})`,
      'check AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN: aws sts get-caller-identity',
    )
  return null
}

/**
 * What an error of the SDK means to a person: what is missing, of whom, and what to do. A call that is refused for want of a
 * permission has the statement to add in its lines.
 */
export function explainAws(cause: unknown, about: AboutCall): MintmarkError {
  if (cause instanceof MintmarkError) return cause
  const { action, region, seconds } = about
  const { name, status, attempts } = codeOf(cause)
  const where = { action, region }
  const refused = (what: string, hint: string): MintmarkError =>
    new MintmarkError('PROVIDER_REFUSED', what, { hint, where, details: wordsOf(cause), cause })
  const unreachable = (what: string, hint: string): MintmarkError =>
    new MintmarkError('PROVIDER_UNREACHABLE', what, { hint, where, cause })
  const credentials = explainCredentials(cause, about, name)
  if (credentials !== null) return credentials
  if (forbidden.test(name)) return explainForbidden(cause, about)
  if (throttled.test(name) || status === 429)
    return unreachable(
      `${action} in ${region} is still throttled after ${attempts} tries (${name})`,
      'something else of this account uses up its rate: run the same command again in some minutes',
    )
  if (quota.test(name))
    return refused(
      `a quota of this account in ${region} is used up: ${action} (${name})`,
      `remove what is not needed, or ask for more: Service Quotas in the AWS console, region ${region}`,
    )
  if (capacity.test(name))
    return refused(
      `AWS can't serve ${action} in ${region} as asked (${name})`,
      'choose another instance type, zone or region',
    )
  if (name === 'TimeoutError' || name === 'AbortError')
    return unreachable(
      `${action} in ${region} was not answered within ${seconds} s`,
      'check the network, then run the same command again',
    )
  if (name === 'ENOTFOUND' || name === 'EAI_AGAIN')
    return unreachable(
      `${action} in ${region}: no such host (${name})`,
      `check that ${region} is a region that there is, the network, and AWS_ENDPOINT_URL`,
    )
  if (status !== null && status >= 400 && status < 500 && status !== 408)
    return refused(
      `AWS refuses ${action} in ${region} (${name}, ${status})`,
      `check the values in the definition and in mintmark.yaml that ${action} is made of`,
    )
  return unreachable(
    `${action} in ${region} can't be reached (${name}${status === null ? '' : `, ${status}`})`,
    'check the network and AWS_ENDPOINT_URL, then run the same command again',
  )
}
