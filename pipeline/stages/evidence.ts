import { join } from 'node:path'
import { certificateKey } from '../core/certificate-key.ts'
import { sha256 } from '../core/digest.ts'
import { parseEnvelope } from '../core/dsse.ts'
import { eventsPrefix, headKey, historyPrefix } from '../core/events.ts'
import {
  byPath,
  type EvidenceItem,
  envelopeType,
  eventKind,
  evidenceIndex,
  evidenceSums,
  keyKind,
  kinds,
  lookKind,
  moveKind,
  pointerKind,
  reportKind,
  textItem,
} from '../core/evidence-files.ts'
import { evidencePage } from '../core/evidence-page.ts'
import { evidenceReadme } from '../core/evidence-readme.ts'
import { unique } from '../core/lists.ts'
import { parsedJson } from '../core/parsed-json.ts'
import { visible } from '../core/show-value.ts'
import { MintmarkError } from '../errors.ts'
import type { EvidenceIndex } from '../model/evidence.ts'
import { ChannelName } from '../model/ids.ts'
import type { Signature } from '../model/release.ts'
import { Bundle } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import { type Audit, type Audited, auditRelease } from './audit.ts'
import type { Trust } from './chain.ts'
import { channelsOf, pointerKey } from './channel-history.ts'
import { eventsOf } from './events.ts'
import { sigstoreRootPath, trustPath } from './verify-release.ts'
import { currentPage } from './write-report.ts'

export interface EvidenceOptions {
  readonly trust: Trust
  /** The file of `--trust`; null: the checkout's trust.yaml. */
  readonly trustFile: string | null
  /** Packs although links are wrong, and says so in the archive. */
  readonly incomplete: boolean
  /** Called before each long step. */
  readonly update: (text: string) => void
}

export interface Evidence {
  readonly zip: Uint8Array
  readonly index: EvidenceIndex
}

type Missing = EvidenceIndex['missing'][number]

/** What was collected so far. */
interface Collected {
  readonly items: readonly EvidenceItem[]
  readonly missing: readonly Missing[]
}

const merged = (parts: readonly Collected[]): Collected => ({
  items: parts.flatMap(({ items }) => items),
  missing: parts.flatMap(({ missing }) => missing),
})

const isEventFile = (name: string): boolean => /^\d{6}\.dsse\.json$/.test(name)

/** The files of a history, byte for byte as the catalog has them. */
async function historyItems(
  world: World,
  prefix: string,
  kindOf: (name: string) => Omit<EvidenceItem, 'content'>,
): Promise<Collected> {
  // Before the list: a head that moves meanwhile would name an event that is not packed.
  const head = await world.catalog.read(headKey(prefix))
  const items: EvidenceItem[] = []
  for (const key of await world.catalog.list(prefix)) {
    const name = key.slice(prefix.length)
    const entry = key === headKey(prefix) ? head : isEventFile(name) ? await world.catalog.read(key) : null
    if (entry !== null) items.push(textItem(kindOf(name), entry.value))
  }
  return { items, missing: [] }
}

async function channelItems(world: World, { release }: Audit): Promise<Collected> {
  const { image, variant } = release
  const parts: Collected[] = []
  for (const place of await channelsOf(world, image)) {
    const { channel } = place
    if (place.variant !== variant || !ChannelName.safeParse(channel).success) continue
    parts.push(
      await historyItems(world, historyPrefix(image, channel, variant), (name) => moveKind(channel, name)),
    )
    const pointer = await world.catalog.read(pointerKey(place))
    if (pointer !== null) parts.push({ items: [textItem(pointerKind(channel), pointer.value)], missing: [] })
  }
  return merged(parts)
}

/** A stored blob, or why it is not in the archive. */
async function blobItem(
  world: World,
  kind: Omit<EvidenceItem, 'content'>,
  digest: string,
): Promise<Collected> {
  try {
    return { items: [{ ...kind, content: await world.catalog.getBlob(digest) }], missing: [] }
  } catch (cause) {
    if (!(cause instanceof MintmarkError)) throw cause
    const why = `sha256:${digest} is not stored as it was recorded`
    return { items: [], missing: [{ what: kind.path, why }] }
  }
}

