import { encodeDnsQuery } from './dns-message.ts'
import type { Ipv4 } from './ip-packet.ts'
import { encodeNtpQuery } from './ntp-message.ts'

/** What makes a service on a UDP port answer. */
export interface UdpProbe {
  readonly port: number
  /** As people know it; `` for a port without a known service. */
  readonly name: string
  /** Each is a datagram of its own. */
  readonly payloads: readonly Uint8Array[]
  /** The group that the service listens to besides its own address. */
  readonly group?: Ipv4
}

/** How UDP ports answered, each list ascending. */
export interface UdpPorts {
  /** A datagram came back. */
  readonly open: readonly number[]
  /** ICMP's port unreachable came back: nobody listens, or a firewall says so. */
  readonly closed: readonly number[]
  /** Nothing came back, which proves nothing. */
  readonly silent: readonly number[]
}

const hex = (text: string): Uint8Array => {
  const pairs = text.replaceAll(' ', '').match(/../g) ?? []
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16))
}
const text = (words: string): Uint8Array => new TextEncoder().encode(words)
const lines = (...rows: readonly string[]): Uint8Array => text(`${rows.join('\r\n')}\r\n\r\n`)
const joined = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]))
const zeros = (count: number): Uint8Array => new Uint8Array(count)

const anything = text('\r\n')
const word = text('mintmark')
const wordHex = '6d696e746d61726b'

/** ONC RPC (RFC 5531): a call of procedure 0, which every program has, without credentials. */
const rpcNull = (program: string, version: string): Uint8Array =>
  joined(hex(`6d696e74 00000000 00000002 ${program} ${version} 00000000`), zeros(16))

/** IKE_SA_INIT (RFC 7296): AES-256, SHA-256 and group 14 are offered, with a key and a nonce. */
const ikeInit = joined(
  hex(`${wordHex} 0000000000000000 21 20 22 08 00000000 00000178`),
  hex('22 00 0030 0000 002c 01 01 00 04 0300000c 0100000c 800e0100'),
  hex('03000008 0300000c 03000008 02000005 00000008 0400000e'),
  hex('28 00 0108 000e 0000'),
  zeros(255),
  hex('02 00 00 0024'),
  ...[word, word, word, word],
)

/** SNMP version 1 (RFC 1157): what the machine is, asked as `public`. */
const snmpGet = hex(
  '3029 020100 0406 7075626c6963 a01c 02046d696e74 020100 020100 300e 300c 0608 2b06010201010100 0500',
)
/** SNMP version 3 (RFC 3412): the discovery that needs no name. */
const snmpDiscovery = hex(
  '303e 020103 3011 02046d696e74 020300ffe3 040104 020103 0410 300e 0400 020100 020100 0400 0400 0400' +
    '3014 0400 0400 a00e 02046d696e74 020100 020100 3000',
)

/** DHCPDISCOVER (RFC 2131), answered by broadcast. */
const dhcpDiscover = joined(
  hex('01 01 06 00 6d696e74 0000 8000'),
  zeros(16),
  hex('5254006d6dfe'),
  zeros(202),
  hex('63825363 350101 ff'),
)

/** L2TP (RFC 2661): a request for a tunnel. */
const l2tpStart = joined(
  hex('c802 003c 0000 0000 0000 0000 8008 0000 0000 0001 8008 0000 0002 0100'),
  hex('800a 0000 0003 00000003 800e 0000 0007'),
  word,
  hex('8008 0000 0009 0001'),
)

/** QUIC (RFC 9000): a version that nobody has, which every server answers with those that it has. */
const quicUnknown = joined(hex(`c0 1a1a1a1a 08 ${wordHex} 08 ${wordHex}`), zeros(1177))

const sipOptions = lines(
  'OPTIONS sip:mintmark@192.0.2.2 SIP/2.0',
  'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKmint;rport',
  'From: <sip:mintmark@192.0.2.1>;tag=mint',
  'To: <sip:mintmark@192.0.2.2>',
  'Call-ID: mintmark',
  'CSeq: 1 OPTIONS',
  'Max-Forwards: 70',
  'Content-Length: 0',
)

const ssdpSearch = lines(
  'M-SEARCH * HTTP/1.1',
  'HOST: 239.255.255.250:1900',
  'MAN: "ssdp:discover"',
  'MX: 1',
  'ST: ssdp:all',
)

const wsDiscovery = text(
  '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"' +
    ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery">' +
    '<s:Header><a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>' +
    '<a:MessageID>urn:uuid:6d696e74-6d61-726b-8000-000000000000</a:MessageID>' +
    '<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header><s:Body><d:Probe/></s:Body></s:Envelope>',
)

/** An address as the reverse tree has it. */
const reversed = (ip: Ipv4): string => `${ip.split('.').reverse().join('.')}.in-addr.arpa`

