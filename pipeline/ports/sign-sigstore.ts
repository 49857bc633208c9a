import { createHash, X509Certificate } from 'node:crypto'
import { MintmarkError } from '../errors.ts'
import type { Signature } from '../model/release.ts'
import { shownAddress } from '../model/shown-address.ts'
import { SigstoreMaterial } from '../model/sigstore.ts'
import { keyidOf } from './public-key.ts'
import { type SignerName, type Signing, verification } from './signing.ts'

/** Addresses of an own Sigstore; null: the public one's. */
export interface SigstoreSettings {
  readonly fulcio: string | null
  readonly rekor: string | null
  /** Of a time stamping authority, asked besides the log; null: none. */
  readonly timestamps: string | null
  /** The team accepts that its repositories' names are in a public log. */
  readonly publicLog: boolean
}

const limits = { timeout: 20_000, retry: 2 }
const audience = 'sigstore'

const disclosed =
  'keyless signing writes the names of repository, workflow and commit into a public log that nobody can delete from'

const refuse = (message: string, hint: string, cause?: unknown): MintmarkError =>
  new MintmarkError('TOOL_REFUSED', message, { hint, ...(cause === undefined ? {} : { cause }) })

function checkSettings({ fulcio, rekor, timestamps, publicLog }: SigstoreSettings): void {
  if ((fulcio === null || rekor === null) && !publicLog)
    throw refuse(
      disclosed,
      'accept that in mintmark.yaml with signing: {sigstore: {publicLog: true}}, or give the addresses of your own, MINTMARK_SIGSTORE_FULCIO and MINTMARK_SIGSTORE_REKOR',
    )
  for (const address of [fulcio, rekor, timestamps]) {
    const url = address === null || !URL.canParse(address) ? null : new URL(address)
    if (address === null) continue
    const safe =
      url?.protocol === 'https:' ||
      (url?.protocol === 'http:' && /^(?:127\.0\.0\.1|\[::1\])$/.test(url.hostname))
    if (url === null || !safe || url.username !== '' || url.password !== '')
      throw new MintmarkError(
        'CONFIG_INVALID',
        `"${shownAddress(address)}" is no address of Sigstore: https without credentials`,
        {
          hint: 'correct signing.sigstore in mintmark.yaml, or MINTMARK_SIGSTORE_FULCIO, _REKOR, _TSA',
        },
      )
  }
}

/** The token of this job, by which the certificate authority knows it. It is never told to anybody else. */
async function token(): Promise<string> {
  const { CIContextProvider } = await import('@sigstore/sign')
  try {
    return await new CIContextProvider(audience).getToken()
  } catch {
    // What the library says may quote the token's address.
    throw refuse(
      'there is no identity token to sign with',
      'in GitHub Actions give the job "permissions: {id-token: write}"; elsewhere set SIGSTORE_ID_TOKEN, or MINTMARK_SIGNER=file',
    )
  }
}

/** What the certificate will say, as Fulcio derives it for GitHub, GitLab, e-mail and plain workloads. */
function namedBy(jwt: string): Extract<SignerName, { readonly kind: 'identity' }> {
  try {
    const claims: unknown = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'))
    const text = (name: string): string | null => {
      const value =
        typeof claims === 'object' && claims !== null && name in claims ? Reflect.get(claims, name) : null
      return typeof value === 'string' ? value : null
    }
    const github = text('job_workflow_ref')
    const gitlab = text('ci_config_ref_uri')
    const subject =
      github !== null
        ? `https://github.com/${github}`
        : gitlab !== null
          ? `https://${gitlab}`
          : (text('email') ?? text('sub'))
    const issuer = text('iss')
    if (issuer !== null && subject !== null) return { kind: 'identity', issuer, subject }
  } catch {
    // Its text is a secret and stays out of the message.
  }
  throw refuse(
    'the identity token names no issuer or no subject',
    'see SIGSTORE_ID_TOKEN, or MINTMARK_SIGNER=file',
  )
}

