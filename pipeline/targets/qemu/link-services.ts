import { encodeUdp, type Udp } from '../../core/datagrams.ts'
import { decodeDnsQuery, encodeDnsAnswer } from '../../core/dns-message.ts'
import { encodeNtpAnswer } from '../../core/ntp-message.ts'
import type { LinkServices } from '../instance.ts'
import { ownMac, type Peer } from './link-peer.ts'
import { linkAddresses } from './machine.ts'

const dnsPort = 53
const ntpPort = 123

function answerTo({ toPort, data }: Udp, { names, aheadMs }: LinkServices, nowMs: number): Uint8Array | null {
  if (toPort === dnsPort) {
    const query = decodeDnsQuery(data)
    return query === null ? null : encodeDnsAnswer(query, names)
  }
  return toPort === ntpPort ? encodeNtpAnswer(data, nowMs + aheadMs) : null
}

/** Answers DNS and NTP at the peer's own address, until the function that it returns is called. */
export function serveOn(peer: Peer, services: LinkServices): () => void {
  return peer.listen((said) => {
    if (said.kind !== 'udp' || said.toIp !== linkAddresses.host) return
    const data = answerTo(said, services, peer.clock.now().getTime())
    if (data === null) return
    const reply = encodeUdp({
      fromMac: ownMac,
      toMac: said.fromMac,
      fromIp: said.toIp,
      toIp: said.fromIp,
      fromPort: said.toPort,
      toPort: said.fromPort,
      data,
    })
    void peer.send([reply])
  })
}
