import { envelopeText, parseEnvelope } from '../../pipeline/core/dsse.ts'
import { parsePayload } from '../../pipeline/core/statement.ts'
import { publicKeyOf } from './public-key-of.ts'
import {
  changeJson,
  inPayload,
  inSignature,
  older,
  otherRecord,
  overwrite,
  record,
  removeKey,
  resign,
  type Spoiled,
  strangerKey,
  type TamperCase,
} from './tampered.ts'

const reservation = 'releases/debian-13/1.0.1/reservation.json'
const pointer = 'channels/debian-13/nightly/qemu-x86_64.json'
const zeros = '0'.repeat(64)
const ones = '1'.repeat(64)

const stored = async ({ world }: Spoiled, key: string): Promise<string> =>
  (await world.catalog.read(key))?.value ?? ''

const blobOf = async (spoiled: Spoiled, name: string): Promise<string> => {
  const { predicate } = parsePayload(parseEnvelope(await stored(spoiled, record)).payload)
  const digest = name === 'image' ? predicate.artifact.sha256 : (predicate.reports[name]?.sha256 ?? '')
  return `blobs/sha256/${digest.slice(0, 2)}/${digest}`
}

const corrupt = async (spoiled: Spoiled, name: string): Promise<void> =>
  overwrite(spoiled, await blobOf(spoiled, name), (text) => `${text} `)

const drop = async (spoiled: Spoiled, name: string): Promise<void> =>
  removeKey(spoiled, await blobOf(spoiled, name))

const flip = (sig: string): string => {
  const bytes = Buffer.from(sig, 'base64')
  bytes[9] = (bytes[9] ?? 0) ^ 1
  return bytes.toString('base64')
}

