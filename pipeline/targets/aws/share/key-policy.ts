import { join } from 'node:path'
import { type Effect, policyChange, tooLong } from '../../../core/aws-share-effects.ts'
import type { SeenSharedRegion, SharedKey, ShareFacts } from '../../../core/aws-share.ts'
import { sha256 } from '../../../core/digest.ts'
import { mostOfAPolicy, parseKeyPolicy } from '../../../core/key-policy.ts'
import { MintmarkError } from '../../../errors.ts'
import type { World } from '../../../ports/world.ts'
import type { AwsCalls } from '../client.ts'
import { until } from '../until.ts'

const deadlineMs = 60_000
/** Others of this machine need a minute each, at most. */
const lockWaitMs = 300_000

async function seeAgain(calls: AwsCalls, key: SharedKey): Promise<SharedKey> {
  const { Policy = '' } = await calls.kms.send('GetKeyPolicy', { KeyId: key.arn, PolicyName: 'default' })
  const policy = parseKeyPolicy(Policy)
  if (policy !== null) return { ...key, policy }
  throw new MintmarkError('PROVIDER_REFUSED', `the policy of ${key.arn} is none that can be read`, {
    hint: `aws kms get-key-policy --key-id ${key.arn} --policy-name default`,
  })
}

/**
 * Brings the image's own statements of a key's policy to what these effects need; all others stay as they are. It is read right before
 * it is written, while nobody else of this machine writes it, and again until it is so.
 * @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE, BUSY, CONFLICT when somebody else wrote it meanwhile
 */
export async function bringPolicy(
  { world, calls }: { readonly world: World; readonly calls: AwsCalls },
  region: SeenSharedRegion,
  key: SharedKey,
  effects: readonly Effect[],
  facts: ShareFacts,
): Promise<void> {
  // AWS's own, or another account's.
  if (!facts.manages || (key.policy === null && key.unusable !== null)) return
  // Images may share a key, and KMS takes the last of two that write: it has no way to write only what nobody changed.
  const lock = join(world.places.runs, '.share-keys', sha256(key.arn))
  await world.withLock(lock, lockWaitMs, async () => {
    const change = policyChange(region, await seeAgain(calls, key), effects, facts)
    if (change === null) return
    const { text } = change
    if (text.length > mostOfAPolicy) {
      const { why, hint } = tooLong(key.arn, text.length)
      throw new MintmarkError('PROVIDER_REFUSED', why, { hint })
    }
    await calls.kms.send('PutKeyPolicy', {
      KeyId: key.arn,
      PolicyName: 'default',
      Policy: text,
      // KMS refuses a policy that would lock its own account out.
      BypassPolicyLockoutSafetyCheck: false,
    })
    const isSo = await until(world, deadlineMs, async () =>
      policyChange(region, await seeAgain(calls, key), effects, facts) === null ? true : null,
    )
    if (isSo === null)
      throw new MintmarkError(
        'CONFLICT',
        `the policy of ${key.arn} is not what was written: somebody else changes it`,
        { hint: `./mintmark share plan ${facts.image} shows what is missing` },
      )
  })
}