type Row = readonly [port: number, name: string, payload?: Uint8Array | readonly Uint8Array[], group?: Ipv4]

function rows(guest: Ipv4): readonly Row[] {
  const self = { name: reversed(guest), type: 'ptr' } as const
  const services = { name: '_services._dns-sd._udp.local', type: 'ptr' } as const
  const ssdpGroup = '239.255.255.250'
  return [
    [7, 'echo', word],
    [13, 'daytime'],
    [17, 'qotd'],
    [19, 'chargen'],
    [37, 'time'],
    [53, 'dns', encodeDnsQuery(0x6d69, [{ name: 'localhost', type: 'a' }], { recurse: true })],
    [67, 'dhcp server', dhcpDiscover],
    [69, 'tftp', text('\0\x01mintmark\0octet\0')],
    [88, 'kerberos'],
    [111, 'rpcbind', rpcNull('000186a0', '00000002')],
    [123, 'ntp', encodeNtpQuery()],
    [137, 'netbios names', hex(`6d69 0000 0001 0000 0000 0000 20 434b ${'41'.repeat(30)} 00 0021 0001`)],
    [138, 'netbios datagrams'],
    [161, 'snmp', [snmpGet, snmpDiscovery]],
    [177, 'xdmcp', hex('0001 0002 0001 00')],
    [
      389,
      'cldap',
      joined(
        hex('3025 020101 6320 0400 0a0100 0a0100 020100 020100 010100 870b'),
        text('objectClass'),
        hex('3000'),
      ),
    ],
    [443, 'quic', quicUnknown],
    [500, 'ike', ikeInit],
    [514, 'syslog', text('<13>mintmark')],
    [520, 'rip', joined(hex('01 02 0000'), zeros(16), hex('00000010'))],
    [623, 'ipmi', hex('0600ff06 000011be 80000000')],
    [631, 'cups'],
    [1194, 'openvpn', hex(`38 ${wordHex} 00 00000000`)],
    [1434, 'mssql', hex('02')],
    [1701, 'l2tp', l2tpStart],
    [1812, 'radius'],
    [1813, 'radius accounting'],
    [1900, 'ssdp', ssdpSearch, ssdpGroup],
    [2049, 'nfs', rpcNull('000186a3', '00000003')],
    [3478, 'stun', hex(`0001 0000 2112a442 ${wordHex} 6d696e74`)],
    [3702, 'ws-discovery', wsDiscovery, ssdpGroup],
    [4500, 'ike behind nat', joined(zeros(4), ikeInit)],
    [4789, 'vxlan'],
    [5060, 'sip', sipOptions],
    [5351, 'nat-pmp', hex('0000')],
    [5353, 'mdns', encodeDnsQuery(0x6d69, [services, self]), '224.0.0.251'],
    [5355, 'llmnr', encodeDnsQuery(0x6d69, [self]), '224.0.0.252'],
    [5683, 'coap', joined(hex('4001 6d69 bb'), text('.well-known'), hex('04'), text('core'))],
    [8125, 'statsd'],
    [8472, 'vxlan of Linux'],
    [11211, 'memcached', joined(hex('0000 0000 0001 0000'), text('version\r\n'))],
    [27015, 'source engine', joined(hex('ffffffff54'), text('Source Engine Query\0'))],
    [27960, 'quake 3', joined(hex('ffffffff'), text('getstatus\n'))],
    [41641, 'tailscale'],
    [51820, 'wireguard'],
  ]
}

const isList = (payload: Uint8Array | readonly Uint8Array[]): payload is readonly Uint8Array[] =>
  !(payload instanceof Uint8Array)

/** The common UDP ports of a host at `guest`, by number. */
export function commonUdpProbes(guest: Ipv4): readonly UdpProbe[] {
  return rows(guest).map(([port, name, payload = anything, group]) => ({
    port,
    name,
    payloads: isList(payload) ? payload : [payload],
    ...(group === undefined ? {} : { group }),
  }))
}

/** How to ask these ports; one without a known service gets a line end. */
export function udpProbesFor(guest: Ipv4, ports: readonly number[]): readonly UdpProbe[] {
  const known = new Map(commonUdpProbes(guest).map((probe) => [probe.port, probe]))
  return ports.map((port) => known.get(port) ?? { port, name: '', payloads: [anything] })
}

/** Numbers of the common UDP ports, ascending. */
export const commonUdpPorts: readonly number[] = rows('0.0.0.0').map(([port]) => port)

/** A port as people know it, e.g. `1900 (ssdp)`. */
export function udpPortText(port: number): string {
  const name = rows('0.0.0.0').find(([known]) => known === port)?.[1]
  return name === undefined ? String(port) : `${port} (${name})`
}