/** The check that ran in the image: stored with newer records, else from the run's own folder while that is there. */
async function checkItem(world: World, { release }: Audit, bundle: EvidenceItem | null): Promise<Collected> {
  const { image, run, reports } = release.statement.predicate
  if (reports['check'] !== undefined) return { items: [], missing: [] }
  const kind = reportKind('check')
  const parsed = Bundle.safeParse(
    bundle === null ? null : parsedJson(Buffer.from(bundle.content).toString('utf8')),
  )
  const wanted = parsed.success
    ? parsed.data.files.find(({ path }) => path === 'guest/mintmark-check')?.sha256
    : undefined
  const path = join(world.places.runs, image, run, 'bundle/guest/mintmark-check')
  if (wanted !== undefined && (await world.files.info(path))?.kind === 'file') {
    const content = await world.files.readBytes(path)
    if (sha256(content) === wanted) return { items: [{ ...kind, content }], missing: [] }
  }
  const digest = wanted === undefined ? '' : `, sha256:${wanted}`
  const why = `the record is of before it was stored; it is in the image: /usr/sbin/mintmark-check${digest}`
  return { items: [], missing: [{ what: kind.path, why }] }
}

async function reportItems(world: World, audit: Audit): Promise<Collected> {
  const { predicate } = audit.release.statement
  const stored = merged(
    await Promise.all(
      Object.entries(predicate.reports).map(([name, { sha256: digest }]) =>
        blobItem(world, reportKind(name), digest),
      ),
    ),
  )
  const looks = await Promise.all(
    eventsOf(audit.chain.events, 'rescanned').map(({ event }) =>
      blobItem(world, lookKind(event.sequence), event.data.report.sha256),
    ),
  )
  const bundle = stored.items.find(({ path }) => path === reportKind('bundle').path) ?? null
  return merged([stored, ...looks, await checkItem(world, audit, bundle)])
}

/** Whom the look trusted, as the files said it. */
async function trustItems(world: World, trustFile: string | null): Promise<Collected> {
  const { files, places } = world
  const path = trustFile ?? join(places.root, trustPath)
  if ((await files.info(path)) === null) {
    const why = `there is no ${trustPath}: only the machine that made it vouches for it`
    return { items: [], missing: [{ what: kinds.trust.path, why }] }
  }
  const text = await files.readText(path)
  const policy = textItem(/^\s*-----BEGIN /.test(text) ? kinds.trustKey : kinds.trust, text)
  const root = join(places.root, sigstoreRootPath)
  const hasRoot = (await files.info(root)) !== null
  const roots = hasRoot ? [textItem(kinds.sigstoreRoot, await files.readText(root))] : []
  return { items: [policy, ...roots], missing: [] }
}

/** The signatures of the envelopes. */
function signaturesOf(items: readonly EvidenceItem[]): readonly Signature[] {
  return items
    .filter(({ mediaType }) => mediaType === envelopeType)
    .flatMap(({ content }) => {
      try {
        return parseEnvelope(Buffer.from(content).toString('utf8')).envelope.signatures
      } catch (cause) {
        if (!(cause instanceof MintmarkError)) throw cause
        return []
      }
    })
}

/** Key id -> public key in PEM: of those that are trusted, this machine's own, and those of certificates in the signatures. */
async function publicKeys(
  world: World,
  { trust, onlyTrust }: Trust,
  signatures: readonly Signature[],
): Promise<ReadonlyMap<string, string>> {
  const own = onlyTrust ? null : await world.keys.existing()
  const known = trust.flatMap((signer) => (signer.kind === 'key' ? [signer] : []))
  const certified = signatures.flatMap((signature) => {
    const pem = certificateKey(signature)
    return pem === null ? [] : [{ keyid: signature.keyid, pem }]
  })
  return new Map(
    [...certified, ...known, ...(own === null ? [] : [own])].map(({ keyid, pem }) => [keyid, pem]),
  )
}

/** Where it is, for readers elsewhere: folders of this machine, and whose they are, are none of their business. */
function elsewhere({ where }: Audit['answer']): Audit['answer']['where'] {
  if (where.path === null) return where
  return { ...where, catalog: 'a folder', address: '', path: null }
}

