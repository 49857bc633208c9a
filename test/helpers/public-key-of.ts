import type { PublicKey, Signing } from '../../pipeline/ports/signing.ts'

/** The key by which this machine signs, made on first use. */
export async function publicKeyOf(keys: Pick<Signing, 'signer'>): Promise<PublicKey> {
  const { kind, ...key } = await keys.signer()
  if (kind !== 'key' || !('keyid' in key)) throw new Error('who signs here has no key')
  return key
}
