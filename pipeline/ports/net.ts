import { connect, createServer } from 'node:net'
import { getStatus, type HttpAnswer, type HttpQuestion } from './get-status.ts'
import { listenForWire, type Wire } from './link-server.ts'
import { askUdp, openTcpPorts, type TcpQuestion, type UdpAnswer, type UdpQuestion } from './port-scan.ts'

/** The few things done with sockets of this machine; nothing here leaves 127.0.0.1, but where another host is named. */
export interface Net {
  /** A TCP port of 127.0.0.1 that nobody listens on right now; somebody else may still take it first. */
  freePort(): Promise<number>
  /** First bytes that the server on 127.0.0.1 or `host` says by itself, as text; null when it is silent, closes or refuses. */
  greeting(port: number, timeoutMs: number, host?: string): Promise<string | null>
  /** One GET to 127.0.0.1 or another host; redirects are not followed, and a certificate is not judged. Never rejects. */
  getStatus(question: HttpQuestion): Promise<HttpAnswer>
  /** @throws MintmarkError TOOL_FAILED at the deadline or when this machine can't ask, INTERRUPTED */
  openTcpPorts(question: TcpQuestion): Promise<readonly number[]>
  /** Never rejects. */
  askUdp(question: UdpQuestion): Promise<UdpAnswer>
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

function greeting(port: number, timeoutMs: number, host = '127.0.0.1'): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
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

export const nodeNet: Net = { freePort, greeting, getStatus, openTcpPorts, askUdp, listenForWire }