async function recordItems(world: World, { answer, release }: Audit): Promise<Collected> {
  const { image, version, payload, text } = release
  const reservation = await world.catalog.read(`releases/${image}/${version}/reservation.json`)
  const items = [
    textItem(kinds.record, text),
    { ...kinds.statement, content: payload },
    ...(reservation === null ? [] : [textItem(kinds.reservation, reservation.value)]),
    textItem(kinds.audit, `${JSON.stringify({ ...answer, where: elsewhere(answer) }, null, 1)}\n`),
  ]
  const missing = reservation === null ? [{ what: kinds.reservation.path, why: 'the catalog has none' }] : []
  return { items, missing }
}

async function pageItem(world: World, { answer, release }: Audit): Promise<Collected> {
  try {
    const page = await currentPage(world, release.statement.predicate, answer, 'en')
    return { items: [textItem(kinds.page, page)], missing: [] }
  } catch (cause) {
    if (!(cause instanceof MintmarkError)) throw cause
    return { items: [], missing: [{ what: kinds.page.path, why: visible(cause.message) }] }
  }
}

/** @throws MintmarkError VERIFY_FAILED with the links that are wrong, unless that is what was asked for */
async function checkedAudit(world: World, audited: Audited, options: EvidenceOptions): Promise<Audit> {
  const { image, version } = audited.release
  options.update(`reading all that is stored of ${image}@${version}`)
  const audit = await auditRelease(world, audited, { trust: options.trust, bytes: true })
  if (audit.answer.believable || options.incomplete) return audit
  const wrong = audit.answer.verified.links.filter(({ right }) => !right)
  throw new MintmarkError(
    'VERIFY_FAILED',
    audit.untrusted
      ? `nobody who is trusted here signed ${image}@${version}: it is not packed`
      : `${image}@${version} is not what was signed: there is nothing to pack`,
    {
      hint: `./mintmark verify ${image}@${version} says all of it; --incomplete packs what there is, and says so in the archive`,
      details: wrong.map(({ name, text }) => `${name}: ${visible(text)}`),
    },
  )
}

/**
 * Packs all that is known of a release, but the image itself, into one zip that can be checked without mintmark. The same catalog and
 * trust give the same bytes.
 * @throws MintmarkError VERIFY_FAILED when a link is wrong
 */
export async function packEvidence(
  world: World,
  audited: Audited,
  options: EvidenceOptions,
): Promise<Evidence> {
  const audit = await checkedAudit(world, audited, options)
  options.update('packing')
  const { release, answer } = audit
  const { created, artifact } = release.statement.predicate
  const { items, missing } = merged([
    await recordItems(world, audit),
    await reportItems(world, audit),
    await pageItem(world, audit),
    await historyItems(world, eventsPrefix(release), eventKind),
    await channelItems(world, audit),
    await trustItems(world, options.trustFile),
  ])
  const signatures = signaturesOf(items)
  const pems = await publicKeys(world, options.trust, signatures)
  const signers = unique(signatures.map(({ keyid }) => keyid))
  const keys = signers.flatMap((keyid) => {
    const pem = pems.get(keyid)
    return pem === undefined ? [] : [textItem(keyKind(keyid), pem)]
  })
  const { image, version, variant, record } = release
  const index = evidenceIndex(
    {
      image,
      version,
      variant,
      artifact: artifact.sha256,
      record,
      made: created,
      complete: answer.believable,
      problems: answer.verified.links
        .filter(({ right }) => !right)
        .map(({ name, text }) => `${name}: ${visible(text)}`),
      anchored: answer.by.anchored,
      missing: [...missing],
      keys: signers.map((keyid) => ({ keyid, path: pems.has(keyid) ? keyKind(keyid).path : null })),
    },
    [...items, ...keys],
  )
  const readme = evidenceReadme(index, pems)
  const template = await world.files.readText(
    join(world.places.installation, 'templates/pages/evidence.html.hbs'),
  )
  const files = [
    ...items,
    ...keys,
    { path: 'README.txt', content: Buffer.from(readme) },
    { path: 'index.html', content: Buffer.from(evidencePage(template, index, readme)) },
    { path: 'index.json', content: Buffer.from(`${JSON.stringify(index, null, 1)}\n`) },
  ]
  const sums = { path: 'SHA256SUMS', content: Buffer.from(evidenceSums(files)) }
  return { zip: await world.zip(byPath([...files, sums]), created.slice(0, 10)), index }
}
