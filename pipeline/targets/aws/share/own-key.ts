import type { SeenSharedRegion, SharedAmi } from '../../../core/aws-share.ts'
import { compare } from '../../../core/lists.ts'
import { MintmarkError } from '../../../errors.ts'
import type { AwsTarget } from '../../../model/aws-target.ts'
import type { AwsCalls } from '../client.ts'
import { keyIn, seeKey } from '../publish/region-key.ts'
import { type KnownAmi, seeSharedKey } from './look.ts'

/** In place of an id. */
export const toCome = 'to come'

export interface OwnKeyInput {
  /** Undefined where the definition names AWS no more: then it names no key. */
  readonly target: AwsTarget | undefined
  /** Of these credentials. */
  readonly account: string
  /** Releases that are about to be brought to every region of the target. */
  readonly coming: readonly KnownAmi[]
}

const imagined = (arn: string, { release: { version, variant, ami } }: KnownAmi): SharedAmi => ({
  imageId: toCome,
  version,
  variant,
  told: true,
  state: 'available',
  launch: [],
  volumes: ami.snapshotIds.map(() => ({ snapshotId: toCome, shared: [], key: arn })),
})

/**
 * The region with the key that the definition names for it, which no image there may show: where releases are coming, as it will be once
 * they are there, for a fresh copy is private and encrypted with that key, and without a good one none comes; and where no image is left,
 * for what was deregistered takes no statement of ours out of a policy.
 * @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE, CONFIG_INVALID, INTERRUPTED
 */
export async function withOwnKey(
  calls: AwsCalls,
  seen: SeenSharedRegion,
  { target, account, coming }: OwnKeyInput,
): Promise<SeenSharedRegion> {
  const { region, amis, keys } = seen
  if (target?.account !== account || !target.regions.includes(region)) return seen
  const missing = coming.filter(
    ({ release: { version, variant, ami } }) =>
      ami.account === account && !amis.some((item) => item.version === version && item.variant === variant),
  )
  if (missing.length === 0 && keys.length > 0) return seen
  try {
    const { arn, problem } = await seeKey(calls, keyIn(target, region))
    if (arn === null) return seen
    const comes = problem === null ? missing.map((item) => imagined(arn, item)) : []
    // In the order of a look: what a person accepted is compared with it.
    const all = keys.some((key) => key.arn === arn)
      ? keys
      : [...keys, await seeSharedKey(calls, arn, account)].sort((a, b) => compare(a.arn, b.arn))
    return { ...seen, amis: [...amis, ...comes], keys: all }
  } catch (cause) {
    // Where nothing is and nothing comes nobody needs the key, and who may not ask for it is kept from nothing.
    if (missing.length === 0 && cause instanceof MintmarkError && cause.code === 'PROVIDER_REFUSED')
      return seen
    throw cause
  }
}
