import { X509Certificate } from 'node:crypto'
import type { Signature } from '../model/release.ts'
import { sha256 } from './digest.ts'

/** The public key of a keyless signature's certificate, in PEM; null when there is none, or not the one that the signature names. */
export function certificateKey({ sigstore, keyid }: Signature): string | null {
  if (sigstore === undefined) return null
  try {
    const { publicKey } = new X509Certificate(Buffer.from(sigstore.certificate.rawBytes, 'base64'))
    if (sha256(publicKey.export({ format: 'der', type: 'spki' })) !== keyid) return null
    return publicKey.export({ format: 'pem', type: 'spki' }).toString()
  } catch (cause) {
    void cause // no certificate: the check of the signature tells so
    return null
  }
}
