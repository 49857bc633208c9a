import { type AwsRole, policyOf, trustOfGithub } from '../../core/aws-policy.ts'
import { isRegionApart } from '../../core/aws-regions.ts'
import { parseRepository, repositoryForms } from '../../core/github-repository.ts'
import { unique } from '../../core/lists.ts'
import { MintmarkError } from '../../errors.ts'
import { AwsAccount, AwsRegion } from '../../model/ami.ts'
import type { AwsTarget } from '../../model/aws-target.ts'
import type { PolicyInput, RolePolicy } from '../policies.ts'
import { awsCallsTable } from './calls-table.ts'
import { awsOf } from './connect.ts'
import { keyIn } from './publish/region-key.ts'

const purposes: Readonly<Record<AwsRole, string>> = {
  builder: 'builds, tests and scans an image',
  publisher: 'copies, tags, shares and points to releases',
  reader: 'looks at who has an image, and changes nothing',
  consumer: 'launches what is shared with its account',
}

/** Of IAM: characters, without spaces. */
const mostOfManaged = 6144

/** Said where the document is too long for what a policy of its own may have. */
const roomFor = (document: unknown): string => {
  const { length } = JSON.stringify(document)
  return length <= mostOfManaged
    ? ''
    : ` (${length} characters: too many for a managed policy, put it into the role itself)`
}

/** Said where a profile is named: what role it has only IAM knows. */
const roleIn = (profile: string | undefined): string =>
  profile === undefined
    ? ''
    : ` (iam:PassRole is for a role of the name ${profile}: correct it if the role of that profile has another)`

/** Each region's name of the key; the same alias in all is one name. */
const keysOf = (target: AwsTarget, regions: readonly string[]): readonly string[] =>
  unique(regions.map((region) => keyIn(target, region)))

function checked({ account, regions, jobs }: PolicyInput): void {
  const usage = (message: string, hint: string): MintmarkError =>
    new MintmarkError('USAGE', message, { hint })
  if (account !== null && !AwsAccount.safeParse(account).success)
    throw usage(`--account is "${account}": an account is 12 digits`, '--account 123456789012')
  const apart = regions.find(isRegionApart)
  if (apart !== undefined)
    throw usage(`--region is "${apart}": no image goes there yet`, '--region eu-west-1')
  for (const region of regions)
    if (!AwsRegion.safeParse(region).success)
      throw usage(`--region is "${region}": no region of AWS`, '--region eu-west-1')
  if (jobs !== null && parseRepository(jobs.repository) === null)
    throw usage(
      `--repository is "${jobs.repository}": expected ${repositoryForms}`,
      '--repository corp/images',
    )
}

/**
 * The IAM policies of each role, and who may take it where GitHub's jobs are to: of one definition's account, regions and key, or with
 * "*" for what is not given.
 * @throws MintmarkError USAGE, CONFIG_INVALID
 */
export function policies(input: PolicyInput): readonly RolePolicy[] {
  checked(input)
  const { image, jobs } = input
  const target = image === null ? null : awsOf(image.name, image.definition)
  const regions =
    input.regions.length > 0
      ? input.regions
      : target === null
        ? []
        : unique([target.build.region, ...target.regions])
  const account = input.account ?? target?.account ?? '*'
  const network = target?.build.network
  const scope = {
    partition: 'aws',
    account,
    regions,
    sessionManager: network?.sessionManager === true,
    ...(network?.instanceProfile === undefined ? {} : { instanceProfile: network.instanceProfile }),
    ...(target === null ? {} : { keys: keysOf(target, regions) }),
  }
  const { keys: _keys, ...anyKey } = scope
  // Whoever launches has an account of their own, and the key is none of theirs.
  const scopes = { builder: scope, publisher: scope, reader: scope, consumer: { ...anyKey, account: '*' } }
  const roles = (['builder', 'publisher', 'reader', 'consumer'] as const).map((role) => {
    const document = policyOf(role, awsCallsTable, scopes[role])
    const besides = role === 'builder' ? roleIn(network?.instanceProfile) : ''
    return { role, purpose: `${purposes[role]}${besides}${roomFor(document)}`, document }
  })
  if (jobs === null) return roles
  if (account === '*')
    throw new MintmarkError('USAGE', `whose role jobs of ${jobs.repository} may take is not given`, {
      hint: 'add --image IMAGE, or --account 123456789012',
    })
  const purpose = `who may take a role: jobs of ${jobs.repository}, without any key`
  return [...roles, { role: 'oidc', purpose, document: trustOfGithub(jobs, scope) }]
}
