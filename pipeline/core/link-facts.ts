import type { Definition } from '../model/definition.ts'
import type { NotLookedAt } from '../model/stages.ts'
import { absentName, peerAheadMs, peerName } from './peer-script.ts'
import type { Answer } from './ssh-answers.ts'
import { parseListening } from './ssh-answers.ts'
import { type UdpPorts, udpPortText } from './udp-probes.ts'
import { fail, judgeAnswer, judged, listed, pass, short, unknown, type Verdict } from './verdict.ts'

/** What an instance showed to the peer on its link, and what it got from it. */
export interface PeerSeen {
  /** Null, and `problem`, when the link could not be used. */
  readonly udp: UdpPorts | null
  readonly problem: string
  /** What `peerScript` answered. */
  readonly answers: Readonly<Record<string, Answer>>
}

interface LinkSeen {
  readonly answers: Readonly<Record<string, Answer>>
  readonly peer?: PeerSeen
}

export interface LinkWanted {
  readonly excepted: readonly string[]
  readonly machine?: Pick<Definition['machine'], 'secureBoot' | 'tpm'> | undefined
  /** False: nobody is on a link with the instance, so that nobody can answer its own questions. */
  readonly peer?: boolean
}

interface LinkRule {
  readonly id: string
  readonly title: string
  readonly expected: string
  readonly judge: (boot: LinkSeen) => Verdict
}

/** Ports of a client, on which it listens for the answers to its own questions. */
const dhcpClients: readonly number[] = [68, 546]
/** Controls that ask for a time client: without them an image may have none. */
const timeControls: readonly string[] = ['package-time', 'service-time']
/** The way to the peer and back, and the client's own rounding. */
const toleranceSeconds = 30

const portsText = (ports: readonly number[]): string => listed(ports.map(udpPortText))

/** UDP ports that others than the machine itself can reach, unless a firewall keeps them away, by its own `ss -Hlun`. */
export const parseListeningUdp = (text: string): readonly number[] =>
  parseListening(text).filter((port) => !dhcpClients.includes(port))

/**
 * Of a port that listens and stays silent nobody outside can tell whether it was reached. Where other ports say that they are
 * closed, no firewall stands before them, and it was.
 */
function udpVerdict({ answers, peer }: LinkSeen): Verdict {
  if (peer === undefined || peer.udp === null) return unknown(peer?.problem ?? 'it was not asked')
  const { open, closed, silent } = peer.udp
  if (open.length > 0) return fail(`answer: ${portsText(open)}`)
  return judgeAnswer(answers, 'listening-udp', (text, code) => {
    if (code !== 0) return unknown(short(text))
    const listening = parseListeningUdp(text)
    const unasked = listening.filter((port) => ![...closed, ...silent].includes(port))
    if (unasked.length > 0) return unknown(`listen, and were not asked: ${portsText(unasked)}`)
    const reached = closed.length === 0 ? [] : listening.filter((port) => silent.includes(port))
    if (reached.length > 0) return fail(`listen, and no firewall drops: ${portsText(reached)}`)
    const asked = `${closed.length + silent.length} asked, none answered`
    return pass(
      listening.length === 0 ? asked : `${asked}; listen behind the firewall: ${portsText(listening)}`,
    )
  })
}

function dnsVerdict({ peer }: LinkSeen): Verdict {
  if (peer === undefined || peer.problem !== '') return unknown(peer?.problem ?? 'it was not asked')
  return judgeAnswer(peer.answers, 'dns-set', (way, set) => {
    if (set !== 0) return unknown(`its resolver could not be set: ${short(way)}`)
    return judgeAnswer(peer.answers, 'dns-found', (found, code) => {
      if (code !== 0) return fail(`${peerName} was not found, by ${short(way)}`)
      return judgeAnswer(peer.answers, 'dns-absent', (text, absent) =>
        // As getent has it: no such key.
        judged(
          absent === 2,
          absent === 2
            ? `${peerName} is ${found.split(/\s/)[0]}, by ${short(way)}`
            : `${absentName}, which nobody has, was found: ${short(text)}`,
        ),
      )
    })
  })
}

function timeVerdict({ peer }: LinkSeen, excepted: readonly string[]): Verdict {
  if (peer === undefined || peer.problem !== '') return unknown(peer?.problem ?? 'it was not asked')
  const { answers } = peer
  return judgeAnswer(answers, 'time-client', (client, active) => {
    if (active !== 0) {
      const allowed = timeControls.some((control) => excepted.includes(control))
      return allowed ? pass('no time client, as an exception says') : fail('no time client is running')
    }
    return judgeAnswer(answers, 'time-set', (said, set) => {
      if (set !== 0) return unknown(`${client} could not be set: ${short(said)}`)
      return judgeAnswer(answers, 'time-synchronized', (_, code) =>
        judgeAnswer(answers, 'time-moved', (text) => {
          const moved = Number(text)
          const off = Math.abs(moved - peerAheadMs / 1000)
          return judged(
            code === 0 && off <= toleranceSeconds,
            `${client} moved the clock by ${short(text)} s${code === 0 ? '' : ', and it is not synchronized'}`,
          )
        }),
      )
    })
  })
}

const udpRule: LinkRule = {
  id: 'only-declared-udp-ports',
  title: 'no UDP port answers: a definition declares TCP ports only',
  expected: 'no UDP port',
  judge: udpVerdict,
}

/** What the instance asks of a peer that answers. */
const answeredRules = (excepted: readonly string[]): readonly LinkRule[] => [
  {
    id: 'dns-works',
    title: 'the image finds names through its own resolver and firewall',
    expected: `${peerName} is found, ${absentName} is not`,
    judge: dnsVerdict,
  },
  {
    id: 'time-sync-works',
    title: 'the image sets its clock with its own time client',
    expected: `synchronized, and ahead by ${peerAheadMs / 1000} s as the server is`,
    judge: (boot) => timeVerdict(boot, excepted),
  },
]

/** What can't be looked at where nobody is on a link with an instance, and why. */
export const leftOutWithoutPeer: readonly NotLookedAt[] = answeredRules([]).map(({ id, title }) => ({
  id,
  title,
  why: 'instances of this target have no private link on which a name server and a clock of ours could answer',
}))

/** What the peer on an instance's link finds, and what the machine's firmware gives; judged one boot at a time. */
export function linkRules({ excepted, machine, peer = true }: LinkWanted): readonly LinkRule[] {
  const rules: LinkRule[] = [udpRule, ...(peer ? answeredRules(excepted) : [])]
  if (machine?.secureBoot === true)
    rules.push({
      id: 'secure-boot-on',
      title: 'the firmware starts signed programs only',
      expected: 'on',
      judge: ({ answers }) =>
        judgeAnswer(answers, 'secure-boot', (text, code) =>
          code === 0 ? judged(text === '1', text === '1' ? 'on' : `off (${short(text)})`) : fail(short(text)),
        ),
    })
  if (machine?.tpm === true)
    rules.push({
      id: 'tpm-there',
      title: 'the system sees the TPM',
      expected: 'TPM 2.0',
      judge: ({ answers }) =>
        judgeAnswer(answers, 'tpm', (text, code) =>
          code === 0 ? judged(text === '2', `TPM ${text === '2' ? '2.0' : short(text)}`) : fail(short(text)),
        ),
    })
  return rules
}
