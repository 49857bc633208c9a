import type { PeerSeen } from '../../pipeline/core/link-facts.ts'

const answered = (text: string, code = 0) => ({ text, code })

/** What a good image shows to the peer on its link. */
export const goodPeer: PeerSeen = {
  udp: { open: [], closed: [], silent: [53, 123, 1900] },
  problem: '',
  answers: {
    'dns-set': answered('systemd-resolved'),
    'dns-found': answered('192.0.2.1       STREAM peer.mintmark.test\n192.0.2.1       DGRAM'),
    'dns-absent': answered('', 2),
    'dns-back': answered(''),
    'time-client': answered('systemd-timesyncd'),
    'time-set': answered(''),
    'time-synchronized': answered(''),
    'time-moved': answered('300'),
    'time-back': answered(''),
  },
}
