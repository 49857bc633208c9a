import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeUdp, type Udp } from '../../../pipeline/core/datagrams.ts'
import { encodeDnsQuery } from '../../../pipeline/core/dns-message.ts'
import { decodeFrame, encodeArp, packFrames, unpackFrames } from '../../../pipeline/core/frames.ts'
import { encodeIp } from '../../../pipeline/core/ip-packet.ts'
import { encodeNtpQuery } from '../../../pipeline/core/ntp-message.ts'
import { systemClock } from '../../../pipeline/ports/clock.ts'
import { listenForWire } from '../../../pipeline/ports/link-server.ts'
import type { Link } from '../../../pipeline/targets/instance.ts'
import { linkOver } from '../../../pipeline/targets/qemu/link.ts'
import { testWorld } from '../../helpers/world.ts'

const link = suite('link by UDP')

const guest = { mac: '52:54:00:6d:6d:02', ip: '192.0.2.2' }
const host = { mac: '52:54:00:6d:6d:fe', ip: '192.0.2.1' }

const reply = (
  to: Udp,
  fromPort: number,
  change: { readonly toPort?: number; readonly toIp?: string } = {},
) =>
  encodeUdp({
    fromMac: guest.mac,
    toMac: to.fromMac,
    fromIp: guest.ip,
    toIp: to.fromIp,
    fromPort,
    toPort: to.fromPort,
    data: new TextEncoder().encode('here'),
    ...change,
  })

const checksum = (bytes: Uint8Array): number => {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** ICMP's word that nobody listens, with the datagram's head in it. */
function unreachable(to: Udp): Uint8Array {
  const quoted = encodeUdp({ ...to, data: to.data.subarray(0, 8) }).subarray(14, 14 + 28)
  const payload = Uint8Array.from([3, 3, 0, 0, 0, 0, 0, 0, ...quoted])
  const sum = checksum(payload)
  payload.set([sum >>> 8, sum & 0xff], 2)
  const addresses = { fromMac: guest.mac, toMac: to.fromMac, fromIp: guest.ip, toIp: to.fromIp }
  return encodeIp({ ...addresses, protocol: 'icmp', payload })
}

interface Guest {
  readonly socket: Socket
  /** Datagrams of the peer's, in order. */
  readonly heard: readonly Udp[]
}

/** A host on the other end of a real socket that answers ARP, and datagrams as `answer` says. */
async function guestOn(path: string, answer: (udp: Udp) => readonly Uint8Array[]): Promise<Guest> {
  const socket = connect(path)
  await once(socket, 'connect')
  socket.on('error', () => undefined) // the peer has gone
  const heard: Udp[] = []
  let rest: Uint8Array = new Uint8Array()
  socket.on('data', (bytes: Uint8Array) => {
    const taken = unpackFrames(Buffer.concat([rest, bytes]))
    rest = Uint8Array.from(taken.rest)
    for (const frame of taken.frames) {
      const said = decodeFrame(frame)
      if (said?.kind === 'arp' && said.operation === 'request' && said.targetIp === guest.ip) {
        const arp = { senderMac: guest.mac, senderIp: guest.ip, targetMac: said.senderMac }
        socket.write(packFrames([encodeArp({ ...arp, operation: 'reply', targetIp: said.senderIp })]))
      }
      if (said?.kind !== 'udp') continue
      heard.push({ ...said, data: Uint8Array.from(said.data) })
      socket.write(packFrames(answer(said)))
    }
  })
  return { socket, heard }
}

async function withGuest(
  answer: (udp: Udp) => readonly Uint8Array[],
  work: (peer: Link, guest: Guest) => Promise<void>,
): Promise<void> {
  const { folder, close } = await testWorld()
  const path = join(folder, 'link')
  const wire = await listenForWire(path)
  try {
    const peer = linkOver(wire, systemClock)
    const other = await guestOn(path, answer)
    await work(peer, other)
    other.socket.destroy()
  } finally {
    await wire.close()
    await close()
  }
}

link('tells open, closed and silent ports apart', () =>
  withGuest(
    (udp) => {
      if (udp.toPort === 53) return [reply(udp, 53)]
      if (udp.toPort === 69) return [reply(udp, 52_000)] // a new port for each transfer
      if (udp.toPort === 67) return [reply(udp, 67, { toPort: 68, toIp: '255.255.255.255' })]
      return udp.toPort === 7 ? [unreachable(udp)] : []
    },
    async (peer) => {
      assert.equal(await peer.openUdpPorts([7, 53, 67, 69, 123, 9999, 123]), {
        open: [53, 67, 69],
        closed: [7],
        silent: [123, 9999],
      })
    },
  ),
)

link('asks from an address for each port, the silent twice, and groups where there is one', () =>
  withGuest(
    (udp) => (udp.toPort === 53 ? [reply(udp, 53)] : []),
    async (peer, { heard }) => {
      await peer.openUdpPorts([53, 123, 1900])
      const asked = heard.map(({ toPort, toIp }) => `${toPort} ${toIp}`)
      assert.equal(asked, [
        '53 192.0.2.2',
        '123 192.0.2.2',
        '1900 192.0.2.2',
        '1900 239.255.255.250',
        '123 192.0.2.2',
        '1900 192.0.2.2',
        '1900 239.255.255.250',
      ])
      assert.is(heard[3]?.toMac, '01:00:5e:7f:ff:fa')
      const sources = new Map(heard.map(({ toPort, fromIp }) => [toPort, fromIp]))
      assert.is(new Set(sources.values()).size, 3)
    },
  ),
)

link("takes another port's answer, a stranger's and the guest's own talk for nothing", () =>
  withGuest(
    (udp) => [
      reply(udp, 53, { toPort: udp.fromPort + 40 }),
      reply(udp, 53, { toIp: '192.0.2.99' }),
      reply(udp, 5353, { toPort: 5353, toIp: '224.0.0.251' }),
    ],
    async (peer) => {
      assert.equal(await peer.openUdpPorts([53]), { open: [], closed: [], silent: [53] })
    },
  ),
)

link('serves names and the time at its own address, until it is stopped', () =>
  withGuest(
    () => [],
    async (peer, { socket, heard }) => {
      const ask = (toPort: number, data: Uint8Array, toIp = host.ip): void =>
        void socket.write(
          packFrames([
            encodeUdp({
              fromMac: guest.mac,
              toMac: host.mac,
              fromIp: guest.ip,
              toIp,
              fromPort: 50_000 + toPort,
              toPort,
              data,
            }),
          ]),
        )
      // The first answer says that our questions were taken, the second that the answers to them were.
      const settled = async (): Promise<void> => {
        for (let time = 0; time < 2; time += 1) assert.is(await peer.reachable(5000), true)
      }
      const query = encodeDnsQuery(7, [{ name: 'peer.mintmark.test', type: 'a' }])
      const stop = peer.serve({ names: { 'peer.mintmark.test': host.ip }, aheadMs: 300_000 })
      ask(53, query, '192.0.2.77')
      ask(53, query)
      ask(123, encodeNtpQuery())
      ask(123, new Uint8Array(3))
      await settled()
      assert.equal(
        heard.map(({ fromIp, fromPort, toPort }) => [fromIp, fromPort, toPort]),
        [
          [host.ip, 53, 50_053],
          [host.ip, 123, 50_123],
        ],
      )
      const seconds = Buffer.from(heard[1]?.data ?? []).readUInt32BE(40) - 2_208_988_800
      assert.ok(Math.abs(seconds - Date.now() / 1000 - 300) < 5)
      stop()
      ask(53, query)
      await settled()
      assert.is(heard.length, 2)
    },
  ),
)

link.run()