/** The step that failed, without what the library quotes. */
function failed(cause: unknown, { fulcio, rekor, timestamps }: SigstoreSettings): MintmarkError {
  if (cause instanceof MintmarkError) return cause
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : ''
  const who = code.startsWith('CA_')
    ? `the certificate authority ${fulcio ?? 'fulcio.sigstore.dev'}`
    : code.startsWith('TSA_')
      ? `the time stamping authority ${timestamps}`
      : `the transparency log ${rekor ?? 'rekor.sigstore.dev'}`
  return new MintmarkError('PROVIDER_UNREACHABLE', `${who} did not answer as it should: ${inner || code}`, {
    hint: 'nothing was written; run the same command again',
  })
}

async function signWith(settings: SigstoreSettings, jwt: string, bytes: Uint8Array): Promise<Signature> {
  const [{ FulcioSigner, RekorWitness, TSAWitness, DEFAULT_FULCIO_URL, DEFAULT_REKOR_URL }, bundles, specs] =
    await Promise.all([
      import('@sigstore/sign'),
      import('@sigstore/bundle'),
      import('@sigstore/protobuf-specs'),
    ])
  const fulcio = settings.fulcio ?? DEFAULT_FULCIO_URL
  const rekor = settings.rekor ?? DEFAULT_REKOR_URL
  const identityProvider = { getToken: async () => jwt }
  const { signature, key } = await new FulcioSigner({
    fulcioBaseURL: fulcio,
    identityProvider,
    ...limits,
  }).sign(Buffer.from(bytes))
  if (key.$case !== 'x509Certificate') throw new MintmarkError('INTERNAL', 'fulcio gave no certificate')
  const certificate = new X509Certificate(key.certificate)
  const digest = createHash('sha256').update(bytes).digest()
  const bundle = bundles.toMessageSignatureBundle({ digest, signature, certificate: certificate.raw })
  const { content } = bundle
  // The log gets digest, signature and certificate: nothing of what the record says.
  const { timestamps } = settings
  const witnesses = [
    new RekorWitness({ rekorBaseURL: rekor, ...limits }),
    ...(timestamps === null ? [] : [new TSAWitness({ tsaBaseURL: timestamps, ...limits })]),
  ]
  const seen = await Promise.all(witnesses.map((witness) => witness.testify(content, key.certificate)))
  const full = specs.Bundle.fromJSON(bundles.bundleToJSON(bundle))
  if (full.verificationMaterial === undefined)
    throw new MintmarkError('INTERNAL', 'a bundle without material')
  full.verificationMaterial.tlogEntries = seen.flatMap((item) =>
    'tlogEntries' in item ? item.tlogEntries : [],
  )
  full.verificationMaterial.timestampVerificationData = {
    rfc3161Timestamps: seen.flatMap((item) => ('rfc3161Timestamps' in item ? item.rfc3161Timestamps : [])),
  }
  const json: unknown = specs.Bundle.toJSON(full)
  const material = SigstoreMaterial.safeParse(
    typeof json === 'object' && json !== null ? Reflect.get(json, 'verificationMaterial') : null,
  )
  if (!material.success) {
    const [issue] = material.error.issues
    throw new MintmarkError(
      'PROVIDER_UNREACHABLE',
      `${rekor} gave no whole log entry: ${issue?.path.join('.')} ${issue?.message}`,
    )
  }
  return { keyid: keyidOf(certificate.publicKey), sig: signature.toString('base64'), sigstore: material.data }
}

/** Keyless signatures: a certificate for this job's identity, and an entry in a transparency log. */
export function sigstoreSigning(settings: SigstoreSettings, note: (text: string) => void): Signing {
  const isPublic = settings.fulcio === null || settings.rekor === null
  return {
    kind: 'sigstore',
    async sign(bytes) {
      checkSettings(settings)
      const jwt = await token()
      const { subject } = namedBy(jwt)
      note(isPublic ? `${disclosed}: ${subject}` : `signed as ${subject}, logged at ${settings.rekor}`)
      try {
        return await signWith(settings, jwt, bytes)
      } catch (cause) {
        throw failed(cause, settings)
      }
    },
    async ready() {
      checkSettings(settings)
      namedBy(await token())
    },
    async signer() {
      checkSettings(settings)
      return namedBy(await token())
    },
    existing: async () => null,
    ...verification,
  }
}
