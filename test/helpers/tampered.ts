import { generateKeyPairSync, sign } from 'node:crypto'
import { chmod, cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalJson } from '../../pipeline/core/digest.ts'
import { bytesToSign, envelopeText, parseEnvelope } from '../../pipeline/core/dsse.ts'
import { parsePayload } from '../../pipeline/core/statement.ts'
import type { Envelope, Statement } from '../../pipeline/model/release.ts'
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { type PublicKey, toPublic } from '../../pipeline/ports/public-key.ts'
import { type Signing, signing } from '../../pipeline/ports/signing.ts'
import type { World } from '../../pipeline/ports/world.ts'
import type { Link } from '../../pipeline/stages/verify-release.ts'
import { publicKeyOf } from './public-key-of.ts'
import { textOf } from './sources.ts'
import { type TestWorld, testWorld } from './world.ts'

/** What signs: all that a forger needs of a signer. */
export type Signer = Pick<Signing, 'sign' | 'signer'>

/** Of the release that nightly points to. */
export const record = 'releases/debian-13/1.0.1/qemu-x86_64.dsse.json'
/** Of the one before it, which has three events. */
export const older = 'releases/debian-13/1.0.0/qemu-x86_64.dsse.json'

/** What the channel's link says when the record is not the one that it was pointed to. */
export const otherRecord = /names the record sha256:[0-9a-f]{12}…/

export interface TamperCase {
  readonly name: string
  readonly spoil: (spoiled: Spoiled) => Promise<unknown>
  /** What is asked for; debian-13@1.0.1 when it is left out. */
  readonly ref?: string
  /** Every link that is wrong, in the order of the report, and what one of its name says. */
  readonly wrong: readonly (readonly [Link['name'], RegExp])[]
}

/** A catalog that somebody with write access to it, and to the checkout, can spoil. */
export interface Spoiled {
  readonly box: TestWorld
  readonly world: World
}

/** The place of the catalog's keys is a folder; the checkout has no trust.yaml and is outside of git. */
export const elsewhere = (box: TestWorld): World => ({
  ...box.world,
  places: { ...box.world.places, root: join(box.folder, 'checkout') },
})

/** What a release needs of a checkout, so that its trust.yaml is the one that counts. */
export async function fillCheckout({ files, places }: World): Promise<void> {
  const archive = 'pipeline/targets/qemu/archive'
  for (const path of ['images/debian-13.lock.json', `${archive}/inside.sh`, `${archive}/make-disk.sh`])
    await files.write(join(places.root, path), textOf(path))
}

/** A copy of a catalog and its checkout, to spoil. */
export async function copyOf(made: TestWorld): Promise<Spoiled> {
  const box = await testWorld()
  for (const name of ['data', 'checkout'])
    await cp(join(made.folder, name), join(box.folder, name), { recursive: true })
  return { box, world: elsewhere(box) }
}

export const pathOf = ({ world }: Spoiled, key: string): string => join(world.places.catalog, key)

/** Changes a stored text, whatever its mode. */
export async function overwrite(
  spoiled: Spoiled,
  key: string,
  change: (text: string) => string,
): Promise<void> {
  const path = pathOf(spoiled, key)
  const text = await readFile(path, 'utf8')
  const changed = change(text)
  if (changed === text) throw new Error(`nothing was changed in ${key}`)
  await chmod(path, 0o600)
  await writeFile(path, changed)
}

/** Changes fields of a stored JSON text. */
export const changeJson = (spoiled: Spoiled, key: string, fields: object): Promise<void> =>
  overwrite(spoiled, key, (text) => canonicalJson({ ...(JSON.parse(text) as object), ...fields }))

/** The first occurrence of a text in the payload, whoever signed it. */
export const inPayload =
  (from: string, to: string) =>
  (text: string): string => {
    const { envelope, payload } = parseEnvelope(text)
    const body = Buffer.from(payload).toString().replace(from, to)
    return envelopeText(Buffer.from(body), envelope.signatures)
  }

/** Other signatures, or other fields of them. */
export const inSignature =
  (change: (signature: Envelope['signatures'][number]) => Envelope['signatures'][number]) =>
  (text: string): string => {
    const { envelope, payload } = parseEnvelope(text)
    return envelopeText(payload, envelope.signatures.map(change))
  }

/** The same statement but for a change, signed again. */
export async function resign(
  spoiled: Spoiled,
  key: string,
  signer: Signer,
  change: (statement: Statement) => object = (statement) => statement,
  rename: (signature: Envelope['signatures'][number]) => Envelope['signatures'][number] = (item) => item,
): Promise<void> {
  const statement = parsePayload(parseEnvelope(await readFile(pathOf(spoiled, key), 'utf8')).payload)
  await resignPayload(spoiled, key, signer, canonicalJson(change(statement)), rename)
}

/** Any text as the payload. */
export async function resignPayload(
  spoiled: Spoiled,
  key: string,
  signer: Signer,
  text: string,
  rename: (signature: Envelope['signatures'][number]) => Envelope['signatures'][number] = (item) => item,
): Promise<void> {
  const payload = Buffer.from(text)
  const signature = rename(await signer.sign(bytesToSign(payload)))
  await overwrite(spoiled, key, () => envelopeText(payload, [signature]))
}

export const strangerKey = ({ box }: Spoiled): Signing =>
  signing(join(box.folder, 'stranger/keys'), nodeFiles)

/** A key of the kind that AWS KMS holds. */
export function curveKey(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const own: PublicKey = toPublic(publicKey)
  return {
    sign: async (bytes) => ({
      keyid: own.keyid,
      sig: sign('sha256', bytes, privateKey).toString('base64'),
    }),
    signer: async () => ({ kind: 'key', ...own }),
  }
}

const always = { name: 'team-platform release job', from: '2020-01-01', until: '2099-12-31' }

/** An entry of trust.yaml, valid for ever but for what is different. */
export async function trustedEntry(signer: Signer, more: object = {}): Promise<object> {
  const { keyid, pem } = await publicKeyOf(signer)
  return { keyid, publicKey: pem, ...always, ...more }
}

export const trustedIdentity = (issuer: string, subject: string, more: object = {}): object => ({
  issuer,
  subject,
  ...always,
  ...more,
})

export async function writeTrust(
  { world }: Spoiled,
  keys: readonly object[],
  identities: { readonly entries: readonly object[]; readonly root: string } | null = null,
): Promise<void> {
  const folder = join(world.places.root, 'scans/policies')
  const policy = { schema: 1, keys, ...(identities === null ? {} : { identities: identities.entries }) }
  await nodeFiles.write(join(folder, 'trust.yaml'), JSON.stringify(policy))
  if (identities !== null) await nodeFiles.write(join(folder, 'sigstore-root.json'), identities.root)
}

export const removeKey = (spoiled: Spoiled, key: string): Promise<void> => rm(pathOf(spoiled, key))
