import type * as z from 'zod'
import { MintmarkError } from '../errors.ts'
import type { ControlResult, ControlStatus } from '../model/hardening.ts'
import { ChannelPointer, type RecordPredicate, Statement } from '../model/release.ts'
import { canonicalJson } from './digest.ts'

/** Worst first: a control is as good as its worst result. */
const worstFirst: readonly ControlStatus[] = ['fail', 'error', 'pass', 'notapplicable']

/** The status of a control that was looked at in several places; `error` when nobody looked. */
export const worstOf = (statuses: ReadonlySet<ControlStatus>): ControlStatus =>
  worstFirst.find((status) => statuses.has(status)) ?? 'error'

/**
 * Counts each control of the image once, by its worst result over all the places where it was checked. One that
 * nobody looked at is an error, not a pass.
 */
export function summariseControls(
  controls: readonly string[],
  results: readonly ControlResult[],
): RecordPredicate['controls'] {
  const counts = { pass: 0, fail: 0, error: 0, notapplicable: 0 }
  const seen = new Map<string, Set<ControlStatus>>()
  for (const { control, status } of results) {
    seen.set(control, (seen.get(control) ?? new Set()).add(status))
  }
  const ids = [...new Set([...controls, ...seen.keys()])]
  for (const id of ids) counts[worstOf(seen.get(id) ?? new Set())] += 1
  return { total: ids.length, ...counts }
}

/** The name of a variant: where it runs and on which architecture. It is part of catalog keys. */
export const variantOf = (of: { readonly target: string; readonly arch: string }): string =>
  `${of.target}-${of.arch}`

/** What a record and its provenance are about: the image, under the name of its file. */
export function subjectOf(predicate: RecordPredicate): Statement['subject'][number] {
  const { image, version, artifact } = predicate
  const name = `${image}-${version}-${variantOf(predicate)}.${artifact.format}`
  return { name, digest: { sha256: artifact.sha256 } }
}

/** The in-toto statement about the artifact of these facts. */
export function buildStatement(predicate: RecordPredicate): Statement {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [subjectOf(predicate)],
    predicateType: 'https://mintmark.dev/record/v1',
    predicate,
  }
}

/** The bytes of a statement that an envelope carries. */
export const payloadOf = (statement: Statement): Uint8Array => Buffer.from(canonicalJson(statement))

/**
 * What an envelope's payload holds, by its schema.
 * @param what for the message, e.g. "the record's payload is no statement of mintmark"
 * @throws MintmarkError VERIFY_FAILED when it is none, or not in canonical form
 */
export function parseSigned<T>(payload: Uint8Array, schema: z.ZodType<T>, what: string): T {
  const refuse = (why: string, cause?: unknown): MintmarkError =>
    new MintmarkError('VERIFY_FAILED', `${what}: ${why}`, { cause })
  const text = Buffer.from(payload).toString('utf8')
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch (cause) {
    throw refuse('it is not JSON', cause)
  }
  const parsed = schema.safeParse(data)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw refuse(`${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim())
  }
  // The data as they were written: the schema adds what those of before a field had it don't hold.
  if (canonicalJson(data) !== text) throw refuse('its JSON is not in canonical form')
  return parsed.data
}

/**
 * The statement in an envelope's payload.
 * @throws MintmarkError VERIFY_FAILED when it is none, or not in canonical form
 */
export const parsePayload = (payload: Uint8Array): Statement =>
  parseSigned(payload, Statement, "the record's payload is no statement of mintmark")

/** @throws MintmarkError VERIFY_FAILED when the text is not the pointer of the channel that the key names */
export function parsePointer(text: string, key: string): ChannelPointer {
  const refuse = (cause: unknown): MintmarkError =>
    new MintmarkError('VERIFY_FAILED', `${key} is not the pointer of a channel`, { cause })
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch (cause) {
    throw refuse(cause)
  }
  const parsed = ChannelPointer.safeParse(data)
  if (!parsed.success) throw refuse(parsed.error)
  const { image, channel, variant } = parsed.data
  if (key !== `channels/${image}/${channel}/${variant}.json`) throw refuse(undefined)
  return parsed.data
}
