import type { SeenSharedRegion, SharedAmi } from '../../../core/aws-share.ts'
import { compare } from '../../../core/lists.ts'
import type { AwsTarget } from '../../../model/aws-target.ts'
import type { AwsCalls } from '../client.ts'
import { keyIn, seeKey } from '../publish/region-key.ts'
import { type KnownAmi, seeSharedKey } from './look.ts'

/** In place of an id. */
export const toCome = 'to come'

export interface ComingInput {
  /** Undefined where the definition names AWS no more: then nothing comes. */
  readonly target: AwsTarget | undefined
  /** Of these credentials. */
  readonly account: string
  /** Releases that are about to be brought to every region of the target. */
  readonly coming: readonly KnownAmi[]
}

/**
 * The region as it will be once those releases are there: a fresh copy is private, and encrypted with the key that the definition names
 * for the region. Where there is no such key no copy comes.
 * @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE, CONFIG_INVALID, INTERRUPTED
 */
export async function withComing(
  calls: AwsCalls,
  seen: SeenSharedRegion,
  { target, account, coming }: ComingInput,
): Promise<SeenSharedRegion> {
  const { region, amis, keys } = seen
  const missing = coming.filter(
    ({ release: { version, variant, ami } }) =>
      ami.account === account && !amis.some((item) => item.version === version && item.variant === variant),
  )
  if (target === undefined || !target.regions.includes(region) || missing.length === 0) return seen
  if (target.account !== account) return seen
  const { arn, problem } = await seeKey(calls, keyIn(target, region))
  if (arn === null || problem !== null) return seen
  const imagined = missing.map(
    ({ release: { version, variant, ami } }): SharedAmi => ({
      imageId: toCome,
      version,
      variant,
      told: true,
      state: 'available',
      launch: [],
      volumes: ami.snapshotIds.map(() => ({ snapshotId: toCome, shared: [], key: arn })),
    }),
  )
  const known = keys.some((key) => key.arn === arn)
  return {
    ...seen,
    amis: [...amis, ...imagined],
    // In the order of a look: what a person accepted is compared with it.
    keys: known
      ? keys
      : [...keys, await seeSharedKey(calls, arn, account)].sort((a, b) => compare(a.arn, b.arn)),
  }
}
