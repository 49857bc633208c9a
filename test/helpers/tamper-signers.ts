import { rename, rm } from 'node:fs/promises'
import { sha256 } from '../../pipeline/core/digest.ts'
import { parseEnvelope } from '../../pipeline/core/dsse.ts'
import { eventKey, eventPayload, eventsPrefix, headKey, parseEvent } from '../../pipeline/core/events.ts'
import type { ReleaseEvent } from '../../pipeline/model/event.ts'
import { chooseSigner } from '../../pipeline/ports/choose-signer.ts'
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { publicKeyOf } from './public-key-of.ts'
import { issuer, type SigstoreServer, subject } from './sigstore-server.ts'
import {
  changeJson,
  curveKey,
  inSignature,
  otherRecord,
  overwrite,
  pathOf,
  record,
  removeKey,
  resign,
  resignPayload,
  type Signer,
  type Spoiled,
  strangerKey,
  type TamperCase,
  trustedEntry,
  trustedIdentity,
  writeTrust,
} from './tampered.ts'

const events = eventsPrefix({ image: 'debian-13', version: '1.0.0', variant: 'qemu-x86_64' })
const at = (sequence: number): string => eventKey(events, sequence)

const better = (item: ReleaseEvent): ReleaseEvent =>
  item.kind === 'rescanned' ? { ...item, data: { ...item.data, findings: 0 } } : item

async function forgeEvent(
  spoiled: Spoiled,
  sequence: number,
  signer: Signer,
  change: (event: ReleaseEvent) => ReleaseEvent = better,
): Promise<void> {
  const stored = (await spoiled.world.catalog.read(at(sequence)))?.value ?? ''
  const text = Buffer.from(eventPayload(change(parseEvent(parseEnvelope(stored).payload)))).toString()
  await resignPayload(spoiled, at(sequence), signer, text)
}

const move = (spoiled: Spoiled, from: string, to: string): Promise<void> =>
  rename(pathOf(spoiled, from), pathOf(spoiled, to))

const ref = 'debian-13@1.0.0'

/** To the events of a release. */
export const eventCases: readonly TamperCase[] = [
  {
    name: 'an event between is dropped',
    spoil: (spoiled) => removeKey(spoiled, at(2)),
    ref,
    wrong: [['event', /^event 2 is missing, there is 000003\.dsse\.json$/]],
  },
  {
    name: 'an event between is dropped, and the rest moved up',
    spoil: async (spoiled) => {
      await removeKey(spoiled, at(2))
      await move(spoiled, at(3), at(2))
    },
    ref,
    wrong: [['event', /^event 2 says that it is event 3$/]],
  },
  {
    name: 'the last event is dropped',
    spoil: (spoiled) => removeKey(spoiled, at(3)),
    ref,
    wrong: [['event', /^event 3 is missing, 3 were written$/]],
  },
  {
    name: 'the last event and the head are dropped',
    spoil: async (spoiled) => {
      await removeKey(spoiled, at(3))
      await removeKey(spoiled, headKey(events))
    },
    ref,
    wrong: [['event', /head\.json is missing: nobody can say that no later event is$/]],
  },
  {
    name: 'an event is changed',
    spoil: (spoiled) => overwrite(spoiled, at(2), (text) => text.replace('"payload":"ey', '"payload":"fy')),
    ref,
    wrong: [['event', /^event 2 was changed: /]],
  },
  {
    name: 'two events change places',
    spoil: async (spoiled) => {
      await move(spoiled, at(2), 'aside')
      await move(spoiled, at(3), at(2))
      await move(spoiled, 'aside', at(3))
    },
    ref,
    wrong: [['event', /^event 2 says that it is event 3$/]],
  },
  {
    name: 'an event is forged by a stranger',
    spoil: (spoiled) => forgeEvent(spoiled, 3, strangerKey(spoiled)),
    ref,
    wrong: [['event', /^event 3 is not signed as it has to be: by sha256:.*nobody here trusts$/]],
  },
  {
    name: 'the last event is forged by who has the key',
    spoil: (spoiled) => forgeEvent(spoiled, 3, spoiled.world.keys),
    ref,
    wrong: [['event', /^event 3 is sha256:.*, the one that was written is sha256:/]],
  },
  {
    name: 'an event between is forged by who has the key',
    spoil: (spoiled) => forgeEvent(spoiled, 2, spoiled.world.keys),
    ref,
    wrong: [['event', /^event 3 names sha256:.* as the event before it; event 2 is sha256:/]],
  },
  {
    name: 'an event of another release',
    spoil: (spoiled) => forgeEvent(spoiled, 1, spoiled.world.keys, (item) => ({ ...item, version: '1.0.1' })),
    ref,
    wrong: [['event', /^event 1 is of debian-13@1\.0\.1 qemu-x86_64$/]],
  },
  {
    name: 'a head that is none',
    spoil: (spoiled) => overwrite(spoiled, headKey(events), () => 'none'),
    ref,
    wrong: [['event', /^head\.json is not what was written$/]],
  },
  {
    name: 'a head of another event',
    spoil: (spoiled) => changeJson(spoiled, headKey(events), { sha256: sha256('other') }),
    ref,
    wrong: [['event', /^event 3 is sha256:.*, the one that was written is sha256:/]],
  },
]

