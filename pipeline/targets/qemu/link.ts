import {
  broadcast,
  decodeFrame,
  encodeArp,
  encodeTcp,
  type Mac,
  packFrames,
  type Tcp,
  unpackFrames,
} from '../../core/frames.ts'
import { MintmarkError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Wire } from '../../ports/link-server.ts'
import type { Link } from '../target.ts'
import { linkAddresses } from './machine.ts'

const ownMac: Mac = '52:54:00:6d:6d:fe'
const ownPort = 40_022
const ownSequence = 0x6d696e74
/** SYNs between two questions for an answer: the guest sets the pace, and its queue (256) never overflows. */
const batch = 192
/** How often the silent ports are asked again: a lost or rate-limited SYN is not a closed port. */
const rounds = 2

/** The answers are waited for by number: each question comes from another address of the link's network. */
const questionAddress = (number: number): string => `192.0.2.${10 + (number % 240)}`

/**
 * A host at layer 2 on the other end of the guest's second network card. It answers ARP for itself and never
 * completes a TCP connection.
 */
export function linkOver(wire: Wire, clock: Clock): Link {
  let rest: Uint8Array = new Uint8Array()
  let guestMac: Mac | null = null
  let question = 0
  const answered = new Map<string, () => void>()
  let onTcp: (tcp: Tcp) => void = () => undefined

  function take(frame: Uint8Array): void {
    const said = decodeFrame(frame)
    if (said === null) return
    if (said.kind === 'tcp') {
      if (said.fromIp !== linkAddresses.guest || said.toPort !== ownPort) return
      if (said.acknowledgement === ownSequence + 1) onTcp(said)
      return
    }
    if (said.senderIp !== linkAddresses.guest) return
    if (said.operation === 'reply') {
      guestMac = said.senderMac
      answered.get(said.targetIp)?.()
    } else if (said.targetIp === linkAddresses.host) {
      const reply = encodeArp({
        operation: 'reply',
        senderMac: ownMac,
        senderIp: linkAddresses.host,
        targetMac: said.senderMac,
        targetIp: said.senderIp,
      })
      void wire.send(packFrames([reply]))
    }
  }

  wire.receive((bytes) => {
    const { frames, rest: more } = unpackFrames(rest.length === 0 ? bytes : Buffer.concat([rest, bytes]))
    rest = more
    for (const frame of frames) take(frame)
  })

  /** True once the guest answered; frames are handled in order, so all that was sent before has been answered too. */
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
    const sentAndAnswered = wire.send(packFrames([frame])).then(() => reply)
    const result = await Promise.race([sentAndAnswered, clock.sleep(timeoutMs).then(() => false)])
    answered.delete(address)
    return result
  }

  async function askUntil(deadline: number, everyMs: number): Promise<boolean> {
    for (;;) {
      const left = deadline - clock.now().getTime()
      if (left <= 0) return false
      if (await ask(Math.min(everyMs, left))) return true
    }
  }

  const segment = (toPort: number, toMac: Mac, rest: Pick<Tcp, 'sequence' | 'flags'>): Uint8Array =>
    encodeTcp({
      fromMac: ownMac,
      toMac,
      fromIp: linkAddresses.host,
      toIp: linkAddresses.guest,
      fromPort: ownPort,
      toPort,
      acknowledgement: 0,
      ...rest,
    })

  return {
    reachable: (timeoutMs) => askUntil(clock.now().getTime() + timeoutMs, 500),

    async openTcpPorts(ports, options = {}) {
      const { timeoutMs = 60_000 } = options
      const deadline = clock.now().getTime() + timeoutMs
      const late = (): MintmarkError =>
        new MintmarkError('TOOL_FAILED', `the port scan did not end within ${timeoutMs / 1000} s`)
      if (!(await askUntil(deadline, 500))) throw late()
      const mac = guestMac ?? broadcast
      const asked = new Set(ports)
      const open = new Set<number>()
      const closed = new Set<number>()
      onTcp = (tcp) => {
        if (tcp.flags.includes('rst')) {
          closed.add(tcp.fromPort)
        } else if (tcp.flags.includes('syn') && tcp.flags.includes('ack')) {
          open.add(tcp.fromPort)
          const reset = segment(tcp.fromPort, mac, { sequence: tcp.acknowledgement, flags: ['rst'] })
          void wire.send(packFrames([reset]))
        }
      }
      try {
        for (let round = 0; round < rounds; round += 1) {
          const silent = ports.filter((port) => !open.has(port) && !closed.has(port))
          for (let at = 0; at < silent.length; at += batch) {
            const syns = silent
              .slice(at, at + batch)
              .map((port) => segment(port, mac, { sequence: ownSequence, flags: ['syn'] }))
            void wire.send(packFrames(syns)) // in order before the question, whose answer is waited for
            if (!(await askUntil(deadline, 2000))) throw late()
          }
        }
      } finally {
        onTcp = () => undefined
      }
      return [...open].filter((port) => asked.has(port)).sort((a, b) => a - b)
    },
  }
}
