import type { Instance as Ec2Instance } from '@aws-sdk/client-ec2'
import { MintmarkError } from '../../../errors.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { AwsCalls } from '../client.ts'
import { until } from '../until.ts'

/** An instance as EC2 has it now, with the account that it is of. */
export interface InstanceSight {
  readonly account: string
  readonly instance: Ec2Instance
}

export type InstanceState = 'pending' | 'running' | 'stopping' | 'stopped' | 'shutting-down' | 'terminated'

/** Null: EC2 does not know it, yet or any more. */
export async function lookAtInstance(calls: AwsCalls, id: string): Promise<InstanceSight | null> {
  const pages = calls.ec2.pages('DescribeInstances', { InstanceIds: [id] }, ['InvalidInstanceID.NotFound'])
  for await (const { Reservations: reservations = [] } of pages)
    for (const { OwnerId: account = '', Instances: instances = [] } of reservations)
      for (const instance of instances) return { account, instance }
  return null
}

export const stateOf = ({ instance }: InstanceSight): InstanceState =>
  (instance.State?.Name ?? 'pending') as InstanceState

/** RFC 1918 and RFC 4193: such callers come to an instance's private address. */
const privateRange = /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|f[cd][0-9a-f]{2}:)/i

/**
 * Where it answers these callers; null while it has no address.
 * @param from addresses that its group lets in, as CIDRs
 */
export function addressOf({ instance }: InstanceSight, from: readonly string[]): string | null {
  const inside = from.every((cidr) => privateRange.test(cidr))
  const outside = inside ? undefined : (instance.PublicIpAddress ?? instance.Ipv6Address)
  return outside ?? instance.PrivateIpAddress ?? null
}

/** Why it is in that state, in EC2's words; empty where it says nothing. */
export const reasonOf = ({ instance }: InstanceSight): string =>
  instance.StateReason?.Message ?? instance.StateTransitionReason ?? ''

export interface Awaited {
  readonly calls: AwsCalls
  readonly clock: Clock
  /** Ends the wait early, as an error. */
  readonly signal: AbortSignal
  readonly id: string
  readonly wanted: readonly InstanceState[]
  readonly deadlineMs: number
  readonly update: (text: string) => void
}

/**
 * Waits until an instance is in one of the states. One that EC2 does not know any more is terminated.
 * @throws MintmarkError PROVIDER_UNREACHABLE at the deadline, INTERRUPTED, and as the calls
 */
export async function awaitInstance(awaited: Awaited): Promise<InstanceSight | null> {
  const { calls, id, wanted, deadlineMs, update } = awaited
  let state: InstanceState = 'pending'
  const there = await until(awaited, deadlineMs, async () => {
    const sight = await lookAtInstance(calls, id)
    state = sight === null ? 'terminated' : stateOf(sight)
    if (wanted.includes(state)) return { sight }
    update(`${id} is ${state}`)
    return null
  })
  if (there !== null) return there.sight
  throw new MintmarkError(
    'PROVIDER_UNREACHABLE',
    `${id} in ${calls.region} is still ${state} after ${Math.round(deadlineMs / 1000)} s, not ${wanted.join(' or ')}`,
    { hint: 'look at it in the EC2 console, then run the same command again' },
  )
}
