import { request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'

export interface HttpQuestion {
  /** 127.0.0.1 when it is left out. */
  readonly host?: string
  readonly port: number
  /** With its leading slash; sent as it is. */
  readonly path: string
  readonly tls: boolean
  readonly timeoutMs: number
}

export type HttpAnswer =
  /** `body`: its first bytes, as text. */
  { readonly status: number; readonly body: string } | { readonly problem: string }

const bodyBytes = 4096

/** One GET to 127.0.0.1 or another host; redirects are not followed, and a certificate is not judged. Never rejects. */
export function getStatus({
  host = '127.0.0.1',
  port,
  path,
  tls,
  timeoutMs,
}: HttpQuestion): Promise<HttpAnswer> {
  return new Promise((resolve) => {
    const options = {
      host,
      port,
      path,
      agent: false,
      headers: { host: 'localhost', connection: 'close' },
    } as const
    const timer = setTimeout(() => asked.destroy(new Error('no answer in time')), timeoutMs)
    const end = (answer: HttpAnswer): void => {
      clearTimeout(timer)
      resolve(answer)
      asked.destroy()
    }
    // A new instance has a certificate that nobody signed; what is asked is whether its service answers.
    const asked = tls ? tlsRequest({ ...options, rejectUnauthorized: false }) : plainRequest(options)
    asked.on('error', (cause) => end({ problem: cause.message }))
    asked.on('response', (response) => {
      const status = response.statusCode ?? 0
      const chunks: Buffer[] = []
      let bytes = 0
      const done = (): void =>
        end({ status, body: Buffer.concat(chunks).subarray(0, bodyBytes).toString('utf8') })
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        bytes += chunk.length
        if (bytes >= bodyBytes) done()
      })
      response.on('end', done)
      response.on('error', done) // the status is there; a body that was cut is no matter
      response.on('close', done)
    })
    asked.end()
  })
}
