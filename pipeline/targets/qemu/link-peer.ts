import type { PortUnreachable, Udp } from '../../core/datagrams.ts'
import { broadcast, decodeFrame, encodeArp, packFrames, type Tcp, unpackFrames } from '../../core/frames.ts'
import type { Ipv4, Mac } from '../../core/ip-packet.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Wire } from '../../ports/link-server.ts'
import { linkAddresses } from './machine.ts'

export const ownMac: Mac = '52:54:00:6d:6d:fe'

/** The answers are waited for by number: each question comes from another address of the link's network. */
const questionAddress = (number: number): Ipv4 => `192.0.2.${10 + (number % 110)}`

/** Addresses that UDP is sent from: Linux limits its ICMP errors for each of them, once a second. */
const udpSources = 100
export const udpSource = (number: number): Ipv4 => `192.0.2.${128 + (number % udpSources)}`

const ownAddresses: ReadonlySet<Ipv4> = new Set([
  linkAddresses.host,
  ...Array.from({ length: udpSources }, (_, number) => udpSource(number)),
])

export type Heard = Tcp | Udp | PortUnreachable

/** A host at layer 2 on the other end of the guest's second network card. It answers ARP for its own addresses. */
export interface Peer {
  readonly clock: Clock
  /** In order; resolves when the wire can take more. */
  send(frames: readonly Uint8Array[]): Promise<void>
  /** Everything that the guest says above ARP, until the function that it returns is called. */
  listen(listener: (said: Heard) => void): () => void
  /** As ARP has it; everybody's before the guest has answered. */
  guestMac(): Mac
  /** True once the guest answered; frames are handled in order, so all that was sent before has been taken too. */
  askUntil(deadline: number, everyMs: number): Promise<boolean>
}

export function peerOn(wire: Wire, clock: Clock): Peer {
  let rest: Uint8Array = new Uint8Array()
  let guestMac: Mac | null = null
  let question = 0
  const answered = new Map<string, () => void>()
  const listeners = new Set<(said: Heard) => void>()
  const send = (frames: readonly Uint8Array[]): Promise<void> => wire.send(packFrames(frames))

  function take(frame: Uint8Array): void {
    const said = decodeFrame(frame)
    if (said === null) return
    if (said.kind !== 'arp') {
      if (said.fromIp === linkAddresses.guest) for (const listener of listeners) listener(said)
      return
    }
    if (said.senderIp !== linkAddresses.guest) return
    if (said.operation === 'reply') {
      guestMac = said.senderMac
      answered.get(said.targetIp)?.()
    } else if (ownAddresses.has(said.targetIp)) {
      const reply = encodeArp({
        operation: 'reply',
        senderMac: ownMac,
        senderIp: said.targetIp,
        targetMac: said.senderMac,
        targetIp: said.senderIp,
      })
      void send([reply])
    }
  }

  wire.receive((bytes) => {
    const { frames, rest: more } = unpackFrames(rest.length === 0 ? bytes : Buffer.concat([rest, bytes]))
    rest = more
    for (const frame of frames) take(frame)
  })

  async function ask(timeoutMs: number): Promise<boolean> {
    question += 1
    const address = questionAddress(question)
    const reply = new Promise<boolean>((resolve) => answered.set(address, () => resolve(true)))
    const frame = encodeArp({
      operation: 'request',
      senderMac: ownMac,
      senderIp: address,
      targetMac: broadcast,
      targetIp: linkAddresses.guest,
    })
    // A guest that has stopped taking frames stops the wire too: the time covers both.
    const sentAndAnswered = send([frame]).then(() => reply)
    const result = await Promise.race([sentAndAnswered, clock.sleep(timeoutMs).then(() => false)])
    answered.delete(address)
    return result
  }

  return {
    clock,
    send,
    listen(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    guestMac: () => guestMac ?? broadcast,
    async askUntil(deadline, everyMs) {
      for (;;) {
        const left = deadline - clock.now().getTime()
        if (left <= 0) return false
        if (await ask(Math.min(everyMs, left))) return true
      }
    },
  }
}
