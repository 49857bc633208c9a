import { type PeerSeen, parseListeningUdp } from '../core/link-facts.ts'
import { peerAheadMs, peerName, peerScript } from '../core/peer-script.ts'
import { type Answer, parseAnswers } from '../core/ssh-answers.ts'
import { commonUdpPorts } from '../core/udp-probes.ts'
import { MintmarkError } from '../errors.ts'
import type { Instance } from '../targets/target.ts'

const reachTimeoutMs = 20_000
const scanTimeoutMs = 60_000
const scriptTimeoutMs = 300_000

/**
 * Asks the instance's UDP ports from its link, the common ones and those that it says to listen on; then has it ask us, for
 * names and for the time, which moves its clock. `answers` are those of the look inside.
 */
export async function askPeer(
  { link, ssh }: Pick<Instance, 'link' | 'ssh'>,
  answers: Readonly<Record<string, Answer>>,
): Promise<PeerSeen> {
  const nothing = (problem: string): PeerSeen => ({ udp: null, problem, answers: {} })
  if (link === null) return nothing('the instance has no private link')
  if (!(await link.reachable(reachTimeoutMs)))
    return nothing('the instance did not answer on the private link')
  const listening = parseListeningUdp(answers['listening-udp']?.text ?? '')
  const ports = [...new Set([...commonUdpPorts, ...listening])]
  const stop = link.serve({ names: { [peerName]: link.addresses.ours }, aheadMs: peerAheadMs })
  try {
    const udp = await link.openUdpPorts(ports, { timeoutMs: scanTimeoutMs })
    const { stdout } = await ssh('sudo -n sh -s', {
      input: peerScript(link.addresses),
      timeoutMs: scriptTimeoutMs,
    })
    return { udp, problem: '', answers: parseAnswers(stdout) }
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || cause.code !== 'TOOL_FAILED') throw cause
    return nothing(cause.message)
  } finally {
    stop()
  }
}
