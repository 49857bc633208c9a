import { encodeUdp } from '../../core/datagrams.ts'
import { type Ipv4, ipBytes, type Mac } from '../../core/ip-packet.ts'
import { type UdpPorts, type UdpProbe, udpProbesFor } from '../../core/udp-probes.ts'
import { MintmarkError } from '../../errors.ts'
import { type Heard, ownMac, type Peer, udpSource } from './link-peer.ts'
import { linkAddresses } from './machine.ts'

/** Probe number n is sent from port `firstPort + n`: a service may answer from another port than it was asked on. */
const firstPort = 41_000
/** Ports between two questions: below the burst of 50 ICMP errors that Linux sends at once. */
const batch = 16
/** A datagram may be lost, and an ICMP error be held back by the guest's limits: the silent are asked again. */
const rounds = 2
/** A service in an emulated guest may need this long for its answer. */
const settleMs = 1500
const lookEveryMs = 50
const dhcp = { server: 67, client: 68 } as const

/** Ethernet's address of an IPv4 group (RFC 1112). */
function groupMac(group: Ipv4): Mac {
  const [, second = 0, third = 0, fourth = 0] = ipBytes(group)
  return [
    '01',
    '00',
    '5e',
    ...[second & 0x7f, third, fourth].map((byte) => byte.toString(16).padStart(2, '0')),
  ].join(':')
}

function datagrams(probe: UdpProbe, number: number, guestMac: Mac): readonly Uint8Array[] {
  const from = { fromMac: ownMac, fromIp: udpSource(number), fromPort: firstPort + number }
  const { port: toPort, payloads, group } = probe
  return payloads.flatMap((data) => [
    encodeUdp({ ...from, toMac: guestMac, toIp: linkAddresses.guest, toPort, data }),
    ...(group === undefined
      ? []
      : [encodeUdp({ ...from, toMac: groupMac(group), toIp: group, toPort, data })]),
  ])
}

/** Which probe something that was heard answers, and how; null when it answers none. */
function answerIn(said: Heard, probes: readonly UdpProbe[]) {
  if (said.kind === 'port-unreachable') {
    const number = said.ofPort - firstPort
    const meant = probes[number]?.port === said.port && said.ofIp === udpSource(number)
    return meant ? ({ number, how: 'closed' } as const) : null
  }
  if (said.kind !== 'udp') return null
  // A DHCP server answers everybody, at the client's port.
  const offer = said.fromPort === dhcp.server && said.toPort === dhcp.client
  const number = offer ? probes.findIndex(({ port }) => port === dhcp.server) : said.toPort - firstPort
  if (probes[number] === undefined) return null
  return offer || said.toIp === udpSource(number) ? ({ number, how: 'open' } as const) : null
}

/**
 * How each port answers a datagram that its usual service would answer. `silent` proves nothing: a firewall drops it, or the
 * service does not know the question.
 * @throws MintmarkError TOOL_FAILED when the guest has not taken all within `timeoutMs`
 */
export async function scanUdp(peer: Peer, ports: readonly number[], timeoutMs: number): Promise<UdpPorts> {
  const { clock } = peer
  const deadline = clock.now().getTime() + timeoutMs
  const late = (): MintmarkError =>
    new MintmarkError('TOOL_FAILED', `the scan of UDP did not end within ${timeoutMs / 1000} s`)
  if (!(await peer.askUntil(deadline, 500))) throw late()
  const probes = udpProbesFor(linkAddresses.guest, [...new Set(ports)])
  const seen = new Map<number, 'open' | 'closed'>()
  const done = peer.listen((said) => {
    const answer = answerIn(said, probes)
    if (answer !== null && seen.get(answer.number) !== 'open') seen.set(answer.number, answer.how)
  })
  const silent = (): readonly number[] => [...probes.keys()].filter((number) => !seen.has(number))
  try {
    for (let round = 0; round < rounds; round += 1) {
      const numbers = silent()
      for (let at = 0; at < numbers.length; at += batch) {
        const frames = numbers
          .slice(at, at + batch)
          .flatMap((number) =>
            probes[number] === undefined ? [] : datagrams(probes[number], number, peer.guestMac()),
          )
        void peer.send(frames) // in order before the question, whose answer is waited for
        if (!(await peer.askUntil(deadline, 2000))) throw late()
      }
      const settled = clock.now().getTime() + settleMs
      while (silent().length > 0 && clock.now().getTime() < settled) await clock.sleep(lookEveryMs)
    }
  } finally {
    done()
  }
  const portsThat = (how: 'open' | 'closed' | undefined): readonly number[] =>
    probes
      .filter((_, number) => seen.get(number) === how)
      .map(({ port }) => port)
      .sort((a, b) => a - b)
  return { open: portsThat('open'), closed: portsThat('closed'), silent: portsThat(undefined) }
}
