import { digestOfAmi, nameOfArtifact } from '../core/artifact.ts'
import { eventsPrefix, headKey } from '../core/events.ts'
import { parseYaml } from '../core/parse-yaml.ts'
import { provenanceReport } from '../core/provenance.ts'
import { variantOf } from '../core/statement.ts'
import { MintmarkError } from '../errors.ts'
import { type RecordPredicate, Reservation, type Statement } from '../model/release.ts'
import { TrustPolicy } from '../model/trust.ts'
import type { World } from '../ports/world.ts'
import type { EventChain, Trust } from './chain.ts'
import { approvalLinks, channelLinks, readHistories, strayedLinks } from './channel-history.ts'
import { checkProvenance } from './check-provenance.ts'
import { checkSignature, shortDigest, type TrustedSigner } from './check-signature.ts'
import { targetOf } from './choose-target.ts'
import { readEvents } from './events.ts'
import { type Located, openRecord, type Release } from './read-release.ts'

export const trustPath = 'scans/policies/trust.yaml'
export const sigstoreRootPath = 'scans/policies/sigstore-root.json'

export type LinkName =
  | 'record'
  | 'signature'
  | 'place'
  | 'channel'
  | 'subject'
  | 'artifact'
  | 'report'
  | 'provenance'
  | 'event'

/** One link of the chain from the reference to the bytes. */
export interface Link {
  readonly name: LinkName
  readonly right: boolean
  readonly text: string
}

export interface Verification {
  readonly ok: boolean
  /** True when a key of trust.yaml or `--trust` signed it; false: only this machine's own key, or nobody known. */
  readonly anchored: boolean
  /** True when nothing is wrong with the record but that nobody who is trusted signed it; what follows from that is wrong as well. */
  readonly untrusted: boolean
  readonly links: readonly Link[]
  /** Null when what is stored is no record at all. */
  readonly release: Release | null
}

/** A policy's signers, with their keys and the root that identities are told by. */
async function signersOf(
  world: World,
  policy: TrustPolicy,
  from: string,
  rootFile: string,
): Promise<readonly TrustedSigner[]> {
  const keys = policy.keys.map(({ publicKey, ...entry }, index): TrustedSigner => {
    const key = world.keys.parsePublicKey(publicKey, `${from}: keys.${index}`)
    if (key.keyid === entry.keyid) return { kind: 'key', ...key, ...entry }
    throw new MintmarkError(
      'CONFIG_INVALID',
      `${from}: keys.${index}.keyid is ${entry.keyid}, the key's is ${key.keyid}`,
    )
  })
  if (policy.identities.length === 0) return keys
  if ((await world.files.info(rootFile)) === null) {
    throw new MintmarkError('CONFIG_INVALID', `${from} trusts identities, and there is no ${rootFile}`, {
      hint: `cosign trusted-root create > ${sigstoreRootPath}, looked at and committed; or --sigstore-root FILE`,
    })
  }
  const root = { text: await world.files.readText(rootFile), path: rootFile }
  return [...keys, ...policy.identities.map((entry): TrustedSigner => ({ kind: 'identity', ...entry, root }))]
}

/**
 * Whom to trust: the file alone when one is given (a public key in PEM, or a policy in the form of trust.yaml), else
 * `scans/policies/trust.yaml`.
 * @param rootFile Sigstore's trusted root; null: `scans/policies/sigstore-root.json`
 * @throws MintmarkError CONFIG_INVALID or NOT_FOUND
 */
