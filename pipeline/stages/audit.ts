import type * as z from 'zod'
import { nameOfArtifact } from '../core/artifact.ts'
import { auditAnswer } from '../core/audit-answer.ts'
import { sha256 } from '../core/digest.ts'
import { provenanceReport } from '../core/provenance.ts'
import { MintmarkError } from '../errors.ts'
import type { AuditAnswer, AuditLink } from '../model/audit.ts'
import { ImageName } from '../model/ids.ts'
import { type RecordPredicate, Version } from '../model/release.ts'
import { Bundle, TestReport } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import { targets } from '../targets/registry.ts'
import type { Whereabouts } from '../targets/target.ts'
import type { EventChain, Trust } from './chain.ts'
import { approvalLinks, brokenHistory, readHistories, strayedLinks } from './channel-history.ts'
import { checkProvenance } from './check-provenance.ts'
import { brokenEvents, readEvents } from './events.ts'
import { findInstance, isInstanceId } from './instances.ts'
import { findRelease, locateVariant, openRecord, type Release, releasedImages } from './read-release.ts'
import { readReport } from './read-reports.ts'
import { checkBlobs, checkEvents, isUntrusted, verifyRelease } from './verify-release.ts'

type Instance = AuditAnswer['what']['instance']

/** What an auditor asks about: a release, and the machine by which they came to it. */
export interface Audited {
  readonly release: Release
  readonly instance: Instance
}

export interface Audit {
  readonly answer: AuditAnswer
  readonly release: Release
  readonly chain: EventChain
  /** True when nothing is wrong but that nobody who is trusted signed it. */
  readonly untrusted: boolean
}

/** An os-release has some hundred bytes. */
const mostBytes = 1 << 16

const unquoted = (text: string): string => text.replace(/^(["'])(.*)\1$/, '$2')

/** What a copy of a machine's os-release says that the machine is of; null for any other file. */
async function releaseOfMachine({ files }: World, path: string): Promise<string | null> {
  const info = await files.info(path)
  if (info?.kind !== 'file' || info.size > mostBytes) return null
  const text = await files.readText(path)
  const value = (name: string): string =>
    unquoted(new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '')
  const image = ImageName.safeParse(value('IMAGE_ID'))
  const version = Version.safeParse(value('IMAGE_VERSION'))
  return image.success && version.success ? `${image.data}@${version.data}` : null
}

async function releaseOfInstance(world: World, ref: string): Promise<Audited | null> {
  const found = await findInstance(world, ref)
  if (found === null) return null
  const { id, name, started, release: wanted } = found
  if (wanted === null)
    throw new MintmarkError('NOT_FOUND', `${id} was started from ${name}, and no record is about that file`, {
      hint: `./mintmark show ${name} looks whether its bytes are those of a release`,
    })
  const located = await locateVariant(world, wanted)
  if (located === null || sha256(located.text) !== wanted.record)
    throw new MintmarkError(
      'VERIFY_FAILED',
      `${id} was started from ${name} with the record sha256:${wanted.record}, which ${located === null ? 'is gone' : 'is another one now'}`,
      { hint: `./mintmark verify ${name}` },
    )
  return { release: openRecord(located), instance: { id, started, evidence: 'boot' } }
}

/**
 * What a reference means to an auditor: all that `locateRelease` knows, a machine that `boot` started, or a copy of a machine's
 * os-release.
 * @throws MintmarkError NOT_FOUND with what there is; VERIFY_FAILED when what is stored is no record
 */
export async function findAudited(world: World, ref: string): Promise<Audited> {
  if (isInstanceId(ref) && !(await releasedImages(world)).includes(ref)) {
    const machine = await releaseOfInstance(world, ref)
    if (machine !== null) return machine
  }
  // A path says so by a slash: no file that lies about answers for a release of its name.
  const claimed = ref.includes('/') ? await releaseOfMachine(world, ref) : null
  if (claimed !== null) {
    const release = await findRelease(world, claimed)
    return { release, instance: { id: ref, started: null, evidence: 'os-release' } }
  }
  return { release: await findRelease(world, ref), instance: null }
}

/** A report as a value, and what is wrong with it where it is stored no more as it was. */
async function stored<T>(
  world: World,
  { statement: { predicate } }: Release,
  name: string,
  schema: z.ZodType<T>,
): Promise<{ readonly value: T | null; readonly links: readonly AuditLink[] }> {
  if (predicate.reports[name] === undefined) return { value: null, links: [] }
  try {
    return { value: await readReport(world, predicate, name, schema), links: [] }
  } catch (cause) {
    if (!(cause instanceof MintmarkError)) throw cause
    return { value: null, links: [{ name: 'report', right: false, text: `${name}: ${cause.message}` }] }
  }
}

/** Also of a target that this version does not have: what the record says is told as it is. */
function whereIs(world: World, { target, artifact }: RecordPredicate): Whereabouts {
  const known = targets[target]
  if (known !== undefined) return known.whereIs(world, artifact)
  const address =
    artifact.format === 'ami' ? nameOfArtifact(artifact) : world.catalog.blobAddress(artifact.sha256)
  return { address, path: null }
}

/**
 * Reads all that the catalog has of a release and checks every link. It throws for none of them.
 * @param bytes reads image and reports through as well (an image takes seconds); else that is for `verify`
 */
export async function auditRelease(
  world: World,
  { release, instance }: Audited,
  { trust, bytes }: { readonly trust: Trust; readonly bytes: boolean },
): Promise<Audit> {
  const { links, anchored, untrusted } = await verifyRelease(world, release, { ...trust, blobs: false })
  const chain = await readEvents(world, release, trust)
  const histories = await readHistories(world, release, trust)
  const test = await stored(world, release, 'test', TestReport)
  const bundle = await stored(world, release, 'bundle', Bundle)
  const provenance = await checkProvenance(world, release, trust)
  const { predicate } = release.statement
  const brokenHistories = histories.flatMap((history): readonly AuditLink[] => {
    const { channel } = history.place
    const why = brokenHistory(history)
    // The link of a channel that points to the release says so already.
    const isTold = ({ right, text }: AuditLink): boolean =>
      !right && text.startsWith(`${channel} →`) && why !== null && text.includes(why)
    if (why === null || links.some(isTold)) return []
    return [{ name: 'channel', right: false, text: `the history of ${channel}: ${why}` }]
  })
  const all: readonly AuditLink[] = [
    ...links,
    ...(bytes ? await checkBlobs(world, release) : [...test.links, ...bundle.links]),
    ...(provenance === null ? [] : [{ name: provenanceReport, ...provenance } as const]),
    ...(await checkEvents(world, release, chain, bytes)),
    ...(chain.broken === null ? approvalLinks(release, histories, chain.events) : []),
    ...brokenHistories,
    ...(await strayedLinks(world, release, histories, trust)),
  ]
  const answer = auditAnswer({
    variant: release.variant,
    record: release.record,
    keyids: release.envelope.signatures.map(({ keyid }) => keyid),
    predicate,
    anchored,
    links: all,
    bytes,
    events: chain.events,
    eventsBroken: brokenEvents(chain),
    histories: histories.map((history) => ({
      channel: history.place.channel,
      moves: history.moves,
      broken: brokenHistory(history),
    })),
    pointers: release.pointers,
    test: test.value,
    selected: bundle.value?.controls ?? null,
    catalog: {
      catalog: world.catalog.location,
      ...whereIs(world, predicate),
    },
    instance,
  })
  return { answer, release, chain, untrusted: isUntrusted({ untrusted }, all) }
}
