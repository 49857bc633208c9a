import { dayMs } from '../core/days.ts'
import { sha256 } from '../core/digest.ts'
import { bytesToSign, envelopeText } from '../core/dsse.ts'
import type { Envelope, Signature } from '../model/release.ts'
import type { PublicKey, SignerName, TrustedRootFile } from '../ports/signing.ts'
import type { World } from '../ports/world.ts'

/** Days are calendar days in UTC, both included; null: at any time. */
interface Trusted {
  readonly name: string
  readonly from: string | null
  readonly until: string | null
}

/** A key that somebody outside the record vouches for. */
export interface TrustedKey extends PublicKey, Trusted {
  readonly kind: 'key'
  /** Stolen, or lost to somebody: no date that it signed is believed. */
  readonly revoked: boolean
  /** Of a revoked key: digests of envelopes that are known from before the theft. */
  readonly stillTrusted: readonly string[]
}

/** A workload or a person that somebody outside the record vouches for. */
export interface TrustedIdentity extends Trusted {
  readonly kind: 'identity'
  readonly issuer: string
  /** Whole, or its beginning and "*". */
  readonly subject: string
  /** By which a certificate and a log entry are told. */
  readonly root: TrustedRootFile
}

export type TrustedSigner = TrustedKey | TrustedIdentity

export interface SignatureCheck {
  readonly right: boolean
  readonly text: string
  /** True when a signer of trust.yaml or `--trust` signed it; false: only this machine's own key, or nobody known. */
  readonly anchored: boolean
  /** True when nothing speaks against the bytes but who signed them: a signer whom nobody here trusts, or not any more, or not on that day. */
  readonly untrusted: boolean
}

export const shortDigest = (digest: string): string => `sha256:${digest.slice(0, 12)}…`

/** Whether a trusted signer may sign on this day. */
export const isValidOn = (
  signer: Trusted & { readonly kind?: TrustedSigner['kind']; readonly revoked?: boolean },
  day: string,
): boolean =>
  signer.revoked !== true &&
  (signer.from === null || day >= signer.from) &&
  (signer.until === null || day <= signer.until)

const wrong = (text: string): SignatureCheck => ({ right: false, text, anchored: false, untrusted: false })

const stranger = (text: string): SignatureCheck => ({ ...wrong(text), untrusted: true })

const right = (text: string, anchored = true): SignatureCheck => ({
  right: true,
  text,
  anchored,
  untrusted: false,
})

const outsideDays = ({ name, from, until }: Trusted, on: string): SignatureCheck =>
  stranger(`by ${name}, trusted from ${from} to ${until}, on ${on}`)

function byTrustedKey(key: TrustedKey, envelope: Envelope, payload: Uint8Array, day: string): SignatureCheck {
  const by = `by ${key.name}, key ${shortDigest(key.keyid)}`
  if (key.revoked) {
    const digest = sha256(envelopeText(payload, envelope.signatures))
    return key.stillTrusted.includes(digest)
      ? right(`${by}, which is revoked; trust.yaml names this very envelope`)
      : stranger(`${by}, which is revoked: whoever took it can sign for any day`)
  }
  return isValidOn(key, day) ? right(by) : outsideDays(key, day)
}

/** Whether a trusted signer is this one. */
export const isSigner = (trusted: TrustedSigner, signer: SignerName): boolean =>
  trusted.kind === 'key'
    ? signer.kind === 'key' && trusted.keyid === signer.keyid
    : signer.kind === 'identity' && isOf(trusted, signer)

const isOf = ({ issuer, subject }: TrustedIdentity, found: { issuer: string; subject: string }): boolean =>
  issuer === found.issuer &&
  (subject.endsWith('*') ? found.subject.startsWith(subject.slice(0, -1)) : found.subject === subject)

/** By certificate and log: when it was signed is what the log says, and what is signed has to say the same, give or take a day. */
async function byIdentity(
  world: World,
  signature: Signature,
  signed: { readonly payload: Uint8Array; readonly day: string },
  trust: readonly TrustedIdentity[],
): Promise<SignatureCheck> {
  const [first] = trust
  if (first === undefined) return stranger('by a certificate of Sigstore, and trust.yaml names no identity')
  const found = await world.keys.identify(first.root, bytesToSign(signed.payload), signature)
  if (!found.right) return wrong(`by a certificate of Sigstore that does not hold: ${found.why}`)
  const known = trust.filter((identity) => isOf(identity, found))
  const logged = found.at.slice(0, 10)
  const valid = known.find((identity) => isValidOn(identity, logged))
  if (valid === undefined) {
    const [other] = known
    return other === undefined
      ? stranger(`by ${found.subject} of ${found.issuer}, an identity that nobody here trusts`)
      : outsideDays(other, `${logged} by the log`)
  }
  if (Math.abs(Date.parse(logged) - Date.parse(signed.day)) > dayMs)
    return wrong(`by ${valid.name}, dated ${signed.day}; the log saw it on ${logged}`)
  return right(`by ${valid.name}, ${found.subject}, logged ${found.at}`)
}

/**
 * Who signed an envelope, and whether that counts.
 * @param day on which it says that it was signed, e.g. 2026-11-22
 * @param ownKeyCounts this machine's own key counts too
 * @throws MintmarkError CONFIG_INVALID for a trusted root of Sigstore that is none
 */
export async function checkSignature(
  world: World,
  signed: { readonly envelope: Envelope; readonly payload: Uint8Array; readonly day: string },
  trust: readonly TrustedSigner[],
  ownKeyCounts: boolean,
): Promise<SignatureCheck> {
  const { envelope, payload, day } = signed
  const signedBy = (key: PublicKey): boolean =>
    envelope.signatures.some(
      (item) =>
        item.sigstore === undefined &&
        item.keyid === key.keyid &&
        world.keys.verify(key, bytesToSign(payload), item.sig),
    )
  const keys = trust.filter((signer) => signer.kind === 'key')
  const anchor = keys.find(signedBy)
  if (anchor !== undefined) return byTrustedKey(anchor, envelope, payload, day)
  const own = ownKeyCounts ? await world.keys.existing() : null
  if (own !== null && signedBy(own)) {
    const by = `by this machine's own key ${shortDigest(own.keyid)}`
    return right(`${by}: unanchored, nobody else vouches for it`, false)
  }
  const identities = trust.filter((signer) => signer.kind === 'identity')
  const keyless = envelope.signatures.filter((item) => item.sigstore !== undefined)
  let last: SignatureCheck | null = null
  for (const signature of keyless) {
    last = await byIdentity(world, signature, signed, identities)
    if (last.right) return last
  }
  if (last !== null) return last
  const named = envelope.signatures.map((item) => item.keyid)
  const known = [...keys, ...(own === null ? [] : [own])].find((key) => named.includes(key.keyid))
  return known === undefined
    ? stranger(`by ${named.map(shortDigest).join(', ')}, a key that nobody here trusts`)
    : wrong(`not made by the key ${shortDigest(known.keyid)} that it names`)
}
