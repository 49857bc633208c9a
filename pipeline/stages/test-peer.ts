import { type PeerSeen, parseListeningUdp } from '../core/link-facts.ts'
import { peerAheadMs, peerName, peerScript } from '../core/peer-script.ts'
import { type Answer, parseAnswers } from '../core/ssh-answers.ts'
import { commonUdpPorts } from '../core/udp-probes.ts'
import { MintmarkError } from '../errors.ts'
import type { Instance, PortScan } from '../targets/instance.ts'

const reachTimeoutMs = 20_000
const scanTimeoutMs = 60_000
const scriptTimeoutMs = 300_000

const nothing = (problem: string): PeerSeen => ({ udp: null, problem, answers: {} })

/** A look that could not be made to its end is a problem of the look. */
async function answered(look: () => Promise<PeerSeen>): Promise<PeerSeen> {
  try {
    return await look()
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || cause.code !== 'TOOL_FAILED') throw cause
    return nothing(cause.message)
  }
}

/**
 * Asks the instance's UDP ports from its link, the common ones and those that it says to listen on; then has it ask us, for
 * names and for the time, which moves its clock. `answers` are those of the look inside.
 */
export async function askPeer(
  { link, scan, ssh }: Pick<Instance, 'link' | 'scan' | 'ssh'>,
  answers: Readonly<Record<string, Answer>>,
): Promise<PeerSeen> {
  const asked = (by: PortScan): ReturnType<PortScan['openUdpPorts']> => {
    const listening = parseListeningUdp(answers['listening-udp']?.text ?? '')
    return by.openUdpPorts([...new Set([...commonUdpPorts, ...listening])], { timeoutMs: scanTimeoutMs })
  }
  if (link === null) {
    if (scan === undefined) return nothing('the instance has no private link')
    return answered(async () => ({ udp: await asked(scan), problem: '', answers: {} }))
  }
  if (!(await link.reachable(reachTimeoutMs)))
    return nothing('the instance did not answer on the private link')
  const stop = link.serve({ names: { [peerName]: link.addresses.ours }, aheadMs: peerAheadMs })
  try {
    return await answered(async () => {
      const udp = await asked(link)
      const { stdout } = await ssh('sudo -n sh -s', {
        input: peerScript(link.addresses),
        timeoutMs: scriptTimeoutMs,
      })
      return { udp, problem: '', answers: parseAnswers(stdout) }
    })
  } finally {
    stop()
  }
}
