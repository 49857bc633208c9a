import { bytesToSign } from '../core/dsse.ts'
import type { Envelope } from '../model/release.ts'
import type { PublicKey } from '../ports/signing.ts'
import type { World } from '../ports/world.ts'

/** A key that somebody outside the record vouches for. Days are calendar days in UTC; null: at any time. */
export interface TrustedKey extends PublicKey {
  readonly name: string
  readonly from: string | null
  readonly until: string | null
}

export interface SignatureCheck {
  readonly right: boolean
  readonly text: string
  /** True when a key of trust.yaml or `--trust` signed it; false: only this machine's own key, or nobody known. */
  readonly anchored: boolean
}

export const shortDigest = (digest: string): string => `sha256:${digest.slice(0, 12)}…`

/** Whether a trusted key may sign on this day. */
export const isValidOn = ({ from, until }: TrustedKey, day: string): boolean =>
  (from === null || day >= from) && (until === null || day <= until)

/**
 * Who signed an envelope, and whether that counts.
 * @param day on which it says that it was signed, e.g. 2026-11-22
 * @param ownKeyCounts this machine's own key counts too
 */
export async function checkSignature(
  world: World,
  signed: { readonly envelope: Envelope; readonly payload: Uint8Array; readonly day: string },
  trust: readonly TrustedKey[],
  ownKeyCounts: boolean,
): Promise<SignatureCheck> {
  const { envelope, payload, day } = signed
  const wrong = (text: string): SignatureCheck => ({ right: false, text, anchored: false })
  const signedBy = (key: PublicKey): boolean =>
    envelope.signatures.some(
      (item) => item.keyid === key.keyid && world.keys.verify(key, bytesToSign(payload), item.sig),
    )
  const named = envelope.signatures.map((item) => item.keyid)
  const anchor = trust.find(signedBy)
  if (anchor !== undefined) {
    return isValidOn(anchor, day)
      ? {
          right: true,
          text: `by ${anchor.name}, key ${shortDigest(anchor.keyid)}`,
          anchored: true,
        }
      : wrong(`by ${anchor.name}, trusted from ${anchor.from} to ${anchor.until}, on ${day}`)
  }
  const own = ownKeyCounts ? await world.keys.existing() : null
  const known = [...trust, ...(own === null ? [] : [own])].find((key) => named.includes(key.keyid))
  if (own !== null && signedBy(own)) {
    return {
      right: true,
      text: `by this machine's own key ${shortDigest(own.keyid)}: unanchored, nobody else vouches for it`,
      anchored: false,
    }
  }
  return known === undefined
    ? wrong(`by ${named.map(shortDigest).join(', ')}, a key that nobody here trusts`)
    : wrong(`not made by the key ${shortDigest(known.keyid)} that it names`)
}
