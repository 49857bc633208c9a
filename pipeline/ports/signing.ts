import type { KeyObject } from 'node:crypto'
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { join } from 'node:path'
import { MintmarkError } from '../errors.ts'
import type { Signature } from '../model/release.ts'
import type { Files } from './files.ts'
import { type PublicKey, parsePublicKey, toPublic, verifyByKey } from './public-key.ts'
import { type Identified, identify, type TrustedRootFile } from './verify-sigstore.ts'

export type { PublicKey } from './public-key.ts'
export type { TrustedRootFile } from './verify-sigstore.ts'

/** Whose signature the next one is. */
export type SignerName =
  | ({ readonly kind: 'key' } & PublicKey)
  | { readonly kind: 'identity'; readonly issuer: string; readonly subject: string }

/** Signatures: who signs here is a setting, whose signature it is can be told of all kinds. No private key leaves this port. */
export interface Signing {
  /** Who signs here: a key of this machine, one in AWS KMS, or the job's identity by Sigstore. */
  readonly kind: 'file' | 'kms' | 'sigstore'
  /** By whom this machine signs; a key of its own is made on first use. */
  sign(bytes: Uint8Array): Promise<Signature>
  /**
   * Looks that it will be able to sign, before long work.
   * @throws MintmarkError TOOL_REFUSED, CONFIG_INVALID or PROVIDER_UNREACHABLE
   */
  ready(): Promise<void>
  /**
   * Who would sign now, asked where that is known: for a line of trust.yaml. A key of this machine is made on first use.
   * @throws MintmarkError TOOL_REFUSED when others could read the key, or when who signs can't be had; PROVIDER_UNREACHABLE
   */
  signer(): Promise<SignerName>
  /** The key that signs here as this machine knows it, without a network; null when it has none yet. */
  existing(): Promise<PublicKey | null>
  /** @throws MintmarkError CONFIG_INVALID when the text is no public key that can be trusted; `from` says where it stands */
  parsePublicKey(pem: string, from: string): PublicKey
  /** False for whatever is not this key's signature of exactly these bytes. */
  verify(key: PublicKey, bytes: Uint8Array, sig: string): boolean
  /** Who made a keyless signature, by a trusted root that is a file, without a network. @throws MintmarkError CONFIG_INVALID for the root */
  identify(root: TrustedRootFile, bytes: Uint8Array, signature: Signature): Promise<Identified>
}

/** What is told of all signatures alike, whoever signs on this machine. */
export const verification = {
  parsePublicKey,
  verify: verifyByKey,
  identify,
} as const satisfies Partial<Signing>

/** An Ed25519 key pair in a private folder: `signing.pem` (0600 in 0700) and `signing.pub.pem`. */
export function signing(folder: string, files: Files): Signing {
  const path = join(folder, 'signing.pem')

  async function load(): Promise<KeyObject | null> {
    const info = await files.info(path)
    if (info === null) return null
    const around = await files.info(folder)
    const refuse = (what: string, mode: number, wanted: string): MintmarkError =>
      new MintmarkError(
        'TOOL_REFUSED',
        `${what} has the mode ${mode.toString(8)}: others can get at the key`,
        {
          hint: `chmod ${wanted} ${what}, and make a new key if others may have read this one`,
        },
      )
    if (info.kind !== 'file' || (info.mode & 0o077) !== 0) throw refuse(path, info.mode, '600')
    if (around === null || (around.mode & 0o022) !== 0) throw refuse(folder, around?.mode ?? 0, '700')
    try {
      return createPrivateKey(await files.readText(path))
    } catch (cause) {
      // Node's own message may quote the text; it is not passed on.
      void cause
      throw new MintmarkError('TOOL_REFUSED', `${path} is no private key`, {
        hint: `move ${path} away: the next release makes a new one`,
      })
    }
  }

  async function need(): Promise<KeyObject> {
    const there = await load()
    if (there !== null) return there
    await files.makeFolder(folder, { mode: 0o700 })
    await files.setMode(folder, 0o700)
    const { privateKey } = generateKeyPairSync('ed25519')
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' })
    // Two first runs at once: one file wins, and both go on with that one.
    await files.createOnly(path, pem, { mode: 0o600 })
    const made = await load()
    if (made === null) throw new MintmarkError('TOOL_FAILED', `${path} can't be read back`)
    return made
  }

  async function exported(key: KeyObject): Promise<PublicKey> {
    const own = toPublic(createPublicKey(key))
    const beside = join(folder, 'signing.pub.pem')
    const there = await files.info(beside)
    if (there === null || (await files.readText(beside)) !== own.pem) {
      await files.write(beside, own.pem, { mode: 0o644 })
    }
    return own
  }

  return {
    kind: 'file',
    async sign(bytes) {
      const key = await need()
      const { keyid } = await exported(key)
      return { keyid, sig: sign(null, bytes, key).toString('base64') }
    },
    async existing() {
      const key = await load()
      return key === null ? null : toPublic(createPublicKey(key))
    },
    ready: async () => void (await load()),
    signer: async () => ({ kind: 'key', ...(await exported(await need())) }),
    ...verification,
  }
}
