import type { CreateVolumePermission } from '@aws-sdk/client-ec2'
import { granteeOf, permissionOf } from '../../../core/aws-principals.ts'
import type { SharedAmi } from '../../../core/aws-share.ts'
import { MintmarkError } from '../../../errors.ts'
import type { World } from '../../../ports/world.ts'
import type { AwsCalls } from '../client.ts'
import { codeOf } from '../errors.ts'
import { until } from '../until.ts'
import { launchersOf, sharersOf } from './look.ts'

/** Permissions of one call: as many as a request of EC2 takes without doubt. */
const atATime = 100
/** EC2 tells what was changed only after a while. */
const deadlineMs = 60_000

/** Principals for whom it could not be done, and why. */
export type Failures = ReadonlyMap<string, MintmarkError>

/** True for what keeps one region from nothing but itself. */
export const isOfRegion = (cause: unknown): cause is MintmarkError =>
  cause instanceof MintmarkError &&
  ['PROVIDER_REFUSED', 'PROVIDER_UNREACHABLE', 'CONFLICT', 'BUSY'].includes(cause.code)

/** A call that is refused for one of many is made for halves of them, so that the others get theirs. */
async function inHalves(
  principals: readonly string[],
  send: (some: readonly string[]) => Promise<unknown>,
): Promise<Failures> {
  if (principals.length === 0) return new Map()
  try {
    await send(principals)
    return new Map()
  } catch (cause) {
    if (!isOfRegion(cause)) throw cause
    // A value can be wrong for one alone; a permission, a quota or the network is so for all.
    const isOfOne = codeOf(cause.cause).name.startsWith('Invalid')
    if (principals.length === 1 || !isOfOne) return new Map(principals.map((principal) => [principal, cause]))
    const half = Math.ceil(principals.length / 2)
    const first = await inHalves(principals.slice(0, half), send)
    return new Map([...first, ...(await inHalves(principals.slice(half), send))])
  }
}

async function inBatches(
  principals: readonly string[],
  send: (some: readonly string[]) => Promise<unknown>,
): Promise<Failures> {
  const failures = new Map<string, MintmarkError>()
  for (let start = 0; start < principals.length; start += atATime)
    for (const [principal, cause] of await inHalves(principals.slice(start, start + atATime), send))
      failures.set(principal, cause)
  return failures
}

type Way = 'Add' | 'Remove'

const permissionsOf = (principals: readonly string[], partition: string) =>
  principals.flatMap((principal) => {
    const grantee = granteeOf(principal)
    return grantee === null ? [] : [permissionOf(grantee, partition)]
  })

const changeLaunch = (
  calls: AwsCalls,
  { imageId }: SharedAmi,
  way: Way,
  principals: readonly string[],
  partition: string,
): Promise<Failures> =>
  inBatches(principals, (some) =>
    calls.ec2.send('ModifyImageAttribute', {
      ImageId: imageId,
      LaunchPermission: { [way]: permissionsOf(some, partition) },
    }),
  )

const changeVolumes = (
  calls: AwsCalls,
  snapshotId: string,
  way: Way,
  principals: readonly string[],
): Promise<Failures> =>
  inBatches(principals, (some) =>
    calls.ec2.send('ModifySnapshotAttribute', {
      SnapshotId: snapshotId,
      Attribute: 'createVolumePermission',
      CreateVolumePermission: {
        // EC2 has no other forms for snapshots.
        [way]: permissionsOf(some, 'aws').flatMap(({ UserId, Group }): CreateVolumePermission[] =>
          Group !== undefined ? [{ Group }] : UserId !== undefined ? [{ UserId }] : [],
        ),
      },
    }),
  )

const isAccount = (principal: string): boolean => granteeOf(principal)?.kind === 'account'

/** Snapshots first: who sees the image can use all of it. What is there already is not given again. */
export async function give(
  calls: AwsCalls,
  ami: SharedAmi,
  principals: readonly string[],
  partition: string,
): Promise<Failures> {
  const failures = new Map<string, MintmarkError>()
  for (const { snapshotId, shared } of ami.volumes) {
    const lacking = principals.filter((one) => isAccount(one) && !shared.includes(one))
    for (const [one, cause] of await changeVolumes(calls, snapshotId, 'Add', lacking))
      failures.set(one, cause)
  }
  const lacking = principals.filter((one) => !ami.launch.includes(one) && !failures.has(one))
  for (const [one, cause] of await changeLaunch(calls, ami, 'Add', lacking, partition))
    failures.set(one, cause)
  return failures
}

/** The other way round. What has no form that is known here is for people to take. */
export async function take(
  calls: AwsCalls,
  ami: SharedAmi,
  principals: readonly string[],
  partition: string,
): Promise<Failures> {
  const failures = new Map(
    principals
      .filter((one) => granteeOf(one) === null)
      .map((one) => [
        one,
        new MintmarkError('PROVIDER_REFUSED', `${one} has ${ami.imageId}, and is nobody that is known here`, {
          hint: `aws ec2 modify-image-attribute --region ${calls.region} --image-id ${ami.imageId} takes it away`,
        }),
      ]),
  )
  const launching = principals.filter((one) => ami.launch.includes(one) && !failures.has(one))
  for (const [one, cause] of await changeLaunch(calls, ami, 'Remove', launching, partition))
    failures.set(one, cause)
  for (const { snapshotId, shared } of ami.volumes) {
    const copying = principals.filter((one) => shared.includes(one) && !failures.has(one))
    for (const [one, cause] of await changeVolumes(calls, snapshotId, 'Remove', copying))
      failures.set(one, cause)
  }
  return failures
}

/**
 * Reads what was changed until it is so.
 * @returns those for whom it is not, by the deadline
 */
export async function confirm(
  { world, calls }: { readonly world: World; readonly calls: AwsCalls },
  ami: SharedAmi,
  has: readonly string[],
  hasNot: readonly string[],
): Promise<Failures> {
  let wrong: readonly string[] = []
  await until(world, deadlineMs, async () => {
    const [launch, ...volumes] = await Promise.all([
      launchersOf(calls, ami.imageId),
      ...ami.volumes.map(({ snapshotId }) => sharersOf(calls, snapshotId)),
    ])
    wrong = [
      ...has.filter(
        (one) => !launch.includes(one) || (isAccount(one) && volumes.some((shared) => !shared.includes(one))),
      ),
      ...hasNot.filter((one) => [launch, ...volumes].some((shared) => shared.includes(one))),
    ]
    return wrong.length === 0 ? true : null
  })
  return new Map(
    wrong.map((one) => [
      one,
      new MintmarkError(
        'PROVIDER_REFUSED',
        `${calls.region} took the change of ${ami.imageId} for ${one}, and does not show it after ${deadlineMs / 1000} s`,
        { hint: 'run the same command again' },
      ),
    ]),
  )
}
