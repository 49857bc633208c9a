import { encodeTcp, type Tcp } from '../../core/frames.ts'
import { MintmarkError } from '../../errors.ts'
import { ownMac, type Peer } from './link-peer.ts'
import { linkAddresses } from './machine.ts'

const ownPort = 40_022
const ownSequence = 0x6d696e74
/** SYNs between two questions for an answer: the guest sets the pace, and its queue (256) never overflows. */
const batch = 192
/** How often the silent ports are asked again: a lost or rate-limited SYN is not a closed port. */
const rounds = 2

/**
 * Ports that answer a SYN with SYN-ACK, ascending; no connection is ever completed.
 * @throws MintmarkError TOOL_FAILED when the guest has not taken all within `timeoutMs`
 */
export async function scanTcp(
  peer: Peer,
  ports: readonly number[],
  timeoutMs: number,
): Promise<readonly number[]> {
  const deadline = peer.clock.now().getTime() + timeoutMs
  const late = (): MintmarkError =>
    new MintmarkError('TOOL_FAILED', `the port scan did not end within ${timeoutMs / 1000} s`)
  if (!(await peer.askUntil(deadline, 500))) throw late()
  const segment = (toPort: number, rest: Pick<Tcp, 'sequence' | 'flags'>): Uint8Array =>
    encodeTcp({
      fromMac: ownMac,
      toMac: peer.guestMac(),
      fromIp: linkAddresses.host,
      toIp: linkAddresses.guest,
      fromPort: ownPort,
      toPort,
      acknowledgement: 0,
      ...rest,
    })
  const asked = new Set(ports)
  const open = new Set<number>()
  const closed = new Set<number>()
  const done = peer.listen((said) => {
    if (said.kind !== 'tcp' || said.toPort !== ownPort || said.acknowledgement !== ownSequence + 1) return
    if (said.flags.includes('rst')) {
      closed.add(said.fromPort)
    } else if (said.flags.includes('syn') && said.flags.includes('ack')) {
      open.add(said.fromPort)
      void peer.send([segment(said.fromPort, { sequence: said.acknowledgement, flags: ['rst'] })])
    }
  })
  try {
    for (let round = 0; round < rounds; round += 1) {
      const silent = ports.filter((port) => !open.has(port) && !closed.has(port))
      for (let at = 0; at < silent.length; at += batch) {
        const syns = silent
          .slice(at, at + batch)
          .map((port) => segment(port, { sequence: ownSequence, flags: ['syn'] }))
        void peer.send(syns) // in order before the question, whose answer is waited for
        if (!(await peer.askUntil(deadline, 2000))) throw late()
      }
    }
  } finally {
    done()
  }
  return [...open].filter((port) => asked.has(port)).sort((a, b) => a - b)
}
