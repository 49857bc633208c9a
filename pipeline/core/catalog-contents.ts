import type * as z from 'zod'
import { MintmarkError } from '../errors.ts'
import { firstChannel } from '../model/channel.ts'
import { EventHead, type ReleaseEvent } from '../model/event.ts'
import { type ChannelPointer, type RecordPredicate, Reservation, RunChoice } from '../model/release.ts'
import { ShareIntent } from '../model/share.ts'
import { sha256 } from './digest.ts'
import { parseEnvelope } from './dsse.ts'
import { eventKey, headKey, historyPrefix, parseEvent } from './events.ts'
import { parsedJson } from './parsed-json.ts'
import { parsePayload, parsePointer, variantOf } from './statement.ts'

/** A key whose text is not what its place says. */
export interface KeyProblem {
  readonly key: string
  readonly text: string
}

/** A blob that a record or an event names. */
export interface NamedBlob {
  readonly sha256: string
  readonly bytes: number
  /** What names it, for people: "debian-13@1.0.0 qemu-x86_64: report sarif". Sorted. */
  readonly names: readonly string[]
  readonly image: string
  /** The run that made it. */
  readonly run: string
}

export interface Contents {
  readonly problems: readonly KeyProblem[]
  /** Sorted by digest. */
  readonly blobs: readonly NamedBlob[]
}

interface RecordFacts {
  readonly digest: string
  readonly predicate: RecordPredicate
}

const shapes = {
  reservation: /^releases\/([^/]+)\/([^/]+)\/reservation\.json$/,
  record: /^releases\/([^/]+)\/([^/]+)\/([^/]+)\.dsse\.json$/,
  releaseEvent: /^(releases\/([^/]+)\/([^/]+)\/([^/]+)\/events\/)(?:\d{6}\.dsse|head)\.json$/,
  pointer: /^channels\/[^/]+\/[^/]+\/[^/]+\.json$/,
  move: /^(history\/([^/]+)\/([^/]+)\/([^/]+)\/)(?:\d{6}\.dsse|head)\.json$/,
  choice: /^runs\/([^/]+)\/([^/]+)\/(\d{6})\.json$/,
  share: /^shares\/([^/]+)\/([0-9a-f]{64})\.json$/,
} as const

function parsedAs<T>(schema: z.ZodType<T>, text: string, what: string): T {
  const parsed = schema.safeParse(parsedJson(text))
  if (parsed.success) return parsed.data
  throw new MintmarkError('VERIFY_FAILED', `it is no ${what}`)
}

const refuse = (text: string): never => {
  throw new MintmarkError('VERIFY_FAILED', text)
}

/** A release's place, as messages name it. */
const placeOf = (of: { readonly image: string; readonly version: string }, variant: string): string =>
  `${of.image}@${of.version} ${variant}`

/** What is wrong is added to the list under the key; null then. */
type Guard = <T>(key: string, work: () => T) => T | null

function guardInto(problems: KeyProblem[]): Guard {
  return (key, work) => {
    try {
      return work()
    } catch (cause) {
      if (!(cause instanceof MintmarkError)) throw cause
      problems.push({ key, text: cause.message })
      return null
    }
  }
}

function checkReservation(key: string, text: string): void {
  const [, image, version] = shapes.reservation.exec(key) ?? []
  const found = parsedAs(Reservation, text, 'reservation')
  if (found.image !== image || found.version !== version)
    refuse(`it is the reservation of ${found.image}@${found.version}`)
}

function checkChoice(key: string, text: string): void {
  const [, image, run, turn] = shapes.choice.exec(key) ?? []
  const found = parsedAs(RunChoice, text, "run's choice of a version")
  if (found.image !== image || found.run !== run || found.turn !== Number(turn))
    refuse(`it is turn ${found.turn} of run ${found.run} of ${found.image}`)
}

function checkShare(key: string, text: string): void {
  const [, image, digest] = shapes.share.exec(key) ?? []
  const found = parsedAs(ShareIntent, text, 'list of what is shared with somebody')
  if (found.image !== image || sha256(found.principal) !== digest)
    refuse(`it is of ${found.image} and ${found.principal}`)
}

function readRecord(key: string, text: string, keys: ReadonlyMap<string, string>): RecordFacts {
  const [, image = '', version = '', variant = ''] = shapes.record.exec(key) ?? []
  const { predicate } = parsePayload(parseEnvelope(text).payload)
  const claims = placeOf(predicate, variantOf(predicate))
  if (claims !== placeOf({ image, version }, variant)) refuse(`it is the record of ${claims}`)
  if (!keys.has(`releases/${image}/${version}/reservation.json`))
    refuse(`${image}@${version} has no reservation`)
  return { digest: sha256(text), predicate }
}

/** What of a history follows from its keys and texts alone; whose signatures count is for `verify`. */
function readHistory(
  prefix: string,
  keys: ReadonlyMap<string, string>,
  fits: (event: ReleaseEvent) => string | null,
  guard: Guard,
): readonly ReleaseEvent[] {
  const head = headKey(prefix)
  const names = [...keys.keys()].filter((key) => key.startsWith(prefix) && key !== head).sort()
  const events: ReleaseEvent[] = []
  let previous: string | null = null
  const digests: string[] = []
  for (const [index, key] of names.entries()) {
    const text = keys.get(key) ?? ''
    const before = previous
    previous = sha256(text)
    digests.push(previous)
    const event = guard(key, () => {
      const expected = eventKey(prefix, index + 1)
      if (key !== expected) refuse(`${expected} is missing before it`)
      const found = parseEvent(parseEnvelope(text, 'it').payload)
      if (found.sequence !== index + 1) refuse(`it says that it is event ${found.sequence}`)
      if (found.previous !== before) refuse('it names another event as the one before it')
      const foreign = fits(found)
      return foreign === null ? found : refuse(foreign)
    })
    if (event !== null) events.push(event)
  }
  const headText = keys.get(head)
  if (headText !== undefined)
    guard(head, () => {
      const { sequence, sha256: digest } = parsedAs(EventHead, headText, 'head of a history')
      const named = digests[sequence - 1]
      if (named === undefined) refuse(`it names event ${sequence}, and there are ${digests.length}`)
      if (named !== digest) refuse(`event ${sequence} is not the one that it names`)
    })
  return events
}

