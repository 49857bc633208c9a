import { amiDrift } from '../../../core/ami-drift.ts'
import { type AmiOwner, amiOwners } from '../../../core/ami-owners.ts'
import { digestOf } from '../../../core/digest.ts'
import { lifecycleAt, lifecycleRow } from '../../../core/lifecycle.ts'
import { MintmarkError } from '../../../errors.ts'
import type { AmiBase, AmiLock } from '../../../model/ami.ts'
import type { AwsCalls } from '../client.ts'
import { ancestryOf } from './ancestry.ts'
import { describeAmi } from './find-ami.ts'
import { acceptedAmi, amiOwnerOf, askedOf } from './observe.ts'

export interface ResolveAmiInput {
  /** Of the region of the build. */
  readonly calls: AwsCalls
  readonly image: string
  readonly lock: AmiLock
  /** Days, as definitions write it: 90d. */
  readonly maxAge: string
  readonly now: Date
  readonly owners?: readonly AmiOwner[]
}

/** @throws MintmarkError BASE_REFUSED for a lock that the table of owners does not stand behind */
function ownerIn({ lock, calls, image }: ResolveAmiInput, table: readonly AmiOwner[]): AmiOwner {
  const owner = amiOwnerOf({ family: lock.distribution, release: lock.release, calls }, table)
  if (owner.account === lock.owner && owner.id === lock.publisher) return owner
  throw new MintmarkError(
    'BASE_REFUSED',
    `images/${image}.lock.json pins an AMI of ${lock.owner} (${lock.publisher}), and ${owner.title} is ${owner.account}`,
    { hint: `./mintmark base update ${image}` },
  )
}

/**
 * The AMI that the lock pins, looked up again where the build is to be, and judged anew.
 * @throws MintmarkError LOCK_MISSING for a region that the lock does not have, CHAIN_BROKEN for a pinned field that is another now,
 * BASE_REFUSED for what is not acceptable any more, PROVIDER_REFUSED, PROVIDER_UNREACHABLE
 */
export async function resolveAmi(input: ResolveAmiInput): Promise<AmiBase> {
  const { calls, image, lock, now, owners = amiOwners } = input
  const { region } = calls
  const path = `images/${image}.lock.json`
  const update = `./mintmark base update ${image}`
  const owner = ownerIn(input, owners)
  const pinned = lock.regions[region]
  if (pinned === undefined)
    throw new MintmarkError(
      'LOCK_MISSING',
      `${path} pins no AMI in ${region}, only in ${Object.keys(lock.regions).sort().join(', ')}`,
      { hint: update },
    )
  const found = await describeAmi(calls, pinned.imageId)
  if (found === null)
    throw new MintmarkError(
      'BASE_REFUSED',
      `${lock.name} (${pinned.imageId}) is not to be seen in ${region}: its owner withdrew it, or the allowed AMIs of this account leave it out`,
      { hint: update },
    )
  const ancestry = await ancestryOf(calls, pinned.imageId)
  const [first, ...more] = amiDrift(lock, pinned, found, ancestry)
  if (first !== undefined)
    throw new MintmarkError(
      'CHAIN_BROKEN',
      `${pinned.imageId} in ${region} is not what ${path} pins: ${first}`,
      { hint: `find out why, then ${update}`, details: more, where: { region, ami: pinned.imageId } },
    )
  const { distribution: family, release, arch } = lock
  const asked = askedOf({ ...input, family, release, arch, earlier: lock }, owner)
  const evidence = acceptedAmi(found, ancestry, asked, update)
  const row = lifecycleRow({ family, release })
  if (row === null)
    throw new MintmarkError('INTERNAL', `${family} ${release} was accepted and has no lifecycle`)
  const { imageId, snapshot } = evidence
  return {
    from: 'ami',
    id: digestOf({ owner: evidence.owner, region, imageId, snapshot }),
    ...evidence,
    version: `${release}-${evidence.built.slice(0, 10).replaceAll('-', '')}`,
    login: owner.login,
    region,
    ancestry: ancestry === null ? pinned.ancestry : [...ancestry],
    lifecycle: lifecycleAt(row, now),
  }
}
