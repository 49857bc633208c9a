import type { KeyObject } from 'node:crypto'
import { constants, createHash, createPublicKey, verify } from 'node:crypto'
import { MintmarkError } from '../errors.ts'

export interface PublicKey {
  /** sha256 of the key's SPKI DER, lower-case hex. */
  readonly keyid: string
  /** SPKI in PEM. */
  readonly pem: string
}

const leastRsaBits = 2048

/** The id of a key: sha256 of its SPKI DER, lower-case hex. */
export const keyidOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest('hex')

export const toPublic = (key: KeyObject): PublicKey => ({
  keyid: keyidOf(key),
  pem: key.export({ format: 'pem', type: 'spki' }).toString(),
})

/** Why signatures of this key can't be told here; null when they can. */
function whyNot(key: KeyObject): string | null {
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return null
    case 'ec':
      return namedCurve === 'prime256v1' ? null : `is a key on the curve ${namedCurve}, expected P-256`
    case 'rsa':
      return modulusLength >= leastRsaBits
        ? null
        : `is an RSA key of ${modulusLength} bits, expected ${leastRsaBits} at least`
    default:
      return `is a key of the type ${key.asymmetricKeyType}, expected ed25519, ECDSA P-256 or RSA`
  }
}

/** @throws MintmarkError CONFIG_INVALID when the text is no public key that can be trusted; `from` says where it stands */
export function parsePublicKey(pem: string, from: string): PublicKey {
  const wrong = (why: string, cause?: unknown): MintmarkError =>
    new MintmarkError('CONFIG_INVALID', `${from} ${why}`, {
      hint: 'give a public key in PEM: ./mintmark verify --print-key prints the one that signs here',
      ...(cause === undefined ? {} : { cause }),
    })
  // A private key would be read as well: whoever hands one over has to learn of it.
  if (pem.includes('PRIVATE KEY')) throw wrong('holds a private key, which nobody else may have')
  let key: KeyObject
  try {
    key = createPublicKey(pem)
  } catch (cause) {
    throw wrong('is no public key', cause)
  }
  const why = whyNot(key)
  if (why !== null) throw wrong(why)
  return toPublic(key)
}

/** False for whatever is not this key's signature of exactly these bytes: Ed25519, ECDSA with SHA-256, or RSA-PSS with SHA-256. */
export function verifyByKey({ pem }: PublicKey, bytes: Uint8Array, sig: string): boolean {
  const key = createPublicKey(pem)
  const signature = Buffer.from(sig, 'base64')
  if (key.asymmetricKeyType === 'ed25519') return verify(null, bytes, key, signature)
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST
  const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }
  return verify('sha256', bytes, key.asymmetricKeyType === 'rsa' ? pss : key, signature)
}
