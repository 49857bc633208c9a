import { createHash, generateKeyPairSync, type KeyPairKeyObjectResult, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  fulcioHandler,
  initializeCA,
  initializeTLog,
  initializeTSA,
  rekorHandler,
  tsaHandler,
} from '@sigstore/mock'

/** A Sigstore of our own on this machine: Sigstore's own mocks of Fulcio, Rekor and the time stamper behind HTTP, and a CI that gives tokens. */
export interface SigstoreServer {
  /** The variables that make mintmark use it. */
  readonly env: Readonly<Record<string, string>>
  /** What a CI's runner has in its environment; the request token is checked. */
  readonly ciEnv: Readonly<Record<string, string>>
  /** The trusted root of it, in JSON. */
  readonly root: string
  /** Paths that were asked for. */
  readonly asked: string[]
  /** Bodies that the transparency log was sent. */
  readonly logged: string[]
  close(): Promise<void>
}

const keyPair = (): KeyPairKeyObjectResult => generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

export const workflow = 'corp/images/.github/workflows/nightly.yml@refs/heads/main'
export const issuer = 'https://token.actions.githubusercontent.com'
export const subject = `https://github.com/${workflow}`
export const requestToken = 'request-token-of-the-job'

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** The first element of a certificate: what is signed of it. */
function signedPart(certificate: Uint8Array): Uint8Array {
  const contentAt = (at: number): number => at + 2 + Math.max(0, (certificate[at + 1] ?? 0) - 0x80)
  const begin = contentAt(0)
  const content = contentAt(begin)
  const length = certificate.slice(begin + 2, content).reduce((sum, byte) => sum * 256 + byte, 0)
  return certificate.slice(begin, content + length)
}

const number = (value: number, bytes: number): Buffer => {
  const buffer = Buffer.alloc(8)
  buffer.writeBigUInt64BE(BigInt(value))
  return buffer.subarray(8 - bytes)
}

/** A log of certificates (RFC 6962, 3.2). The mock's own leaves out its signature with the pkijs of today. */
function certificateLog(pair: KeyPairKeyObjectResult, now: Date) {
  const publicKey = pair.publicKey.export({ format: 'der', type: 'spki' })
  const logID = createHash('sha256').update(publicKey).digest()
  const log = async (certificate: ArrayBuffer, issuerId: ArrayBuffer): Promise<ArrayBuffer> => {
    const part = signedPart(new Uint8Array(certificate))
    const time = number(now.getTime(), 8)
    const noExtensions = number(0, 2)
    const entry = [number(0, 2), time, number(1, 2), new Uint8Array(issuerId), number(part.length, 3), part]
    const signature = sign('sha256', Buffer.concat([...entry, noExtensions]), pair.privateKey)
    const algorithm = Buffer.from([4, 3])
    const stamp = [number(0, 1), logID, time, noExtensions, algorithm, number(signature.length, 2), signature]
    const whole = Buffer.concat(stamp)
    return new Uint8Array(Buffer.concat([number(whole.length, 2), whole])).buffer
  }
  return { publicKey, logID, log }
}

export interface SigstoreOptions {
  /** As the token's workflow says. */
  readonly workflow?: string
  /** What the clocks of the log and the authorities show; about the moment of the start when it is left out. */
  readonly now?: Date
  /** No time stamper is asked or trusted. */
  readonly withoutStamps?: boolean
}

/** Starts it on free ports of the loopback. */
export async function sigstoreServer(options: SigstoreOptions = {}): Promise<SigstoreServer> {
  const { withoutStamps = false } = options
  // One moment for all of them, in whole seconds: the mock writes parts of a second in a form that is not always read.
  // A minute later, for their own certificates are of the machine's clock, and are made first.
  const now = options.now ?? new Date(Math.floor(Date.now() / 1000) * 1000 + 60_000)
  const ref = options.workflow ?? workflow
  const asked: string[] = []
  const logged: string[] = []
  const handlers = new Map<
    string,
    (body: string) => Promise<{ statusCode: number; response: string | Buffer; contentType?: string }>
  >()
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    void (async () => {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost')
      asked.push(pathname)
      const body = await bodyOf(request)
      if (pathname === '/token') {
        const right = request.headers.authorization === `Bearer ${requestToken}`
        const claims = {
          iss: issuer,
          sub: 'repo:corp/images:ref:refs/heads/main',
          job_workflow_ref: ref,
          san: `https://github.com/${ref}`,
          repository: 'corp/images',
          aud: 'sigstore',
        }
        const value = `${encoded({ alg: 'none' })}.${encoded(claims)}.c2ln`
        response.writeHead(right ? 200 : 401, { 'Content-Type': 'application/json' })
        response.end(JSON.stringify(right ? { value } : {}))
        return
      }
      if (pathname.endsWith('/log/entries')) logged.push(body.toString())
      const answer = await handlers.get(pathname)?.(body.toString('latin1'))
      response.writeHead(answer?.statusCode ?? 404, {
        'Content-Type': answer?.contentType ?? 'application/json',
      })
      response.end(answer?.response)
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const keys = { ca: keyPair(), ct: keyPair(), log: keyPair(), stamp: keyPair() }
  const ctLog = certificateLog(keys.ct, now)
  const ca = await initializeCA(keys.ca, ctLog, now)
  const log = await initializeTLog(base, keys.log, now)
  const stamper = await initializeTSA(keys.stamp, now)
  for (const handler of [fulcioHandler(ca, { subjectClaim: 'san' }), rekorHandler(log), tsaHandler(stamper)])
    handlers.set(handler.path, handler.fn)
  const start = new Date(0).toISOString()
  const logOf = (publicKey: Buffer) => ({
    baseUrl: base,
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: publicKey.toString('base64'),
      keyDetails: 'PKIX_ECDSA_P256_SHA_256',
      validFor: { start },
    },
    logId: { keyId: createHash('sha256').update(publicKey).digest('base64') },
  })
  const authority = (certificates: readonly Buffer[]) => ({
    subject: { organization: 'corp', commonName: 'corp' },
    uri: base,
    certChain: { certificates: certificates.map((raw) => ({ rawBytes: raw.toString('base64') })) },
    validFor: { start },
  })
  const root = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [logOf(log.publicKey)],
    certificateAuthorities: [authority([ca.rootCertificate])],
    ctlogs: [logOf(ctLog.publicKey)],
    timestampAuthorities: withoutStamps ? [] : [authority([stamper.intCertificate, stamper.rootCertificate])],
  }
  return {
    env: {
      MINTMARK_SIGNER: 'sigstore',
      MINTMARK_SIGSTORE_FULCIO: base,
      MINTMARK_SIGSTORE_REKOR: base,
      ...(withoutStamps ? {} : { MINTMARK_SIGSTORE_TSA: base }),
    },
    ciEnv: {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${base}/token`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
    },
    root: `${JSON.stringify(root, null, 2)}\n`,
    asked,
    logged,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
