import { type UdpPorts, udpProbesFor } from '../../../core/udp-probes.ts'
import { MintmarkError } from '../../../errors.ts'
import type { Net } from '../../../ports/net.ts'
import type { World } from '../../../ports/world.ts'
import type { PortScan } from '../../instance.ts'
import type { AwsCalls } from '../client.ts'
import { pause } from '../pause.ts'
import { openAll, type Protocol, shutAll } from './security-group.ts'

/** Connections at a time: what routers at home and in offices still follow. */
const tcpAtOnce = 1000
/** A lost SYN is sent again after a second. */
const tcpTimeoutMs = 1500
const udpAtOnce = 16
const udpTimeoutMs = 2000
const defaultDeadlineMs = 180_000
/** Until a changed group holds for new connections: EC2 does not tell. What is asked earlier is not let through, and passes for shut. */
const opensMs = 20_000
const shutsMs = 60_000
const lookAgainMs = 4000

export interface ScanInput {
  readonly world: Pick<World, 'clock' | 'signal'>
  readonly net: Net
  readonly calls: AwsCalls
  readonly group: string
  readonly from: readonly string[]
  /** TCP ports that the group lets the callers reach all the time. */
  readonly always: readonly number[]
  /** Of the instance, once it is known. */
  readonly address: () => string
}

/**
 * An instance's ports asked from this machine. Its group lets all of them through for as long as that takes, and no longer. Where something on
 * the way answers in the instance's place, a proxy of an office for example, those ports can't be told from here: that is an error, but
 * for a TCP port on which the instance itself says that it listens to nobody.
 */
export function scanOf(input: ScanInput): PortScan {
  const { world, net, calls, group, from, always, address } = input

  async function whileOpen<T>(protocol: Protocol, work: () => Promise<T>): Promise<T> {
    await openAll(calls, group, protocol, from)
    try {
      await pause(world, opensMs)
      return await work()
    } finally {
      await shutAll(world.signal.aborted ? calls.unstopped() : calls, group, protocol, from)
    }
  }

  /** Those that still answer long after the group was shut. */
  async function notShut(
    ports: readonly number[],
    ask: (ports: readonly number[]) => Promise<readonly number[]>,
  ): Promise<readonly number[]> {
    const until = world.clock.now().getTime() + shutsMs
    let left = ports
    while (left.length > 0 && world.clock.now().getTime() < until) {
      await pause(world, lookAgainMs)
      left = await ask(left)
    }
    return left
  }

  /** @throws MintmarkError TOOL_FAILED unless there are none */
  function refuse(untold: readonly number[]): void {
    if (untold.length === 0) return
    throw new MintmarkError(
      'TOOL_FAILED',
      `something between this machine and ${address()} answers for it, so these ports can't be told: ${untold.join(', ')}`,
      { hint: 'run from another network' },
    )
  }

  const askTcp = (ports: readonly number[], deadlineMs: number): Promise<readonly number[]> =>
    net.openTcpPorts({
      host: address(),
      ports,
      atOnce: tcpAtOnce,
      timeoutMs: tcpTimeoutMs,
      deadlineMs,
      signal: world.signal,
    })

  async function askUdp(ports: readonly number[]): Promise<UdpPorts> {
    const probes = udpProbesFor('0.0.0.0', ports)
    const seen = { open: [] as number[], closed: [] as number[], silent: [] as number[] }
    for (let at = 0; at < probes.length; at += udpAtOnce)
      await Promise.all(
        probes.slice(at, at + udpAtOnce).map(async ({ port, payloads }) => {
          const answer = await net.askUdp({ host: address(), port, payloads, timeoutMs: udpTimeoutMs })
          seen[answer].push(port)
        }),
      )
    const sorted = (list: readonly number[]): readonly number[] => [...list].sort((a, b) => a - b)
    return { open: sorted(seen.open), closed: sorted(seen.closed), silent: sorted(seen.silent) }
  }

  return {
    async openTcpPorts(ports, { timeoutMs = defaultDeadlineMs, listening } = {}) {
      const open = await whileOpen('tcp', () => askTcp(ports, timeoutMs))
      const others = await notShut(
        open.filter((port) => !always.includes(port)),
        (left) => askTcp(left, timeoutMs),
      )
      refuse(others.filter((port) => listening?.includes(port) ?? true))
      return open.filter((port) => !others.includes(port))
    },
    async openUdpPorts(ports) {
      const seen = await whileOpen('udp', () => askUdp([...new Set(ports)]))
      refuse(await notShut(seen.open, async (left) => (await askUdp(left)).open))
      return seen
    },
  }
}
