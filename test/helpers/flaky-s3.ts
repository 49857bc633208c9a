import { createServer, request } from 'node:http'

/** What happens to a request on its way. */
export type Mishap =
  /** It is done, and its answer never arrives. */
  | 'answer-lost'
  /** S3's answer while another write of the same key is under way; it is not passed on. */
  | 'conflict'
  /** The body of the answer ends in the middle. */
  | 'cut'

export interface FlakyProxy {
  /** http://127.0.0.1:PORT */
  readonly endpoint: string
  /** For the next requests with this method whose path ends so, one each. */
  readonly next: (method: string, path: string, ...mishaps: readonly Mishap[]) => void
  /** `METHOD /path` of all requests so far. */
  readonly seen: readonly string[]
  stop(): Promise<void>
}

const conflict =
  '<?xml version="1.0"?><Error><Code>ConditionalRequestConflict</Code><Message>conflict</Message></Error>'

/** A network on which things go wrong, in front of a real server. */
export async function flakyProxy(target: string): Promise<FlakyProxy> {
  const planned: { readonly method: string; readonly path: string; readonly mishap: Mishap }[] = []
  const seen: string[] = []
  const server = createServer((incoming, outgoing) => {
    const path = (incoming.url ?? '').split('?')[0] ?? ''
    seen.push(`${incoming.method} ${path}`)
    const index = planned.findIndex((item) => item.method === incoming.method && path.endsWith(item.path))
    const mishap = index < 0 ? null : planned.splice(index, 1)[0]?.mishap
    if (mishap === 'conflict') {
      incoming.resume()
      outgoing.writeHead(409, { 'content-type': 'application/xml' }).end(conflict)
      return
    }
    const forward = request(
      `${target}${incoming.url}`,
      { method: incoming.method, headers: incoming.headers },
      (answer) => {
        if (mishap === 'answer-lost') {
          answer.resume()
          answer.once('end', () => incoming.socket.destroy())
          return
        }
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        if (mishap === 'cut') {
          answer.once('data', (piece: Buffer) => {
            outgoing.write(piece.subarray(0, 3), () => incoming.socket.destroy())
          })
          return
        }
        answer.pipe(outgoing)
      },
    )
    forward.once('error', () => outgoing.destroy())
    incoming.pipe(forward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    endpoint: `http://127.0.0.1:${port}`,
    next: (method, path, ...mishaps) =>
      void planned.push(...mishaps.map((mishap) => ({ method, path, mishap }))),
    seen,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
