import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeFrame, encodeArp, encodeTcp, packFrames, unpackFrames } from '../../../pipeline/core/frames.ts'
import { MintmarkError } from '../../../pipeline/errors.ts'
import { systemClock } from '../../../pipeline/ports/clock.ts'
import { listenForWire, type Wire } from '../../../pipeline/ports/link-server.ts'
import { linkOver } from '../../../pipeline/targets/qemu/link.ts'
import { testWorld } from '../../helpers/world.ts'

const link = suite('link')

const guestMac = '52:54:00:6d:6d:02'

interface Guest {
  readonly socket: Socket
  /** Ports whose connection the peer reset. */
  readonly reset: Set<number>
}

/** A host on the other end of a real socket: it answers ARP, and SYNs as `answer` says. */
async function guestOn(path: string, answer: (port: number) => 'open' | 'closed' | 'silent'): Promise<Guest> {
  const socket = connect(path)
  await once(socket, 'connect')
  const reset = new Set<number>()
  let rest: Uint8Array = new Uint8Array()
  socket.on('data', (bytes: Uint8Array) => {
    const taken = unpackFrames(Buffer.concat([rest, bytes]))
    rest = Uint8Array.from(taken.rest)
    for (const frame of taken.frames) {
      const said = decodeFrame(frame)
      if (said?.kind === 'arp' && said.operation === 'request' && said.targetIp === '192.0.2.2') {
        const reply = encodeArp({
          operation: 'reply',
          senderMac: guestMac,
          senderIp: '192.0.2.2',
          targetMac: said.senderMac,
          targetIp: said.senderIp,
        })
        socket.write(packFrames([reply]))
      }
      if (said?.kind !== 'tcp' || said.toMac !== guestMac) continue
      if (said.flags.includes('rst')) reset.add(said.toPort)
      const how = said.flags.includes('syn') ? answer(said.toPort) : 'silent'
      if (how === 'silent') continue
      const segment = encodeTcp({
        fromMac: guestMac,
        toMac: said.fromMac,
        fromIp: '192.0.2.2',
        toIp: said.fromIp,
        fromPort: said.toPort,
        toPort: said.fromPort,
        sequence: how === 'open' ? 1000 : 0,
        acknowledgement: said.sequence + 1,
        flags: how === 'open' ? ['syn', 'ack'] : ['rst', 'ack'],
      })
      socket.write(packFrames([segment]))
    }
  })
  return { socket, reset }
}

async function withWire(work: (wire: Wire, path: string) => Promise<void>): Promise<void> {
  const { folder, close } = await testWorld()
  const path = join(folder, 'link')
  const wire = await listenForWire(path)
  try {
    await work(wire, path)
  } finally {
    await wire.close()
    await close()
  }
}

const all = Array.from({ length: 65_535 }, (_, at) => at + 1)

link('finds the open ports among all 65,535 behind a firewall that drops', () =>
  withWire(async (wire, path) => {
    const open = [22, 443, 65_535]
    const guest = await guestOn(path, (port) => (open.includes(port) ? 'open' : 'silent'))
    const peer = linkOver(wire, systemClock)
    assert.is(await peer.reachable(5000), true)
    assert.equal(await peer.openTcpPorts(all), open)
    // The connections were never completed, and not left half open either.
    assert.equal(
      [...guest.reset].sort((a, b) => a - b),
      open,
    )
    guest.socket.destroy()
  }),
)

link('a reset is a closed port, and a lost SYN is sent again', () =>
  withWire(async (wire, path) => {
    const asked = new Map<number, number>()
    const guest = await guestOn(path, (port) => {
      asked.set(port, (asked.get(port) ?? 0) + 1)
      if (port % 2 === 0) return 'closed'
      return (asked.get(port) ?? 0) > 1 ? 'open' : 'silent'
    })
    const peer = linkOver(wire, systemClock)
    assert.equal(await peer.openTcpPorts([1, 2, 3, 4]), [1, 3])
    assert.is(asked.get(2), 1, 'an answered port is not asked twice')
    guest.socket.destroy()
  }),
)

link('answers ARP for its own address only', () =>
  withWire(async (wire, path) => {
    linkOver(wire, systemClock)
    const guest = await guestOn(path, () => 'silent')
    const request = (targetIp: string) =>
      packFrames([
        encodeArp({
          operation: 'request',
          senderMac: guestMac,
          senderIp: '192.0.2.2',
          targetMac: guestMac,
          targetIp,
        }),
      ])
    const answer = once(guest.socket, 'data')
    guest.socket.write(request('192.0.2.77'))
    guest.socket.write(request('192.0.2.1'))
    const [bytes] = (await answer) as [Uint8Array]
    const replies = unpackFrames(bytes).frames.map(decodeFrame)
    assert.is(replies.length, 1)
    const [reply] = replies
    assert.is(reply?.kind === 'arp' && reply.operation === 'reply' && reply.senderIp, '192.0.2.1')
    guest.socket.destroy()
  }),
)

link('a guest that is not there is not reachable, and a scan of it ends by its deadline', () =>
  withWire(async (wire) => {
    const peer = linkOver(wire, systemClock)
    assert.is(await peer.reachable(200), false)
    try {
      await peer.openTcpPorts([22], { timeoutMs: 300 })
      assert.unreachable('it should have ended with an error')
    } catch (cause) {
      assert.instance(cause, MintmarkError)
      assert.is((cause as MintmarkError).code, 'TOOL_FAILED')
    }
  }),
)

link('a guest that takes no more frames stops the scan at its deadline', () =>
  withWire(async (wire, path) => {
    const guest = await guestOn(path, () => 'silent')
    const peer = linkOver(wire, systemClock)
    assert.is(await peer.reachable(5000), true)
    guest.socket.pause()
    try {
      await peer.openTcpPorts(all, { timeoutMs: 500 })
      assert.unreachable('it should have ended with an error')
    } catch (cause) {
      assert.is((cause as MintmarkError).code, 'TOOL_FAILED')
    }
    guest.socket.destroy()
  }),
)

link('a second peer is turned away', () =>
  withWire(async (_wire, path) => {
    const first = connect(path)
    await once(first, 'connect')
    const second = connect(path)
    await once(second, 'close')
    assert.is(first.destroyed, false)
    first.destroy()
  }),
)

link('a path that is too long for a socket is refused with what to do', async () => {
  try {
    await listenForWire(`/tmp/${'x'.repeat(110)}`)
    assert.unreachable('it should have been refused')
  } catch (cause) {
    assert.match((cause as MintmarkError).hint, 'TMPDIR')
  }
})

link.run()
