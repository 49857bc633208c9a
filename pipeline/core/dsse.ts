import { MintmarkError } from '../errors.ts'
import { Envelope } from '../model/release.ts'
import { canonicalJson } from './digest.ts'

const payloadType = 'application/vnd.in-toto+json'

/** DSSE v1 pre-authentication encoding: the bytes that are really signed. */
export function preAuthEncoding(type: string, payload: Uint8Array): Uint8Array {
  const header = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `
  return Buffer.concat([Buffer.from(header), payload])
}

/** What a key has to sign for this payload of an in-toto statement. */
export const bytesToSign = (payload: Uint8Array): Uint8Array => preAuthEncoding(payloadType, payload)

/** The envelope's one text: canonical JSON, so that its digest names it. */
export function envelopeText(payload: Uint8Array, signatures: Envelope['signatures']): string {
  const envelope: Envelope = { payloadType, payload: Buffer.from(payload).toString('base64'), signatures }
  return canonicalJson(envelope)
}

const isCanonicalBase64 = (text: string): boolean => Buffer.from(text, 'base64').toString('base64') === text

/**
 * Parses an envelope. There is one way to write each: another spacing, order of keys or base64 padding is refused,
 * so that no byte of the text can change unseen.
 * @param what for the message: what should have been one
 * @throws MintmarkError VERIFY_FAILED
 */
export function parseEnvelope(
  text: string,
  what = 'the record',
): { readonly envelope: Envelope; readonly payload: Uint8Array } {
  const refuse = (why: string, cause?: unknown): MintmarkError =>
    new MintmarkError('VERIFY_FAILED', `${what} is no DSSE envelope of mintmark: ${why}`, { cause })
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch (cause) {
    throw refuse('it is not JSON', cause)
  }
  const parsed = Envelope.safeParse(data)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw refuse(`${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim())
  }
  const envelope = parsed.data
  const encoded = [envelope.payload, ...envelope.signatures.map((signature) => signature.sig)]
  if (!encoded.every(isCanonicalBase64)) throw refuse('its base64 is not in canonical form')
  if (canonicalJson(envelope) !== text) throw refuse('its JSON is not in canonical form')
  return { envelope, payload: Buffer.from(envelope.payload, 'base64') }
}
