import { createServer, type Socket } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeNet } from '../../pipeline/ports/net.ts'

const net = suite('net')

/** Listens on a free port while `work` runs. */
async function serving(
  onPeer: (socket: Socket) => void,
  work: (port: number) => Promise<void>,
): Promise<void> {
  const port = await nodeNet.freePort()
  const peers: Socket[] = []
  const server = createServer((socket) => {
    peers.push(socket)
    onPeer(socket)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  try {
    await work(port)
  } finally {
    for (const peer of peers) peer.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
}

net('hears what a server says by itself', () =>
  serving(
    (socket) => socket.write('SSH-2.0-OpenSSH_10.0\r\n'),
    async (port) => assert.match((await nodeNet.greeting(port, 5000)) ?? '', /^SSH-2\.0/),
  ),
)

net('a server that accepts and stays silent has no greeting', () =>
  serving(
    () => undefined,
    async (port) => assert.is(await nodeNet.greeting(port, 100), null),
  ),
)

net('neither has one that hangs up', () =>
  serving(
    (socket) => socket.destroy(),
    async (port) => assert.is(await nodeNet.greeting(port, 5000), null),
  ),
)

net('nor one that is not there', async () => {
  assert.is(await nodeNet.greeting(await nodeNet.freePort(), 5000), null)
})

net.run()
