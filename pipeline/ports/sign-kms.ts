import { createHash, createPublicKey } from 'node:crypto'
import { join } from 'node:path'
import type { KMSClient } from '@aws-sdk/client-kms'
import { MintmarkError } from '../errors.ts'
import type { Files } from './files.ts'
import { type PublicKey, parsePublicKey, toPublic, verifyByKey } from './public-key.ts'
import { type Signing, verification } from './signing.ts'

const arn = /^arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:(?:key|alias)\/[A-Za-z0-9/_-]+$/
const keyName =
  /^(?:alias\/[A-Za-z0-9/_-]{1,250}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$/

/** What a key of the service signs by; no others can be verified here. */
const algorithms = { ec: 'ECDSA_SHA_256', rsa: 'RSASSA_PSS_SHA_256' } as const

/** A key id, an alias (`alias/NAME`) or the ARN of either. */
export const isKmsKey = (text: string): boolean => arn.test(text) || keyName.test(text)

interface RemoteKey {
  /** The key itself: an alias may be moved between two requests. */
  readonly id: string
  readonly key: PublicKey
  readonly algorithm: (typeof algorithms)[keyof typeof algorithms]
}

function failed(what: string, keyRef: string, cause: unknown): MintmarkError {
  if (cause instanceof MintmarkError) return cause
  const name = cause instanceof Error ? cause.name : ''
  const said = cause instanceof Error ? cause.message : String(cause)
  const hint = /Credential|ExpiredToken|UnrecognizedClient|InvalidClientToken/.test(name)
    ? 'give AWS credentials: a role of the job, AWS_PROFILE, or MINTMARK_SIGNER=file'
    : /AccessDenied/.test(name)
      ? `allow kms:GetPublicKey and kms:Sign on ${keyRef}`
      : /NotFound/.test(name)
        ? 'see MINTMARK_SIGNER, or signing.signer in mintmark.yaml, and AWS_REGION'
        : /Region/.test(said)
          ? 'export AWS_REGION=REGION, or name the key by its ARN'
          : 'nothing was written; run the same command again'
  return new MintmarkError(
    'PROVIDER_UNREACHABLE',
    `the key ${keyRef} can't ${what}: ${name} ${said}`.trim(),
    {
      hint,
      where: { key: keyRef },
    },
  )
}

/**
 * Signatures by a key that never leaves AWS KMS: ECDSA P-256 or RSA.
 * @param folder keeps the public key, so that looking needs no network
 */
export function kmsSigning(keyRef: string, folder: string, files: Files): Signing {
  const path = join(folder, `kms-${createHash('sha256').update(keyRef).digest('hex').slice(0, 16)}.pub.pem`)
  let asked: Promise<RemoteKey> | null = null

  async function withClient<T>(
    what: string,
    work: (client: KMSClient, sdk: typeof import('@aws-sdk/client-kms')) => Promise<T>,
  ): Promise<T> {
    const sdk = await import('@aws-sdk/client-kms')
    const region = arn.exec(keyRef)?.[1]
    const client = new sdk.KMSClient({
      maxAttempts: 3,
      requestHandler: { connectionTimeout: 5_000, requestTimeout: 20_000 },
      ...(region === undefined ? {} : { region }),
    })
    try {
      return await work(client, sdk)
    } catch (cause) {
      throw failed(what, keyRef, cause)
    } finally {
      client.destroy()
    }
  }

  const ask = (): Promise<RemoteKey> =>
    withClient('be read', async (client, { GetPublicKeyCommand }) => {
      const answer = await client.send(new GetPublicKeyCommand({ KeyId: keyRef }))
      const refuse = (why: string): MintmarkError =>
        new MintmarkError('TOOL_REFUSED', `the key ${keyRef} ${why}`, {
          hint: 'make a key for SIGN_VERIFY with the spec ECC_NIST_P256, or RSA_3072',
        })
      if (answer.PublicKey === undefined || answer.KeyId === undefined) throw refuse('has no public key')
      const key = createPublicKey({ key: Buffer.from(answer.PublicKey), format: 'der', type: 'spki' })
      // The service takes 4096 bytes at most for Ed25519: less than a record.
      const algorithm =
        key.asymmetricKeyType === 'ec' || key.asymmetricKeyType === 'rsa'
          ? algorithms[key.asymmetricKeyType]
          : null
      if (algorithm === null || answer.SigningAlgorithms?.includes(algorithm) !== true)
        throw refuse(`is of the spec ${answer.KeySpec} for ${answer.KeyUsage}, which can't sign records`)
      const own = parsePublicKey(toPublic(key).pem, `the key ${keyRef}`)
      const there = await files.info(path)
      if (there === null || (await files.readText(path)) !== own.pem) {
        await files.makeFolder(folder, { mode: 0o700 })
        await files.setMode(folder, 0o700)
        await files.write(path, own.pem, { mode: 0o644 })
      }
      return { id: answer.KeyId, key: own, algorithm }
    })

  async function remote(): Promise<RemoteKey> {
    asked ??= ask()
    try {
      return await asked
    } catch (cause) {
      asked = null
      throw cause
    }
  }

  return {
    kind: 'kms',
    async sign(bytes) {
      const { id, key, algorithm } = await remote()
      const signature = await withClient('sign', async (client, { SignCommand }) => {
        const Message = createHash('sha256').update(bytes).digest()
        const answer = await client.send(
          new SignCommand({ KeyId: id, Message, MessageType: 'DIGEST', SigningAlgorithm: algorithm }),
        )
        return Buffer.from(answer.Signature ?? []).toString('base64')
      })
      if (!verifyByKey(key, bytes, signature))
        throw new MintmarkError(
          'PROVIDER_UNREACHABLE',
          `the signature by ${keyRef} does not fit its public key`,
        )
      return { keyid: key.keyid, sig: signature }
    },
    ready: async () => void (await remote()),
    signer: async () => ({ kind: 'key', ...(await remote()).key }),
    async existing() {
      if ((await files.info(path)) === null) return null
      return parsePublicKey(await files.readText(path), path)
    },
    ...verification,
  }
}
