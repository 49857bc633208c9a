import { MintmarkError } from '../../errors.ts'
import type { AwsTarget } from '../../model/aws-target.ts'
import type { Definition } from '../../model/definition.ts'
import type { World } from '../../ports/world.ts'
import { requireAccount } from './account.ts'
import { type AwsCalls, awsCalls } from './client.ts'

/** One set of clients for all that a command does: a person is asked for a second factor once. */
const opened = new WeakMap<AbortSignal, Map<string, AwsCalls>>()

/** Calls in one region, by the credentials that the SDK finds. */
export function callsAt({ env, signal }: Pick<World, 'env' | 'signal'>, region: string): AwsCalls {
  const known = opened.get(signal) ?? new Map<string, AwsCalls>()
  opened.set(signal, known)
  const there = known.get(region)
  if (there !== undefined) return there
  const [first] = known.values()
  const profile = env['AWS_PROFILE'] ?? ''
  const made = first?.at(region) ?? awsCalls({ region, signal, ...(profile === '' ? {} : { profile }) })
  known.set(region, made)
  return made
}

export type CallsAt = typeof callsAt

/**
 * `targets.aws` of a definition.
 * @throws MintmarkError CONFIG_INVALID for one that does not name the target
 */
export function awsOf(image: string, { targets }: Pick<Definition, 'targets'>): AwsTarget {
  if (targets.aws !== undefined) return targets.aws
  throw new MintmarkError('CONFIG_INVALID', `images/${image}.yaml has no targets.aws`, {
    hint: `add targets.aws to images/${image}.yaml; ./mintmark policy aws --account 123456789012 needs no definition`,
  })
}

/** Calls in the region that the image is built in. */
export const callsOfBuild = (
  world: World,
  image: string,
  definition: Pick<Definition, 'targets'>,
): AwsCalls => callsAt(world, awsOf(image, definition).build.region)

/**
 * To be called before everything that makes or removes something for an image.
 * @throws MintmarkError PROVIDER_REFUSED for another account than the definition's
 */
export async function requireOwnAccount(
  calls: AwsCalls,
  image: string,
  { account }: Pick<AwsTarget, 'account'>,
): Promise<void> {
  await requireAccount(calls, account, `images/${image}.yaml targets.aws.account`)
}
