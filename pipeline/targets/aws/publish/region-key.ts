import type { SeenKey } from '../../../core/aws-publish-plan.ts'
import { keyOfRegion } from '../../../core/region-key.ts'
import { MintmarkError } from '../../../errors.ts'
import type { AwsTarget } from '../../../model/aws-target.ts'
import type { AwsCalls } from '../client.ts'

/** @throws MintmarkError CONFIG_INVALID for a key that is of another region alone: a definition of before that was refused */
export function keyIn(target: Pick<AwsTarget, 'encrypt' | 'build'>, region: string): string {
  const key = keyOfRegion(target, region)
  if (key !== null) return key
  throw new MintmarkError('CONFIG_INVALID', `the key ${target.encrypt.key} is not of ${region}`, {
    hint: `name it by an alias that every region has, e.g. alias/golden, or give targets.aws.encrypt.regions: {${region}: ...}`,
    where: { region },
  })
}

/** What the region says of the key, before anything is encrypted with it: EC2 itself would tell only after it has answered. */
export async function seeKey(calls: AwsCalls, name: string): Promise<SeenKey> {
  const { region } = calls
  const answer = await calls.kms.find('DescribeKey', { KeyId: name }, ['NotFoundException'])
  const key = answer?.KeyMetadata
  if (key === undefined)
    return { name, arn: null, problem: `there is no key ${name} in ${region}`, deletion: null }
  const arn = key.Arn ?? null
  const deletion = key.DeletionDate?.toISOString() ?? null
  const told = (problem: string | null): SeenKey => ({ name, arn, problem, deletion })
  if (key.KeyManager === 'AWS')
    return told(`the key ${name} in ${region} is AWS's own: what it encrypts can be shared with nobody`)
  if (key.KeyState === 'PendingDeletion')
    return told(`the key ${name} in ${region} is deleted on ${deletion?.slice(0, 10) ?? 'a day to come'}`)
  if (key.KeyState !== 'Enabled')
    return told(`the key ${name} in ${region} is ${key.KeyState ?? 'in no state that is known'}`)
  if (key.KeySpec !== undefined && key.KeySpec !== 'SYMMETRIC_DEFAULT')
    return told(`the key ${name} in ${region} is ${key.KeySpec}: EBS takes symmetric keys alone`)
  return told(null)
}
