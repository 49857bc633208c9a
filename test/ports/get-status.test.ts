import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { getStatus } from '../../pipeline/ports/get-status.ts'
import { testWorld } from '../helpers/world.ts'

const asking = suite('getStatus')

const say: RequestListener = (request, response) => {
  if (request.url === '/moved') response.writeHead(302, { location: '/' }).end()
  else if (request.url === '/long') response.writeHead(200).end('x'.repeat(1_000_000))
  else response.writeHead(200).end(`${request.method} ${request.url} ${request.headers.host}`)
}

type Listening = {
  listen(port: number, host: string, done: () => void): unknown
  address(): unknown
  close(): unknown
}

async function serving<T>(server: Listening, work: (port: number) => Promise<T>): Promise<T> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await work((server.address() as AddressInfo).port)
  } finally {
    server.close()
  }
}

asking('gives status and the first bytes, and follows no redirect', () =>
  serving(createServer(say), async (port) => {
    const ask = (path: string) => getStatus({ port, path, tls: false, timeoutMs: 5000 })
    assert.equal(await ask('/a?b=%20'), { status: 200, body: 'GET /a?b=%20 localhost' })
    assert.equal(await ask('/moved'), { status: 302, body: '' })
    const long = await ask('/long')
    assert.is('body' in long && long.body.length, 4096)
    assert.ok('problem' in (await getStatus({ port, path: '/', tls: true, timeoutMs: 5000 })))
  }),
)

asking("takes a certificate of the server's own", async () => {
  const test = await testWorld()
  try {
    const { world, folder } = test
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    // biome-ignore format: one option a line
    await world.exec.run([
      'openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=somebody-else', '-days', '1',
      '-keyout', key, '-out', cert,
    ])
    const pem = { key: await world.files.readText(key), cert: await world.files.readText(cert) }
    await serving(createTlsServer(pem, say), async (port) => {
      const answer = await getStatus({ port, path: '/x', tls: true, timeoutMs: 5000 })
      assert.is('status' in answer && answer.status, 200)
    })
  } finally {
    await test.close()
  }
})

asking('who is silent, hangs up or is not there is a problem in words, by the deadline', async () => {
  const silent = createTcpServer(() => undefined)
  await serving(silent, async (port) => {
    const began = Date.now()
    assert.equal(await getStatus({ port, path: '/', tls: false, timeoutMs: 300 }), {
      problem: 'no answer in time',
    })
    assert.ok(Date.now() - began < 3000)
  })
  const rude = createTcpServer((socket) => socket.destroy())
  const gone = await serving(rude, async (port) => {
    assert.ok('problem' in (await getStatus({ port, path: '/', tls: false, timeoutMs: 5000 })))
    return port
  })
  const answer = await getStatus({ port: gone, path: '/', tls: false, timeoutMs: 5000 })
  assert.match('problem' in answer ? answer.problem : '', 'ECONNREFUSED')
})

asking.run()
