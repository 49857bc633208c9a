import { MintmarkError } from '../../errors.ts'
import { AwsAccount } from '../../model/ami.ts'
import type { AwsCalls } from './client.ts'

/** Whose credentials these are. */
export interface CallerIdentity {
  readonly account: string
  /** Of the user or of the role's session. */
  readonly arn: string
  /** aws, aws-cn or aws-us-gov. */
  readonly partition: string
}

/**
 * Whose credentials the SDK found.
 * @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE
 */
export async function callerIdentity(calls: AwsCalls): Promise<CallerIdentity> {
  const { Account: account = '', Arn: arn = '' } = await calls.sts.send('GetCallerIdentity', {})
  const partition = /^arn:(aws[\w-]*):/.exec(arn)?.[1]
  if (AwsAccount.safeParse(account).success && partition !== undefined) return { account, arn, partition }
  throw new MintmarkError(
    'PROVIDER_REFUSED',
    `sts:GetCallerIdentity in ${calls.region} says the account is "${account}" and the caller "${arn}"`,
    { hint: 'check AWS_ENDPOINT_URL: whoever answers there is not AWS' },
  )
}

/**
 * Nothing is to be made in another account than the one that was meant. To be called before everything that makes something.
 * @param expected 12 digits; where they were written is `where`, e.g. mintmark.yaml:12:7 accounts.image-factory
 * @throws MintmarkError PROVIDER_REFUSED for another account, CONFIG_INVALID for what is none
 */
export async function requireAccount(
  calls: AwsCalls,
  expected: string,
  where: string,
): Promise<CallerIdentity> {
  if (!AwsAccount.safeParse(expected).success)
    throw new MintmarkError('CONFIG_INVALID', `${where} is "${expected}": an account is 12 digits`, {
      hint: 'write it in quotes, e.g. "012345678901": a zero in front counts',
    })
  const identity = await callerIdentity(calls)
  if (identity.account === expected) return identity
  const { profile } = calls
  throw new MintmarkError(
    'PROVIDER_REFUSED',
    `these credentials${profile === null ? '' : ` (profile ${profile})`} are of account ${identity.account} (${identity.arn}), and ${where} says ${expected}: nothing was made`,
    {
      hint: `sign in to ${expected}: export AWS_PROFILE=NAME, or assume its role`,
      where: { found: identity.account, expected },
    },
  )
}
