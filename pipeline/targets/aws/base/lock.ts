import { AmiLock, type RegionalAmi } from '../../../model/ami.ts'
import { type AmiInput, observeAmi } from './observe.ts'

/** Other regions of the same build; a newer build begins anew, as each region has to be looked up for it. */
function otherRegions(earlier: AmiLock | null, lock: AmiLock): Readonly<Record<string, RegionalAmi>> {
  const same = earlier !== null && earlier.owner === lock.owner && earlier.name === lock.name
  return same ? earlier.regions : {}
}

/**
 * How a lock pins the newest official AMI in the region of `calls`. Regions of an earlier lock stay when it pins the same build.
 * @throws MintmarkError BASE_REFUSED, PROVIDER_REFUSED, PROVIDER_UNREACHABLE
 */
export async function lockAmi(input: AmiInput): Promise<AmiLock> {
  const { calls, earlier, now } = input
  const { evidence, selector, ancestry } = await observeAmi(input)
  const { imageId, created, snapshot, deprecation, ...common } = evidence
  const regional: RegionalAmi = {
    imageId,
    created,
    snapshot,
    deprecation,
    ancestry: ancestry === null ? null : [...ancestry],
  }
  const lock: AmiLock = {
    schema: 1,
    from: 'ami',
    ...common,
    selector,
    regions: { [calls.region]: regional },
    updated: now.toISOString(),
  }
  return AmiLock.parse({ ...lock, regions: { ...otherRegions(earlier, lock), ...lock.regions } })
}