export async function trustedKeys(
  world: World,
  file: string | null,
  rootFile: string | null = null,
): Promise<readonly TrustedSigner[]> {
  const inCheckout = `${world.places.root}/${trustPath}`
  const path = file ?? inCheckout
  const root = rootFile ?? `${world.places.root}/${sigstoreRootPath}`
  if ((await world.files.info(path)) === null) {
    if (file === null) return []
    throw new MintmarkError('NOT_FOUND', `there is no file ${file}`)
  }
  const text = await world.files.readText(path)
  const shown = file ?? trustPath
  if (file === null || /^(?:#.*\n|---|\s)*(?:schema:|keys:|identities:|\{)/.test(text))
    return signersOf(world, parseYaml(TrustPolicy, text, { path: shown }), shown, root)
  const key = world.keys.parsePublicKey(text, file)
  return [{ kind: 'key', ...key, name: file, from: null, until: null, revoked: false, stillTrusted: [] }]
}

/** The content has to say the same as the place that it was found in. */
async function checkPlace(world: World, release: Release): Promise<Link> {
  const { predicate } = release.statement
  const claims = `${predicate.image}@${predicate.version} ${variantOf(predicate)}`
  const place = `${release.image}@${release.version} ${release.variant}`
  if (claims !== place) {
    return { name: 'place', right: false, text: `the record of ${claims} lies at ${release.key}` }
  }
  const key = `releases/${release.image}/${release.version}/reservation.json`
  const entry = await world.catalog.read(key)
  if (entry === null) return { name: 'place', right: false, text: `${key} is missing` }
  let reservation: Reservation
  try {
    reservation = parseYaml(Reservation, entry.value, { path: key })
  } catch (cause) {
    void cause // its problems are of no interest: it is not what was written
    return { name: 'place', right: false, text: `${key} is no reservation` }
  }
  const matches =
    reservation.image === predicate.image &&
    reservation.version === predicate.version &&
    reservation.run === predicate.run
  return matches
    ? { name: 'place', right: true, text: `${release.key}, taken by the run ${predicate.run}` }
    : { name: 'place', right: false, text: `${key} is of ${reservation.version}, run ${reservation.run}` }
}

/** Subject, artifact and gate have to be about one image, which passed. */
export function checkSubject({ subject, predicate }: Statement): Link {
  const { artifact } = predicate
  const { sha256 } = artifact
  const same = subject.every((item) => item.digest.sha256 === sha256) && predicate.gate.subject === sha256
  const { verdict, policy } = predicate.gate
  if (!same) return { name: 'subject', right: false, text: 'the record is about several images at once' }
  if (artifact.format === 'ami' && digestOfAmi(artifact) !== sha256)
    return {
      name: 'subject',
      right: false,
      text: `${shortDigest(sha256)} is not the digest of ${nameOfArtifact(artifact)}`,
    }
  if (verdict !== 'passed') {
    return { name: 'subject', right: false, text: `the image was ${verdict} by policy ${policy.name}` }
  }
  return {
    name: 'subject',
    right: true,
    text: `image ${shortDigest(sha256)} ${verdict} policy ${policy.name}`,
  }
}

async function checkBlob(world: World, name: LinkName, label: string, digest: string): Promise<Link> {
  const state = await world.catalog.checkBlob(digest)
  switch (state.status) {
    case 'intact':
      return { name, right: true, text: `${label} ${shortDigest(digest)} is unchanged` }
    case 'missing':
      return { name, right: false, text: `${label} ${shortDigest(digest)} is missing` }
    case 'corrupt':
      return {
        name,
        right: false,
        text: `${label} ${shortDigest(digest)} now is ${shortDigest(state.found)}`,
      }
  }
}

/** The image itself: its bytes in the catalog, or what its cloud says of it now. */
async function checkImage(world: World, { artifact, target }: RecordPredicate): Promise<Link> {
  if (artifact.format === 'qcow2') return checkBlob(world, 'artifact', 'image', artifact.sha256)
  const label = `image ${nameOfArtifact(artifact)}`
  try {
    const found = await targetOf(target).unchanged({ world, artifact })
    const text = found === null ? `${label} is unchanged` : `${label} now is ${found}`
    return { name: 'artifact', right: found === null, text }
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || world.signal.aborted) throw cause
    return { name: 'artifact', right: false, text: `${label} could not be looked at: ${cause.message}` }
  }
}

/** The stored bytes: the image, which takes seconds to read, and each report that the record names; provenance is looked at on its own. */
export async function checkBlobs(world: World, { statement }: Release): Promise<readonly Link[]> {
  const { predicate } = statement
  const links = [await checkImage(world, predicate)]
  for (const [name, report] of Object.entries(predicate.reports))
    if (name !== provenanceReport) links.push(await checkBlob(world, 'report', name, report.sha256))
  return links
}

/**
 * What happened to the release later: the chain of events, and, with `blobs`, the reports that they name.
 * @param chain as `readEvents` found it
 */
export async function checkEvents(
  world: World,
  release: Release,
  { events, broken, headMissing }: EventChain,
  blobs: boolean,
): Promise<readonly Link[]> {
  const last = events.at(-1)
  const links: Link[] = []
  if (broken !== null) links.push({ name: 'event', right: false, text: broken.text })
  else if (headMissing)
    links.push({
      name: 'event',
      right: false,
      text: `${headKey(eventsPrefix(release))} is missing: nobody can say that no later event is`,
    })
  else if (last !== undefined)
    links.push({
      name: 'event',
      right: true,
      text: `${events.length} unchanged since the record, the last of ${last.event.at}`,
    })
  for (const { event } of blobs ? events : [])
    if (event.kind === 'rescanned')
      links.push(await checkBlob(world, 'report', `of event ${event.sequence}`, event.data.report.sha256))
  return links
}

/**
 * Checks every link from the place in the catalog to the stored bytes and says of each whether it is right. It
 * throws for none of them.
 * @param trust whose signature counts; this machine's own key counts too unless `onlyTrust`
 * @param options `blobs`: false leaves out the stored bytes (an image takes seconds to read) and what happened to the release later;
 * `strayed` also asks whether channels that end with this release lead to it: a move that was stopped half-way must not keep the next one
 * from finishing it, so who moves channels does not ask
 */
export async function verifyRelease(
  world: World,
  located: Located,
  options: Trust & { readonly blobs: boolean; readonly strayed?: boolean },
): Promise<Verification> {
  let release: Release
  try {
    release = openRecord(located)
  } catch (cause) {
    if (!(cause instanceof MintmarkError)) throw cause
    const link: Link = { name: 'record', right: false, text: cause.message }
    return { ok: false, anchored: false, untrusted: false, links: [link], release: null }
  }
  const { envelope, payload, statement } = release
  const day = statement.predicate.created.slice(0, 10)
  const signed = await checkSignature(world, { envelope, payload, day }, options.trust, !options.onlyTrust)
  const links: Link[] = [
    {
      name: 'record',
      right: true,
      text: `${shortDigest(release.record)}, an in-toto statement in a DSSE envelope`,
    },
    { name: 'signature', right: signed.right, text: signed.text },
    await checkPlace(world, release),
    ...(await channelLinks(world, release, { trust: options, whole: options.blobs })),
    checkSubject(statement),
  ]
  if (options.blobs) {
    links.push(...(await checkBlobs(world, release)))
    const provenance = await checkProvenance(world, release, options)
    if (provenance !== null) links.push({ name: 'provenance', ...provenance })
    const chain = await readEvents(world, release, options)
    links.push(...(await checkEvents(world, release, chain, true)))
    const histories = await readHistories(world, release, options)
    if (chain.broken === null) links.push(...approvalLinks(release, histories, chain.events))
    if (options.strayed === true) links.push(...(await strayedLinks(world, release, histories, options)))
  }
  return {
    ok: links.every((link) => link.right),
    anchored: signed.anchored,
    untrusted: isUntrusted(signed, links),
    links,
    release,
  }
}

/** Links that are made of signatures of their own: wrong for want of trust like the record's. */
const signedLinks: readonly string[] = ['signature', 'channel', 'provenance', 'event']

/** Whether all that is wrong may come of a signer whom nobody here trusts. */
export const isUntrusted = (
  { untrusted }: { readonly untrusted: boolean },
  links: readonly { readonly name: string; readonly right: boolean }[],
): boolean => untrusted && links.every(({ right, name }) => right || signedLinks.includes(name))

/** What a person does about it. */
export const untrustedHint =
  'who is trusted: scans/policies/trust.yaml, or --trust with the key that you were given'

/**
 * A release whose record was checked (not its stored bytes): what other tools may rely on.
 * @throws MintmarkError VERIFY_FAILED with the links that are wrong
 */
export async function trustedRelease(world: World, located: Located, trust: string | null): Promise<Release> {
  return releaseTrustedBy(world, located, {
    trust: await trustedKeys(world, trust),
    onlyTrust: trust !== null,
  })
}

/** The same by keys that are at hand. @throws MintmarkError VERIFY_FAILED with the links that are wrong */
export async function releaseTrustedBy(world: World, located: Located, trust: Trust): Promise<Release> {
  const result = await verifyRelease(world, located, { ...trust, blobs: false })
  if (result.ok && result.release !== null) return result.release
  throw new MintmarkError(
    'VERIFY_FAILED',
    `the record of ${located.image}@${located.version} can't be trusted`,
    {
      details: result.links.filter((link) => !link.right).map((link) => `${link.name}: ${link.text}`),
      where: { image: located.image, record: located.key },
    },
  )
}
