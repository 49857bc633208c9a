import type { Clock } from '../../ports/clock.ts'
import type { Wire } from '../../ports/link-server.ts'
import type { Link } from '../instance.ts'
import { peerOn } from './link-peer.ts'
import { serveOn } from './link-services.ts'
import { scanTcp } from './link-tcp-scan.ts'
import { scanUdp } from './link-udp-scan.ts'
import { linkAddresses } from './machine.ts'

const scanTimeoutMs = 60_000

/** Our end of a machine's private link, over the stream that carries its frames. */
export function linkOver(wire: Wire, clock: Clock): Link {
  const peer = peerOn(wire, clock)
  return {
    addresses: { ours: linkAddresses.host, instance: linkAddresses.guest },
    reachable: (timeoutMs) => peer.askUntil(clock.now().getTime() + timeoutMs, 500),
    openTcpPorts: (ports, { timeoutMs = scanTimeoutMs } = {}) => scanTcp(peer, ports, timeoutMs),
    openUdpPorts: (ports, { timeoutMs = scanTimeoutMs } = {}) => scanUdp(peer, ports, timeoutMs),
    serve: (services) => serveOn(peer, services),
  }
}