/** What somebody does who can write to the catalog, and at times holds a key: to records, pointers, reservations, blobs. */
export const catalogCases: readonly TamperCase[] = [
  {
    name: 'a fact of the payload',
    spoil: (at) => overwrite(at, record, inPayload('"fail":1', '"fail":0')),
    wrong: [
      ['signature', /^not made by the key sha256:[0-9a-f]{12}… that it names$/],
      ['channel', otherRecord],
    ],
  },
  {
    name: 'a byte of the payload that makes it no statement',
    spoil: (at) => overwrite(at, record, inPayload('"verdict":"passed"', '"verdict":"pAssed"')),
    wrong: [['record', /^the record's payload is no statement of mintmark: predicate\.gate/]],
  },
  {
    name: 'a byte of the signature',
    spoil: (at) =>
      overwrite(
        at,
        record,
        inSignature((item) => ({ ...item, sig: flip(item.sig) })),
      ),
    wrong: [
      ['signature', /^not made by the key sha256:[0-9a-f]{12}… that it names$/],
      ['channel', otherRecord],
    ],
  },
  {
    name: 'signed by a key that nobody trusts',
    spoil: (at) => resign(at, record, strangerKey(at)),
    wrong: [
      ['signature', /a key that nobody here trusts$/],
      ['channel', otherRecord],
    ],
  },
  {
    name: "signed by another key, under ours' name",
    spoil: async (at) => {
      const { keyid } = await publicKeyOf(at.world.keys)
      await resign(at, record, strangerKey(at), undefined, (item) => ({ ...item, keyid }))
    },
    wrong: [
      ['signature', /^not made by the key/],
      ['channel', otherRecord],
    ],
  },
  {
    name: 'the keyid of another key',
    spoil: (at) =>
      overwrite(
        at,
        record,
        inSignature((item) => ({ ...item, keyid: zeros })),
      ),
    wrong: [
      ['signature', /^by sha256:000000000000…, a key that nobody here trusts$/],
      ['channel', otherRecord],
    ],
  },
  {
    name: 'another payloadType',
    spoil: (at) => changeJson(at, record, { payloadType: 'text/plain' }),
    wrong: [['record', /payloadType/]],
  },
  {
    name: 'the envelope in another form',
    spoil: (at) => overwrite(at, record, (text) => JSON.stringify(JSON.parse(text), null, 1)),
    wrong: [['record', /its JSON is not in canonical form$/]],
  },
  {
    name: 'one more field of the envelope',
    spoil: (at) => changeJson(at, record, { note: 'reviewed' }),
    wrong: [['record', /Unrecognized key: "note"$/]],
  },
  {
    name: 'a fact that there is no field for, signed by our key',
    spoil: (at) => resign(at, record, at.world.keys, (item) => ({ ...item, reviewed: true })),
    wrong: [['record', /Unrecognized key: "reviewed"$/]],
  },
  {
    name: 'two subjects, signed by our key',
    spoil: (at) =>
      resign(at, record, at.world.keys, (item) => ({ ...item, subject: [...item.subject, ...item.subject] })),
    wrong: [['record', /subject Too big/]],
  },
  {
    name: 'the digest of another image as the subject, signed by our key',
    spoil: (at) =>
      resign(at, record, at.world.keys, (item) => ({
        ...item,
        subject: item.subject.map((entry) => ({ ...entry, digest: { sha256: ones } })),
      })),
    wrong: [
      ['channel', otherRecord],
      ['subject', /^the record is about several images at once$/],
    ],
  },
  {
    name: 'a gate that judged another image, signed by our key',
    spoil: (at) =>
      resign(at, record, at.world.keys, (item) => {
        const { predicate } = item
        return { ...item, predicate: { ...predicate, gate: { ...predicate.gate, subject: ones } } }
      }),
    wrong: [
      ['channel', otherRecord],
      ['subject', /^the record is about several images at once$/],
    ],
  },
  {
    name: 'the record of an older version in its place',
    spoil: async (at) => {
      const text = await stored(at, older)
      await overwrite(at, record, () => text)
    },
    wrong: [
      ['place', /^the record of debian-13@1\.0\.0 qemu-x86_64 lies at releases\/debian-13\/1\.0\.1\//],
      ['channel', otherRecord],
    ],
  },
  {
    name: 'its record as that of another variant',
    spoil: async (at) => {
      const key = record.replace('x86_64', 'aarch64')
      await at.world.catalog.createOnly(key, await stored(at, record))
    },
    wrong: [['place', /^the record of debian-13@1\.0\.1 qemu-x86_64 lies at .*aarch64\.dsse\.json$/]],
  },
  {
    name: 'no reservation',
    spoil: (at) => removeKey(at, reservation),
    wrong: [['place', /reservation\.json is missing$/]],
  },
  {
    name: 'a reservation that is none',
    spoil: (at) => changeJson(at, reservation, { schema: 2 }),
    wrong: [['place', /reservation\.json is no reservation$/]],
  },
  {
    name: 'the reservation of another run',
    spoil: (at) => changeJson(at, reservation, { run: 'r-9' }),
    wrong: [['place', /is of 1\.0\.1, run r-9$/]],
  },
  {
    name: 'a pointer to another record',
    spoil: (at) => changeJson(at, pointer, { record: ones }),
    wrong: [['channel', /names the record sha256:111111111111…/]],
  },
  {
    name: 'a pointer to another image',
    spoil: (at) => changeJson(at, pointer, { sha256: ones }),
    wrong: [['channel', /and the image sha256:111111111111…/]],
  },
  {
    name: 'a pointer put back to the version before',
    spoil: (at) => changeJson(at, pointer, { version: '1.0.0' }),
    ref: 'debian-13',
    wrong: [['channel', /1\.0\.0/]],
  },
  {
    name: 'a pointer that is none',
    spoil: (at) => overwrite(at, pointer, () => '{}'),
    wrong: [['channel', /is not the pointer of a channel$/]],
  },
  {
    name: 'no image',
    spoil: (at) => drop(at, 'image'),
    wrong: [['artifact', /^image sha256:[0-9a-f]{12}… is missing$/]],
  },
  {
    name: 'another image',
    spoil: (at) => corrupt(at, 'image'),
    wrong: [['artifact', /^image sha256:[0-9a-f]{12}… now is sha256:/]],
  },
  {
    name: 'another SBOM',
    spoil: (at) => corrupt(at, 'cyclonedx'),
    wrong: [['report', /^cyclonedx sha256:[0-9a-f]{12}… now is sha256:/]],
  },
  {
    name: 'no definition',
    spoil: (at) => drop(at, 'definition'),
    wrong: [['report', /^definition sha256:[0-9a-f]{12}… is missing$/]],
  },
  {
    name: 'no provenance',
    spoil: (at) => drop(at, 'provenance'),
    wrong: [['provenance', /^sha256:[0-9a-f]{12}… is missing$/]],
  },
  {
    name: 'another provenance',
    spoil: (at) => corrupt(at, 'provenance'),
    wrong: [['provenance', /^sha256:[0-9a-f]{12}… now is sha256:/]],
  },
  {
    name: 'the provenance of another run, in a record that our key signed',
    spoil: async (at) => {
      const other = parsePayload(parseEnvelope(await stored(at, older)).payload).predicate.reports[
        'provenance'
      ]
      await resign(at, record, at.world.keys, (item) => {
        const reports = { ...item.predicate.reports, provenance: other }
        return { ...item, predicate: { ...item.predicate, reports } }
      })
    },
    wrong: [
      ['channel', otherRecord],
      [
        'provenance',
        /^sha256:[0-9a-f]{12}… is of debian-13\/r-1 and does not say the same as the record of r-2$/,
      ],
    ],
  },
  {
    name: 'a provenance that a stranger signed, in a record that our key signed',
    spoil: async (at) => {
      const { predicate } = parsePayload(parseEnvelope(await stored(at, record)).payload)
      const own = await at.world.catalog.getBlob(predicate.reports['provenance']?.sha256 ?? '')
      const { payload } = parseEnvelope(Buffer.from(own).toString())
      const forged = envelopeText(payload, [await strangerKey(at).sign(payload)])
      const provenance = await at.world.catalog.putBlob(Buffer.from(forged))
      await resign(at, record, at.world.keys, (item) => ({
        ...item,
        predicate: { ...item.predicate, reports: { ...item.predicate.reports, provenance } },
      }))
    },
    wrong: [
      ['channel', otherRecord],
      [
        'provenance',
        /is not signed as it has to be: by sha256:[0-9a-f]{12}…, a key that nobody here trusts$/,
      ],
    ],
  },
]
