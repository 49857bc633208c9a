import { parseYaml } from '../core/parse-yaml.ts'
import { variantOf } from '../core/statement.ts'
import { MintmarkError } from '../errors.ts'
import { Reservation, TrustPolicy } from '../model/release.ts'
import type { World } from '../ports/world.ts'
import type { Trust } from './chain.ts'
import { checkSignature, shortDigest, type TrustedKey } from './check-signature.ts'
import { readEvents } from './events.ts'
import { type Located, openRecord, type Release } from './read-release.ts'

const trustPath = 'scans/policies/trust.yaml'

export type LinkName =
  | 'record'
  | 'signature'
  | 'place'
  | 'channel'
  | 'subject'
  | 'artifact'
  | 'report'
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
  readonly links: readonly Link[]
  /** Null when what is stored is no record at all. */
  readonly release: Release | null
}

/**
 * The keys to trust: of the file alone when one is given, else of `scans/policies/trust.yaml`.
 * @throws MintmarkError CONFIG_INVALID or NOT_FOUND
 */
export async function trustedKeys(world: World, file: string | null): Promise<readonly TrustedKey[]> {
  if (file !== null) {
    if ((await world.files.info(file)) === null)
      throw new MintmarkError('NOT_FOUND', `there is no file ${file}`)
    const key = world.keys.parsePublicKey(await world.files.readText(file), file)
    return [{ ...key, name: file, from: null, until: null }]
  }
  const path = `${world.places.root}/${trustPath}`
  if ((await world.files.info(path)) === null) return []
  const policy = parseYaml(TrustPolicy, await world.files.readText(path), { path: trustPath })
  return policy.keys.map((entry, index) => {
    const key = world.keys.parsePublicKey(entry.publicKey, `${trustPath}: keys.${index}`)
    if (key.keyid === entry.keyid) return { ...key, name: entry.name, from: entry.from, until: entry.until }
    throw new MintmarkError(
      'CONFIG_INVALID',
      `${trustPath}: keys.${index}.keyid is ${entry.keyid}, the key's is ${key.keyid}`,
    )
  })
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
  const matches = reservation.version === predicate.version && reservation.run === predicate.run
  return matches
    ? { name: 'place', right: true, text: `${release.key}, taken by the run ${predicate.run}` }
    : { name: 'place', right: false, text: `${key} is of ${reservation.version}, run ${reservation.run}` }
}

function checkChannels(release: Release): readonly Link[] {
  const { artifact } = release.statement.predicate
  const damaged = release.damaged.map(
    (key): Link => ({ name: 'channel', right: false, text: `${key} is not the pointer of a channel` }),
  )
  const pointing = release.pointers
    .filter((pointer) => pointer.version === release.version || pointer.channel === release.via)
    .map((pointer): Link => {
      const right =
        pointer.version === release.version &&
        pointer.record === release.record &&
        pointer.sha256 === artifact.sha256
      const means = `${pointer.channel} → ${pointer.version}`
      const text = right
        ? means
        : `${means} names the record ${shortDigest(pointer.record)} and the image ${shortDigest(pointer.sha256)}; they are ${shortDigest(release.record)} and ${shortDigest(artifact.sha256)}`
      return { name: 'channel', right, text }
    })
  return [...pointing, ...damaged]
}

function checkSubject(release: Release): Link {
  const { subject, predicate } = release.statement
  const { sha256 } = predicate.artifact
  const same = subject.every((item) => item.digest.sha256 === sha256) && predicate.gate.subject === sha256
  const { verdict, policy } = predicate.gate
  if (!same) return { name: 'subject', right: false, text: 'the record is about several images at once' }
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

/** What happened to the release later: the chain of events, and the reports that they name. */
async function checkEvents(
  world: World,
  release: Release,
  options: { readonly trust: readonly TrustedKey[]; readonly onlyTrust: boolean },
): Promise<readonly Link[]> {
  const { events, broken } = await readEvents(world, release, options)
  const last = events.at(-1)
  const links: Link[] = []
  if (broken !== null) links.push({ name: 'event', right: false, text: broken.text })
  else if (last !== undefined)
    links.push({
      name: 'event',
      right: true,
      text: `${events.length} unchanged since the record, the last of ${last.event.at}`,
    })
  for (const { event } of events)
    if (event.kind === 'rescanned')
      links.push(await checkBlob(world, 'report', `of event ${event.sequence}`, event.data.report.sha256))
  return links
}

/**
 * Checks every link from the place in the catalog to the stored bytes and says of each whether it is right. It
 * throws for none of them.
 * @param trust whose signature counts; this machine's own key counts too unless `onlyTrust`
 * @param blobs false leaves out the stored bytes (an image takes seconds to read) and what happened to the release later
 */
export async function verifyRelease(
  world: World,
  located: Located,
  options: { readonly trust: readonly TrustedKey[]; readonly onlyTrust: boolean; readonly blobs: boolean },
): Promise<Verification> {
  let release: Release
  try {
    release = openRecord(located)
  } catch (cause) {
    if (!(cause instanceof MintmarkError)) throw cause
    const link: Link = { name: 'record', right: false, text: cause.message }
    return { ok: false, anchored: false, links: [link], release: null }
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
    ...checkChannels(release),
    checkSubject(release),
  ]
  if (options.blobs) {
    const { artifact, reports } = release.statement.predicate
    links.push(await checkBlob(world, 'artifact', 'image', artifact.sha256))
    for (const [name, report] of Object.entries(reports)) {
      links.push(await checkBlob(world, 'report', name, report.sha256))
    }
    links.push(...(await checkEvents(world, release, options)))
  }
  return { ok: links.every((link) => link.right), anchored: signed.anchored, links, release }
}

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
