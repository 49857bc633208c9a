import { createHash, X509Certificate } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { MintmarkError } from '../errors.ts'
import type { Signature } from '../model/release.ts'
import { keyidOf } from './public-key.ts'

/** Sigstore's trusted root in its JSON (`trusted_root.json`): certificate authorities, logs, time stampers. */
export interface TrustedRootFile {
  readonly text: string
  /** For messages. */
  readonly path: string
}

/** Who made a keyless signature, and when the log saw it; or why that can't be said. */
export type Identified =
  | { readonly right: true; readonly issuer: string; readonly subject: string; readonly at: string }
  | { readonly right: false; readonly why: string }

const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json'

async function trustMaterial({ text, path }: TrustedRootFile) {
  const [{ toTrustMaterial }, { TrustedRoot }] = await Promise.all([
    import('@sigstore/verify'),
    import('@sigstore/protobuf-specs'),
  ])
  const wrong = (why: string, cause?: unknown): MintmarkError =>
    new MintmarkError('CONFIG_INVALID', `${path} ${why}`, {
      hint: `cosign trusted-root create > ${path}, or the trusted_root.json of your own Sigstore`,
      ...(cause === undefined ? {} : { cause }),
    })
  let root: ReturnType<typeof TrustedRoot.fromJSON>
  try {
    root = TrustedRoot.fromJSON(JSON.parse(text))
  } catch (cause) {
    throw wrong('is no trusted root of Sigstore', cause)
  }
  const { certificateAuthorities, tlogs, ctlogs } = root
  if (certificateAuthorities.length === 0 || tlogs.length === 0)
    throw wrong('names no certificate authority or no transparency log')
  try {
    // An own Sigstore may have no log of certificates; the root says so, and it is a file of the team's.
    return { material: toTrustMaterial(root), ctlogThreshold: ctlogs.length === 0 ? 0 : 1 }
  } catch (cause) {
    throw wrong('holds a key or a certificate that is none', cause)
  }
}

/** A history asks by one root for each of its events. */
const materials = new WeakMap<TrustedRootFile, ReturnType<typeof trustMaterial>>()

/**
 * Who made a keyless signature of exactly these bytes, by certificate, log entry and time, and nothing else than the root. No network.
 * @throws MintmarkError CONFIG_INVALID for the root
 */
export async function identify(
  root: TrustedRootFile,
  bytes: Uint8Array,
  signature: Signature,
): Promise<Identified> {
  const known = materials.get(root) ?? trustMaterial(root)
  materials.set(root, known)
  const { material, ctlogThreshold } = await known
  const [{ bundleFromJSON, bundleToJSON }, { toSignedEntity, Verifier }] = await Promise.all([
    import('@sigstore/bundle'),
    import('@sigstore/verify'),
  ])
  const { sigstore, sig, keyid } = signature
  const refuse = (why: string): Identified => ({ right: false, why })
  if (sigstore === undefined) return refuse('there is no certificate')
  const data = Buffer.from(bytes)
  const digest = createHash('sha256').update(data).digest('base64')
  try {
    const { publicKey } = new X509Certificate(Buffer.from(sigstore.certificate.rawBytes, 'base64'))
    if (keyidOf(publicKey) !== keyid)
      return refuse(
        `the certificate is of the key sha256:${keyidOf(publicKey)}, not of the one that it names`,
      )
    const bundle = bundleFromJSON({
      mediaType: bundleType,
      verificationMaterial: sigstore,
      messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest }, signature: sig },
    })
    // One way to write it: else a byte could change unseen.
    if (!isDeepStrictEqual(bundleToJSON(bundle).verificationMaterial, sigstore))
      return refuse('its verification material is not in canonical form')
    const entity = toSignedEntity(bundle, data)
    const { identity } = new Verifier(material, { ctlogThreshold }).verify(entity)
    const issuer = identity?.extensions?.issuer
    const subject = identity?.subjectAlternativeName
    const [entry] = entity.tlogEntries
    if (issuer === undefined || subject === undefined || entry === undefined)
      return refuse('the certificate names no issuer or no subject')
    const [stamp] = entity.timestamps.flatMap((item) =>
      item.$case === 'timestamp-authority' ? [item.timestamp.signingTime] : [],
    )
    // A log of the second generation gives no time: then a time stamp has to be there.
    const logged =
      entry.inclusionPromise === undefined ? stamp : new Date(Number(entry.integratedTime) * 1000)
    if (logged === undefined) return refuse('nobody says when it was signed')
    return { right: true, issuer, subject, at: logged.toISOString() }
  } catch (cause) {
    // Whatever is wrong with it, it is no proof.
    return refuse(cause instanceof Error ? cause.message : String(cause))
  }
}
