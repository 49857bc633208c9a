import type { SeenSharedRegion } from '../../../core/aws-share.ts'
import { MintmarkError } from '../../../errors.ts'
import type { AwsTarget } from '../../../model/aws-target.ts'
import type { AwsCalls } from '../client.ts'
import { keyIn, seeKey } from '../publish/region-key.ts'
import { seeSharedKey } from './look.ts'

/**
 * The region with the key that the definition names for it, where no image of the release is left: what was deregistered takes no statement
 * of ours out of a policy. A key that may not be asked for is left out: no image there needs it.
 * @throws MintmarkError PROVIDER_UNREACHABLE, CONFIG_INVALID, INTERRUPTED
 */
export async function withKeyLeft(
  calls: AwsCalls,
  seen: SeenSharedRegion,
  { target, account }: { readonly target: AwsTarget | undefined; readonly account: string },
): Promise<SeenSharedRegion> {
  const { region, keys } = seen
  const isOurs = target?.account === account && target.regions.includes(region)
  if (!isOurs || keys.length > 0) return seen
  try {
    const { arn } = await seeKey(calls, keyIn(target, region))
    return arn === null ? seen : { ...seen, keys: [await seeSharedKey(calls, arn, account)] }
  } catch (cause) {
    if (cause instanceof MintmarkError && cause.code === 'PROVIDER_REFUSED') return seen
    throw cause
  }
}
