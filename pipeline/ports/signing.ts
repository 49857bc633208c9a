import type { KeyObject } from 'node:crypto'
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { join } from 'node:path'
import { MintmarkError } from '../errors.ts'
import type { Files } from './files.ts'

export interface PublicKey {
  /** sha256 of the key's SPKI DER, lower-case hex. */
  readonly keyid: string
  /** SPKI in PEM. */
  readonly pem: string
}

export interface Signature {
  readonly keyid: string
  /** Base64. */
  readonly sig: string
}

/** Ed25519 signatures. The private key never leaves this port. */
export interface Signing {
  /** With this machine's key, which is made on first use. */
  sign(bytes: Uint8Array): Promise<Signature>
  /** This machine's key, made on first use. @throws MintmarkError TOOL_REFUSED when others could read it */
  publicKey(): Promise<PublicKey>
  /** This machine's key, or null when it has none yet. */
  existing(): Promise<PublicKey | null>
  /** @throws MintmarkError CONFIG_INVALID when the text is no Ed25519 public key; `from` says where it stands */
  parsePublicKey(pem: string, from: string): PublicKey
  /** False for whatever is not this key's signature of exactly these bytes. */
  verify(key: PublicKey, bytes: Uint8Array, sig: string): boolean
}

const toPublic = (key: KeyObject): PublicKey => ({
  keyid: createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest('hex'),
  pem: key.export({ format: 'pem', type: 'spki' }).toString(),
})

function parsePublicKey(pem: string, from: string): PublicKey {
  const wrong = (why: string, cause?: unknown): MintmarkError =>
    new MintmarkError('CONFIG_INVALID', `${from} ${why}`, {
      hint: 'give a public key in PEM; mintmark writes its own beside the private one, as signing.pub.pem',
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
  if (key.asymmetricKeyType !== 'ed25519') {
    throw wrong(`is a key of the type ${key.asymmetricKeyType}, expected ed25519`)
  }
  return toPublic(key)
}

/** A key pair in a private folder: `signing.pem` (0600 in 0700) and `signing.pub.pem`. */
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
    async sign(bytes) {
      const key = await need()
      const { keyid } = await exported(key)
      return { keyid, sig: sign(null, bytes, key).toString('base64') }
    },
    publicKey: async () => exported(await need()),
    async existing() {
      const key = await load()
      return key === null ? null : toPublic(createPublicKey(key))
    },
    parsePublicKey,
    verify: (key, bytes, sig) => verify(null, bytes, createPublicKey(key.pem), Buffer.from(sig, 'base64')),
  }
}
