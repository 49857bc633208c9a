import { connect, createServer } from 'node:net'
import { getStatus, type HttpAnswer, type HttpQuestion } from './get-status.ts'
import { listenForWire, type Wire } from './link-server.ts'

/** The few things done with sockets of this machine; nothing here leaves 127.0.0.1. */
export interface Net {
  /** A TCP port of 127.0.0.1 that nobody listens on right now; somebody else may still take it first. */
  freePort(): Promise<number>
  /** First bytes that the server on 127.0.0.1 says by itself, as text; null when it is silent, closes or refuses. */
  greeting(port: number, timeoutMs: number): Promise<string | null>
  /** One GET to 127.0.0.1; redirects are not followed, and a certificate is not judged. Never rejects. */
  getStatus(question: HttpQuestion): Promise<HttpAnswer>
  /** @throws MintmarkError TOOL_FAILED */
  listenForWire(path: string): Promise<Wire>
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

function greeting(port: number, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const end = (text: string | null): void => {
      socket.destroy()
      resolve(text)
    }
    socket.setTimeout(timeoutMs, () => end(null))
    socket.once('data', (bytes) => end(bytes.toString('latin1')))
    socket.once('error', () => end(null))
    socket.once('close', () => end(null))
  })
}

export const nodeNet: Net = { freePort, greeting, getStatus, listenForWire }