/** What goes wrong with all that a key signed: its record, its move of the channel, its provenance. */
const allOf = (text: RegExp): TamperCase['wrong'] => [
  ['signature', text],
  ['channel', /its history can't be trusted: event \d+ is not signed as it has to be/],
  ['provenance', /is not signed as it has to be/],
]

const trustOwn = async (spoiled: Spoiled, more: object): Promise<void> =>
  writeTrust(spoiled, [await trustedEntry(spoiled.world.keys, more)])

/** Signed by the job of a CI whose identity is `entries`; all else by the key of before, which stays trusted. */
async function signKeyless(
  spoiled: Spoiled,
  server: SigstoreServer,
  entries: readonly object[],
  root = server.root,
): Promise<void> {
  const signer = chooseSigner(server.env, '/nowhere', nodeFiles, () => undefined)
  await resign(spoiled, record, { sign: signer.sign, signer: signer.signer })
  await writeTrust(spoiled, [await trustedEntry(spoiled.world.keys)], { entries, root })
}

const own = trustedIdentity(issuer, subject)

/** To keys, identities and who trusts them. */
export const signerCases = (
  sigstore: () => SigstoreServer,
  other: () => SigstoreServer,
): readonly TamperCase[] => [
  {
    name: 'a key that is expired',
    spoil: (spoiled) => trustOwn(spoiled, { until: '2020-12-31' }),
    wrong: allOf(/^by team-platform release job, trusted from 2020-01-01 to 2020-12-31, on 20\d\d-/),
  },
  {
    name: 'a key that is not valid yet',
    spoil: (spoiled) => trustOwn(spoiled, { from: '2099-01-01' }),
    wrong: allOf(/^by team-platform release job, trusted from 2099-01-01 to 2099-12-31, on 20\d\d-/),
  },
  {
    name: 'a key that is revoked',
    spoil: (spoiled) => trustOwn(spoiled, { revoked: true }),
    wrong: allOf(/which is revoked: whoever took it can sign for any day$/),
  },
  {
    name: "a key that is not in trust.yaml, nor this machine's",
    spoil: async (spoiled) => {
      await writeTrust(spoiled, [await trustedEntry(curveKey())])
      await rm(spoiled.world.places.keys, { recursive: true })
    },
    wrong: allOf(/^by sha256:[0-9a-f]{12}…, a key that nobody here trusts$/),
  },
  {
    name: "a signature of the KMS' kind by another key than the trusted one",
    spoil: async (spoiled) => {
      const trusted = curveKey()
      await writeTrust(spoiled, [
        await trustedEntry(trusted),
        await trustedEntry(spoiled.world.keys, { name: 'team-platform old key' }),
      ])
      const { keyid } = await publicKeyOf(trusted)
      await resign(spoiled, record, curveKey(), undefined, (item) => ({ ...item, keyid }))
    },
    wrong: [
      ['signature', /^not made by the key sha256:[0-9a-f]{12}… that it names$/],
      ['channel', otherRecord],
    ],
  },
  {
    name: 'a certificate of another workflow',
    spoil: (spoiled) =>
      signKeyless(spoiled, sigstore(), [trustedIdentity(issuer, subject.replace('nightly', 'release'))]),
    wrong: [
      [
        'signature',
        /^by https:\/\/github\.com\/corp\/images\/.*nightly\.yml.*, an identity that nobody here trusts$/,
      ],
      ['channel', otherRecord],
    ],
  },
  {
    name: 'a certificate of another issuer',
    spoil: (spoiled) =>
      signKeyless(spoiled, sigstore(), [trustedIdentity('https://gitlab.example', subject)]),
    wrong: [
      [
        'signature',
        /of https:\/\/token\.actions\.githubusercontent\.com, an identity that nobody here trusts$/,
      ],
      ['channel', otherRecord],
    ],
  },
  {
    name: 'a certificate by an authority that is not in the root',
    spoil: (spoiled) => signKeyless(spoiled, sigstore(), [own], other().root),
    wrong: [
      ['signature', /^by a certificate of Sigstore that does not hold: /],
      ['channel', otherRecord],
    ],
  },
  {
    name: 'an identity whose days are over when the log saw it',
    spoil: (spoiled) =>
      signKeyless(spoiled, sigstore(), [trustedIdentity(issuer, subject, { until: '2020-12-31' })]),
    wrong: [
      ['signature', /trusted from 2020-01-01 to 2020-12-31, on 20\d\d-\d\d-\d\d by the log$/],
      ['channel', otherRecord],
    ],
  },
  {
    name: 'a keyless signature of another record',
    spoil: async (spoiled) => {
      await signKeyless(spoiled, sigstore(), [own])
      const { envelope } = parseEnvelope((await spoiled.world.catalog.read(record))?.value ?? '')
      await resign(spoiled, record, spoiled.world.keys, (item) => ({
        ...item,
        predicate: { ...item.predicate, owner: 'team-evil' },
      }))
      await overwrite(
        spoiled,
        record,
        inSignature((item) => envelope.signatures[0] ?? item),
      )
    },
    wrong: [
      ['signature', /^by a certificate of Sigstore that does not hold: digest mismatch$/],
      ['channel', otherRecord],
    ],
  },
  {
    name: 'a log entry of another time',
    spoil: async (spoiled) => {
      await signKeyless(spoiled, sigstore(), [own])
      await overwrite(
        spoiled,
        record,
        inSignature((item) => {
          const { sigstore: material } = item
          const tlogEntries = material?.tlogEntries.map((entry) => ({
            ...entry,
            integratedTime: '1600000000',
          }))
          return { ...item, sigstore: { ...material, tlogEntries } } as typeof item
        }),
      )
    },
    wrong: [
      ['signature', /^by a certificate of Sigstore that does not hold: /],
      ['channel', otherRecord],
    ],
  },
  {
    name: 'a keyless signature, and no identity is trusted',
    spoil: async (spoiled) => {
      await signKeyless(spoiled, sigstore(), [own])
      await trustOwn(spoiled, {})
    },
    wrong: [
      ['signature', /^by a certificate of Sigstore, and trust\.yaml names no identity$/],
      ['channel', otherRecord],
    ],
  },
]