/** Prefixes of histories of one shape. */
const prefixesOf = (keys: ReadonlyMap<string, string>, shape: RegExp): ReadonlySet<string> =>
  new Set([...keys.keys()].flatMap((key) => shape.exec(key)?.[1] ?? []))

/**
 * Reads all keys of a catalog: does each parse, is it what its place says, do they fit each other, and which blobs do they name?
 * Signatures are not looked at.
 * @param keys key -> text
 */
export function readContents(keys: ReadonlyMap<string, string>): Contents {
  const problems: KeyProblem[] = []
  const guard = guardInto(problems)
  const records = new Map<string, RecordFacts>()
  const blobs = new Map<string, NamedBlob>()
  const name = (blob: Omit<NamedBlob, 'names'>, what: string): void => {
    const names = [...(blobs.get(blob.sha256)?.names ?? []), what].sort()
    blobs.set(blob.sha256, { ...(blobs.get(blob.sha256) ?? blob), names })
  }

  for (const [key, text] of keys) {
    if (shapes.reservation.test(key)) guard(key, () => checkReservation(key, text))
    else if (shapes.choice.test(key)) guard(key, () => checkChoice(key, text))
    else if (shapes.share.test(key)) guard(key, () => checkShare(key, text))
    else if (shapes.record.test(key)) {
      const record = guard(key, () => readRecord(key, text, keys))
      if (record === null) continue
      records.set(key, record)
      const { predicate } = record
      const { image, run, artifact, reports } = predicate
      const place = placeOf(predicate, variantOf(predicate))
      // What a cloud keeps is no blob.
      if (artifact.format === 'qcow2')
        name({ sha256: artifact.sha256, bytes: artifact.bytes, image, run }, `${place}: image`)
      for (const [report, stored] of Object.entries(reports))
        name({ ...stored, image, run }, `${place}: report ${report}`)
    } else if (!Object.values(shapes).some((shape) => shape.test(key)))
      problems.push({ key, text: 'no such key is part of a catalog' })
  }

  const pointers = new Map<string, ChannelPointer>()
  for (const [key, text] of keys) {
    if (!shapes.pointer.test(key)) continue
    guard(key, () => {
      const pointer = parsePointer(text, key)
      const { image, version, variant } = pointer
      const record = records.get(`releases/${image}/${version}/${variant}.dsse.json`)
      pointers.set(key, pointer)
      if (record === undefined) return refuse(`it points to ${image}@${version}, which has no whole record`)
      const fits = record.digest === pointer.record && record.predicate.artifact.sha256 === pointer.sha256
      return fits ? null : refuse(`it names another record or image than ${image}@${version} has`)
    })
  }

  for (const prefix of prefixesOf(keys, shapes.releaseEvent)) {
    const [, , image = '', version = '', variant = ''] = shapes.releaseEvent.exec(headKey(prefix)) ?? []
    const record = records.get(`releases/${image}/${version}/${variant}.dsse.json`)
    if (record === undefined) {
      problems.push({ key: prefix, text: `${image}@${version} has no whole record, and events` })
      continue
    }
    const place = placeOf({ image, version }, variant)
    const fits = (event: ReleaseEvent): string | null => {
      if (placeOf(event, event.variant) !== place) return `it is about ${placeOf(event, event.variant)}`
      return event.record === record.digest ? null : 'it is about another record'
    }
    for (const event of readHistory(prefix, keys, fits, guard))
      if (event.kind === 'rescanned')
        name(
          { ...event.data.report, image, run: record.predicate.run },
          `${place}: report of event ${event.sequence}`,
        )
  }

  const histories = prefixesOf(keys, shapes.move)
  for (const [key, pointer] of pointers) {
    const { image, channel, variant, record } = pointer
    if (histories.has(historyPrefix(image, channel, variant))) continue
    // Nightly alone was there before there were histories, and no record of then names its builder.
    const old = [...records.values()].find(({ digest }) => digest === record)
    if (channel !== firstChannel || old?.predicate.builder !== undefined)
      problems.push({ key, text: 'it has no history: it was made by hand, or its history is lost' })
  }
  for (const prefix of histories) {
    const [, , image = '', channel = '', variant = ''] = shapes.move.exec(headKey(prefix)) ?? []
    const moves = readHistory(
      prefix,
      keys,
      (event) =>
        event.kind === 'pointed' &&
        event.image === image &&
        event.variant === variant &&
        event.data.channel === channel
          ? null
          : `it is no move of ${image}@${channel} ${variant}`,
      guard,
    )
    const last = moves.at(-1)
    const key = `channels/${image}/${channel}/${variant}.json`
    const pointer = pointers.get(key)
    if (last === undefined || (pointer?.version === last.version && pointer.record === last.record)) continue
    // One that can't be read is told already.
    if (pointer === undefined && keys.has(key)) continue
    problems.push({
      key,
      text: `${pointer === undefined ? 'it is missing' : `it points to ${pointer.version}`}, and its history ends with ${last.version}`,
    })
  }
  return {
    problems: problems.sort((a, b) => (a.key < b.key ? -1 : 1)),
    blobs: [...blobs.values()].sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1)),
  }
}
