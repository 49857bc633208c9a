import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type LinkWanted,
  leftOutWithoutPeer,
  linkRules,
  type PeerSeen,
} from '../../pipeline/core/link-facts.ts'
import type { UdpPorts } from '../../pipeline/core/udp-probes.ts'
import { goodPeer } from '../helpers/peer-seen.ts'

const facts = suite('link facts')

const wanted: LinkWanted = { excepted: [], machine: { secureBoot: true, tpm: true } }
const answered = (text: string, code = 0) => ({ text, code })
const dhcp = 'UNCONN 0 0 10.0.2.15%eth0:68 0.0.0.0:*\nUNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*'
const listening = (port: number): string => `${dhcp}\nUNCONN 0 0 0.0.0.0:${port} 0.0.0.0:*`
const goodAnswers = {
  'listening-udp': answered(dhcp),
  'secure-boot': answered('1'),
  tpm: answered('2'),
}

/** One fact's verdict in a word and its text. */
function verdict(
  id: string,
  peer: PeerSeen | undefined,
  answers: Readonly<Record<string, { readonly text: string; readonly code: number }>> = goodAnswers,
  change: Partial<LinkWanted> = {},
): string {
  const rule = linkRules({ ...wanted, ...change }).find((one) => one.id === id)
  const { status, found } = rule?.judge({ answers, ...(peer === undefined ? {} : { peer }) }) ?? {}
  return `${status}: ${found}`
}

const udp = (ports: Partial<UdpPorts>): PeerSeen => ({
  ...goodPeer,
  udp: { open: [], closed: [], silent: [], ...ports },
})
const withAnswers = (answers: PeerSeen['answers']): PeerSeen => ({
  ...goodPeer,
  answers: { ...goodPeer.answers, ...answers },
})

facts('a good image passes all', () => {
  const boot = { answers: goodAnswers, peer: goodPeer }
  assert.equal(
    linkRules(wanted).map((rule) => `${rule.id} ${rule.judge(boot).status}`),
    [
      'only-declared-udp-ports pass',
      'dns-works pass',
      'time-sync-works pass',
      'secure-boot-on pass',
      'tpm-there pass',
    ],
  )
  assert.equal(
    linkRules({ excepted: [], machine: { secureBoot: false, tpm: false } }).map(({ id }) => id),
    ['only-declared-udp-ports', 'dns-works', 'time-sync-works'],
  )
})

facts('what was not looked at is unknown', () => {
  const dark: PeerSeen = {
    udp: null,
    problem: 'the instance did not answer on the private link',
    answers: {},
  }
  for (const id of ['only-declared-udp-ports', 'dns-works', 'time-sync-works']) {
    assert.match(verdict(id, undefined), /^unknown: it was not asked$/)
    assert.match(verdict(id, dark), /^unknown: .*private link$/)
    assert.match(verdict(id, { ...goodPeer, answers: {} }, {}), /^unknown/)
  }
  for (const id of ['secure-boot-on', 'tpm-there']) assert.match(verdict(id, goodPeer, {}), /^unknown/)
})

facts('a UDP port that answers is caught', () => {
  const id = 'only-declared-udp-ports'
  const answers = { 'listening-udp': answered(listening(1900)) }
  const open = udp({ open: [1900], silent: [53] })
  assert.is(verdict(id, open, answers), 'fail: answer: 1900 (ssdp)')
  assert.match(verdict(id, open, {}), /^fail/, 'whatever the instance says of itself')
})

facts('a silent listener passes behind a firewall, and not where ports say that they are closed', () => {
  const id = 'only-declared-udp-ports'
  const answers = { 'listening-udp': answered(listening(4000)) }
  assert.is(
    verdict(id, udp({ silent: [53, 4000] }), answers),
    'pass: 2 asked, none answered; listen behind the firewall: 4000',
  )
  assert.is(
    verdict(id, udp({ silent: [4000], closed: [53] }), answers),
    'fail: listen, and no firewall drops: 4000',
  )
  assert.match(verdict(id, udp({ closed: [53, 4000] }), answers), /^pass/, 'a firewall that refuses')
  assert.match(verdict(id, udp({ silent: [53] }), answers), /^unknown: listen, and were not asked: 4000/)
  assert.match(
    verdict(id, udp({ silent: [53] }), { 'listening-udp': answered('ss: not found', 127) }),
    /^unknown: ss: not found/,
  )
})

facts('a resolver that finds nothing, and one that finds everything, are told', () => {
  const id = 'dns-works'
  assert.is(verdict(id, goodPeer), 'pass: peer.mintmark.test is 192.0.2.1, by systemd-resolved')
  assert.is(
    verdict(id, withAnswers({ 'dns-found': answered('', 2) })),
    'fail: peer.mintmark.test was not found, by systemd-resolved',
  )
  assert.match(
    verdict(id, withAnswers({ 'dns-absent': answered('203.0.113.9 STREAM') })),
    /^fail: absent.mintmark.test, which nobody has, was found: 203/,
  )
  assert.match(verdict(id, withAnswers({ 'dns-set': answered('read-only', 1) })), /^unknown: .*read-only/)
})

facts('a clock that is not set is told, with the client', () => {
  const id = 'time-sync-works'
  assert.is(verdict(id, goodPeer), 'pass: systemd-timesyncd moved the clock by 300 s')
  const late = withAnswers({ 'time-synchronized': answered('', 2), 'time-moved': answered('0') })
  assert.is(verdict(id, late), 'fail: systemd-timesyncd moved the clock by 0 s, and it is not synchronized')
  assert.match(verdict(id, withAnswers({ 'time-moved': answered('20') })), /^fail/)
  assert.match(verdict(id, withAnswers({ 'time-moved': answered('date: no') })), /^fail/)
  assert.match(verdict(id, withAnswers({ 'time-set': answered('denied', 1) })), /^unknown/)
  const none = withAnswers({ 'time-client': answered('', 1) })
  assert.is(verdict(id, none), 'fail: no time client is running')
  assert.is(
    verdict(id, none, goodAnswers, { excepted: ['service-time'] }),
    'pass: no time client, as an exception says',
  )
})

facts('firmware that is not as asked is told', () => {
  assert.is(verdict('secure-boot-on', goodPeer, { 'secure-boot': answered('0') }), 'fail: off (0)')
  assert.match(
    verdict('secure-boot-on', goodPeer, { 'secure-boot': answered('od: No such file', 1) }),
    /^fail: od/,
  )
  assert.is(verdict('tpm-there', goodPeer, { tpm: answered('1') }), 'fail: TPM 1')
  assert.match(verdict('tpm-there', goodPeer, { tpm: answered('cat: No such file', 1) }), /^fail: cat/)
})

facts('where nobody is on a link, what only a peer can answer is left out by name', () => {
  const asked = linkRules({ ...wanted, peer: false }).map(({ id }) => id)
  assert.equal(asked, ['only-declared-udp-ports', 'secure-boot-on', 'tpm-there'])
  assert.equal(
    leftOutWithoutPeer.map(({ id }) => id),
    ['dns-works', 'time-sync-works'],
  )
})

facts.run()
