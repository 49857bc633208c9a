import { armouredBlocks } from './openpgp-armor.ts'
import { certificatesOf, packetTags } from './openpgp-keyring.ts'

const secretTags = [5, 7]

/**
 * The binary keyring of a file of OpenPGP public keys, armoured or not, as apt's signed-by wants it; or what is wrong
 * with the file.
 */
export function publicKeyring(bytes: Uint8Array): { readonly keyring: Uint8Array } | string {
  const text = Buffer.from(bytes).toString('latin1')
  let keyring = bytes
  if (text.includes('-----BEGIN PGP ')) {
    const blocks = armouredBlocks(text)
    if (blocks.some(({ label }) => label === 'PRIVATE KEY BLOCK')) return 'is a private key'
    const keys = blocks.filter(({ label }) => label === 'PUBLIC KEY BLOCK')
    keyring = new Uint8Array(Buffer.concat(keys.map((block) => block.bytes)))
  }
  if (packetTags(keyring).some((tag) => secretTags.includes(tag))) return 'is a private key'
  const read = certificatesOf(keyring)
  const whole = read.reduce((sum, certificate) => sum + certificate.bytes.length, 0)
  if (read.length === 0) return 'is no OpenPGP public key (gpg --export, with or without --armor)'
  return whole === keyring.length ? { keyring } : 'is a damaged OpenPGP key'
}
