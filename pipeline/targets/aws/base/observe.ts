import { ancestryProblems } from '../../../core/ami-drift.ts'
import { type AmiEvidence, type AskedAmi, type DescribedImage, judgeAmi } from '../../../core/ami-evidence.ts'
import { type AmiOwner, amiOwners } from '../../../core/ami-owners.ts'
import { isRegionApart } from '../../../core/aws-regions.ts'
import { lifecycleRow } from '../../../core/lifecycle.ts'
import { MintmarkError } from '../../../errors.ts'
import type { AmiAncestor, AmiLock, AmiSelector } from '../../../model/ami.ts'
import type { Arch } from '../../../model/ids.ts'
import type { AwsCalls } from '../client.ts'
import { ancestryOf } from './ancestry.ts'
import { findAmi } from './find-ami.ts'

export interface AmiInput {
  /** Of the region that is asked about. */
  readonly calls: AwsCalls
  /** Of the definition, for what to do. */
  readonly image: string
  readonly family: string
  readonly release: string
  readonly arch: Arch
  /** Days, as definitions write it: 90d. */
  readonly maxAge: string
  /** The lock as it was before, if there was one: nothing older than that is taken. */
  readonly earlier: AmiLock | null
  readonly now: Date
  /** Whose AMIs count; the built-in table when left out. */
  readonly owners?: readonly AmiOwner[]
}

/** The newest AMI of an official owner in one region, found and accepted. */
export interface AmiSight {
  readonly owner: AmiOwner
  readonly selector: AmiSelector
  readonly evidence: AmiEvidence
  readonly ancestry: readonly AmiAncestor[] | null
}

/** @throws MintmarkError BASE_REFUSED when nobody's AMIs of this release are known */
export function amiOwnerOf(
  { family, release, calls }: Pick<AmiInput, 'family' | 'release' | 'calls'>,
  table: readonly AmiOwner[],
): AmiOwner {
  const refuse = (what: string, hint: string): MintmarkError =>
    new MintmarkError('BASE_REFUSED', what, { hint })
  const owner = table.find((candidate) => candidate.family === family)
  if (owner === undefined)
    throw refuse(
      `no owner of official AMIs of ${family} is known`,
      `known are ${table.map((candidate) => candidate.family).join(', ')}`,
    )
  if (!Object.hasOwn(owner.releases, release))
    throw refuse(
      `${owner.title} is not known for AMIs of ${family} ${release}`,
      `known are ${Object.keys(owner.releases).join(', ')}; a new one goes into pipeline/core/ami-owners.ts`,
    )
  if (isRegionApart(calls.region))
    throw refuse(
      `the account of ${owner.title} in the partition of ${calls.region} is not known`,
      'use a region of the commercial partition, e.g. eu-west-1',
    )
  return owner
}

/** What an AMI of this owner is judged by. */
export const askedOf = (input: Omit<AmiInput, 'owners'>, owner: AmiOwner): AskedAmi => ({
  owner,
  release: input.release,
  arch: input.arch,
  region: input.calls.region,
  earlier: input.earlier,
  maxAge: input.maxAge,
  lifecycle: lifecycleRow({ family: owner.family, release: input.release }),
  now: input.now,
})

/**
 * The evidence that accepts an AMI.
 * @throws MintmarkError BASE_REFUSED with every reason against it
 */
export function acceptedAmi(
  image: DescribedImage,
  ancestry: readonly AmiAncestor[] | null,
  asked: AskedAmi,
  hint: string,
): AmiEvidence {
  const { accepted, refused } = judgeAmi(image, asked)
  const reasons = [...refused, ...ancestryProblems(ancestry ?? [], image.ImageId ?? '')]
  if (accepted !== null && reasons.length === 0) return accepted
  const name = `${image.Name ?? 'an image without a name'} (${image.ImageId ?? 'no id'}, ${asked.region})`
  const [first = 'EC2 tells too little of it'] = reasons
  throw new MintmarkError(
    'BASE_REFUSED',
    reasons.length > 1 ? `${name} is refused for ${reasons.length} reasons` : `${name}: ${first}`,
    { hint, details: reasons.length > 1 ? reasons : [], where: { region: asked.region } },
  )
}

/**
 * The newest official AMI of a release in the region of `calls`, judged. Nothing is made.
 * @throws MintmarkError BASE_REFUSED, PROVIDER_REFUSED, PROVIDER_UNREACHABLE
 */
export async function observeAmi(input: AmiInput): Promise<AmiSight> {
  const { calls, release, arch, owners = amiOwners } = input
  const owner = amiOwnerOf(input, owners)
  const builds = owner.builds({ release, codename: owner.releases[release] ?? null, arch })
  const { image, selector } = await findAmi(calls, owner, builds)
  // Asked of an id that is of the owner only: the chain of anything else is of no interest.
  const ancestry =
    image.OwnerId === owner.account && image.ImageId !== undefined
      ? await ancestryOf(calls, image.ImageId)
      : null
  const hint = `it is what the publisher offers now: wait for a newer one, or keep what images/${input.image}.lock.json pins`
  const evidence = acceptedAmi(image, ancestry, askedOf(input, owner), hint)
  return { owner, selector, evidence, ancestry }
}
